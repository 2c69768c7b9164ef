# SPDX-License-Identifier: MIT
"""What exits and faults cost: the program `micro`'s lines become figures, figures become a table
with ratios and the goals that the project has set itself."""

import statistics
from collections import Counter
from dataclasses import dataclass

from dunelab import tables
from dunelab.errors import GuestError

SYSTEMS = ("linux", "kvm", "dune")
# name of the operation -> what it is, in the order of the table
OPERATIONS = {
    "syscall": "system call (getppid)",
    "getpid": "getpid",
    "getpid_forwarded": "getpid, by hypercall from ring 0",
    "clock": "clock_gettime",
    "signal": "invalid opcode to a signal handler",
    "exception": "the same to a trap handler",
    "trap": "write to a protected page, to the handler",
    "trap_round": "the same there and back",
    "appel1": "protect a page, trap, unprotect it",
    "appel2": "protect 100, trap, unprotect: a page",
    "ring3": "into ring 3 and back by its system call",
    "interpose_pass": "getpid interposed, passed on",
    "interpose_answer": "getpid interposed, answered",
    "ptrace_answer": "the same by ptrace, one stop",
    "hook_pass": "getppid of ring 0 hooked, passed on",
    "hook_answer": "the same, answered",
    "switch": "to another process, or root, of the CPU",
    "wake": "a thread wakes one of another CPU",
    "ipi": "a handler called in a thread of another CPU",
    "timer": "a timer interrupts a loop, and is set again",
    "fork": "fork, exit, wait",
    "thread": "a thread, start to end",
    "cr3": "CR3 loaded in a guest",
    "fault_pte": "page fault in a guest, an entry changed",
    "start": "a program (true), start to end",
    "exit_kernel": "exit handled in the kernel (CPUID)",
    "exit_msr": "RDMSR of a guest: emulated; refused",
    "exit_io": "OUT of a guest: to user space; refused",
    "exit_user": "exit to user space and back",
    "exit_user_ioctl": "the same by ioctl",
    "fault_present": "fault, the host has the page",
    "fault_fresh": "fault, fresh anonymous page",
    "fault_fresh_libdune": "the same in Dune mode",
    "fault_present_large": "fault, the host has the page of 2 MiB",
    "fault_fresh_large": "fault, fresh page of 2 MiB",
    "walk_16384pages_large": "TLB miss, chase over 64 MiB by 2 MiB",
} | {f"walk_{pages}pages": f"TLB miss, chase over {pages:,} pages"
     for pages in (32, 256, 1024, 4096, 16384)}
# What Linux has in the place of an operation, where it is not the same one.
ON_LINUX = {
    "getpid_forwarded": "getpid",
    "exception": "signal",
    "interpose_pass": "ptrace",
    "interpose_answer": "ptrace",
    "fault_fresh_libdune": "fault_fresh",
}


@dataclass(frozen=True)
class Goal:
    """At most `ticks`, or `ticks` more than Linux's own, or `times` Linux's own; SlimVM's figure,
    where there is one, counts the same way."""

    ticks: int = 0
    slimvm: int | None = None
    over_linux: bool = False
    times: float | None = None

    @property
    def needs_linux(self):
        """Whether it is stated by Linux's figure."""
        return self.over_linux or self.times is not None

    def limit(self, linux):
        """The most ticks, Linux's figure given where it is needed."""
        if self.times is not None:
            return self.times * linux
        return self.ticks + (linux if self.over_linux else 0)

    def text(self):
        """As the table has it."""
        if self.times is not None and self.times < 1:
            return f"Linux / {1 / self.times:g}"
        if self.times is not None:
            return f"{self.times:g} x Linux"
        return f"Linux + {self.ticks:,}" if self.over_linux else f"{self.ticks:,}"

    def slimvm_text(self):
        """The same of SlimVM's figure."""
        if self.slimvm is None:
            return "-"
        return f"Linux + {self.slimvm:,}" if self.over_linux else f"{self.slimvm:,}"


# By backend: stated and measured for SVM on QEMU, for VMX on Bochs, mitigations on.
_LIBDUNE = {
    "getpid": Goal(60),
    "clock": Goal(60),
    "exception": Goal(120, 6),
    "start": Goal(times=3.0),
    "timer": Goal(1500),
    "trap": Goal(times=1 / 25),
    "appel1": Goal(times=1 / 40),
    "appel2": Goal(times=1 / 40),
    "interpose_pass": Goal(times=1 / 12),
    "interpose_answer": Goal(times=1 / 100),
}
GOALS = {
    "svm": _LIBDUNE | {
        "syscall": Goal(1500, 612),
        "exit_kernel": Goal(400, 453),
        "exit_user": Goal(1300, 2055),
        "fault_present": Goal(800, 1126),
        "fault_fresh": Goal(900, 1520, over_linux=True),
    },
    "vmx": _LIBDUNE | {
        "syscall": Goal(1600, 713),
        "exit_kernel": Goal(480, 560),
        "exit_user": Goal(1500, 2598),
        "fault_present": Goal(800, 1150),
        "fault_fresh": Goal(900, 1520, over_linux=True),
    },
}


