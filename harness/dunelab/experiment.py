# SPDX-License-Identifier: MIT
"""`experiment kv`: boots every system, measures every cell, and ends with a report."""

import argparse
import hashlib
import json
import shlex
import sys
import tempfile
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path

from dunelab import (claims, figures, hostenv, journal, kvimage, kvscript, paths,
                     plan as planning, progress, report, results, store, summary)
from dunelab.engine import base, supervise
from dunelab.errors import DunelabError, GuestError, UsageError

CPUS = 2
# Expected wall seconds, for the ETA alone: (a boot, preload included; a thousand requests).
PACE = {"bochs": (22.0, 0.9), "qemu": (6.0, 0.5), "qemu-icount": (8.0, 0.5), "kvm": (5.0, 0.3)}
# A boot that takes longer than this many seconds, and this many per thousand requests, hangs.
LIMIT = (240.0, 15.0)
ERROR_LINES = 3


@dataclass
class Task:
    """One boot: its phase and system, and the tasks that must have ended before it."""

    phase: str
    system: planning.System
    needs: tuple = ()

    @property
    def key(self):
        return f"{self.phase}-{self.system.name}"


class Experiment:
    """The state of one run. Boots happen in worker threads; the manifest is the shared truth."""

    def __init__(self, plan, engine, where, jobs, argv):
        self.plan, self.engine, self.store, self.jobs = plan, engine, where, jobs
        self.unit = claims.unit(engine.clock_domain)
        self.systems = [planning.SYSTEMS[name] for name in plan.systems]
        self.journal = journal.Journal(where.journal)
        self.lock = threading.Lock()
        self.images = {}
        self.first = {}             # system -> frames up to the end of its first cell
        commit, dirty = hostenv.commit()
        self.manifest = {
            "schema": "dunelab-run/1", "experiment": plan.workload, "status": "running",
            "started": _utc(), "commit": commit, "dirty": dirty, "argv": argv, "jobs": jobs,
            "plan_sha8": plan.digest(), "seed": plan.seed, "capacities": {}, "boots": {},
            "cells": {}, "same_seed": {}, "failures": [], "artifacts": {},
            "engine": {"name": engine.name, "version": engine.version(),
                       "clock_domain": engine.clock_domain, "profile": "none",
                       "deterministic": engine.deterministic},
        }
        boot, thousand = PACE.get(engine.name, (10.0, 0.5))
        self.boot_cost, self.request_cost = boot, thousand / 1000
        self.progress = progress.Progress(self._work(), jobs)

    # -- the plan of boots ---------------------------------------------------------------

    def tasks(self):
        """All boots, in the order to start them in as far as their needs allow."""
        result = []
        order = sorted(self.systems, key=lambda system: system.name != self.plan.baseline)
        for system in order:
            result.append(Task("calibrate", system))
        for system in order:
            needs = {f"calibrate-{system.name}", f"calibrate-{self.plan.baseline}"}
            result.append(Task("measure", system, tuple(needs)))
        if self.engine.deterministic:
            result += [Task("repeat", system, (f"measure-{system.name}",)) for system in order]
        return result

    def _work(self):
        cells = len(planning.expected_cells(self.plan))
        requests = cells * (self.plan.requests + self.plan.warmup)
        repeats = len(self.systems) if self.engine.deterministic else 0
        requests += repeats * (self.plan.requests + self.plan.warmup)
        return (self.boot_cost * (2 * len(self.systems) + repeats)
                + self.request_cost * (requests + len(self.systems) * 8000))

    def run(self):
        """Everything up to the merged data.  KeyboardInterrupt passes through, cleaned up."""
        store.write_json(self.store.plan, {"schema": "dunelab-plan/1", "plan": asdict(self.plan),
                                           "cells": [asdict(cell) | {"id": cell.id} for cell in
                                                     planning.expected_cells(self.plan)]})
        store.write_json(self.store.host, hostenv.capture())
        self._save()
        self.journal.write("begin", plan=self.plan.digest(), engine=self.engine.name)
        try:
            self._build()
            self._boots()
            self.manifest["status"] = "incomplete" if self._incomplete() else "complete"
        except KeyboardInterrupt:
            self.manifest["status"] = "interrupted"
            raise
        except BaseException:
            self.manifest["status"] = "failed"
            raise
        finally:
            self.manifest["ended"] = _utc()
            self.journal.write("end", status=self.manifest["status"])
            self._save()
            store.write_text(self.store.path / "reproduce.sh", self._reproduce())
            (self.store.path / "reproduce.sh").chmod(0o755)
            self.progress.close()
            self.journal.close()

    def _build(self):
        self.progress.start("build", "preparing the guest image")
        self.engine.ensure()
        self.image = kvimage.Image(self.systems)
        self.manifest["artifacts"] = self.image.artifacts()
        self.manifest["kernel"] = self.image.release
        self._save()
        self.journal.write("built", kernel=self.image.release)
        self.progress.finish("build", f"image ready: Linux {self.image.release}, "
                                      f"{self.engine.version()}")

    def _boots(self):
        waiting, running, ended = self.tasks(), {}, set()
        pool = ThreadPoolExecutor(self.jobs)
        try:
            while waiting or running:
                for task in [t for t in waiting if ended.issuperset(t.needs)]:
                    if len(running) < self.jobs:
                        waiting.remove(task)
                        running[pool.submit(self._task, task)] = task
                # A time limit, because a wait without one does not see Ctrl-C at once.
                for future in wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done:
                    ended.add(running.pop(future).key)
                    future.result()
        except BaseException:
            supervise.cancel_all()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    # -- one boot ------------------------------------------------------------------------

    def _task(self, task):
        system = task.system
        before = self.boot_cost
        try:
            if task.phase == "calibrate":
                self._calibrate(task)
            elif system.name not in self.manifest["capacities"]:
                self._give_up(task)
            elif task.phase == "measure":
                self._measure(task)
            else:
                self._repeat(task)
        finally:
            self.progress.advance(before)
            self.progress.finish(task.key)

    def _calibrate(self, task):
        boot = self._boot(task, kvscript.script(self.plan, task.system, "calibrate"))
        capacity = None
        if boot.ok and boot.payload("capacity.json"):
            measured = json.loads(boot.payload("capacity.json"))
            capacity = measured.get("capacity_rps")
            store.write_json(self.store.boot(task.phase, task.system.name) / "capacity.json",
                             measured)
        if not capacity:
            self._failed(task, boot, "no capacity was measured")
            return
        self._update("capacities", task.system.name, capacity)
        self.progress.say(f"{task.system.name}: capacity {capacity:,.0f} requests/s")

    def _give_up(self, task):
        if task.phase == "measure":
            for cell in planning.cells(self.plan, task.system.name, {task.system.name: 1.0}):
                self._cell_status(cell, results.ERROR, "the boot that measures the capacity of "
                                                       f"{task.system.name} failed")

    def _measure(self, task):
        name = task.system.name
        cells = planning.cells(self.plan, name, dict(self.manifest["capacities"]))
        for cell in cells:
            if cell.skip:
                self._cell_status(cell, results.SKIP, cell.skip)
        cells = [cell for cell in cells if not cell.skip]
        seen = {}

        def on_frame(frame):
            if frame.kind == "file":
                seen[frame.name] = frame.payload
            elif frame.name == "cell-start":
                cell = cells[int(frame.text)]
                self.progress.start(task.key, f"{name} {cell.kind} {cell.load}")
            elif frame.name == "cell-done":
                number = int(frame.text)
                self._keep(task, cells[number], number, seen)
                self.progress.advance(self.request_cost
                                      * (self.plan.requests + self.plan.warmup))
            elif frame.name == "cell-failed":
                number, _, text = frame.text.partition(" ")
                self._cell_status(cells[int(number)], results.FAIL, text)

        script = kvscript.script(self.plan, task.system, "measure", cells)
        boot = self._boot(task, script, on_frame)
        self.first[name] = _first_cell(boot.frames)
        missing = [cell for cell in cells
                   if cell.id not in self.manifest["cells"] and results.read_cell(
                       self.store, cell) is None]
        for cell in missing:
            self._cell_status(cell, results.ERROR, f"{boot.status}: {_reason(boot)}")
        if not boot.ok:
            self._failed(task, boot, "not all of its cells were measured" if missing else
                         "its boot did not end well")
        else:
            self.progress.say(f"{name}: {len(cells)} cells measured in "
                              f"{progress.duration(boot.wall_s)}")

    def _repeat(self, task):
        name, expected = task.system.name, self.first.get(task.system.name)
        if not expected:
            self._update("same_seed", name, {"agreed": None, "detail": "no first cell to repeat"})
            return
        boot = self._boot(task, None, stop_when=lambda frames: bool(_first_cell(frames)))
        again = _first_cell(boot.frames)
        if not again:
            self._update("same_seed", name, {"agreed": None, "detail": _reason(boot)})
            self._failed(task, boot, "the same-seed check could not be made")
            return
        different = [a.name for a, b in zip(expected, again) if a != b]
        agreed = not different and len(expected) == len(again)
        self._update("same_seed", name, {
            "agreed": agreed, "frames": len(expected), "sha256": _digest(expected),
            "sha256_again": _digest(again),
            "detail": "identical" if agreed else f"first difference in {(different or ['?'])[0]}"})
        self.progress.say(f"{name}: same seed again, " + (
            f"{len(expected)} frames identical" if agreed else "and the bits DIFFER"))

    def _boot(self, task, script, on_frame=None, stop_when=None):
        """Boot a system; script None means the image of its measure boot again."""
        name, phase = task.system.name, task.phase
        where = self.store.boot(phase, name)
        where.mkdir(parents=True)
        self.progress.start(task.key, f"{name} {phase}: booting")
        self.journal.write("start", boot=task.key)

        def on_event(frame):
            if frame.kind == "event" and frame.name in ("serving", "preloaded"):
                self.progress.start(task.key, f"{name} {phase}: {frame.name}")
            if on_frame:
                on_frame(frame)

        with tempfile.TemporaryDirectory(prefix="dunelab-boot-") as work:
            if script is not None:
                store.write_text(where / "run.sh", script)
                initrd = self.image.initrd(task.system, script)
                self.images[name] = initrd
            initrd = self.images[name]
            requests = self.plan.requests * len(self.plan.loads) * 2 + 10_000
            boot = base.Boot(self.image.kernel, initrd, self._cmdline(task.system), CPUS,
                             kvimage.MEMORY_MIB, LIMIT[0] + LIMIT[1] * requests / 1000,
                             Path(work))
            result = self.engine.run(boot, on_event, stop_when)
            text = result.console_text()
            store.write_text(where / "console.log", text)
        store.write_text(where / "argv.txt", shlex.join(result.argv) + "\n")
        environment = result.payload("env")
        if environment:
            store.write_json(where / "env.guest.json", kvscript.parse_sections(
                environment.decode("utf-8", "replace")))
        complaints = result.payload("dmesg")
        if complaints:
            (where / "dmesg.txt").write_bytes(complaints)
            with self.lock:
                self.manifest["failures"].append(
                    f"{task.key}: the guest's kernel complained, see boots/{task.key}/dmesg.txt")
        store.write_json(where / "frames.json", [
            {"kind": f.kind, "name": f.name, "bytes": len(f.payload),
             "sha256": hashlib.sha256(f.payload).hexdigest()} for f in result.frames])
        self._update("boots", task.key, {
            "status": result.status, "exit_code": result.exit_code,
            "detail": result.detail.splitlines()[0] if result.detail else "",
            "wall_s": round(result.wall_s, 2),
            "time_to_run_s": result.time_to_run_s and round(result.time_to_run_s, 2),
            "initrd_sha256": store.sha256(initrd), "cmdline": boot.cmdline})
        self.journal.write("done" if result.ok or stop_when else "fail", boot=task.key,
                           status=result.status, wall_s=round(result.wall_s, 2))
        return result

    def _cmdline(self, system):
        return " ".join(word for word in (system.kernel_args,) if word)

    # -- keeping -------------------------------------------------------------------------

    def _keep(self, task, cell, number, seen):
        """Store one finished cell while its boot goes on."""
        names = {"json": "kv-load.json", "hlog": "lat.hlog", "hgrm": "lat.hgrm",
                 "service.hgrm": "service.hgrm", "dune": "dune.txt"}
        files = {names[kind]: seen[f"cell-{number}.{kind}"] for kind in names
                 if f"cell-{number}.{kind}" in seen}
        record = {"schema": "lat-run/1", "id": cell.id, "experiment": self.plan.workload,
                  "cell": {"system": cell.system, "kind": cell.kind, "load": cell.load},
                  "rate": cell.rate, "seed": self.plan.seed,
                  "machine": self.manifest["engine"],
                  "clock": {"domain": self.engine.clock_domain, "deterministic": None},
                  "argv": kvscript.cell_argv(self.plan, cell, number),
                  "artifacts": {"hlog": "lat.hlog", "hgrm": "lat.hgrm",
                                "console": f"boots/{task.key}/console.log"}}
        record.update(summary.run_record(files, self.unit, self.engine.clock_domain))
        self.store.add_run(cell, record, files)
        self.journal.write("cell", cell=cell.id, status=record["status"])
        if record["status"] != results.DONE:
            self._cell_status(cell, record["status"], record["status_detail"])

    def _cell_status(self, cell, status, detail):
        self._update("cells", cell.id, {"status": status, "detail": detail})
        self.journal.write("cell", cell=cell.id, status=status, detail=detail)
        if status in (results.FAIL, results.ERROR):
            self.progress.say(f"{cell.id}: {status}: {detail}")

    def _failed(self, task, boot, consequence):
        reason = f"{task.key}: {boot.status}: {_reason(boot)}; {consequence}"
        with self.lock:
            self.manifest["failures"].append(reason)
        self._save()
        self.progress.say(reason)

    def _incomplete(self):
        wrong = (results.FAIL, results.ERROR)
        return bool(self.manifest["failures"]) or any(
            cell["status"] in wrong for cell in self.manifest["cells"].values())

    def _update(self, part, key, value):
        with self.lock:
            self.manifest[part][key] = value
        self._save()

    def _save(self):
        with self.lock:
            store.write_json(self.store.manifest, self.manifest)

    def _reproduce(self):
        words = shlex.join(self.manifest["argv"])
        dirty = ("echo 'note: the tree had changes that no commit holds' >&2\n"
                 if self.manifest["dirty"] else "")
        return ("#!/bin/sh\n# Runs this experiment again, from a clone of the repository.\n"
                f"# {self.engine.version()}\nset -e\ngit checkout {self.manifest['commit']}\n"
                f"{dirty}make build\nPYTHONPATH=harness exec /usr/bin/python3 -m dunelab {words}\n")


