# SPDX-License-Identifier: MIT
"""The applications of the paper: what each needs in a guest, and the guest's script that runs it.

The lines that a script leaves in the frame FRAME are read by costs.parse(); their names are
APPLICATION.WHAT.SYSTEM.
"""

from dataclasses import dataclass

from dunelab import paths
from dunelab.errors import UsageError

FRAME = "app"
# Large pages as Debian has them by default: a kernel with little memory would not.
# What was measured comes back even if something fails later; the complaint is on the console.
_SCRIPT = """
echo 0 >/proc/sys/kernel/printk
echo always >/sys/kernel/mm/transparent_hugepage/enabled
insmod /lab/modules/dune.ko || exit
({runs}); status=$?
report file /tmp/app app
rmmod dune && exit $status
"""


@dataclass(frozen=True)
class Needs:
    """What a guest must have: names of dunelab.packages.PROGRAMS, {guest path: host Path}, MiB
    of memory, CPUs."""

    packages: tuple
    files: dict
    memory_mib: int = 512
    cpus: int = 2


# figure of the sandbox -> the package that its program is in
_PROGRAMS = {
    "awk": "mawk", "bc": "bc", "bzip2": "bzip2", "gcc": "gcc-12", "gzip": "gzip",
    "lighttpd": "lighttpd",
    "openssl": "openssl", "perl": "perl-base", "picosat": "picosat",
    "python": "python3.11-minimal", "sqlite": "sqlite3", "tcc": "tcc", "xz": "xz-utils",
}
NAMES = ("sandbox", "sthread", "gc")


def _check(name):
    if name not in NAMES:
        raise UsageError(f"unknown application '{name}'; known: {', '.join(NAMES)}")


def needs(name, only=()):
    """The Needs of an application, or of these figures of it."""
    _check(name)
    if name != "sandbox":
        return Needs((), {})
    folder = paths.root() / "workloads/apps/sandbox/programs"
    files = {f"/apps/sandbox/{path.name}": path for path in sorted(folder.iterdir())}
    wanted = tuple(_PROGRAMS[one] for one in only or _PROGRAMS if one in _PROGRAMS)
    return Needs(wanted, files, memory_mib=512 if only else 768)


def script(name, quick=False, only=(), seed=1, batches=None):
    """The guest's script; only: names of figures, all without."""
    _check(name)
    command = f"app-{name}" + (" --quick" if quick else "") \
        + (f" --batches {batches}" if batches else "") + f" --seed {seed}"
    runs = [f"{command} --only {one}" for one in only] or [command]
    return _SCRIPT.format(runs=" && ".join(f"{run} >>/tmp/app" for run in runs))
