# SPDX-License-Identifier: MIT
"""QEMU without hardware help: `qemu` for function, `qemu-icount` for exact one-CPU counts."""

import functools
import shutil
import subprocess
import tomllib

from dunelab import paths
from dunelab.engine.base import Engine, Launch
from dunelab.errors import UsageError

PROGRAM = "qemu-system-x86_64"
HINT = "apt-get install qemu-system-x86 (or: make deps)"

# console: the only one there is. quiet: the UART costs time. panic=-1: reboot at once, which
# -no-reboot turns into the emulator's end. no_timer_check: on a busy host ten ticks may come too
# late for the kernel, which then gives up.
KERNEL_ARGS = "console=ttyS0 quiet panic=-1 no_timer_check"


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


@functools.lru_cache(maxsize=None)
def machine(name):
    """vm-images/machines/NAME.toml as a dict; UsageError when it is missing or broken."""
    path = paths.root() / "vm-images" / "machines" / f"{name}.toml"
    try:
        with open(path, "rb") as file:
            fields = tomllib.load(file)
        return {key: fields[key] for key in ("model", "max_cpus", "kernel_args", "options")}
    except FileNotFoundError as error:
        raise UsageError(f"the machine description {path} is missing") from error
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise UsageError(f"{path}: {error}") from error


class Qemu(Engine):
    """TCG with AMD SVM, one host thread per guest CPU. Its clock is the host's: no latency
    conclusion can be drawn from it."""

    name = "qemu"
    clock_domain = "ns(host)"
    deterministic = False
    machine_name = "qemu-svm"

    def version(self):
        version = program_version()
        if not version:
            raise UsageError(f"{PROGRAM} is missing: {HINT}")
        return f"{version}, machine {self.machine_name}"

    def available(self):
        version = program_version()
        if not version:
            return False, f"{PROGRAM} is missing: {HINT}"
        return True, f"{version}, machine {self.machine_name}"

    def launch(self, boot):
        wanted = machine(self.machine_name)
        if not 1 <= boot.cpus <= wanted["max_cpus"]:
            raise UsageError(f"engine {self.name} takes 1 to {wanted['max_cpus']} CPUs, "
                             f"not {boot.cpus}")
        work = boot.workdir
        console, channel = work / "console.log", work / "frames.bin"
        cmdline = " ".join([KERNEL_ARGS, *wanted["kernel_args"], boot.cmdline]).strip()
        argv = [
            shutil.which(PROGRAM) or PROGRAM, *wanted["options"], "-cpu", wanted["model"],
            "-smp", str(boot.cpus), "-m", str(boot.memory_mib),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-serial", f"file:{_escape(console)}",
            "-chardev", f"file,id=frames,path={_escape(channel)}",
            "-device", "isa-debugcon,iobase=0xe9,chardev=frames",
            "-kernel", str(boot.kernel), "-initrd", str(boot.initrd), "-append", cmdline,
        ]
        return Launch(argv, console, channel, work / "emulator.log")


class QemuIcount(Qemu):
    """One CPU whose clock is its instruction count: exact counts, as long as no device I/O runs
    in the timed part."""

    name = "qemu-icount"
    clock_domain = "instr(icount)"
    deterministic = True
    machine_name = "qemu-icount"


def _escape(path):
    """A path inside a QEMU option: commas are doubled."""
    return str(path).replace(",", ",,")
