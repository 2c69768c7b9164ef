# SPDX-License-Identifier: MIT
"""The directory of one run: who writes what where, and that nothing half-written looks whole.

    manifest.json plan.json journal.ndjson env.host.json reproduce.sh
    boots/<phase>-<system>/     console.log frames.json argv.txt run.sh env.guest.json
    cells/<id>/runs/001/        run.json kv-load.json lat.hlog lat.hgrm service.hgrm
    cells/<id>/                 cell.json merged.hlog merged.hgrm
    summary.json summary.csv report/
A run directory of a cell without run.json is incomplete.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from dunelab import schema


def write_text(path, text):
    """Replace a file as a whole: readers see the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix="." + path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path, value):
    """Replace a JSON file; NaN, infinities and records unlike their schema are refused."""
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    if isinstance(value, dict) and "schema" in value:
        # What readers will see: keys are strings, tuples are arrays.
        schema.check(json.loads(text))
    write_text(path, text)


def read_json(path, default=None):
    """The value of a JSON file, or the default when there is none; ValueError for damage, NaN."""
    try:
        return json.loads(path.read_text("utf-8"), parse_constant=_no_number)
    except FileNotFoundError:
        return default


def read_record(path, wanted):
    """The record in a JSON file, of that schema; ValueError names the file and what is wrong."""
    try:
        value = read_json(path)
        if value is None:
            raise ValueError("it is not there")
        return schema.check(value, wanted)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _no_number(text):
    raise ValueError(f"{text} is no measurement")


def sha256(path):
    """Hex digest of a file, None when it does not exist."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


class Store:
    """One run's directory. Paths are attributes; nothing else knows the layout's names."""

    def __init__(self, path):
        self.path = Path(path)
        self.manifest = self.path / "manifest.json"
        self.plan = self.path / "plan.json"
        self.journal = self.path / "journal.ndjson"
        self.host = self.path / "env.host.json"
        self.report = self.path / "report"

    def boot(self, phase, system):
        """Directory of one boot."""
        return self.path / "boots" / f"{phase}-{system}"

    def new_boot(self, phase, system):
        """The same, made; what a boot that was stopped has left there goes to boots/stopped/."""
        path = self.boot(phase, system)
        if path.exists():
            stopped = path.parent / "stopped"
            stopped.mkdir(exist_ok=True)
            path.rename(stopped / f"{path.name}.{len(list(stopped.iterdir())) + 1}")
        path.mkdir(parents=True)
        return path

    def cell(self, cell):
        """Directory of one cell."""
        return self.path / "cells" / cell.id

    def run(self, cell, number=1):
        """Directory of one run of a cell."""
        return self.cell(cell) / "runs" / f"{number:03d}"

    def add_run(self, cell, record, files, number=1):
        """Store one run of a cell: run.json and {name: bytes}, all or nothing.

        The record gets the files' digests; returns its own.
        """
        record = {**record, "sha256": {name: hashlib.sha256(data).hexdigest()
                                       for name, data in files.items()}}
        final = self.run(cell, number)
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=final.parent, prefix="."))
        try:
            os.chmod(temporary, 0o755)
            for name, data in files.items():
                (temporary / name).write_bytes(data)
            write_json(temporary / "run.json", record)
            if final.exists():
                shutil.rmtree(final)
            os.replace(temporary, final)
            return sha256(final / "run.json")
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def changed(folder, digests):
    """Names of files that do not have the digests they were written with, {name: sha256}."""
    return [name for name, wanted in sorted(digests.items()) if sha256(folder / name) != wanted]


def runs_of(results, plan):
    """Directories of runs of a plan, the newest first."""
    found = (Path(results) / plan.workload).glob(f"*-{plan.digest()}*")
    return sorted((path for path in found if path.is_dir()), reverse=True)


def create(results, plan, commit, dirty, now=None):
    """A new run directory <results>/<workload>/<UTC>-<commit8>[-dirty]-<cfg8>; never an old one."""
    return create_in(Path(results) / plan.workload, plan.digest(), commit, dirty, now)


def create_in(parent, what, commit, dirty, now=None):
    """A new run directory <parent>/<UTC>-<commit8>[-dirty]-<what>; never an old one. OSError."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    name = f"{stamp}-{commit[:8]}{'-dirty' if dirty else ''}-{what}"
    parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(100):
        path = parent / (name if not attempt else f"{name}.{attempt}")
        try:
            path.mkdir()
            return Store(path)
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "it is there already, and a hundred more like it",
                          str(parent / name))


def point_latest(store):
    """Make <results>/<workload>/latest point to this run."""
    link = store.path.parent / "latest"
    temporary = store.path.parent / f".latest.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(store.path.name)
    os.replace(temporary, link)