def _first_cell(frames):
    """The frames up to the end of the first cell, or [] when it has not ended."""
    for number, frame in enumerate(frames):
        if frame.kind == "event" and frame.name == "cell-done":
            return frames[:number + 1]
    return []


def _digest(frames):
    total = hashlib.sha256()
    for frame in frames:
        total.update(f"{frame.kind} {frame.name} {len(frame.payload)}\n".encode())
        total.update(frame.payload)
    return total.hexdigest()


def _reason(boot):
    """Why a boot failed, in one line: the guest's own words when it had some."""
    words = boot.payload("failed", "event")
    if words:
        return " ".join(words.decode("utf-8", "replace").split())
    return boot.detail.splitlines()[0] if boot.detail else boot.status


def _utc():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _parser():
    parser = argparse.ArgumentParser(
        prog="dunelab experiment", description="Measure a workload on several systems.")
    parser.add_argument("workload", nargs="?", default="kv")
    parser.add_argument("--engine", default="bochs")
    parser.add_argument("--systems", "--system", help="names, separated by spaces or commas")
    parser.add_argument("--loads", help='fractions of the capacity: "0.3 0.5 0.7"')
    parser.add_argument("--requests", help="measured requests a point")
    parser.add_argument("--seed")
    parser.add_argument("--law", help="usr or etc")
    parser.add_argument("--arrival", help="poisson, fixed or etc")
    parser.add_argument("--records", help="items in the store")
    parser.add_argument("--quick", action="store_true", help="fewer loads and requests")
    parser.add_argument("--full", action="store_true", help="a million requests a point")
    parser.add_argument("--jobs", default="2", help="emulators at once")
    parser.add_argument("--out", help="directory of results (default: results)")
    return parser


