# SPDX-License-Identifier: MIT
"""One side of a comparison: every metric of a set of runs, a value a run, and where it is from."""

import re
from dataclasses import dataclass, field, replace

from dunelab import hdr
from dunelab.errors import UsageError


@dataclass(frozen=True)
class Metric:
    """What is compared. key: words from the general to the particular, ending in the figure."""

    key: tuple
    unit: str
    lower_is_better: bool = True
    exact: bool = False         # no spread: the same bits give the same figure
    group: str = ""             # metrics of one system, for ratios of ratios
    counts: bool = False        # events of one boot: their chance is that of a count

    @property
    def name(self):
        return " ".join(self.key)


@dataclass(frozen=True)
class Value:
    """One run's figure; the histogram that it is a percentile of, and the rate of its requests,
    where there is one.  digest: of all that it was made of, where there is no histogram.
    """

    value: float
    histogram: hdr.Histogram | None = None
    rate: float | None = None
    digest: str | None = None

    @property
    def bits(self):
        """What is the same in two values only if no request differs, as far as is known."""
        return self.value, self.histogram.encode() if self.histogram else self.digest


@dataclass
class Side:
    """values: {Metric: {run: Value}}; a run is (seed, number of the run with that seed).

    environment: {what: value} that must agree for figures to be comparable.  conclusive: False
    where figures are noise of the host.  deterministic: a seed gives the same bits each time.
    skipped: {key without the figure: {seed: why}} that the plan left out.  failed: what makes this
    side less than what was asked for.
    """

    paths: list
    domain: str
    profile: str
    environment: dict
    values: dict
    commits: list
    problems: list = field(default_factory=list)
    conclusive: bool = True
    baseline: str = ""
    skipped: dict = field(default_factory=dict)
    artifacts: dict = field(default_factory=dict)   # digests of what was measured, where known
    deterministic: bool = False
    failed: list = field(default_factory=list)
    sha256: dict = field(default_factory=dict)      # {path: digest of its record}

    @property
    def title(self):
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return f"{self.paths[0]}{more}"

    @property
    def seeds(self):
        """Of all runs that gave a figure."""
        return {seed for runs in self.values.values() for seed, _ in runs}

    def relative(self):
        """The same with every figure divided by the baseline's: what may cross clock domains."""
        found = {}
        by_key = {(metric.group, metric.key): runs for metric, runs in self.values.items()}
        for metric, runs in self.values.items():
            if not self.baseline or metric.group == self.baseline:
                continue
            key = tuple(self.baseline if word == metric.group else word for word in metric.key)
            # The baseline's own loads are the equal ones, too.
            own = tuple(re.sub("^equal", "own", word) for word in key)
            below = by_key.get((self.baseline, key)) or by_key.get((self.baseline, own), {})
            ratios = {run: Value(value.value / below[run].value) for run, value in runs.items()
                      if run in below and below[run].value > 0}
            if ratios:
                kept = Metric(metric.key, f"/ {self.baseline}", metric.lower_is_better,
                              metric.exact, metric.group)
                found[kept] = ratios
        return replace(self, values=found)


def join(sides):
    """Several runs as one Side; UsageError unless all are of one kind."""
    first = sides[0]
    for other in sides[1:]:
        if (other.domain, other.profile) != (first.domain, first.profile):
            raise UsageError(f"{first.title} counts {first.domain} under {first.profile}, "
                             f"{other.title} {other.domain} under {other.profile}: "
                             "one side of a comparison is one kind of run (--profile chooses)")
        changed = sorted(name for name in first.environment | other.environment
                         if first.environment.get(name) != other.environment.get(name))
        if changed:
            raise UsageError(f"{first.title} and {other.title} are on one side, but differ in "
                             f"{', '.join(changed)}")
    artifacts = _one_build(sides)
    values, problems, failed, skipped = {}, [], [], {}
    steady = all(side.deterministic for side in sides)
    for side in sides:
        problems += side.problems
        failed += side.failed
        for key, seeds in side.skipped.items():
            skipped.setdefault(key, {}).update(seeds)
        again = _again(values, side)
        if again and not again[1]:
            problems.append(f"{side.title}: the same bits as another run of seed {again[0]}: "
                            "counted once")
        elif again and steady:
            steady = False
            failed.append(f"{side.title}: another run of seed {again[0]} has other bits "
                          f"({again[1]}), on an engine that should repeat them")
        if again and (not again[1] or side.deterministic):
            continue
        for metric, runs in side.values.items():
            mine = values.setdefault(metric, {})
            for (seed, _), value in sorted(runs.items()):
                number = sum(1 for have, _ in mine if have == seed)
                mine[(seed, number)] = value
    return replace(first, paths=[path for side in sides for path in side.paths], values=values,
                   problems=problems, failed=failed, skipped=skipped, artifacts=artifacts,
                   sha256={path: digest for side in sides for path, digest in side.sha256.items()},
                   deterministic=steady, conclusive=all(side.conclusive for side in sides))


def _again(values, side):
    """(seed, name of a metric that differs or "") when a run of that seed is known, else None.

    Where an engine is not deterministic equal figures alone are no sign of the same run.
    """
    result = None
    for metric, runs in side.values.items():
        for (seed, _), value in runs.items():
            known = [old for (have, _), old in values.get(metric, {}).items() if have == seed]
            if not known:
                continue
            if all(old.bits != value.bits for old in known):
                return seed, metric.name
            if side.deterministic or value.histogram:
                result = seed, ""
    return result


def _one_build(sides):
    """Digests of what all sides measured; UsageError when they are of two commits or builds."""
    known = {}          # name -> (digest, title of the first side that has it)
    for side in sides:
        if side.commits != sides[0].commits:
            raise UsageError(f"{sides[0].title} is of commit {', '.join(sides[0].commits)}, "
                             f"{side.title} of {', '.join(side.commits)}: "
                             "one side of a comparison is one commit (+: with changes)")
        for name, digest in side.artifacts.items():
            have, title = known.setdefault(name, (digest, side.title))
            if have != digest:
                raise UsageError(f"{title} and {side.title} are on one side, but were measured "
                                 f"with different builds: {name} differs")
    return {name: digest for name, (digest, _) in known.items()}
