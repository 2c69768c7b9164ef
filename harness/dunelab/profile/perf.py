# SPDX-License-Identifier: MIT
"""perf in the guest, by the software clock: what `perf script` prints becomes stacks and places."""

import re
from dataclasses import dataclass

from dunelab.errors import GuestError
from dunelab.explain import symbols
from dunelab.explain.events import printable

RATE_HZ = 997           # samples a second and CPU; no multiple of the kernel's own tick
CLOCK, GUEST = "cpu-clock", "dune:dune_sample"
FIELDS = "comm,tid,cpu,time,event,ip,sym,dso"
_KERNEL_HALF = 1 << 63
_HEAD = re.compile(r"^ *(?P<comm>\S.*?) +(?P<tid>-?\d+) +\[(?P<cpu>\d+)\] +[\d.]+: +"
                   r"(?P<event>\S+?)(?:/[^ ]*/)?: *$")
_FRAME = re.compile(r"^\s+(?P<address>[0-9a-f]+) (?P<name>.*?) \((?P<file>[^()]*)\)$")

_ASLEEP = ("safe_halt", "mwait_idle")
_NOWHERE = ((0, "[unknown]", "?"),)     # a sample whose task was on its way out


@dataclass(frozen=True)
class Sample:
    """One sample. frames: [(address, function, object)], the innermost first; guest: taken in a
    VM of dune.ko, whose addresses are its process's."""

    cpu: int
    comm: str
    tid: int
    guest: bool
    frames: tuple

    @property
    def mode(self):
        """Of the innermost frame, as dunelab.profile.counts.MODES has it."""
        if self.guest:
            return "guest ring 0"
        return "kernel" if self.frames[0][0] >= _KERNEL_HALF else "user"


def read(text, module=None):
    """[Sample] of what `perf script -F FIELDS` prints, every event for itself; GuestError when
    nothing in it is a sample.

    module: where dune.ko lies, since perf may count its functions among the kernel's.
    """
    found, head, frames = [], None, []
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if head:
                found.append(Sample(int(head["cpu"]), printable(head["comm"]), int(head["tid"]),
                                    head["event"].startswith(GUEST), tuple(frames or _NOWHERE)))
            head, frames = None, []
            continue
        frame = _FRAME.match(line) if head else None
        if frame:
            frames.append(_frame(frame, module))
        elif not head:
            head = _HEAD.match(line)
    if not found:
        raise GuestError("perf took no samples in the guest")
    return found


def _frame(match, module):
    address = int(match["address"], 16)
    owner = match["file"].rpartition("/")[2]
    if module and module <= address < module + symbols.MODULE_BYTES:
        owner = "dune.ko"
    elif address >= _KERNEL_HALF:
        owner = "kernel" if owner.startswith(("[kernel", "[guest.kernel")) else owner.strip("[]")
    elif owner in ("[unknown]", ""):
        owner = "?"
    name = match["name"].split("+0x")[0]
    return address, printable(name) if name != "[unknown]" else f"[{printable(owner)}]", owner


def by_clock(samples):
    """The samples of the clock alone. What interrupts a VM finds the module, which has just left
    it; the guest's own sample, which follows on that CPU, stands in its place. Samples of the
    guest at other interrupts than the clock's would count these instead of time."""
    found, left = [], {}        # CPU -> place in found of a sample that may have left a VM
    for sample in samples:
        if sample.guest:
            place = left.pop(sample.cpu, None)
            if place is not None and found[place].tid == sample.tid:
                found[place] = sample
            continue
        found.append(sample)
        left.pop(sample.cpu, None)
        if sample.frames[0][2] == "dune.ko":
            left[sample.cpu] = len(found) - 1
    return found


def idle(sample):
    """Whether its CPU slept."""
    return sample.comm.startswith("swapper") and sample.frames[0][1].endswith(_ASLEEP)


def places(samples):
    """{(CPU, comm, mode, object, function): samples} of their innermost frames."""
    found = {}
    for sample in samples:
        _, name, owner = sample.frames[0]
        if sample.mode != "kernel":
            owner = sample.comm
        key = (sample.cpu, sample.comm, sample.mode, owner, name)
        found[key] = found.get(key, 0) + 1
    return found


def folded(samples):
    """{(CPU, task, frame, ...): samples}, the outermost first, with marks as
    dunelab.profile.counts.folded() sets them.

    Programs have no frame pointers: of the callers that perf makes out there those without a file
    are what happened to be in a register, and left out.
    """
    found = {}
    for sample in samples:
        key = [sample.cpu, sample.comm]
        if sample.guest:
            key.append("{guest ring 0}")
        inside = False
        for number, (address, name, owner) in reversed(list(enumerate(sample.frames))):
            if address >= _KERNEL_HALF and not inside:
                inside = True
                key.append("{kernel}")
            if owner == "?" and number:
                continue
            key.append(f"{name} [dune]" if owner == "dune.ko" and name[0] != "[" else name)
        found[tuple(key)] = found.get(tuple(key), 0) + 1
    return found