@dataclass(frozen=True)
class Figure:
    """Ticks of one operation, the loop around it subtracted: over the batches of a run."""

    median: float
    low: float
    mean: float
    batches: tuple      # ticks of whole batches, as measured
    empty: tuple        # ticks of the same batches without the operation
    iterations: int

    @property
    def overhead(self):
        """Ticks of the loop alone, an operation."""
        return statistics.median(self.empty) / self.iterations

    @property
    def histogram(self):
        """[[ticks of one operation, rounded, batches that had it], ...] in ascending order."""
        each = Counter(round(ticks / self.iterations - self.overhead) for ticks in self.batches)
        return [[ticks, each[ticks]] for ticks in sorted(each)]


def figure(batches, empty, iterations):
    """The Figure of these batches."""
    overhead = statistics.median(empty) / iterations
    each = [ticks / iterations - overhead for ticks in batches]
    return Figure(statistics.median(each), min(each), statistics.fmean(each), tuple(batches),
                  tuple(empty), iterations)


def parse(text):
    """{"linux.syscall": Figure, ...}; GuestError for anything but complete lines."""
    found = {}
    for line in text.splitlines():
        try:
            name, word, iterations, ticks, *rest = line.split()
            at = rest.index("empty")
            batches, empty = ([int(value) for value in part]
                              for part in (rest[:at], rest[at + 1:]))
            if (word, ticks) != ("iterations", "ticks") or not batches \
                    or len(batches) != len(empty) or int(iterations) < 1:
                raise ValueError
        except ValueError:
            raise GuestError(f"no line of micro's: '{line[:80]}'") from None
        found[name] = figure(batches, empty, int(iterations))
    return found


@dataclass(frozen=True)
class Verdict:
    """How a figure of Dune's stands to its goal."""

    limit: float
    reached: bool


def of_system(figures, system, operation):
    """The Figure, or None: of Linux, of what it has in the operation's place."""
    name = ON_LINUX.get(operation, operation) if system == "linux" else operation
    return figures.get(f"{system}.{name}")


def verdict(goal, figures, operation):
    """The Verdict, or None where a figure is missing."""
    mine, linux = (of_system(figures, system, operation) for system in ("dune", "linux"))
    if goal is None or mine is None or (goal.needs_linux and linux is None):
        return None
    limit = goal.limit(linux.median if linux else 0.0)
    return Verdict(limit, mine.median <= limit)


def rows(figures, backend):
    """One dictionary an operation: medians by system, ratios, goal and verdict (JSON-ready)."""
    result = []
    for operation, title in OPERATIONS.items():
        found = {system: of_system(figures, system, operation) for system in SYSTEMS}
        medians = {system: value.median for system, value in found.items() if value}
        if operation in ON_LINUX and set(medians) == {"linux"}:
            continue
        dune = medians.get("dune")
        row = {"operation": operation, "title": title, "ticks": medians,
               "ratios": {system: dune / medians[system] for system in ("linux", "kvm")
                          if dune is not None and medians.get(system)}}
        goal = GOALS.get(backend, {}).get(operation)
        said = verdict(goal, figures, operation)
        if said:
            row |= {"goal": said.limit, "goal_text": goal.text(), "slimvm": goal.slimvm_text(),
                    "reached": said.reached}
        if medians:
            result.append(row)
    return result


def _goal_text(row):
    if "goal" not in row:
        return "-", "-", "-"
    return row["goal_text"], row["slimvm"], "yes" if row["reached"] else "NO"


def table(lines):
    """Lines of the text table of rows()."""
    body = []
    for row in lines:
        ticks = [f"{row['ticks'][system]:,.0f}" if system in row["ticks"] else "-"
                 for system in SYSTEMS]
        ratios = [f"{row['ratios'][system]:.2f}" if system in row["ratios"] else "-"
                  for system in ("linux", "kvm")]
        body.append([row["title"], *ticks, *ratios, *_goal_text(row)])
    header = ["ticks", "Linux", "KVM", "Dune", "/ Linux", "/ KVM", "goal", "SlimVM", "reached"]
    return tables.layout(header, body, numeric=range(1, len(header)))
