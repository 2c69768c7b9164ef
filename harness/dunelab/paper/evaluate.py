# SPDX-License-Identifier: MIT
"""From the steps' records to rows: measured under each profile, published, and how far apart."""

from dataclasses import dataclass

from dunelab import costs, profiles
from dunelab.paper import plan as planning, published

# A predicted ratio should be so near to the published one.
TOLERANCE = 0.25


@dataclass(frozen=True)
class Pair:
    """Linux's figure and Dune's, in ticks of one boot."""

    linux: float
    dune: float

    @property
    def ratio(self):
        """Dune / Linux; None where Linux's costs nothing."""
        return self.dune / self.linux if self.linux > 0 else None


@dataclass(frozen=True)
class Row:
    """A published row and what we have for it: {profile: Pair}."""

    published: published.Published
    measured: dict
    profile: str                # the one that predicts
    fitted: tuple               # constants of the profile that were fitted on this row of Linux's

    @property
    def error(self):
        """Predicted ratio over published ratio, less 1; None where it was not measured."""
        pair = self.measured.get(self.profile)
        if pair is None or pair.ratio is None:
            return None
        return pair.ratio / self.published.ratio - 1

    @property
    def within(self):
        """Whether the prediction is near enough; None where there is none."""
        return None if self.error is None else abs(self.error) <= TOLERANCE


def figures(run, workload, profile, **which):
    """{name: Figure} of one step; {} when it has not been done."""
    record = run.record(planning.Step(workload, profile, **which))
    return {name: costs.Figure(**figure) for name, figure in record["figures"].items()} \
        if record else {}


def everything(run, profile):
    """{name: Figure} of all workloads under a profile."""
    found = {}
    for part in run.plan.parts:
        found |= figures(run, part, profile)
    return found


def pair(found, mine, scale=1):
    """The Pair of two names, or None."""
    linux, dune = (found.get(name) for name in mine)
    return Pair(linux.median * scale, dune.median * scale) if linux and dune else None


def rows(run):
    """A Row for each published one whose workload is part of the run."""
    names = (profiles.NONE, run.plan.profile)
    found = {name: everything(run, name) for name in names}
    fitted = profiles.load(run.plan.profile).fitted
    result = []
    for row in published.rows():
        if _part(row) not in run.plan.parts:
            continue
        measured = {name: pair(found[name], row.mine, row.scale) for name in names}
        on = tuple(constant for constant, name in fitted.items() if name == row.mine[0])
        result.append(Row(row, {name: value for name, value in measured.items() if value},
                          run.plan.profile, on))
    return result


def _part(row):
    system = row.mine[0].partition(".")[0]
    return system if system in planning.APPLICATIONS else planning.MICRO


def others(run):
    """[(name of the operation, {profile: {system: median}})] of everything that was measured."""
    found = {}
    for profile in (profiles.NONE, run.plan.profile):
        for name, figure in everything(run, profile).items():
            what, system = split(name)
            found.setdefault(what, {}).setdefault(profile, {})[system] = figure.median
    return sorted(found.items())


def split(name):
    """(operation, system): linux.getpid and sandbox.bzip2.linux have it at different ends."""
    first, _, rest = name.partition(".")
    if first in costs.SYSTEMS:
        return rest, first
    what, _, system = name.rpartition(".")
    return what, system


def same_bits(run):
    """Whether the boot that was made twice gave the same figures; None if it was not."""
    step = planning.Step(planning.MICRO, run.plan.profile)
    first = run.record(step)
    again = run.record(planning.Step(planning.MICRO, run.plan.profile, again=True))
    return first["figures"] == again["figures"] if first and again else None
