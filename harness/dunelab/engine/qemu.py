# SPDX-License-Identifier: MIT
"""QEMU without hardware help: `qemu` for function, `qemu-icount` for exact one-CPU counts."""

import functools
import shutil
import subprocess

from dunelab.engine.base import Engine, Launch
from dunelab.errors import UsageError

PROGRAM = "qemu-system-x86_64"
HINT = "apt-get install qemu-system-x86 (or: make deps)"

# console: the only one there is. quiet: the UART costs time. panic=-1: reboot at once, which
# -no-reboot turns into the emulator's end.
KERNEL_ARGS = "console=ttyS0 quiet panic=-1"


@functools.lru_cache(maxsize=None)
def program_version():
    """First line of `qemu --version`, or None when QEMU is missing or broken."""
    path = shutil.which(PROGRAM)
    if not path:
        return None
    try:
        output = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20,
                                check=True).stdout
    except (subprocess.SubprocessError, OSError):
        return None
    return output.splitlines()[0] if output else None


class Qemu(Engine):
    """TCG with AMD SVM, one host thread per guest CPU. Its clock is the host's: no latency
    conclusion can be drawn from it."""

    name = "qemu"
    clock_domain = "ns(host)"
    deterministic = False
    accelerator = ("-accel", "tcg,thread=multi")
    cpu = "EPYC,+svm,+npt"
    extra_args = ""
    max_cpus = 16

    def version(self):
        version = program_version()
        if not version:
            raise UsageError(f"{PROGRAM} is missing: {HINT}")
        return version

    def available(self):
        version = program_version()
        if not version:
            return False, f"{PROGRAM} is missing: {HINT}"
        return True, version

    def launch(self, boot):
        if not 1 <= boot.cpus <= self.max_cpus:
            raise UsageError(f"engine {self.name} takes 1 to {self.max_cpus} CPUs, not {boot.cpus}")
        work = boot.workdir
        console, channel = work / "console.log", work / "frames.bin"
        cmdline = " ".join(part for part in (KERNEL_ARGS, self.extra_args, boot.cmdline) if part)
        argv = [
            shutil.which(PROGRAM) or PROGRAM, *self.accelerator, "-cpu", self.cpu,
            "-smp", str(boot.cpus), "-m", str(boot.memory_mib),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-serial", f"file:{_escape(console)}",
            "-chardev", f"file,id=frames,path={_escape(channel)}",
            "-device", "isa-debugcon,iobase=0xe9,chardev=frames",
            "-kernel", str(boot.kernel), "-initrd", str(boot.initrd), "-append", cmdline,
        ]
        return Launch(argv, console, channel, work / "emulator.log")


class QemuIcount(Qemu):
    """One CPU whose clock is its instruction count; two boots give the same bits as long as no
    device I/O runs in the timed part."""

    name = "qemu-icount"
    clock_domain = "instr(icount)"
    deterministic = True
    # shift=0: one tick per instruction. sleep=off: idle time is skipped, not waited for. The clock
    # starts at a fixed date and the generator behind rdrand at a fixed seed; the guest is not
    # offered rdrand at all, whose results QEMU takes from the host.
    accelerator = ("-accel", "tcg", "-icount", "shift=0,sleep=off", "-rtc",
                   "base=2026-01-01,clock=vm", "-seed", "1")
    cpu = "EPYC,+svm,+npt,-rdrand,-rdseed"
    extra_args = "nokaslr norandmaps"
    max_cpus = 1        # with more, QEMU 7.2 never finishes booting, and later ones share one clock


def _escape(path):
    """A path inside a QEMU option: commas are doubled."""
    return str(path).replace(",", ",,")
