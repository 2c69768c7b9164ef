# SPDX-License-Identifier: MIT
"""What every engine is: a boot goes in, a result with status, frames and console comes out."""

import importlib
from dataclasses import dataclass, field
from pathlib import Path

from dunelab.errors import UsageError

# name -> (module, class). A module is imported when its engine is asked for.
ENGINES = {
    "qemu": ("dunelab.engine.qemu", "Qemu"),
    "qemu-icount": ("dunelab.engine.qemu", "QemuIcount"),
    "bochs": ("dunelab.engine.bochs", "Bochs"),
    "bochs-vmx": ("dunelab.engine.bochs", "BochsVmx"),
    "kvm": ("dunelab.engine.kvm", "Kvm"),
}

CPUS, MEMORY_MIB = 1, 512       # of a guest, unless told

DONE, TIMEOUT, PANIC, LOST, DIED = "DONE", "TIMEOUT", "PANIC", "LOST", "DIED"


@dataclass(frozen=True)
class Boot:
    """One boot, complete: the same Boot on a deterministic engine gives the same bits.

    cmdline: kernel arguments beside those the engine adds itself (console, quiet, panic...).
    timeout_s: seconds of wall time, > 0, after which the guest counts as hung.
    workdir: existing directory, used by this boot alone; console and frames stay there.
    """

    kernel: Path
    initrd: Path
    cmdline: str
    cpus: int
    memory_mib: int
    timeout_s: float
    workdir: Path


@dataclass
class Launch:
    """How an engine starts its emulator for one Boot.

    console, channel: files the emulator writes the serial console and the bytes of port 0xe9 to.
    log: file that receives the emulator's own stdout and stderr.
    env: the emulator's complete environment, None = ours. cwd: None = the boot's workdir.
    """

    argv: list
    console: Path
    channel: Path
    log: Path
    env: dict = None
    cwd: Path = None


@dataclass
class BootResult:
    """What became of one boot.

    status: DONE (the guest sent its exit status, every frame intact; or stop_when ended it),
        TIMEOUT (hung), PANIC (the kernel), LOST (ended without exit status, or frames damaged),
        DIED (the emulator crashed or was killed).
    exit_code: the guest program's status 0..255, None if it did not say.
    detail: one line for DONE; otherwise the reason and the console's last lines.
    wall_s: seconds from start to end of the emulator; time_to_run_s: until /lab/run started.
    """

    status: str
    exit_code: int | None
    detail: str
    frames: list
    console: Path
    wall_s: float
    argv: list
    time_to_run_s: float | None = None
    errors: list = field(default_factory=list)      # damage found in the frame stream

    @property
    def ok(self):
        """The guest ran to its end and its program succeeded."""
        return self.status == DONE and self.exit_code == 0

    def payload(self, name, kind="file"):
        """Payload of the last frame of that kind and name, or None."""
        found = [f.payload for f in self.frames if f.kind == kind and f.name == name]
        return found[-1] if found else None

    def console_text(self):
        """The whole console; '' when the emulator never opened it."""
        try:
            return self.console.read_text("utf-8", "replace").replace("\r", "")
        except FileNotFoundError:
            return ""


class Engine:
    """One emulator configuration. Subclasses give the four attributes, version(), available(),
    launch() and, where something has to be built first, ensure()."""

    name = ""
    clock_domain = ""           # what the guest's clock counts: instr(bochs), ns(host), ...
    profile = "none"            # what is charged for events: a name of vm-images/machines/costs
    deterministic = False       # the same Boot gives the same bits
    takes_profiles = False      # can charge for events by a cost profile
    usual_profile = "none"      # what an experiment measures under beside `none`
    poweroff_grace_s = 5.0      # wall seconds the guest has to power off after its exit frame

    def version(self):
        """The emulator's version in one line, for the record of a run."""
        raise NotImplementedError

    def record(self):
        """What a result keeps of it: all that decides what its figures mean."""
        return {"name": self.name, "version": self.version(), "clock_domain": self.clock_domain,
                "profile": self.profile, "deterministic": self.deterministic}

    def available(self):
        """(True, what it is) or (False, why not and what to do). Cheap enough to call often."""
        raise NotImplementedError

    def ensure(self):
        """Build or fetch what the engine needs; UsageError says what to do when that fails."""
        usable, reason = self.available()
        if not usable:
            raise UsageError(f"engine {self.name} cannot be used: {reason}")

    def launch(self, boot):
        """The Launch for this boot; writes configuration files into boot.workdir if need be."""
        raise NotImplementedError

    def run(self, boot, on_frame=None, stop_when=None, on_console=None, crash_kernel=False):
        """Boot, watch, and return a BootResult; never leaves the emulator behind.

        on_frame(frame) and on_console(bytes) are called while the guest runs, within a tenth of a
        second. stop_when(frames so far) -> bool, asked after each frame, ends the boot early.
        crash_kernel: a panic starts another kernel, so that it does not end the boot.
        """
        from dunelab.engine.supervise import supervise
        return supervise(self, boot, self.launch(boot), on_frame, stop_when, on_console,
                         crash_kernel)


def names():
    """All engine names, in the order to list them in."""
    return list(ENGINES)


def get(name, profile=None):
    """The engine called `name`, charging by a cost profile (a name, or a Profile made for the
    occasion); UsageError lists the known ones."""
    if name not in ENGINES:
        raise UsageError(f"unknown engine '{name}'; known engines: {', '.join(ENGINES)}")
    module, cls = ENGINES[name]
    engine = getattr(importlib.import_module(module), cls)
    if profile in (None, "none"):
        return engine()
    if not engine.takes_profiles:
        able = [known for known in ENGINES if known.startswith("bochs")]
        raise UsageError(f"engine {name} has no cost model: PROFILE={profile} needs one of "
                         f"{', '.join(able)}")
    return engine(profile=profile)
