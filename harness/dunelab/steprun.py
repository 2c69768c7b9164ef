# SPDX-License-Identifier: MIT
"""A run that consists of steps, a boot each: it boots those that have not been done, and what it
is is on disk at every moment.

A plan is a dataclass with `workload`, digest() and steps(); a step has a `key` and `needs`.
"""

import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable

from dunelab import again, hostenv, journal, progress, schedule, store
from dunelab.errors import DunelabError, GuestError, UsageError
from dunelab.record import utc

INTERRUPTED = 130


@dataclass(frozen=True)
class Kind:
    """What runs of one kind have in common. name: in the names of its schemas."""

    name: str
    title: str                  # "the paper": a run of what
    load: Callable              # text of a plan.json -> plan; ValueError
    boot: Callable              # (plan, step, folder): leaves record.json there; DunelabError
    expected_s: Callable        # (plan, step) -> seconds
    say: Callable               # record -> what was measured, in a few words
    again: str                  # the command that goes on with a run
    unit: str = "boots"         # what a person calls the steps
    version: int = 1            # of a step's record

    @property
    def record_schema(self):
        """The schema of a step's record.json."""
        kind = "point" if self.unit == "points" else "step"
        return f"dunelab-{self.name}-{kind}/{self.version}"


class Run:
    """A run's directory: plan.json, manifest.json, journal.ndjson, steps/."""

    def __init__(self, kind, path, plan):
        self.kind, self.store, self.plan = kind, store.Store(path), plan
        self.manifest = store.read_json(self.store.manifest, {})
        self.damaged = set()        # sentences about records that do not count
        self._lock = threading.Lock()

    def folder(self, step):
        """Directory of a step."""
        return self.store.path / "steps" / step.key

    def record(self, step):
        """The record of a step that has been done and is whole, or None."""
        folder = self.folder(step)
        try:
            found = (store.read_record(folder / "record.json", self.kind.record_schema)
                     if (folder / "record.json").exists() else None)
            wrong = store.changed(folder, found.get("files", {})) if found else []
        except (ValueError, OSError) as error:
            self.damaged.add(f"{step.key}: its record is damaged ({error})")
            return None
        if wrong:
            self.damaged.add(f"{step.key}: {', '.join(wrong)} changed since it was measured")
            return None
        return found

    def set(self, **values):
        """Replace fields of the manifest."""
        with self._lock:
            self.manifest.update(values)
            store.write_json(self.store.manifest, self.manifest)

    def fail(self, reason):
        """Something that the report has to say."""
        with self._lock:
            self.manifest["failures"] = [*self.manifest.get("failures", []), reason]
        self.set()


def begin(kind, results, plan, argv):
    """A new Run in a directory of its own."""
    commit, dirty = hostenv.commit()
    run = Run(kind, store.create(results, plan, commit, dirty).path, plan)
    store.write_json(run.store.plan,
                     {"schema": f"dunelab-{kind.name}-plan/1", "plan": asdict(plan)})
    store.write_json(run.store.host, hostenv.capture())
    run.set(schema=f"dunelab-{kind.name}/1", status="running", started=utc(), ended=None,
            commit=commit, dirty=dirty, argv=argv, variables=again.variables(), failures=[])
    return run


def load(kind, path):
    """The Run in a directory; UsageError when it is none."""
    where = store.Store(path)
    try:
        plan = kind.load(where.plan.read_text("utf-8"))
        store.read_record(where.manifest, f"dunelab-{kind.name}/1")
    except OSError as error:
        raise UsageError(f"{path} is not the directory of a run of {kind.title}: "
                         f"{Path(error.filename).name}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not the directory of a run of {kind.title}: {error}") from None
    return Run(kind, path, plan)


def resume(kind, results, plan):
    """The newest unfinished Run of this plan and this commit; UsageError when there is none."""
    commit, dirty = hostenv.commit()
    for path in store.runs_of(results, plan):
        try:
            run = load(kind, path)
        except UsageError:
            continue        # it was stopped before it had begun
        if run.manifest["status"] == "complete":
            continue
        if (run.manifest["commit"], run.manifest["dirty"]) != (commit, dirty):
            raise UsageError(f"{path} is of another commit ({run.manifest['commit'][:12]}): its "
                             "figures and new ones would not belong together; run without RESUME")
        if dirty:
            raise UsageError("this tree has changes that are in no commit: what a run of it has "
                             "measured may be of others; commit them, or run without RESUME")
        return run
    raise UsageError(f"nothing to resume in {results / plan.workload}: no unfinished run of this "
                     "plan; run without RESUME")


def execute(run, jobs):
    """Boot what is missing; True if all is there. KeyboardInterrupt passes through. UsageError:
    somebody else writes the run."""
    log = journal.Journal(run.store.journal)
    run.set(status="running", failures=[])
    missing = [step for step in run.plan.steps() if not run.record(step)]
    expected = {step.key: run.kind.expected_s(run.plan, step) for step in missing}
    shown = progress.Progress(sum(expected.values()), jobs)
    done = len(run.plan.steps()) - len(missing)
    if done:
        shown.say(f"{done} of {len(run.plan.steps())} {run.kind.unit} have been done before")

    def work(step):
        shown.start(step.key, step.key)
        log.write("start", step=step.key)
        try:
            run.kind.boot(run.plan, step, run.folder(step))
        except DunelabError as error:
            run.fail(str(error).partition("\n")[0])
            log.write("fail", step=step.key, detail=str(error))
            shown.finish(step.key, f"{error}")
        else:
            record = run.record(step)
            log.write("done", step=step.key, wall_s=record["wall_s"])
            shown.finish(step.key, f"{step.key}: {run.kind.say(record)} in "
                                   f"{progress.duration(record['wall_s'])}")
        shown.advance(expected[step.key])

    try:
        schedule.run(missing, jobs, work)
    finally:
        shown.close()
        log.close()
    return all(run.record(step) for step in run.plan.steps())


def mixed(run):
    """Sentences about steps that do not belong together: of another emulator or commit."""
    records = list(filter(None, map(run.record, run.plan.steps())))
    found = {"emulators": {record["engine"]["version"] for record in records},
             "commits": {record.get("commit", "") for record in records}}
    return [f"the {run.kind.unit} are of different {what}: {', '.join(sorted(values))}"
            for what, values in found.items() if len(values) > 1]


def perform(run, jobs, show, executor=execute):
    """execute(), or another that does the same elsewhere, from the command line: 0, 130 after
    Ctrl-C or a closed terminal; show(run) makes the report. GuestError if a step failed."""
    end_as_by_ctrl_c()
    status, before = "failed", _emulators_cpu_s()
    try:
        status = "complete" if executor(run, jobs) else "incomplete"
    except KeyboardInterrupt:
        status = "interrupted"
    except UsageError:
        status = None       # it is another's
        raise
    finally:
        spent = run.manifest.get("emulators_cpu_s", 0) + _emulators_cpu_s() - before
        if status:
            run.set(status=status, ended=utc(), emulators_cpu_s=round(spent, 1))
    if status == "interrupted":
        print(f"\ninterrupted; to go on: {run.kind.again}   ({run.store.path})", file=sys.stderr)
        return INTERRUPTED
    show(run)
    if status != "complete":
        raise GuestError("\n".join([f"the run is incomplete; to do what is missing: "
                                    f"{run.kind.again}", *run.manifest["failures"][:3]]))
    return 0


def end_as_by_ctrl_c():
    """A closed terminal or a time limit ends this process the way Ctrl-C does."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def _emulators_cpu_s():
    """What a run costs on a host that does something else, too."""
    times = os.times()
    return times.children_user + times.children_system
