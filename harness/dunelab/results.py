# SPDX-License-Identifier: MIT
"""A run read back from its directory: every planned cell with what is known about it."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from dunelab import claims, hdr, hlog, plan as planning, stats
from dunelab.errors import UsageError
from dunelab.store import Store, changed, read_record, sha256

# KCIDB's words. DONE: a measurement; SKIP: left out by plan; FAIL: the generator said so;
# ERROR: the guest or the emulator failed; MISS: never ran.
DONE, SKIP, FAIL, ERROR, MISS = "DONE", "SKIP", "FAIL", "ERROR", "MISS"


@dataclass
class CellResult:
    """One planned point. Histograms and validity are None unless status is DONE."""

    cell: planning.Cell
    status: str
    detail: str = ""
    summary: dict = field(default_factory=dict)
    intended: hdr.Histogram | None = None
    service: hdr.Histogram | None = None
    log: dict = field(default_factory=dict)
    validity: stats.Validity | None = None
    dune: dict = field(default_factory=dict)
    damaged: bool = False           # what was stored is not as it was written

    @property
    def done(self):
        return self.status == DONE


@dataclass
class Run:
    """A whole run as found on disk."""

    store: Store
    plan: planning.Plan
    manifest: dict
    cells: list
    rows: list | None = None        # what tables.rows() made of it

    @property
    def domain(self):
        """Clock domain of every number in the run."""
        return self.manifest["engine"]["clock_domain"]

    @property
    def unit(self):
        """Unit of latencies."""
        return claims.unit(self.domain)

    @property
    def rate_unit(self):
        """Unit of rates."""
        return claims.rate_unit(self.domain)

    @property
    def conclusive(self):
        """Whether latencies may be compared: not when they are the noise of the host."""
        return self.domain != "ns(host)"

    @property
    def deterministic(self):
        """True: the same seed gave the same bits in this run; False: it did not; None: not
        checked."""
        checks = [check.get("agreed") for check in self.manifest.get("same_seed", {}).values()]
        if False in checks:
            return False
        return True if checks and None not in checks else None

    def capacity(self, system):
        """Requests a second, or None."""
        return (self.manifest.get("capacities") or {}).get(system)

    def find(self, system, kind, load):
        """The CellResult at a point.  The baseline's own loads are the equal ones, too."""
        if system == self.plan.baseline:
            kind = "own"
        for item in self.cells:
            if (item.cell.system, item.cell.kind, item.cell.load) == (system, kind, load):
                return item
        return None

    def baseline_of(self, item):
        """The baseline's result at the same load, or None."""
        return self.find(self.plan.baseline, item.cell.kind, item.cell.load)


def histograms(log):
    """({tag: merged Histogram, which knows its parts}, {tag: [Interval]}) of a .hlog as text."""
    groups, merged = hlog.by_tag(hlog.read(log)), {}
    for tag, items in groups.items():
        merged[tag] = hdr.merge(item.histogram for item in items)
        merged[tag].parts = tuple(item.histogram for item in items)
    return merged, groups


def read_cell(store, cell, digest=None):
    """CellResult of a stored cell, or None when it has no complete run.

    digest: that of its run.json, where the manifest knows it.
    """
    path = store.run(cell)
    if not (path / "run.json").exists():
        return None
    try:
        if digest and sha256(path / "run.json") != digest:
            raise ValueError("run.json was changed after it was written")
        record = read_record(path / "run.json", "lat-run/1")
        if record["id"] != cell.id:
            raise ValueError(f"run.json is that of {record['id']}")
        touched = changed(path, record.get("sha256") or {})
        if touched:
            raise ValueError(f"{', '.join(touched)}: changed after it was written")
    except (OSError, ValueError) as error:
        return _damaged(cell, error)
    cell = planning.Cell(cell.system, cell.kind, cell.load, record.get("rate"))
    result = CellResult(cell, record["status"], record.get("status_detail") or "")
    if result.status != DONE:
        return result
    try:
        result.summary = json.loads((path / "kv-load.json").read_text("utf-8"))
        merged, result.log = histograms((path / "lat.hlog").read_text("utf-8"))
    except (OSError, ValueError) as error:
        return _damaged(cell, error)
    if not merged.get("intended") or not merged["intended"].total:
        return CellResult(cell, ERROR, "the log has no latencies")
    result.intended, result.service = merged["intended"], merged.get("service")
    result.validity = stats.check(result.summary, result.intended,
                                  [item.histogram for item in result.log["intended"]],
                                  merged.get("gap"))
    result.dune = record.get("counters") or {}
    return result


def _damaged(cell, why):
    return CellResult(cell, ERROR, f"stored data cannot be read: {why}", damaged=True)


def load(path):
    """The Run in a directory; UsageError when it is none."""
    store = Store(path)
    try:
        plan = planning.load(store.plan.read_text("utf-8"))
        manifest = read_record(store.manifest, "dunelab-run/1")
    except OSError as error:
        raise UsageError(f"{path} is not the directory of a run: {Path(error.filename).name}: "
                         f"{error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not the directory of a run: {error}") from None
    failed, digests = manifest.get("cells") or {}, manifest.get("runs") or {}
    cells = []
    for cell in planning.expected_cells(plan):
        result = read_cell(store, cell, digests.get(cell.id))
        if result is None and digests.get(cell.id):
            result = _damaged(cell, "run.json is gone")
        if result is None:
            known = failed.get(cell.id) or {}
            result = CellResult(cell, known.get("status", MISS),
                                known.get("detail", "this cell never ran"))
        cells.append(result)
    return Run(store, plan, manifest, cells)
