# SPDX-License-Identifier: MIT
"""Names for addresses: the guest kernel's, dune.ko's, and those of our static programs.

Debian's kernels come without a System.map. Guests boot with nokaslr, so that the kernel's own
/proc/kallsyms, from one boot of it, holds for all; it is kept in the cache.
"""

import bisect
import json
import re
from dataclasses import dataclass, field

from dunelab import guestrun, image, paths, store
from dunelab.engine import base
from dunelab.errors import GuestError, UsageError
from dunelab.explain import btf, elf

KERNEL_HALF = 1 << 63
MODULE_BYTES = 1 << 20      # more than dune.ko has; it is the only one in our guests
_SCRIPT = """
awk 'NF == 3 && ($2 == "t" || $2 == "T" || $2 == "W")' /proc/kallsyms | report stdin kallsyms
report file /sys/kernel/btf/vmlinux btf
"""


class Table:
    """Functions by address."""

    def __init__(self, functions):
        """functions: [(address, size, name)]; size 0: up to the next."""
        # Of several names of an address the shortest is the one that people know.
        order = sorted(functions, key=lambda f: (f[0], not f[1], f[2].count("."), len(f[2]), f[2]))
        self._starts, self._all = [], []
        for function in order:
            if not self._starts or function[0] != self._starts[-1]:
                self._starts.append(function[0])
                self._all.append(function)

    def __len__(self):
        return len(self._all)

    def find(self, address):
        """The name of the function that the address is in, or None."""
        place = bisect.bisect_right(self._starts, address) - 1
        if place < 0:
            return None
        start, size, name = self._all[place]
        return (name or None) if not size or address < start + size else None


@dataclass
class Kernel:
    """What must be known about a kernel to follow its tasks."""

    switch_to: int      # address of __switch_to_asm
    pid_offset: int     # in struct task_struct, bytes
    comm_offset: int
    table: Table = field(repr=False, default=None)


def kernel(engine_name, name=None):
    """The Kernel that guests boot, by its name or the chosen one; from the cache, or by a boot of
    it (half a minute)."""
    path = paths.kernel(name) / "vmlinuz"
    digest = store.sha256(path)
    if not digest:
        raise UsageError(f"{path} is missing; run make kernel")
    kept = paths.cache() / "symbols" / f"{digest[:32]}.json"
    try:
        known = store.read_json(kept)
    except ValueError:
        known = None            # damaged: made again
    if not known:
        known = _ask(engine_name, name)
        store.write_json(kept, known)
    return Kernel(known["switch_to"], known["pid_offset"], known["comm_offset"],
                  Table([(address, 0, name) for address, name in known["functions"]]))


def _ask(engine_name, name):
    result = guestrun.run(_SCRIPT, base.get(engine_name), cmdline="nokaslr", flavour=name)
    guestrun.passed(result, "the boot that reads the kernel's symbols")
    functions = parse_kallsyms(result.payload("kallsyms").decode("utf-8", "replace"))
    switch = [address for address, name in functions if name == "__switch_to_asm"]
    if not switch:
        raise GuestError("the guest's kernel names no __switch_to_asm: its tasks cannot be told "
                         "apart")
    found = btf.offsets(result.payload("btf"), "task_struct", ("pid", "comm"))
    return {"switch_to": switch[0], "pid_offset": found["pid"], "comm_offset": found["comm"],
            "functions": functions}


def parse_kallsyms(text):
    """[(address, name)] of the functions in the text of /proc/kallsyms, modules' left out."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in "tTW" and int(words[0], 16):
            found.append((int(words[0], 16), words[2]))
    return found


def module_base(modules):
    """Where dune.ko lies, from the text of /proc/modules; None when it is not loaded."""
    match = re.search(r"^dune .* (0x[0-9a-f]+)", modules or "", re.M)
    return int(match[1], 16) if match else None


class Names:
    """The name of an address in a task: kernel, module, program."""

    def __init__(self, kernel_table, modules=None, programs=None, kernel=None):
        """modules: text of /proc/modules; programs: {comm: Path} beside build/bin's; kernel: the
        name of the one that dune.ko was built for."""
        self._kernel, self._module = kernel_table, Table([])
        self._programs, self._extra = {}, programs or {}
        self._place = module_base(modules)
        module = paths.build() / "modules" / (image.kernel_release(kernel) or "none") / "dune.ko"
        if self._place and module.exists():
            self._module = Table(elf.module_functions(module, self._place))

    def owner(self, address, comm):
        """Whose code is at an address: kernel, dune.ko, or a program by its comm."""
        if address < KERNEL_HALF:
            return comm
        return "dune.ko" if self._in_module(address) else "kernel"

    def _in_module(self, address):
        return self._place and self._place <= address < self._place + MODULE_BYTES

    def find(self, address, comm):
        """A function's name; for what has no symbols, [whose it is]."""
        if address >= KERNEL_HALF:
            if self._in_module(address):
                return self._module.find(address) or "[dune.ko]"
            return self._kernel.find(address) or "[kernel]"
        return self._program(comm).find(address) or f"[{comm}]"

    def _program(self, comm):
        if comm not in self._programs:
            path = self._extra.get(comm) or paths.build() / "bin" / comm
            try:
                self._programs[comm] = Table(elf.functions(path))
            except (OSError, ValueError):
                self._programs[comm] = Table([])
        return self._programs[comm]
