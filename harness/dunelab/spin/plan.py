# SPDX-License-Identifier: MIT
"""What a run of the experiment consists of: one boot a system, law and noise, in it a cell a policy
and load."""

import hashlib
import json
import math
import os
import re
from dataclasses import asdict, dataclass

from dunelab import noise, paths
from dunelab.engine import base
from dunelab.errors import UsageError
from dunelab.spin import theory

# CPU 0 has Linux's work, 1 makes requests, those behind it serve them.
MAKER_CPU = 1
# As `rt-sim --list` has them, where a unit test looks.
LAWS = {
    "w1": "fixed:10", "w2": "exp:10", "w3": "mix:0.9*5,0.1*55", "w4": "mix:0.999*0.5,0.001*500.5",
    "w5": "mix:0.995*0.5,0.005*500", "w6": "mix:0.5*1,0.5*100", "w7": "mix:0.5*1,0.5*10",
    "w8": "mix:0.995*4,0.005*10000", "w9": "mix:0.995*10,0.005*10000", "w10": "lognormal:10:20",
    "w11": "mix:0.44*5.7,0.04*6,0.44*20,0.04*88,0.04*100", "w12": "mix:0.5*1.5,0.5*635"}
DEFAULT_LAWS = ("w2", "w5", "w7", "w11")
POLICIES = ("cfcfs", "dfcfs", "steal", "rr", "priority", "edf", "sjf", "srpt", "darc")
DEFAULT_POLICIES = ("cfcfs", "rr", "srpt")
QUANTUM_POLICIES = ("rr",)
RESERVING_POLICIES = ("darc",)
CLASSLESS = ("w1", "w2", "w10")     # there is nobody to reserve a core for
POOL = 32               # threads a core, where Linux divides the cores among requests
DEFAULT_LOADS, QUICK_LOADS = ("0.5", "0.7", "0.8"), ("0.8",)
SATURATED = "sat"       # a cell of more requests than can be served
SATURATED_LOAD = 2.0
SATURATED_REQUESTS = 4000       # all of them may wait at once
SATURATED_POLICIES = ("cfcfs", "rr")
STRETCH, QUANTUM = 20.0, 5.0
# A request is made late by this share of the mean service at most, in 99 of 100.
LATE_SHARE = 0.25


@dataclass(frozen=True)
class System:
    """One row of the tables. flavour: the kernel's; server: of the program spin, where requests
    are served in order of arrival; tuned: the servers' CPUs are isolated and tickless; wrapped: by
    `dune run`."""

    name: str
    title: str
    server: str
    flavour: str = "cloud"
    tuned: bool = True
    wrapped: bool = False

    @property
    def runtime(self):
        """Whether requests are tasks of libdune's runtime."""
        return self.server == "rt"

    @property
    def dune(self):
        """Whether it needs dune.ko."""
        return self.runtime or self.wrapped


SYSTEMS = {s.name: s for s in (
    System("linux", "threads under SCHED_OTHER, Debian's kernel as it is", "other", tuned=False),
    System("linux-tuned", "threads under SCHED_FIFO on isolated, tickless CPUs", "fifo"),
    System("rt", "threads under SCHED_FIFO, Debian's PREEMPT_RT kernel as it is", "fifo", "rt",
           False),
    System("rt-tuned", "threads under SCHED_FIFO, PREEMPT_RT, on isolated, tickless CPUs", "fifo",
           "rt"),
    System("dune", "threads under SCHED_OTHER, by `dune run` in ring 0, Debian's kernel as it is",
           "other", tuned=False, wrapped=True),
    System("dune-tuned", "threads under SCHED_FIFO, by `dune run` in ring 0, on isolated, tickless "
           "CPUs", "fifo", wrapped=True),
    System("dune-rt", "tasks of libdune's runtime in ring 0, on CPUs of their own", "rt"),
)}
LINUX_POLICIES = ("cfcfs", "rr")    # rr: a pool of threads under SCHED_OTHER, no quantum of ours


