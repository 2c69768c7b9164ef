# SPDX-License-Identifier: MIT
"""What an experiment will do, decided completely before anything boots."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass

from dunelab import paths
from dunelab.errors import UsageError
from dunelab.noise import IDLE, KINDS as NOISES, NOISE

TUNED = ("isolcpus=nohz,domain,managed_irq,1 nohz_full=1 rcu_nocbs=1 irqaffinity=0 "
         "nowatchdog")
# The same for systems whose requests come through memory: CPU 2 is the generator's, which is as
# quiet beside a stock server as beside a tuned one: else the generator would be measured.
RING_STOCK = TUNED.replace(",1 ", ",2 ").replace("=1 ", "=2 ")
RING_TUNED = TUNED.replace(",1 ", ",1-2 ").replace("=1 ", "=1-2 ")


@dataclass(frozen=True)
class System:
    """One row of the table. server: the program; kernel_args: beside the engine's own. ring: ""
    (sockets), or how the server waits for requests in shared memory: spin, sleep, or rt, a task of
    libdune's runtime on a core that `dune rt run` has reserved. flavour: of the kernel; "": the
    chosen one."""

    name: str
    title: str
    server: str
    kernel_args: str = ""
    ring: str = ""
    flavour: str = ""

    @property
    def kernel(self):
        """Name of its kernel, as paths.kernel() wants it."""
        return paths.kernel_name(self.flavour)

    @property
    def dune(self):
        """Whether the server runs in ring 0 and needs dune.ko."""
        return self.name.startswith("dune")

    @property
    def cpus(self):
        """Of its guest: the generator of a ring has one for itself."""
        return 3 if self.ring else 2


SYSTEMS = {s.name: s for s in (
    System("linux", "kv-server on stock Linux", "kv-server"),
    System("memcached", "Debian's memcached on stock Linux", "memcached"),
    System("linux-tuned", "kv-server on an isolated, tickless CPU", "kv-server", TUNED),
    System("dune", "kv-server in ring 0, stock kernel arguments", "kv-server"),
    System("dune-tuned", "kv-server in ring 0 on an isolated, tickless CPU", "kv-server",
           TUNED),
    System("linux-tuned-ring", "requests through memory; an isolated, tickless CPU, SCHED_FIFO, "
           "spinning", "kv-server", RING_TUNED, "spin"),
    System("linux-tuned-sleep", "requests through memory; an isolated, tickless CPU, SCHED_FIFO, "
           "sleeping on a futex", "kv-server", RING_TUNED, "sleep"),
    System("rt-tuned-ring", "requests through memory; PREEMPT_RT, an isolated, tickless CPU, "
           "SCHED_FIFO, spinning", "kv-server", RING_TUNED, "spin", "rt"),
    System("rt-tuned-sleep", "requests through memory; PREEMPT_RT, an isolated, tickless CPU, "
           "SCHED_FIFO, sleeping on a futex", "kv-server", RING_TUNED, "sleep", "rt"),
    System("linux-ring", "requests through memory; stock Linux, spinning", "kv-server", RING_STOCK,
           "spin"),
    System("dune-rt", "requests through memory; a task of libdune's runtime on a core of its own",
           "kv-server", RING_TUNED, "rt"),
)}
# Names for several of them; the first is what the others are compared with.
GROUPS = {"ring": tuple(s.name for s in SYSTEMS.values() if s.ring)}
DEFAULT_SYSTEMS = ("linux", "memcached", "linux-tuned", "dune")
WORKLOADS = ("kv", "jitter", "spin")      # the others have plans of their own, in dunelab.NAME
LAWS = ("usr", "etc")
ARRIVALS = ("poisson", "fixed", "etc")
# Above this share of a system's own capacity an open-loop queue has no steady state in a run of
# our length: its latencies would measure how long we waited.
SATURATION = 0.95
DEFAULT_LOADS, DEFAULT_REQUESTS = ("0.4", "0.6", "0.8"), 20_000
QUICK_LOADS, QUICK_REQUESTS = ("0.3", "0.7"), 4_000
FULL_REQUESTS = 1_000_000
DEFAULT_RECORDS = 4_000
MAX_SEEDS = 20          # as many as are compared exactly
# Intervals of the log, per cell: enough to see a drift, few enough to stay small.
INTERVALS = 50


@dataclass(frozen=True)
class Plan:
    """Everything that decides the bits of a run, and nothing else."""

    workload: str
    engine: str
    systems: tuple
    loads: tuple
    requests: int
    warmup: int
    seed: int
    law: str
    arrival: str
    connections: int
    records: int
    memory_mib: int
    equal_loads: tuple      # loads that are also run at the baseline's absolute rate
    noise: str = IDLE

    @property
    def baseline(self):
        """The system that ratios are taken against, and whose capacity sets the equal rates."""
        return "linux" if "linux" in self.systems else self.systems[0]

    def digest(self):
        """Eight hex digits that name this plan."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Cell:
    """One point: a system at a load. kind: own = fraction of its own capacity, equal = fraction
    of the baseline's. rate: requests a second, None until the capacity is known."""

    system: str
    kind: str
    load: str
    rate: float | None = None
    skip: str | None = None

    @property
    def id(self):
        """Readable axes and a short hash: kv.linux.own0.5-3f2a."""
        axes = f"kv.{self.system}.{self.kind}{self.load}"
        return f"{axes}-{hashlib.sha256(axes.encode()).hexdigest()[:4]}"


