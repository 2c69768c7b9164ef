# SPDX-License-Identifier: MIT
"""What a run of the experiment consists of: one boot a system and noise."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass

from dunelab import noise, paths, plan as kv
from dunelab.engine import base
from dunelab.errors import UsageError

CPUS = 2
PROBE_CPU = 1       # the other one has everything else, noise among it
# Ticks from which on a gap of the spinning loop counts: a turn of it has about ten.
THRESHOLD = 200


@dataclass(frozen=True)
class System:
    """One row of the tables. flavour: the kernel's; options: of the probes; peers: cyclictest and
    oslat run beside ours."""

    name: str
    title: str
    flavour: str = "cloud"
    kernel_args: str = ""
    options: tuple = ()
    peers: bool = True


SYSTEMS = {s.name: s for s in (
    System("linux", "Debian's kernel as it is"),
    System("linux-tuned", "Debian's kernel, the CPU isolated and tickless", kernel_args=kv.TUNED),
    System("rt", "Debian's PREEMPT_RT kernel as it is", "rt"),
    System("rt-tuned", "Debian's PREEMPT_RT kernel, the CPU isolated and tickless", "rt",
           kv.TUNED),
    System("dune", "in ring 0, Debian's kernel as it is", options=("--dune",), peers=False),
    System("dune-tuned", "in ring 0 on an isolated, tickless CPU", kernel_args=kv.TUNED,
           options=("--dune",), peers=False),
    System("dune-rt", "a task of libdune's runtime, by `dune rt run` on that CPU, isolated",
           kernel_args=kv.TUNED, options=("--rt",), peers=False),
    System("dune-rt-stock", "a task of libdune's runtime, Debian's kernel as it is",
           options=("--rt",), peers=False),
)}


@dataclass(frozen=True)
class Step:
    """One boot: both probes, and their peers where there are any."""

    system: str
    noise: str
    needs: tuple = ()           # for dunelab.schedule: steps need nothing of each other

    @property
    def key(self):
        """Name of its directory: linux-tuned-noise."""
        return f"{self.system}-{self.noise}"


@dataclass(frozen=True)
class Plan:
    """All that decides the bits."""

    workload: str               # "jitter"
    engine: str
    profile: str
    series: str                 # of Debian's kernels: 6.1
    systems: tuple
    noises: tuple
    spin_ms: int
    interval_us: int
    cycles: int

    def kernel(self, system):
        """Name of the kernel of a System, as paths.kernel() wants it."""
        return paths.kernel_name(system.flavour, self.series)

    def digest(self):
        """Eight hex digits of everything above."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def steps(self):
        """All boots, noisy ones first: they take longer."""
        return [Step(system, noise) for noise in reversed(self.noises) for system in self.systems]


# (milliseconds of spinning, microseconds of a period, periods) of each size.
QUICK, USUAL, FULL = (500, 1000, 400), (5000, 250, 20_000), (5000, 100, 200_000)


def make(engine=None, profile=None, systems=None, noises=None, quick=False, full=False):
    """The Plan for values as typed; None or "" means the default. UsageError says what is known."""
    if quick and full:
        raise UsageError("QUICK and FULL exclude each other: choose one")
    chosen = base.get(engine or "bochs", profile or None)
    spin_ms, interval_us, cycles = QUICK if quick else FULL if full else USUAL
    series = os.environ.get("KERNEL") or paths.DEFAULT_SERIES
    return Plan("jitter", chosen.name, chosen.profile, series,
                _names("SYSTEM", systems, SYSTEMS), _names("NOISE", noises, noise.KINDS),
                spin_ms, interval_us, cycles)


def _names(what, text, known):
    words = (text or "").replace(",", " ").split() or list(known)
    for word in words:
        if word not in known:
            raise UsageError(f"unknown {what} '{word}'; known: {', '.join(known)}")
    return tuple(name for name in known if name in words)


def load(text):
    """The Plan of a plan.json; ValueError when it is none."""
    try:
        fields = json.loads(text)["plan"]
        return Plan(**fields | {key: tuple(fields[key]) for key in ("systems", "noises")})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a plan of jitter: {error}") from None
