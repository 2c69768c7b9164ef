# SPDX-License-Identifier: MIT
"""The measuring engine: a patched Bochs whose clock is the instruction count of its CPUs."""

import hashlib
import os
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from dunelab import linuxboot, paths, profiles
from dunelab.engine.base import Engine, Launch
from dunelab.errors import UsageError

MACHINE = "bochs-svm"
MAX_CPUS = 8
# console: the only one there is. quiet: a character on the console costs the guest time. panic=-1:
# reset at once, which ends the emulator (DUNELAB_NO_REBOOT).
KERNEL_ARGS = "console=ttyS0 quiet panic=-1"


@dataclass(frozen=True)
class Machine:
    """A file of vm-images/machines: what the guest's hardware is.

    ips: instructions per virtual second, = TSC frequency in Hz. quantum: ticks per CPU and round.
    time0: the guest's boot date, seconds since 1970 UTC. seed: of RDRAND, >= 0.
    """

    name: str
    engine: str
    model: str
    cpus: int
    memory_mib: int
    ips: int
    quantum: int
    time0: int
    seed: int
    kernel_args: tuple


def load_machine(name=MACHINE):
    """The Machine of vm-images/machines/NAME.toml; UsageError says what is wrong with the file."""
    path = paths.root() / "vm-images" / "machines" / f"{name}.toml"
    try:
        with open(path, "rb") as file:
            fields = tomllib.load(file)
        fields["kernel_args"] = tuple(fields["kernel_args"])
        return Machine(**fields)
    except FileNotFoundError as error:
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.toml")))
        raise UsageError(f"no machine '{name}'; there are: {known}") from error
    except (tomllib.TOMLDecodeError, TypeError, KeyError) as error:
        raise UsageError(f"{path}: {error}") from error


