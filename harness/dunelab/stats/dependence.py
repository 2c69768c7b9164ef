# SPDX-License-Identifier: MIT
"""How much less a run's requests say than so many independent ones, seen in the run itself.

Requests that wait in one queue are slow together.  What lies beyond a percentile then comes in
clumps, and of the parts of a run some have many of it, some none: by how much more than chance
would have it is the factor by which the number of requests is too large (the design effect).
"""

import math

from dunelab.hdr import merge

# Consecutive parts of a run that are held against each other, and the least that say anything.
PARTS, FEWEST = 20, 10
# Student's t over the normal's 1.96, two-sided 95 %: of few parts the factor itself is uncertain.
_STUDENT = {10: 2.262, 11: 2.228, 12: 2.201, 13: 2.179, 14: 2.160, 15: 2.145, 16: 2.131,
            17: 2.120, 18: 2.110, 19: 2.101, 20: 2.093}
_NORMAL = 1.960


def split(intervals, count=PARTS):
    """Histograms of at most `count` consecutive parts with about equally many samples each.

    intervals: Histograms in order of time. What is split already stays as it is.
    """
    total, parts, part, running = sum(item.total for item in intervals), [], [], 0
    for item in intervals:
        part.append(item)
        running += item.total
        if running >= total * (len(parts) + 1) / count:
            parts.append(part[0] if len(part) == 1 else merge(part))
            part = []
    return parts


def beyond(histogram, value):
    """Samples above the bucket of a value."""
    rows = histogram.rows()
    return sum(count for upper, count, _ in reversed(rows) if upper > value)


def inflation(intervals, value):
    """The factor, >= 1, by which dependence widens what is known of the share beyond a value.

    intervals: Histograms in order of time.  1.0 where there are too few parts to tell.
    """
    parts = split(intervals)
    sizes = [part.total for part in parts]
    total = sum(sizes)
    if len(parts) < FEWEST or not total:
        return 1.0
    counts = [beyond(part, value) for part in parts]
    share = sum(counts) / total
    if not 0 < share < 1:
        return 1.0
    # Parts of more samples may have more of everything: residuals, not counts, are compared.
    seen = sum((have - size * share) ** 2 for have, size in zip(counts, sizes))
    seen *= len(parts) / (len(parts) - 1)
    student = _STUDENT[min(len(parts), PARTS)] / _NORMAL
    return max(1.0, student ** 2 * seen / (total * share * (1 - share)))


def effective(n, factor):
    """Independent samples that say as much as n with that inflation; at least 1."""
    return max(1, math.floor(n / factor))
