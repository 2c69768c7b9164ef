# SPDX-License-Identifier: MIT
"""Boots the steps of a plan that have not been done; what a run is is on disk at every moment."""

import threading
from dataclasses import asdict

from dunelab import hostenv, journal, progress, schedule, store
from dunelab.errors import DunelabError, UsageError
from dunelab.paper import plan as planning, steps
from dunelab.record import utc


class Run:
    """A run's directory: plan.json, manifest.json, journal.ndjson, steps/."""

    def __init__(self, path, plan):
        self.store, self.plan = store.Store(path), plan
        self.manifest = store.read_json(self.store.manifest, {})
        self._lock = threading.Lock()

    def folder(self, step):
        """Directory of a step."""
        return self.store.path / "steps" / step.key

    def record(self, step):
        """The record of a step that has been done, or None."""
        return store.read_json(self.folder(step) / "record.json")

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


def begin(results, plan, argv):
    """A new Run in a directory of its own."""
    commit, dirty = hostenv.commit()
    run = Run(store.create(results, plan, commit, dirty).path, plan)
    store.write_json(run.store.plan, {"schema": "dunelab-paper-plan/1", "plan": asdict(plan)})
    store.write_json(run.store.host, hostenv.capture())
    run.set(schema="dunelab-paper/1", status="running", started=utc(), ended=None, commit=commit,
            dirty=dirty, argv=argv, failures=[])
    return run


def load(path):
    """The Run in a directory; UsageError when it is none."""
    where = store.Store(path)
    try:
        plan = planning.load(where.plan.read_text("utf-8"))
        if store.read_json(where.manifest) is None:
            raise ValueError("no manifest.json")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not the directory of a run of the paper: {error}") from None
    return Run(path, plan)


def resume(results, plan):
    """The newest unfinished Run of this plan and this commit; UsageError when there is none."""
    commit, dirty = hostenv.commit()
    found = sorted((results / plan.workload).glob(f"*-{plan.digest()}*"), reverse=True)
    for path in found:
        run = load(path)
        if run.manifest["status"] == "complete":
            continue
        if (run.manifest["commit"], run.manifest["dirty"]) != (commit, dirty):
            raise UsageError(f"{path} is of another commit ({run.manifest['commit'][:12]}): its "
                             "figures and new ones would not belong together; run without RESUME")
        run.set(status="running", failures=[])
        return run
    raise UsageError(f"nothing to resume in {results / plan.workload}: no unfinished run of this "
                     "plan; run without RESUME")


def execute(run, jobs):
    """Boot what is missing; True if all is there. KeyboardInterrupt passes through."""
    missing = [step for step in run.plan.steps() if not run.record(step)]
    log = journal.Journal(run.store.journal)
    expected = {step.key: steps.expected_s(step, run.plan.quick) for step in missing}
    shown = progress.Progress(sum(expected.values()), jobs)
    done = len(run.plan.steps()) - len(missing)
    if done:
        shown.say(f"{done} of {len(run.plan.steps())} boots have been done before")

    def work(step):
        shown.start(step.key, step.key)
        log.write("start", step=step.key)
        try:
            steps.run(run.plan, step, run.folder(step))
        except DunelabError as error:
            run.fail(str(error).partition("\n")[0])
            log.write("fail", step=step.key, detail=str(error))
            shown.finish(step.key, f"{error}")
        else:
            record = run.record(step)
            log.write("done", step=step.key, wall_s=record["wall_s"])
            shown.finish(step.key, f"{step.key}: {len(record['figures'])} figures in "
                                   f"{progress.duration(record['wall_s'])}")
        shown.advance(expected[step.key])

    try:
        schedule.run(missing, jobs, work)
    finally:
        shown.close()
        log.close()
    return all(run.record(step) for step in run.plan.steps())