class Bochs(Engine):
    """Several CPUs in lockstep; the same boot gives the same bits on every host."""

    name = "bochs"
    clock_domain = "instr(bochs)"
    deterministic = True
    takes_profiles = True
    usual_profile = "zen2-2019"
    poweroff_grace_s = 10.0
    machine_file = MACHINE
    vendor = "amd"

    def __init__(self, machine=None, seed=None, profile=profiles.NONE):
        """profile: a name, or a Profile made for the occasion."""
        self.machine = machine or load_machine(self.machine_file)
        self.seed = self.machine.seed if seed is None else seed
        self.costs = profiles.load(profile) if isinstance(profile, str) else profile
        self.profile = self.costs.name
        if self.costs.charges:
            if self.costs.vendor != self.vendor:
                raise UsageError(f"cost profile {self.profile} is of an {self.costs.vendor} "
                                 f"processor, engine {self.name} is an {self.vendor} machine: "
                                 f"use ENGINE={MACHINES[self.costs.vendor]}")
            self.clock_domain = profiles.DOMAIN

    def version(self):
        """Version, hash of source, patches and configuration, the BIOS', the machine, its costs."""
        try:
            lines = (self._installed() / "version").read_text().splitlines()
        except FileNotFoundError as error:
            raise UsageError("Bochs has not been built yet: run make bochs") from error
        m = self.machine
        costs = ""
        if self.costs.charges:
            sha = hashlib.sha256(self.costs.flat().encode()).hexdigest()
            costs = f", costs {self.profile} {sha[:16]}"
        return (f"{lines[0]}, {lines[1][:21]}, {m.name}: {m.model}, ips {m.ips}, "
                f"quantum {m.quantum}, seed {self.seed}{costs}")

    def available(self):
        folder = self._installed()
        if not (folder / "complete").exists():
            return False, "Bochs has not been built yet: run make bochs"
        return True, self.version()

    def ensure(self):
        """Build it (two to three minutes), unless that has been done. Progress goes to stderr."""
        if (self._installed() / "complete").exists():
            return
        done = subprocess.run([_script()], stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise UsageError("Bochs could not be built; the reason is above")

    def kernel_args(self, cmdline=""):
        """All kernel arguments of a boot that asks for `cmdline`."""
        khz = self.machine.ips // 1000
        return " ".join([KERNEL_ARGS, *self.machine.kernel_args, f"tsc_early_khz={khz}",
                         cmdline]).strip()

    def launch(self, boot):
        """Writes bochsrc, boot parameters and boot ROM into boot.workdir, where Bochs runs: every
        path in bochsrc is relative, its syntax knows no quoting."""
        if not 1 <= boot.cpus <= MAX_CPUS:
            raise UsageError(f"engine bochs takes 1 to {MAX_CPUS} CPUs, not {boot.cpus}")
        folder, work = self._installed(), boot.workdir
        if not (folder / "complete").exists():
            raise UsageError("Bochs has not been built yet: run make bochs")
        with open(boot.kernel, "rb") as file:
            head = file.read(4096)
        try:
            layout = linuxboot.plan(head, os.path.getsize(boot.initrd),
                                    self.kernel_args(boot.cmdline), boot.memory_mib)
        except UsageError as error:
            raise UsageError(f"{boot.kernel}: {error}") from error
        (work / "bochs.params").write_bytes(layout.params)
        (work / "bochs.rom").write_bytes(layout.rom)
        for name, target in (("bochs.kernel", boot.kernel), ("bochs.initrd", boot.initrd),
                             ("BIOS-bochs-latest", folder / "BIOS-bochs-latest")):
            (work / name).unlink(missing_ok=True)
            (work / name).symlink_to(Path(target).absolute())
        (work / "bochsrc").write_text(self.bochsrc(boot, layout))
        costs = ""
        if self.costs.charges:
            costs = "bochs.costs"
            (work / costs).write_text(self.costs.flat())
        env = {"DUNELAB_E9": "frames.bin", "DUNELAB_NO_REBOOT": "1", "DUNELAB_SEED": str(self.seed),
               "DUNELAB_COSTS": costs,
               "TZ": "UTC", "LC_ALL": "C", "BXSHARE": ".", "PATH": os.environ.get("PATH", "")}
        return Launch([folder / "bochs", "-q", "-f", "bochsrc"], work / "console.log",
                      work / "frames.bin", work / "emulator.log", env)

    def bochsrc(self, boot, layout):
        """The configuration file's text."""
        m = self.machine
        return f"""\
# Written by dunelab for one boot.
cpu: model={m.model}, count={boot.cpus}, ips={m.ips}, quantum={m.quantum}, reset_on_triple_fault=0
memory: guest={boot.memory_mib}, host={boot.memory_mib}
clock: sync=none, time0={m.time0}
romimage: file=BIOS-bochs-latest
vgaromimage: file=bochs.rom
optramimage1: file=bochs.params, address={linuxboot.PARAMS_BASE:#x}
optramimage2: file=bochs.kernel, address={layout.image_address:#x}
optramimage3: file=bochs.initrd, address={layout.initrd_address:#x}
pci: enabled=1, chipset=i440fx
com1: enabled=1, mode=file, dev=console.log
port_e9_hack: enabled=1
display_library: nogui
vga: extension=none, update_freq=1, realtime=0
floppya: type=none
ata0: enabled=0
ata1: enabled=0
log: -
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""

    @staticmethod
    def _installed():
        """The directory `build` installs to; it changes with everything that decides the result."""
        global _dest
        if _dest is None:
            done = subprocess.run([_script(), "--path"], capture_output=True, text=True, check=True)
            _dest = Path(done.stdout.strip())
        return _dest


class BochsVmx(Bochs):
    """The same emulator as an Intel machine."""

    name = "bochs-vmx"
    machine_file = "bochs-vmx"
    vendor = "intel"
    usual_profile = "ivybridge-2012"


# The engine for profiles of a vendor.
MACHINES = {"amd": Bochs.name, "intel": BochsVmx.name}

_dest = None


def _script():
    return paths.root() / "vm-images" / "emulators" / "bochs" / "build"