@dataclass(frozen=True)
class Cell:
    """One measurement: a policy at a load, which is a decimal number or SATURATED."""

    policy: str
    load: str
    requests: int
    warmup: int

    @property
    def key(self):
        """Name of its files: rr-0.8."""
        return f"{self.policy}-{self.load}"

    @property
    def saturated(self):
        """Whether it is about capacity, not about latency."""
        return self.load == SATURATED

    @property
    def rho(self):
        """Share of the cores' time that service would take."""
        return SATURATED_LOAD if self.saturated else float(self.load)


@dataclass(frozen=True)
class Step:
    """One boot: all cells of a law on a system, with or without noise on the first CPU."""

    system: str
    law: str
    noise: str = noise.IDLE
    needs: tuple = ()           # for dunelab.schedule: steps need nothing of each other

    @property
    def key(self):
        """Name of its directory: dune-rt-w5, dune-rt-w5-noise."""
        return f"{self.system}-{self.scene}"

    @property
    def scene(self):
        """What its figures are compared within: w5, w5-noise."""
        return self.law if self.noise == noise.IDLE else f"{self.law}-{self.noise}"


@dataclass(frozen=True)
class Plan:
    """All that decides the bits."""

    workload: str               # "spin"
    engine: str
    profile: str
    series: str                 # of Debian's kernels: 6.1
    systems: tuple
    laws: tuple
    policies: tuple
    loads: tuple
    quantum_us: float           # of the law's microseconds, as sizes are
    stretch: float              # the machine's microseconds in one of the law's
    cores: int
    seed: int
    requests: int               # of a cell, measured, if they fit into
    limit_ms: int               # so much of the machine's time
    noises: tuple = (noise.IDLE,)

    @property
    def cpus(self):
        """Of the guest."""
        return MAKER_CPU + 1 + self.cores

    @property
    def serving(self):
        """The servers' CPUs, as in a kernel argument."""
        first, last = MAKER_CPU + 1, MAKER_CPU + self.cores
        return f"{first}-{last}" if last > first else f"{first}"

    def kernel(self, system):
        """Name of the kernel of a System, as paths.kernel() wants it."""
        return paths.kernel_name(system.flavour, self.series)

    def kernel_args(self, system):
        """Whoever makes requests has a quiet CPU on each system; the servers on tuned ones."""
        cpus = f"{MAKER_CPU}-{MAKER_CPU + self.cores}" if system.tuned else f"{MAKER_CPU}"
        args = f"isolcpus=nohz,domain,managed_irq,{cpus} nohz_full={cpus} rcu_nocbs={cpus}"
        return f"{args} irqaffinity=0 nowatchdog" if system.tuned else args

    def mean_us(self, law):
        """Mean service of a law on this machine."""
        return theory.moments(LAWS[law])[0] * self.stretch

    def cells(self, step):
        """The cells of a step, in the order to run them."""
        system, found = SYSTEMS[step.system], []
        for policy in self.policies:
            if not system.runtime and policy not in LINUX_POLICIES:
                continue
            if policy in RESERVING_POLICIES and (self.cores < 2 or step.law in CLASSLESS):
                continue
            for load in self.loads:
                fits = float(load) * self.cores * self.limit_ms * 1000 / self.mean_us(step.law)
                count = max(100, min(self.requests, math.floor(fits)))
                found.append(Cell(policy, load, count, count // 10))
            if policy in SATURATED_POLICIES and (system.runtime or policy == "cfcfs"):
                fits = math.floor(self.cores * self.limit_ms * 1000 / self.mean_us(step.law))
                found.append(Cell(policy, SATURATED, max(100, min(SATURATED_REQUESTS, fits)), 0))
        return found

    def digest(self):
        """Eight hex digits of everything above."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def steps(self):
        """All boots that have a cell, noisy ones and laws of long requests first: they take
        longer."""
        laws = sorted(self.laws, key=lambda law: -self.mean_us(law))
        steps = [Step(system, law, what) for what in reversed(self.noises) for law in laws
                 for system in self.systems]
        return [step for step in steps if self.cells(step)]


# (requests of a cell, milliseconds that they may take) of each size.
QUICK, USUAL, FULL = (4_000, 250), (6_000, 1_000), (200_000, 30_000)


def make(engine=None, profile=None, systems=None, laws=None, policies=None, loads=None,
         quantum=None, stretch=None, cores=None, seed=None, requests=None, quick=False,
         full=False, noises=None):
    """The Plan for values as typed; None or "" means the default. UsageError says what is known."""
    if quick and full:
        raise UsageError("QUICK and FULL exclude each other: choose one")
    chosen = base.get(engine or "bochs", profile or None)
    usual, limit_ms = QUICK if quick else FULL if full else USUAL
    plan = Plan(
        "spin", chosen.name, chosen.profile, os.environ.get("KERNEL") or paths.DEFAULT_SERIES,
        _names("SYSTEM", systems, SYSTEMS, ("linux-tuned", "dune-rt") if quick else SYSTEMS),
        _names("W", laws, LAWS, LAWS if full else ("w5",) if quick else DEFAULT_LAWS),
        _names("POLICY", policies, POLICIES, DEFAULT_POLICIES),
        _loads(loads) or (QUICK_LOADS if quick else DEFAULT_LOADS),
        _number("QUANTUM", quantum, 0.1, 1e6, QUANTUM, "microseconds of the law"),
        _number("STRETCH", stretch, 0.1, 1000, STRETCH, "a factor"),
        int(_number("CORES", cores, 1, 6, 1, "a whole number", True)),
        int(_number("SEED", seed, 0, 2 ** 32 - 1, 1, "a whole number", True)),
        int(_number("REQUESTS", requests, 100, 1e8, usual, "a whole number", True)), limit_ms,
        _names("NOISE", noises, noise.KINDS, (noise.IDLE,) if quick else noise.KINDS))
    _possible(plan)
    return plan


def _possible(plan):
    """UsageError for what would not measure anything."""
    reserving = [name for name in plan.policies if name in RESERVING_POLICIES]
    if reserving and plan.cores < 2 and len(reserving) == len(plan.policies):
        raise UsageError(f"POLICIES={reserving[0]} reserves cores: it needs CORES=2 or more")
    if not plan.steps():
        raise UsageError(f"nothing to measure: Linux has {', '.join(LINUX_POLICIES)} only; name "
                         "one of them in POLICIES, or dune-rt in SYSTEMS")


def _names(what, text, known, default):
    words = (text or "").replace(",", " ").split() or list(default)
    words = [word.lower() for word in words]
    for word in words:
        if word not in known:
            raise UsageError(f"unknown {what} '{word}'; known: {', '.join(known)}")
    return tuple(name for name in known if name in words)


def _loads(text):
    found = {}
    for word in re.split(r"[\s,]+", text or ""):
        if not word:
            continue
        if not re.fullmatch(r"0?\.[0-9]{1,3}", word) or not 0 < float(word) < 1:
            raise UsageError(f"LOADS='{text}': want shares of the cores' time between 0 and 1, "
                             'such as "0.5 0.8"')
        found[float(word)] = f"{float(word):g}"
    return tuple(found[key] for key in sorted(found))


def _number(what, text, low, high, default, kind, whole=False):
    if text is None or text == "":
        return default
    pattern = r"[0-9]{1,10}" if whole else r"[0-9]{1,7}(\.[0-9]{1,6})?"
    if not re.fullmatch(pattern, str(text)) or not low <= float(text) <= high:
        raise UsageError(f"{what}={text}: want {kind} from {low:g} to {high:g}")
    return float(text)


def load(text):
    """The Plan of a plan.json; ValueError when it is none."""
    try:
        fields = json.loads(text)["plan"]
        lists = ("systems", "laws", "policies", "loads", "noises")
        return Plan(**fields | {key: tuple(fields[key]) for key in lists if key in fields})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a plan of spin: {error}") from None
