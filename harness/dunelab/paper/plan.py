# SPDX-License-Identifier: MIT
"""What a run of the paper's evaluation consists of: one boot a workload and profile."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from fractions import Fraction

from dunelab import apps, profiles
from dunelab.engine import bochs
from dunelab.errors import UsageError
from dunelab.paper.published import PROFILE

MICRO = "micro"
APPLICATIONS = apps.NAMES
WORKLOADS = (MICRO, *APPLICATIONS)
# What an exit and its entry cost together in the boots that show how a conclusion depends on it.
EXITS = (0, 4000)


@dataclass(frozen=True)
class Step:
    """One boot. exits: None, or cycles of an exit and its entry in the profile's place. again: the
    same boot a second time, which must give the same bits."""

    workload: str
    profile: str
    exits: int | None = None
    again: bool = False
    needs: tuple = ()           # for dunelab.schedule: steps need nothing of each other

    @property
    def key(self):
        """Name of its directory: micro-none, micro-ivybridge-2012-exits4000."""
        exits = "" if self.exits is None else f"-exits{self.exits}"
        return f"{self.workload}-{self.profile}{exits}{'-again' if self.again else ''}"

    def costs(self):
        """The Profile to boot with."""
        profile = profiles.load(self.profile)
        if self.exits is None:
            return profile
        return replace(profile, name=f"{self.profile} with exits of {self.exits}",
                       costs=with_exits(profile.costs, self.exits))


def with_exits(costs, cycles):
    """The costs of a profile, but every exit and its entry cost so much together."""
    kept = {name: cost for name, cost in costs.items()
            if not name.startswith("exit.") and name != "event.entry"}
    return kept | {"exit.default": Fraction(cycles)}


@dataclass(frozen=True)
class Plan:
    """All that decides the bits."""

    workload: str               # "paper"
    engine: str
    profile: str
    parts: tuple                # of WORKLOADS
    quick: bool
    seed: int

    def digest(self):
        """Eight hex digits of everything above."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def steps(self):
        """All boots, the longest first as far as is known."""
        found = [Step(part, profile) for part in reversed(self.parts)
                 for profile in (self.profile, profiles.NONE)]
        if MICRO in self.parts:
            found += [Step(MICRO, self.profile, exits) for exits in EXITS]
            found.append(Step(MICRO, self.profile, again=True))
        return found


def make(profile=None, parts=None, quick=False, seed=None):
    """The Plan for values as typed; None or "" means the default. UsageError says what is known."""
    chosen = profiles.load(profile or PROFILE)
    if not chosen.charges:
        others = ", ".join(name for name in profiles.names() if name != profiles.NONE)
        raise UsageError(f"PROFILE={chosen.name} is always there: name the one to set beside it, "
                         f"of {others}")
    words = (parts or "").replace(",", " ").split() or WORKLOADS
    for word in words:
        if word not in WORKLOADS:
            raise UsageError(f"unknown part '{word}'; known: {', '.join(WORKLOADS)}")
    text = str(seed or 1)
    if not text.isdigit() or not 1 <= int(text) < 1 << 31:
        raise UsageError(f"SEED={text}: want a whole number from 1 to {(1 << 31) - 1}")
    return Plan("paper", bochs.MACHINES[chosen.vendor], chosen.name,
                tuple(part for part in WORKLOADS if part in words), bool(quick), int(text))


def load(text):
    """The Plan of a plan.json; ValueError when it is none."""
    try:
        fields = json.loads(text)["plan"]
        return Plan(**fields | {"parts": tuple(fields["parts"])})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a plan of the paper: {error}") from None
