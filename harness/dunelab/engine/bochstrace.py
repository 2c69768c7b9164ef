# SPDX-License-Identifier: MIT
"""The measuring engine with its trace: another build of the same Bochs, with the same clocks, that
tells what happens (vm-images/emulators/bochs/trace). It is slower; what it runs cannot notice."""

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from dunelab import paths
from dunelab.engine import base
from dunelab.errors import UsageError

EVENTS, COUNTS = "trace.events", "trace.counts"


@dataclass(frozen=True)
class Wanted:
    """What a traced boot shall tell.

    kernel: a symbols.Kernel, by which the guest's tasks are known. windows: [(from, to)] in ticks
    of the TSC, in order, without overlap; or marks: while the guest has written 1 to port 0xe8;
    with neither, nothing. stacks: count instructions by the calls that led to them.
    """

    kernel: object
    windows: tuple = ()
    marks: bool = False
    events: bool = True
    counts: bool = True
    stacks: bool = False

    def text(self):
        """The file that the emulator reads."""
        kernel = self.kernel
        lines = [f"switch_to {kernel.switch_to:x} {kernel.pid_offset} {kernel.comm_offset}"]
        lines += [f"events {EVENTS}"] if self.events else []
        lines += [f"counts {COUNTS}"] if self.counts else []
        lines += ["stacks"] if self.stacks else []
        lines += ["marks"] if self.marks else []
        lines += [f"window {begin} {end}" for begin, end in self.windows]
        return "\n".join(lines) + "\n"


def traced(name, profile, wanted):
    """The engine `name` with its trace; UsageError when it is none of Bochs'."""
    plain = base.get(name, profile)
    if not name.startswith("bochs"):
        raise UsageError(f"engine {name} tells nothing about its guests: this needs ENGINE=bochs "
                         "or bochs-vmx")
    return _engine_class(type(plain))(wanted, profile=plain.costs)


def _engine_class(plain):
    class Traced(plain):
        """Its version is the plain engine's: the guest's bits are the same."""

        def __init__(self, wanted, **options):
            super().__init__(**options)
            self.wanted = wanted

        def ensure(self):
            super().ensure()
            if (_installed() / "complete").exists():
                return
            done = subprocess.run([_script(), "--trace"], stdout=subprocess.DEVNULL, check=False)
            if done.returncode:
                raise UsageError("Bochs with its trace could not be built; the reason is above")

        def launch(self, boot):
            launch = super().launch(boot)
            (boot.workdir / "bochs.trace").write_text(self.wanted.text())
            return replace(launch, argv=[_installed() / "bochs", *launch.argv[1:]],
                           env={**launch.env, "DUNELAB_TRACE": "bochs.trace"})
    return Traced


def _script():
    return paths.root() / "vm-images" / "emulators" / "bochs" / "build"


def _installed():
    done = subprocess.run([_script(), "--trace", "--path"], capture_output=True, text=True,
                          check=True)
    return Path(done.stdout.strip())
