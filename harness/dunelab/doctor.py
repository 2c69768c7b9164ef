# SPDX-License-Identifier: MIT
"""Says what works on this host, one line each, and what to do about what does not."""

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass

from dunelab import arguments, colour, engine, paths
from dunelab.errors import DunelabError

DISK_NEEDED = 3 << 30       # bytes for kernels, Bochs and images, nothing cached
MEMORY_NEEDED = 3 << 30     # bytes for two emulators at once beside a build

OK, MISSING, NOTE = "ok", "missing", "note"


@dataclass
class Finding:
    """One line. missing: something essential is not there; note: worth knowing, nothing fails."""

    what: str
    state: str
    text: str


def check_python():
    """The interpreter and the modules beside the standard library."""
    if sys.version_info < (3, 11):
        return [Finding("python", MISSING, f"{platform.python_version()}, 3.11 or newer is needed: "
                        "use Debian's /usr/bin/python3")]
    return [Finding("python", OK, f"{platform.python_version()} ({sys.executable})")]


def check_packages():
    """The Debian packages of scripts/deps: those to build and run, and those to test."""
    return [_packages("base", MISSING), _packages("test", NOTE)]


def check_host():
    """CPUs, memory and disk."""
    cpus = len(os.sched_getaffinity(0))
    found = [Finding("cpus", OK if cpus > 1 else NOTE,
                     f"{cpus}" + ("" if cpus > 1 else ": two guests at once will be slow"))]
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":") for line in file)
    available = int(fields["MemAvailable"].split()[0]) << 10
    found.append(_amount("memory", available, MEMORY_NEEDED, "close other programs, or use JOBS=1"))
    for name, path in (("disk, build", paths.build()), ("disk, cache", paths.cache())):
        there = next(p for p in (path, *path.parents) if p.exists())
        found.append(_amount(name, shutil.disk_usage(there).free, DISK_NEEDED,
                             f"make room below {there}, or set "
                             f"{'BUILD' if path == paths.build() else 'DUNELAB_CACHE'}"))
    return found


def check_kernels():
    """The fetched guest kernels."""
    found = []
    folders = {path.parent for path in (paths.build() / "kernel").glob("*/version")}
    for folder in sorted({*folders, paths.kernel()}):
        try:
            version = json.loads((folder / "version").read_text())
            found.append(Finding(f"kernel {folder.name}", OK,
                                 f"{version['release']} ({version['package_version']})"))
        except (OSError, ValueError, KeyError):
            found.append(Finding(f"kernel {folder.name}", NOTE,
                                 "not fetched yet: make kernel does it"))
    return found


def check_modules():
    """dune.ko for the fetched kernels."""
    modules = sorted((paths.build() / "modules").glob("*/dune.ko"))
    if not modules:
        return [Finding("dune.ko", NOTE, "not built yet: make modules does it")]
    return [Finding("dune.ko", OK, "built for " + ", ".join(m.parent.name for m in modules))]


def check_engines():
    """Every engine, KVM by booting a guest on it."""
    found = []
    for name in engine.names():
        try:
            chosen = engine.get(name)
            usable, reason = chosen.available()
            text = f"{reason}; clock: {chosen.clock_domain}" if usable else reason
        except DunelabError as error:
            usable, text = False, str(error)
        # KVM is a bonus, Bochs is built when it is first needed; QEMU has to be there.
        state = OK if usable else MISSING if name == "qemu" else NOTE
        found.append(Finding(f"engine {name}", state, text.replace("\n", " ")))
    return found


CHECKS = (check_python, check_packages, check_host, check_kernels, check_modules, check_engines)


def _packages(group, state):
    script = paths.root() / "scripts" / "deps"
    done = subprocess.run([script, "--check", group], capture_output=True, text=True, check=False)
    what = f"packages, {group}"
    if done.returncode == 0:
        return Finding(what, OK, "all installed")
    if done.returncode != 1:
        return Finding(what, state, done.stderr.strip() or "scripts/deps failed")
    lines = [line.removeprefix("missing: ") for line in done.stdout.splitlines()]
    names = ", ".join(line.split("\t")[0] for line in lines)
    return Finding(what, state, f"{names}: run make deps")


def _amount(what, have, need, remedy):
    text = f"{have / (1 << 30):.1f} GiB free"
    if have >= need:
        return Finding(what, OK, text)
    return Finding(what, NOTE, f"{text}, {need / (1 << 30):.0f} GiB are comfortable: {remedy}")


def main(argv):
    """`python3 -m dunelab doctor`: 0 unless something essential is missing, then 2."""
    parser = arguments.Parser(prog="dunelab doctor", description=__doc__, examples=[
        "dunelab doctor", "dunelab doctor --json | jq '.[] | select(.state == \"missing\")'"])
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    args, found = parser.parse_args(argv), []
    for check in CHECKS:
        for finding in check():
            found.append(finding)
            if not args.json:
                print(colour.verdicts(f"{finding.state:<8}"), f"{finding.what:<18} {finding.text}",
                      flush=True)
    if args.json:
        print(json.dumps(list(map(asdict, found)), indent=1))
    return 2 if any(finding.state == MISSING for finding in found) else 0
