# SPDX-License-Identifier: MIT
"""What must agree before two sides may be compared, and what a comparison is called if not."""

from dunelab.errors import UsageError

DOMAIN, PROFILE, ENVIRONMENT = ALLOWED = ("domain", "profile", "environment")


def check(base, new, allowed):
    """Labels of a comparison that goes on in spite of differences; UsageError for the others.

    allowed: words of ALLOWED.
    """
    labels, refused = [], []
    for word, mine, theirs, means in (
            (DOMAIN, base.domain, new.domain, "ratios to the baseline are compared, not figures"),
            (PROFILE, base.profile, new.profile, "events are charged differently")):
        if mine != theirs:
            text = f"{word}: {mine} and {theirs}"
            (labels if word in allowed else refused).append((word, f"{text}: {means}"))
    for name in sorted(base.environment | new.environment):
        mine, theirs = base.environment.get(name), new.environment.get(name)
        if mine != theirs:
            (labels if ENVIRONMENT in allowed else refused).append(
                (ENVIRONMENT, f"{name}: {mine} and {theirs}"))
    if refused:
        words = ",".join(dict.fromkeys(word for word, _ in refused))
        raise UsageError("\n".join([
            "these runs are not comparable as they are:", *(f"  {text}" for _, text in refused),
            f"to compare in spite of it, labelled so: --allow {words}"]))
    return [text for _, text in labels]
