# SPDX-License-Identifier: MIT
"""The emulator's records of events, read back."""

import struct
from typing import NamedTuple

from dunelab.errors import GuestError

# The numbers are those of vm-images/emulators/bochs/trace/events.cc.
KINDS = ("", "task", "interrupt", "exception", "soft interrupt", "iret", "exit", "entry", "root",
         "syscall", "sysret", "halt", "ipi")
_RECORD = struct.Struct("<QBBBBIQQ")


class Event(NamedTuple):
    """One record. ticks: of the TSC. cpl, guest: of the CPU before it (after iret, sysret, entry).
    number: vector, reason, pid or system call. rip, value: addresses. comm: of a task."""

    ticks: int
    kind: str
    cpu: int
    cpl: int
    guest: bool
    number: int
    rip: int
    value: int
    comm: str = ""


def read(data):
    """[Event] of a file's bytes; GuestError when they are damaged."""
    if len(data) % _RECORD.size:
        raise GuestError("the emulator's events end within a record: the replay was cut short")
    found = []
    for ticks, kind, cpu, cpl, guest, number, rip, value in _RECORD.iter_unpack(data):
        if not 0 < kind < len(KINDS):
            raise GuestError(f"the emulator's events are damaged: kind {kind}")
        comm = ""
        if KINDS[kind] == "task":
            comm = printable(struct.pack("<QQ", rip, value).split(b"\0")[0].decode("utf-8",
                                                                                   "replace"))
        found.append(Event(ticks, KINDS[kind], cpu, cpl, bool(guest), number, rip, value, comm))
    return found


def printable(text):
    """A task's name may hold anything, a terminal's commands, too."""
    return "".join(c if c.isprintable() else "?" for c in text)


def write(events):
    """The bytes that read() reads."""
    out = []
    for e in events:
        rip, value = e.rip, e.value
        if e.kind == "task":
            rip, value = struct.unpack("<QQ", e.comm.encode()[:15].ljust(16, b"\0"))
        out.append(_RECORD.pack(e.ticks, KINDS.index(e.kind), e.cpu, e.cpl, e.guest, e.number, rip,
                                value))
    return b"".join(out)
