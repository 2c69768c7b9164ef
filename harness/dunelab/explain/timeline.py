# SPDX-License-Identifier: MIT
"""From events to spans: what each CPU did at every moment of a window, and what that adds up to."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dunelab import profiles
from dunelab.profile.counts import vector_name

# What a CPU does, in the order in which people ask; the rest of the text says which.
KINDS = ("program", "system call", "VM exit", "fault", "interrupt", "idle")
_ASM = Path("/usr/include/x86_64-linux-gnu/asm")


@dataclass(frozen=True)
class Span:
    """A stretch of one CPU's time, in ticks. kind: of KINDS. what: in words. comm: whose time it
    is; "" while idle."""

    begin: int
    end: int
    cpu: int
    kind: str
    what: str
    comm: str

    @property
    def ticks(self):
        """Its length."""
        return self.end - self.begin


@dataclass
class _Task:
    """What a task has been in the middle of when the CPU left it."""

    comm: str = "?"
    pid: int = -1
    delivered: list = field(default_factory=list)   # (kind, words), the innermost last
    call: str = ""          # the system call it is in
    exit: str = ""          # the VM exit that is being handled


@dataclass
class _Cpu:
    """A CPU's state between two events."""

    task: _Task = field(default_factory=_Task)
    guest: bool = False
    cpl: int = 0
    halted: bool = False
    since: int = 0

    def doing(self):
        """(kind, words, comm) of what it does now."""
        task = self.task
        if self.halted:
            return "idle", "asleep", ""
        if task.delivered:
            kind, words = task.delivered[-1]
            return kind, words, task.comm
        if self.guest:
            return "program", f"{task.comm}, ring {self.cpl} of its VM", task.comm
        if task.exit:
            words = f"exit: {task.exit}" + (f", {task.call}" if task.call else "")
            return "VM exit", words, task.comm
        if self.cpl == 3:
            return "program", task.comm, task.comm
        if task.pid == 0:
            return "idle", "the idle task: to and from sleep, timers", ""
        if task.call:
            return "system call", f"{task.comm}: {task.call}", task.comm
        return "system call", f"{task.comm}: kernel", task.comm


def spans(events, begin, end, vendor="amd"):
    """[Span] of all CPUs between two times, each CPU's without gaps, adjacent equal ones joined.

    events: of a window that includes these times, in the order in which they were told.
    """
    cpus, tasks, found = {}, {}, []
    for event in events:
        cpu = cpus.setdefault(event.cpu, _Cpu(since=event.ticks))
        _emit(found, cpu, event.cpu, event.ticks, begin, end)
        cpu.since = max(cpu.since, event.ticks)
        _apply(cpu, event, tasks, vendor)
    for number, cpu in cpus.items():
        _emit(found, cpu, number, end, begin, end)
    return _joined(found)


def _emit(found, cpu, number, until, begin, end):
    first, last = max(cpu.since, begin), min(until, end)
    if last > first:
        found.append(Span(first, last, number, *cpu.doing()))


def _joined(found):
    result, last = [], {}
    for span in sorted(found, key=lambda s: (s.cpu, s.begin)):
        before = last.get(span.cpu)
        if before is not None and result[before].end == span.begin and \
                result[before].what == span.what and result[before].kind == span.kind:
            old = result[before]
            result[before] = Span(old.begin, span.end, old.cpu, old.kind, old.what, old.comm)
        else:
            last[span.cpu] = len(result)
            result.append(span)
    return result


def _apply(cpu, event, tasks, vendor):
    """The CPU's state after an event."""
    task, kind = cpu.task, event.kind
    if kind != "task" and kind != "halt":
        cpu.halted = False
    if kind == "task":
        # A program that execs keeps its pid and changes its name; the idle tasks are all pid 0.
        key = (event.number, event.cpu if event.number == 0 else None)
        cpu.task = tasks.setdefault(key, _Task())
        cpu.task.comm, cpu.task.pid = event.comm, event.number
        cpu.cpl, cpu.guest = event.cpl, event.guest
        return
    cpu.cpl, cpu.guest = event.cpl, event.guest
    if kind in ("interrupt", "exception", "soft interrupt"):
        if event.cpl == 3 and not event.guest:
            task.delivered.clear()
            task.call = "" if not task.exit else task.call
        task.delivered.append(_delivered(event))
        cpu.cpl = 0
    elif kind == "iret":
        if event.cpl == 3 and not event.guest:
            task.delivered.clear()
            task.call = ""
        elif task.delivered:
            task.delivered.pop()
    elif kind == "syscall":
        task.delivered.clear()
        task.call, cpu.cpl = call_name(event.number), 0
    elif kind == "sysret":
        task.delivered.clear()
        task.call = ""
    elif kind == "exit":
        task.delivered.clear()
        task.exit, cpu.guest, cpu.cpl = exit_name(event.number, vendor), False, 0
        task.call = ""
    elif kind == "entry":
        task.delivered.clear()
        task.exit, task.call, cpu.guest = "", "", True
    elif kind == "halt":
        cpu.halted = True


def _delivered(event):
    name = vector_name(event.number)
    if event.kind != "exception":
        return "interrupt", f"interrupt: {name}"
    at = f" at {event.value:#x}" if event.number == 14 else ""
    return "fault", f"{name}{at}" + (" in the VM" if event.guest else "")


@lru_cache(None)
def _calls():
    """{number: name} of Linux's system calls, from the headers that programs are built with."""
    text = "".join(path.read_text("utf-8") for path in _ASM.glob("unistd_64.*"))
    return {int(number): name for name, number in re.findall(r"__NR_(\w+) (\d+)", text)}


def call_name(number):
    """A system call's name."""
    return _calls().get(number, f"system call {number}")


def exit_name(number, vendor):
    """A VM exit's name."""
    for name, numbers in profiles.EXITS[vendor].items():
        if number in numbers:
            return name.replace("_", " ")
    return f"reason {number:#x}"


def attribution(found, cpu, begin, end):
    """[(ticks, kind, what)] of a CPU between two times, the largest first: sums to end - begin
    where the spans have no gap."""
    sums = {}
    for span in found:
        ticks = min(span.end, end) - max(span.begin, begin)
        if span.cpu == cpu and ticks > 0:
            what = re.sub(r" at 0x[0-9a-f]+", "", span.what)
            sums[span.kind, what] = sums.get((span.kind, what), 0) + ticks
    return sorted(((ticks, *key) for key, ticks in sums.items()), key=lambda i: (-i[0], i[1:]))
