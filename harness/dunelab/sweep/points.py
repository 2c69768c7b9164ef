# SPDX-License-Identifier: MIT
"""One point of a sweep: a run of the experiment by its own command, and the record that it leaves.

    steps/<key>/record.json     where the run is, what it gave, and everything that decided it
    steps/<key>/<experiment>/   the run's own directory, as `dunelab experiment` makes it
    steps/<key>/output.txt      what the command said
    steps/<key>/stopped/<N>/    a record and runs that are not as they were measured
A point without record.json has not been done. This machine's runner and a cluster's job run it
alike.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import time

from dunelab import hostenv, journal, kvrun, paths, plan as experiments, steprun, store
from dunelab.engine import supervise
from dunelab.errors import GuestError, UsageError
from dunelab.jitter import plan as jitter, steps as jitter_steps
from dunelab.spin import plan as spin, steps as spin_steps
from dunelab.sweep import figures, parameters, plan as planning

POLL_S = 0.2
GRACE_S = 60.0          # for an experiment to write down what it has, after it was told to stop
_PROBES_S = 30.0        # of jitter's boots, for the ETA


def expected_s(plan, point):
    """Seconds that a point is expected to take, alone."""
    if plan.experiment == "spin":
        made = spin.make(systems=point.get("system"), laws=point.get("w"),
                         policies=point.get("policy"), loads=point.get("load"),
                         cores=point.get("cores"), requests=point.get("requests"),
                         quick=point.get("quick") == "true", full=point.get("full") == "true",
                         noises=point.get("noise"))
        return sum(spin_steps.expected_s(made, step) for step in made.steps())
    named = len((point.get("system") or "").split())
    if plan.experiment == "jitter":
        return (named or len(jitter.SYSTEMS)) * (jitter_steps.BOOT_S + _PROBES_S)
    boot, thousand = kvrun.PACE.get(point.get("engine") or "bochs", (10.0, 0.5))
    systems = named or len(experiments.DEFAULT_SYSTEMS)
    loads = len((point.get("load") or "").split()) or len(experiments.DEFAULT_LOADS)
    requests = int(point.get("requests") or experiments.DEFAULT_REQUESTS) / 1000 * thousand
    return systems * (3 * boot + kvrun.PREPARATION / 1000 * thousand + loads * requests)


def run(plan, point, folder):
    """Run the experiment; write the point's directory. GuestError if it did not get through,
    UsageError when somebody else runs it, KeyboardInterrupt when this process is to end."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(journal.Journal(folder / "journal.ndjson")) as log:
        if _damaged(plan, folder):
            log.write("set aside", point=point.key, to=_set_aside(plan, folder))
        begin, before = time.monotonic(), _complete(plan, folder)
        argv = parameters.words(plan.experiment, dict(point.values))
        if not before:
            log.write("start", point=point.key)
            _experiment(plan, point, folder, argv)
            before = _complete(plan, folder)
        if not before:
            raise GuestError(f"{point.key}: the experiment said that it is complete, and left no "
                             f"complete run in {folder / plan.experiment}")
        store.write_json(folder / "record.json", _record(
            plan, point, folder, before, argv, time.monotonic() - begin))
        log.write("done", point=point.key)


def _runs(plan, folder):
    """[(directory, manifest)] of the runs of a point that have one, the newest first."""
    found = []
    for path in sorted((folder / plan.experiment).glob("*/manifest.json"), reverse=True):
        if not path.parent.is_symlink():
            found.append((path.parent, store.read_json(path)))
    return found


def _complete(plan, folder):
    """The run of a point that got to its end, or None."""
    return next((path for path, kept in _runs(plan, folder) if kept["status"] == "complete"), None)


def _damaged(plan, folder):
    """Whether what a point has left is not what was measured, so that a record of it would make it
    valid again."""
    if (folder / "record.json").exists():
        return True         # it did not count: nobody runs a point that is done
    try:
        return any(kept["status"] == "complete" and not figures.whole(plan.experiment, path)
                   for path, kept in _runs(plan, folder))
    except (ValueError, TypeError, KeyError):
        return True         # a manifest that is none


def _set_aside(plan, folder):
    """Move a point's runs and record to stopped/N, in this order: while there is a record, they
    do not count."""
    kept = next(path for path in (folder / "stopped" / str(number)
                                  for number in itertools.count(1)) if not path.exists())
    kept.mkdir(parents=True)
    for name in (plan.experiment, "record.json"):
        if (folder / name).exists():
            (folder / name).rename(kept / name)
    return str(kept.relative_to(folder))


def _experiment(plan, point, folder, argv):
    words = [*argv, "--out", str(folder), "--jobs", "1"]
    if _runs(plan, folder):
        words.append("--resume")
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise UsageError("setpriv is missing: apt-get install util-linux")
    output = folder / "output.txt"
    with open(output, "ab") as file:
        # In a group of its own, so that Ctrl-C comes to it once, and from here.
        child = subprocess.Popen(
            [setpriv, "--pdeathsig", "INT", "--", paths.root() / "scripts" / "dunelab", *words],
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, process_group=0,
            env=os.environ | parameters.environment(dict(point.values)))
        try:
            while child.poll() is None and not supervise.cancelled():
                time.sleep(POLL_S)
        finally:
            _stop(child)
    if supervise.cancelled():
        raise KeyboardInterrupt
    if child.returncode:
        raise GuestError(f"{point.key}: {_reason(output, child.returncode)} (see {output})")


def _stop(child):
    """Let a command that still runs write down what it has, and end it."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _reason(output, status):
    """Why a command failed, in a line: its own last words."""
    lines = [line for line in output.read_text("utf-8", "replace").splitlines() if line.strip()]
    said = [number for number, line in enumerate(lines) if line.startswith("dunelab experiment: ")]
    if said:
        # The second line of a run that is incomplete says of what.
        first = lines[said[-1]].removeprefix("dunelab experiment: ")
        return " ".join([first, *(line.strip() for line in lines[said[-1] + 1:][:1])])
    return lines[-1].strip() if lines else f"the command ended with status {status}"


def _record(plan, point, folder, path, argv, wall_s):
    commit, dirty = hostenv.commit()
    kept = store.read_json(path / "manifest.json")
    try:
        engine, rows, problems = figures.read(plan.experiment, path)
    except ValueError as error:
        raise GuestError(f"{point.key}: {error}") from None
    # What was measured, not what is made of it: a report may be made again.
    files = [path / "manifest.json", *path.glob("steps/*/*"), *path.glob("cells/*/runs/*/*")]
    return {
        "schema": "dunelab-sweep-point/1", "key": point.key, "index": point.index,
        "values": dict(point.values), "run": str(path.relative_to(folder)), "argv": argv,
        "engine": engine, "commit": kept["commit"], "dirty": kept["dirty"] or dirty,
        "wall_s": round(wall_s, 1), "figures": rows, "problems": problems,
        "files": {str(file.relative_to(folder)): store.sha256(file)
                  for file in sorted(files) if file.is_file()}}


def _say(record):
    flagged = f", {len(record['problems'])} remarks" if record["problems"] else ""
    return f"{len(record['figures'])} figures{flagged}"


KIND = steprun.Kind("sweep", "a sweep", planning.load, run, expected_s, _say,
                    "the same command with --resume", "points")
