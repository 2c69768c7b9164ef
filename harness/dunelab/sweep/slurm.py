# SPDX-License-Identifier: MIT
"""A sweep as a job array of Slurm: its script, handing it in, waiting for it, what became of it.

Slurm schedules; task K runs point K by the command that runs it here. The tree, the results and the
cache are on a file system that the nodes share.
"""

import shlex
import shutil
import subprocess
import time

from dunelab import journal, paths, progress
from dunelab.errors import GuestError, UsageError

POLL_S = 3.0
LATE_S = 30.0           # a shared file system may show a record so long after its task's end
SILENT_S = 600.0        # a controller that answers nothing for so long is not coming back
COMMANDS = ("sbatch", "squeue", "scancel", "scontrol")


def require():
    """UsageError unless this machine can hand in jobs."""
    missing = [name for name in COMMANDS if not shutil.which(name)]
    if missing:
        raise UsageError(f"{missing[0]} is missing: --engine-runner slurm needs a machine that can "
                         "hand in jobs; apt-get install slurm-client, or leave the option away")


def ranges(numbers):
    """0,2-4,7 of ascending numbers, as --array takes them."""
    found = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in found)


def script(run, missing, jobs, options=()):
    """The text of the array's job script. jobs: tasks at once, None: as many as there is room for.
    options: more options of sbatch. UsageError for a directory that no script can name."""
    folder = run.store.path.resolve()
    if any(character in str(folder) for character in '"\\\n'):
        raise UsageError(f"{folder}: a job script cannot name it; choose another with --out")
    array = ranges([point.index for point in missing]) + (f"%{jobs}" if jobs else "")
    # In the name of a file % begins a number of Slurm's.
    output = str(folder / "slurm").replace("%", "%%")
    lines = ["#!/bin/sh", "# Each task is a point of the sweep, run as without a cluster.",
             f"#SBATCH --job-name=dunelab-{run.plan.name}", f"#SBATCH --array={array}",
             "#SBATCH --cpus-per-task=1", "#SBATCH --open-mode=append",
             f'#SBATCH --output="{output}/%a.log"',
             *(f"#SBATCH {option}" for option in options),
             f"exec {shlex.quote(str(paths.root() / 'scripts' / 'dunelab'))} sweep "
             f'--point "$SLURM_ARRAY_TASK_ID" {shlex.quote(str(folder))}', ""]
    return "\n".join(lines)


def executor(options):
    """What steprun.perform() takes in the place of its own execute()."""
    def execute(run, jobs):
        log = journal.Journal(run.store.journal)
        try:
            run.set(status="running", failures=[])
            missing = [point for point in run.plan.steps() if not run.record(point)]
            if missing:
                _array(run, missing, jobs, options, log)
            return all(run.record(point) for point in run.plan.steps())
        finally:
            log.close()
    return execute


def _array(run, missing, jobs, options, log):
    folder = run.store.path / "slurm"
    folder.mkdir(exist_ok=True)
    path = folder / "array.sh"
    path.write_text(script(run, missing, jobs, options), "utf-8")
    path.chmod(0o755)
    job = _submit(path)
    run.set(slurm={"job": job, "script": "slurm/array.sh"})
    log.write("submit", job=job, points=len(missing))
    shown = progress.Progress(sum(run.kind.expected_s(run.plan, p) for p in missing),
                              jobs or len(missing))
    shown.say(f"job {job}: {len(missing)} of {len(run.plan.steps())} points handed in")
    try:
        _wait(run, job, missing, shown, log)
    except BaseException:
        # Nobody would look at what it goes on to measure.
        subprocess.run(["scancel", job], check=False, capture_output=True)
        shown.say(f"job {job} cancelled")
        raise
    finally:
        shown.close()


def _submit(path):
    done = subprocess.run(["sbatch", "--parsable", path], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise GuestError(f"sbatch did not take the job: {done.stderr.strip()}")
    return done.stdout.strip().partition(";")[0]


def _wait(run, job, missing, shown, log):
    """Until every point has a record, or has left the queue without one."""
    left = {point.index: point for point in missing}
    ended, heard = {}, time.monotonic()     # index -> when its task was first not there
    while left:
        time.sleep(POLL_S)
        states = _queue(job)
        now = time.monotonic()
        if states is None:
            if now - heard > SILENT_S:
                raise GuestError(f"Slurm has not answered for {progress.duration(SILENT_S)}")
            continue
        heard = now
        for index, point in list(left.items()):
            record = run.record(point)
            if record:
                shown.finish(point.key, f"{point.key}: {run.kind.say(record)} in "
                                        f"{progress.duration(record['wall_s'])}")
                log.write("done", step=point.key, wall_s=record["wall_s"])
            elif index in states:
                ended.pop(index, None)
                if states[index].startswith("RUNNING"):
                    shown.start(point.key, point.key)
                elif len(states) == len(left):
                    # Nothing runs: the reason is worth knowing.
                    shown.start("queue", f"waiting: {states[index].lower()}")
                continue
            elif now - ended.setdefault(index, now) < LATE_S and _ended_well(job, index):
                continue
            else:
                reason = f"{point.key}: {_why(run, job, point)}"
                run.fail(reason)
                log.write("fail", step=point.key, detail=reason)
                shown.finish(point.key, reason)
            shown.finish("queue")
            shown.advance(run.kind.expected_s(run.plan, point))
            del left[index]


def _queue(job):
    """{index: "STATE reason"} of the tasks that have not ended; None when nobody answers."""
    done = subprocess.run(["squeue", "--noheader", "--array", "--jobs", job,
                           "--format", "%K|%T %r"], capture_output=True, text=True, check=False)
    if done.returncode:
        # After a while the controller forgets a job that has ended.
        return {} if "Invalid job id" in done.stderr else None
    pairs = [line.strip().partition("|") for line in done.stdout.splitlines()]
    return {int(index): state for index, _, state in pairs if index.isdigit()}


def _task(job, index):
    """{field: value} that the controller still knows of a task."""
    done = subprocess.run(["scontrol", "--oneliner", "show", "job", f"{job}_{index}"],
                          capture_output=True, text=True, check=False)
    return dict(word.partition("=")[::2] for word in done.stdout.split())


def _ended_well(job, index):
    """Whether a task may have left a record that is not to be seen yet."""
    return _task(job, index).get("JobState") in (None, "COMPLETED", "COMPLETING", "RUNNING",
                                                 "PENDING")


def _why(run, job, point):
    """Why a point has no record: what its task said last, or what Slurm says of it."""
    log = run.store.path / "slurm" / f"{point.index}.log"
    try:
        lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    said = [line.removeprefix("dunelab sweep: ") for line in lines
            if line.startswith("dunelab sweep: ")]
    known = _task(job, point.index)
    state = f"{known.get('JobState', 'gone')} {known.get('Reason', '')}".strip()
    text = (said or lines or ["its task left no output"])[-1].removeprefix(f"{point.key}: ")
    return f"{text} (Slurm: {state}; {log})"