def make(workload, engine="bochs", engines=(), systems=None, loads=None, requests=None, seed=None,
         law=None, arrival=None, records=None, quick=False, full=False, noise=None):
    """The Plan for values as typed; None or "" means the default. UsageError says what is known.

    engines: the names of the known engines.
    """
    if workload not in WORKLOADS:
        raise UsageError(_unknown("WORKLOAD", workload, WORKLOADS))
    if workload != "kv":
        raise UsageError(f"{workload} has options of its own: name it first, "
                         f"`experiment {workload} ...`")
    if engine not in engines:
        raise UsageError(_unknown("ENGINE", engine, engines))
    if quick and full:
        raise UsageError("QUICK and FULL exclude each other: choose one")
    wanted = [_choice("SYSTEM", name, SYSTEMS) for word in _words(systems)
              for name in GROUPS.get(word, (word,))] or DEFAULT_SYSTEMS
    if quick:
        default_loads, default_requests = QUICK_LOADS, QUICK_REQUESTS
    else:
        default_loads, default_requests = DEFAULT_LOADS, DEFAULT_REQUESTS
    if full:
        default_requests = FULL_REQUESTS
    noise = _choice("NOISE", noise or IDLE, NOISES)
    beside = [name for name in wanted if not SYSTEMS[name].ring]
    if noise == NOISE and beside:
        raise UsageError(f"NOISE=noise: the generator of {beside[0]} shares its CPU with the "
                         "noise; take systems over a ring, SYSTEMS=ring")
    count = _integer("REQUESTS", requests, 100, 100_000_000, default_requests)
    fractions = _loads(loads) or default_loads
    return Plan(
        workload=workload, engine=engine, systems=tuple(dict.fromkeys(wanted)), loads=fractions,
        requests=count, warmup=max(count // 20, 50),
        seed=_integer("SEED", seed, 0, (1 << 63) - 1, 1),
        law=_choice("LAW", law or "usr", LAWS),
        arrival=_choice("ARRIVAL", arrival or "poisson", ARRIVALS),
        connections=8, records=_integer("RECORDS", records, 1, 10_000_000, DEFAULT_RECORDS),
        memory_mib=64, equal_loads=() if quick else _equal_loads(fractions), noise=noise)


def seeds(text):
    """The seeds of an ensemble as typed, "1-10" or "1 3 5"; [None], the default, for none."""
    found = []
    for word in _words(text):
        low, dash, high = word.partition("-")
        first = _integer("SEEDS", low, 0, (1 << 63) - 1, None)
        last = _integer("SEEDS", high if dash else low, 0, (1 << 63) - 1, None)
        if None in (first, last) or not first <= last < first + MAX_SEEDS:
            raise UsageError(f"SEEDS={text}: want seeds such as 1-10 or \"1 3 5\", "
                             f"{MAX_SEEDS} at most")
        found += range(first, last + 1)
    if len(set(found)) > MAX_SEEDS:
        raise UsageError(f"SEEDS={text}: {MAX_SEEDS} at most")
    return list(dict.fromkeys(found)) or [None]


def cells(plan, system, capacities):
    """The cells of one system, in the order to run them.

    capacities: {system: requests a second}; needs this system's own and, for the equal rates,
    the baseline's.  A rate this system cannot sustain becomes a cell with a reason to skip.
    """
    own = capacities[system]
    result = [Cell(system, "own", load, own * float(load)) for load in plan.loads]
    if system == plan.baseline:
        return result
    for load in plan.equal_loads:
        if plan.baseline not in capacities:
            result.append(Cell(system, "equal", load, None,
                               f"the capacity of {plan.baseline} is not known"))
            continue
        rate = capacities[plan.baseline] * float(load)
        skip = None
        if rate > SATURATION * own:
            skip = f"the rate is {rate / own:.0%} of this system's capacity"
        result.append(Cell(system, "equal", load, rate, skip))
    return result


def expected_cells(plan):
    """Every cell of the plan, rates unknown: what a report has to account for."""
    known = {system: 1.0 for system in plan.systems}
    return [Cell(c.system, c.kind, c.load) for system in plan.systems
            for c in cells(plan, system, known)]


def load(text):
    """The Plan of a plan.json; ValueError when it is none."""
    try:
        fields = json.loads(text)["plan"]
        plan = Plan(**{key: tuple(value) if isinstance(value, list) else value
                       for key, value in fields.items()})
        wrong = [name for name in plan.systems if not re.fullmatch(r"[a-z0-9.-]+", name)]
        if wrong or not isinstance(plan.systems, tuple):
            raise ValueError(f"not a plan: no name of a system: {(wrong or plan.systems)!r:.60}")
        return plan
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a plan: {error}") from None


def _equal_loads(loads):
    """Of three or more loads the middle one, otherwise all.

    Where hardly anything queues a few requests a second more change nothing, near saturation the
    slowest system has no steady state left, and each such load costs half a minute a system on
    the default engine.
    """
    return loads[len(loads) // 2:][:1] if len(loads) >= 3 else loads


def _words(text):
    return [word for word in re.split(r"[\s,]+", text or "") if word]


def _unknown(what, value, known):
    return f"unknown {what} '{value}'; known: {', '.join(known)}"


def _choice(what, value, known):
    if value not in known:
        raise UsageError(_unknown(what, value, known))
    return value


def _integer(what, text, low, high, default):
    if text is None or text == "":
        return default
    digits = str(text).replace("_", "").replace(",", "")
    if not re.fullmatch(r"[0-9]{1,19}", digits) or not low <= int(digits) <= high:
        raise UsageError(f"{what}={text}: want a whole number from {low:,} to {high:,}")
    return int(digits)


def _loads(text):
    """Loads as plain decimal strings, ascending, without repeats; () for none."""
    result = {}
    for word in _words(text):
        if not re.fullmatch(r"0?\.[0-9]{1,3}", word) or not 0 < float(word) <= SATURATION:
            raise UsageError(f"LOADS='{text}': want fractions of the capacity above 0 and up to "
                             f"{SATURATION}, such as \"0.4 0.6 0.8\"")
        result[float(word)] = f"{float(word):g}"
    return tuple(result[key] for key in sorted(result))
