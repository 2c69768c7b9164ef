# SPDX-License-Identifier: MIT
"""What a running experiment knows, kept on disk at every moment: manifest, journal, cells."""

import os
import shlex
import shutil
import threading
import time
from dataclasses import asdict

from dunelab import (again, claims, hostenv, journal, kvscript, plan as planning, results, store,
                     summary)

# Names of a cell's frames in the guest -> names in its run directory.
FILES = {"json": "kv-load.json", "hlog": "lat.hlog", "hgrm": "lat.hgrm",
         "service.hgrm": "service.hgrm", "dune": "dune.txt"}


def utc():
    """Now, as 2026-01-31T12:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _emulators_cpu_s():
    """Of all emulators together: what a run costs on a host that does something else, too."""
    times = os.times()
    return times.children_user + times.children_system


class Record:
    """The manifest of a run, written anew after every change; safe to use from several threads."""

    def __init__(self, plan, engine, where, jobs, argv):
        """Begin a run, or go on with the one that is there."""
        self.plan, self.engine, self.store = plan, engine, where
        self.journal = journal.Journal(where.journal)
        self._lock = threading.Lock()
        # Processor time of emulators before this process, and of this one before this run.
        self._spent = -_emulators_cpu_s()
        if where.manifest.exists():
            self._go_on()
        else:
            self._begin(jobs, argv)
        self.journal.write("begin", plan=plan.digest(), engine=engine.name)

    def _begin(self, jobs, argv):
        plan, engine = self.plan, self.engine
        commit, dirty = hostenv.commit()
        self.manifest = {
            "schema": "dunelab-run/1", "experiment": plan.workload, "status": "running",
            "started": utc(), "ended": None, "emulators_cpu_s": None, "commit": commit,
            "dirty": dirty, "argv": argv, "jobs": jobs, "plan_sha8": plan.digest(),
            "seed": plan.seed, "kernel": None, "variables": again.variables(),
            "engine": engine.record(),
            "capacities": {}, "remembered": {}, "boots": {}, "cells": {}, "runs": {},
            "same_seed": {},
            "failures": [], "artifacts": {}}
        store.write_json(self.store.plan, {
            "schema": "dunelab-plan/1", "plan": asdict(plan),
            "cells": [asdict(cell) | {"id": cell.id} for cell in planning.expected_cells(plan)]})
        store.write_json(self.store.host, hostenv.capture())
        self._save()

    def _go_on(self):
        self.manifest = store.read_record(self.store.manifest, "dunelab-run/1")
        self._spent += self.manifest.get("emulators_cpu_s") or 0
        # Cells that failed are tried again, those left out by plan stay so; the failure of a boot
        # stays until that boot is done again.
        skipped = {key: cell for key, cell in self.manifest["cells"].items()
                   if cell["status"] == results.SKIP}
        self.set(status="running", ended=None, cells=skipped)

    def done(self, key):
        """Whether a boot has got through, and its cells were kept."""
        return (self.manifest["boots"].get(key) or {}).get("status") == "DONE"

    def measured(self, cell):
        """Whether a cell has a run that is as it was written."""
        found = results.read_cell(self.store, cell, self.manifest["runs"].get(cell.id))
        return found is not None and found.done

    def set(self, **values):
        """Replace top-level fields."""
        with self._lock:
            self.manifest.update(values)
        self._save()

    def update(self, part, key, value):
        """Replace one entry of capacities, remembered, boots, cells, runs, same_seed or
        artifacts."""
        with self._lock:
            self.manifest[part][key] = value
        self._save()

    def fail(self, boot, reason):
        """Something went wrong in a boot, and the report has to say it."""
        with self._lock:
            self.manifest["failures"].append(f"{boot}: {reason}")
        self._save()

    def begin_boot(self, boot):
        """A boot is done, or done again: what failed in it before is no longer so."""
        with self._lock:
            self.manifest["failures"] = [text for text in self.manifest["failures"]
                                         if not text.startswith(f"{boot}: ")]
        self._save()

    def boot(self, key, result, initrd, cmdline):
        """How a boot ended."""
        emulator = shutil.which(result.argv[0])
        if emulator and "emulator" not in self.manifest["artifacts"]:
            self.update("artifacts", "emulator", store.sha256(emulator))
        self.update("boots", key, {
            "status": result.status, "exit_code": result.exit_code,
            "detail": result.detail.splitlines()[0] if result.detail else "",
            "wall_s": round(result.wall_s, 2),
            "time_to_run_s": result.time_to_run_s and round(result.time_to_run_s, 2),
            "initrd_sha256": store.sha256(initrd), "cmdline": cmdline})

    def cell(self, cell, status, detail):
        """A cell that was not measured, and why."""
        self.update("cells", cell.id, {"status": status, "detail": detail})
        self.journal.write("cell", cell=cell.id, status=status, detail=detail)

    def keep(self, cell, number, seen, boot):
        """Store one finished cell while its boot goes on; returns its status.

        seen: {frame name: payload} so far.  boot: the boot's key.
        """
        files = {name: seen[f"cell-{number}.{kind}"] for kind, name in FILES.items()
                 if f"cell-{number}.{kind}" in seen}
        domain = self.engine.clock_domain
        entry = {"schema": "lat-run/1", "id": cell.id, "experiment": self.plan.workload,
                 "cell": {"system": cell.system, "kind": cell.kind, "load": cell.load},
                 "rate": cell.rate, "seed": self.plan.seed, "machine": self.manifest["engine"],
                 "clock": {"domain": domain, "unit": claims.unit(domain)},
                 "argv": kvscript.cell_argv(self.plan, cell, f"cell-{number}"),
                 "artifacts": {"hlog": "lat.hlog", "hgrm": "lat.hgrm",
                               "console": f"boots/{boot}/console.log"},
                 **summary.run_record(files, claims.unit(domain), domain)}
        self.update("runs", cell.id, self.store.add_run(cell, entry, files))
        self.journal.write("cell", cell=cell.id, status=entry["status"])
        if entry["status"] != results.DONE:
            self.cell(cell, entry["status"], entry["status_detail"])
        return entry["status"]

    def complete(self):
        """Whether nothing failed; cells skipped by plan do not count."""
        with self._lock:
            return not self.manifest["failures"] and all(
                cell["status"] == results.SKIP for cell in self.manifest["cells"].values())

    def close(self, status):
        """The run is over."""
        self.journal.write("end", status=status)
        self.set(status=status, ended=utc(),
                 emulators_cpu_s=round(self._spent + _emulators_cpu_s(), 1))
        path = self.store.path / "reproduce.sh"
        store.write_text(path, self._reproduce())
        path.chmod(0o755)
        self.journal.close()

    def _save(self):
        with self._lock:
            store.write_json(self.store.manifest, self.manifest)

    def _reproduce(self):
        dirty = ("echo 'note: the tree had changes that no commit holds' >&2\n"
                 if self.manifest["dirty"] else "")
        chosen = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in
                         (self.manifest.get("variables") or {}).items())
        return ("#!/bin/sh\n# Runs this experiment again, from within a clone of the repository.\n"
                f"# {self.engine.version()}; the digests to compare with are in manifest.json.\n"
                f"set -e\ngit checkout {self.manifest['commit']}\n{dirty}{chosen}make build\n"
                "PYTHONPATH=harness exec /usr/bin/python3 -m dunelab "
                f"{shlex.join(again.elsewhere(self.manifest['argv']))}\n")
