# SPDX-License-Identifier: MIT
"""The emulator's counts of instructions, read back: who ran, in which mode, called by what."""

from dataclasses import dataclass, field
from functools import lru_cache

from dunelab.errors import GuestError
from dunelab.explain.events import printable

# Modes of a CPU, as vm-images/emulators/bochs/trace/trace.h numbers them.
KERNEL, USER, GUEST_0, GUEST_USER = range(4)
MODES = ("kernel", "user", "guest ring 0", "guest ring 3")


@dataclass(frozen=True, eq=False)
class Node:
    """A place in the tree of calls. kind: task, mode, vector or function; value: the mode, the
    vector, the function's address; back: where a function returns to."""

    kind: str
    value: int
    parent: "Node | None"
    comm: str = ""
    pid: int = 0
    back: int = 0


@dataclass
class Window:
    """The counts of one window. executed: by each CPU in it, as the engine counts instructions for
    its clock. counts: [(Node or None, CPU, address, instructions)], which add up to that."""

    begin: int
    end: int
    executed: tuple = ()
    counts: list = field(default_factory=list)

    @property
    def total(self):
        """All instructions of all CPUs."""
        return sum(n for *_, n in self.counts)

    def of_cpus(self):
        """What the counts add up to, a sum for each CPU of `executed`."""
        sums = [0] * len(self.executed)
        for _, cpu, _, n in self.counts:
            sums[cpu] += n
        return tuple(sums)


_KINDS = {"r": "root", "t": "task", "m": "mode", "v": "vector", "f": "function"}


def read(text):
    """[Window] of the text of a file of counts; GuestError when it is damaged."""
    nodes, windows = {}, []
    for line in text.split("\n")[:-1]:
        words = line.split(" ", 4)
        try:
            if words[0] == "window":
                begin, end, *executed = map(int, line.split(" ")[1:])
                windows.append(Window(begin, end, tuple(executed)))
            elif words[0] == "c":
                node, cpu, address, n = words[1:]
                if int(cpu) >= len(windows[-1].executed):
                    raise IndexError
                windows[-1].counts.append((nodes[node], int(cpu), int(address, 16), int(n)))
            elif words[0] == "t":
                comm = printable(words[4]) if len(words) > 4 else "?"
                nodes[words[1]] = Node("task", 0, None, comm, int(words[3]))
            elif words[0] == "r":
                nodes[words[1]] = None
            else:
                parent = nodes[words[2]]
                back = int(words[4], 16) if words[0] == "f" else 0
                nodes[words[1]] = Node(_KINDS[words[0]], int(words[3], 16), parent,
                                       parent.comm if parent else "", parent.pid if parent else 0,
                                       back)
        except (IndexError, KeyError, ValueError):
            raise GuestError(f"the emulator's counts are damaged: {line[:80]!r}") from None
    return windows


def mode_of(node):
    """The mode that a node is in, or None."""
    while node and node.kind != "mode":
        node = node.parent
    return node.value if node else None


def _mode_name(node):
    mode = mode_of(node)
    return MODES[mode] if mode is not None else ""


def flat(window, names):
    """{(comm, mode, function): instructions}; names.find(address, comm) gives a function."""
    found = {}
    find = lru_cache(None)(names.find)
    for node, _, address, n in window.counts:
        comm = node.comm if node else "boot"
        key = (comm, _mode_name(node), find(address, comm))
        found[key] = found.get(key, 0) + n
    return found


def by_place(window, names):
    """{(CPU, comm, mode, object, function): instructions}; names.owner(address, comm) gives the
    object that an address belongs to."""
    found = {}
    find, owner = lru_cache(None)(names.find), lru_cache(None)(names.owner)
    for node, cpu, address, n in window.counts:
        comm = node.comm if node else "boot"
        key = (cpu, comm, _mode_name(node), owner(address, comm), find(address, comm))
        found[key] = found.get(key, 0) + n
    return found


def folded(window, names):
    """{(CPU, frame, ...): instructions}, the outermost first: task, then calls. A change of mode
    is a frame in braces, as is an interrupt; code without a name has its owner's in brackets.

    A caller is the function that is returned to, which need not be the one that was called: it may
    have been reached by a jump.
    """
    found = {}

    @lru_cache(None)
    def find(address, comm):
        name = names.find(address, comm)
        ours = names.owner(address, comm) == "dune.ko" and not name.startswith("[")
        return f"{name} [dune]" if ours else name

    def callers(node):
        """The frames up to a node, without the function that it is itself."""
        if node.kind == "task":
            return (node.comm or "?",)
        above = known[node.parent]
        if node.kind == "function":
            return above + (find(node.back - 1, node.comm),)
        if node.parent and node.parent.kind == "function":
            # In it a system call was made, an interrupt came.
            above += (find(node.parent.value, node.comm),)
        if node.kind == "vector":
            return above + (f"{{{vector_name(node.value)}}}",)
        return above if node.value == USER else above + (f"{{{MODES[node.value]}}}",)

    known = {None: ()}
    for node, cpu, address, n in window.counts:
        # Stacks are deeper than Python's own: the outermost of those that are new first.
        new, above = [], node
        while above not in known:
            new.append(above)
            above = above.parent
        for above in reversed(new):
            known[above] = callers(above)
        frames = (*known[node], find(address, node.comm)) if node else ("boot",)
        found[cpu, *frames] = found.get((cpu, *frames), 0) + n
    return found


def vector_name(vector):
    """What a vector is delivered for, in Linux."""
    return VECTORS.get(vector, f"vector {vector}")


# Exceptions, and Linux's own vectors (arch/x86/include/asm/irq_vectors.h).
VECTORS = {0: "divide error", 1: "debug", 2: "NMI", 3: "breakpoint", 6: "invalid opcode",
           7: "no FPU", 8: "double fault", 13: "general protection", 14: "page fault",
           16: "x87 error", 17: "alignment check", 18: "machine check", 19: "SIMD error",
           0xec: "local timer", 0xed: "hypervisor timer", 0xf6: "irq work",
           0xf7: "UV bau", 0xf8: "reboot", 0xf9: "threshold", 0xfa: "thermal",
           0xfb: "call function single", 0xfc: "call function", 0xfd: "reschedule",
           0xfe: "error", 0xff: "spurious"}
