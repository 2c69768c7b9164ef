# SPDX-License-Identifier: MIT
"""What the emulator itself costs the host: `perf stat` around its process."""

import shutil
import subprocess
from dataclasses import replace

EVENTS = ("task-clock", "context-switches", "cpu-migrations", "page-faults", "instructions",
          "cycles", "branch-misses", "cache-misses")
FILE = "perf.stat"


def missing():
    """Why `perf stat` cannot be had on this host, in one line; "" when it can."""
    if not shutil.which("perf"):
        return "perf is not installed on this host: apt-get install linux-perf"
    done = subprocess.run(["perf", "stat", "-e", EVENTS[0], "--", "true"], capture_output=True,
                          text=True, check=False)
    if done.returncode == 0:
        return ""
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return f"perf stat is not permitted here or broken: {said[0] if said else 'it says nothing'}"


def counted(engine):
    """The same engine, its emulator under `perf stat`: the same guest, the same clocks."""

    class Counted(type(engine)):
        """Leaves FILE in the boot's directory."""

        def launch(self, boot):
            launch = super().launch(boot)
            # The emulator ends with perf, whatever ends that.
            return replace(launch, argv=[
                shutil.which("perf"), "stat", "-x", ",", "-o", boot.workdir / FILE, "-e",
                ",".join(EVENTS), "--", shutil.which("setpriv"), "--pdeathsig", "KILL", "--",
                *launch.argv])

    copy = object.__new__(Counted)
    copy.__dict__ = dict(engine.__dict__)
    return copy


def read(path):
    """{event: value or None} of the file of a boot; None: the host cannot count that. {} when perf
    left nothing. task-clock is in ms."""
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return {}
    found = {}
    for line in text.splitlines():
        words = line.split(",")
        if len(words) < 3 or line.startswith("#"):
            continue
        try:
            # `instructions:u` where only user space may be counted.
            found[words[2]] = float(words[0])
        except ValueError:
            found[words[2].partition(":")[0]] = None
    return found


def rows(found):
    """[(event, value in words)] for people."""
    return [(name, "not counted on this host" if value is None else f"{value:,.0f}"
             + (" ms" if name.startswith("task-clock") else ""))
            for name, value in found.items()]