def main(argv):
    """The command; returns 0, or 3 when a cell or boot failed."""
    args = _parser().parse_args(argv)
    plan = planning.make(args.workload, args.engine, base.names(), args.systems, args.loads,
                         args.requests, args.seed, args.law, args.arrival, args.records, args.quick,
                         args.full)
    if not args.jobs.isdigit() or not 1 <= int(args.jobs) <= 64:
        raise UsageError(f"JOBS={args.jobs}: want a whole number from 1 to 64")
    engine = base.get(plan.engine)
    usable, why = engine.available()
    if not usable:
        raise UsageError(f"engine {plan.engine} cannot be used: {why}")
    figures.require_gnuplot()
    kvimage.require(plan)
    commit, dirty = hostenv.commit()
    where = store.create(Path(args.out) if args.out else paths.root() / "results", plan, commit,
                         dirty)
    run = Experiment(plan, engine, where, int(args.jobs), ["experiment", *argv])
    try:
        run.run()
    except KeyboardInterrupt:
        print(f"\ninterrupted; finished parts are in {where.path}", file=sys.stderr)
        _report_quietly(where)
        return 130
    except DunelabError:
        print(f"the run's directory is {where.path}", file=sys.stderr)
        raise
    store.point_latest(where)
    made = report.make(where.path)
    print(report.terminal(made), flush=True)
    if run.manifest["status"] != "complete":
        raise GuestError("\n".join(["the run is incomplete:",
                                    *run.manifest["failures"][:ERROR_LINES]]))
    return 0


def _report_quietly(where):
    """After Ctrl-C: a report of what there is, if there is anything."""
    try:
        if any(item.done for item in results.load(where.path).cells):
            store.point_latest(where)
            print(f"report of them: {report.make(where.path).index}", file=sys.stderr)
    except (DunelabError, KeyboardInterrupt):
        print(f"to make a report of them: make report RESULTS={where.path}", file=sys.stderr)
