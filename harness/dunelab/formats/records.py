# SPDX-License-Identifier: MIT
"""A run for collectors of results: KCIDB, github-action-benchmark, KTAP; from its Run alone.

KCIDB's words are ours (results.py): DONE is a measurement, MISS one that never ran.
"""

import json
import re

from dunelab import results, stats

ORIGIN = "dunelab"
PERCENTILES = ("50", "99", "99.9")
_HASH = re.compile("[0-9a-f]{40}([0-9a-f]{24})?")


def _points(run):
    """(cell id, CellResult, [(percentile, value, interval)]) of every cell that was not skipped."""
    for item in run.cells:
        gates = [stats.gated(item.intended, name) for name in PERCENTILES] if item.done else []
        yield item.cell.id, item, [(gate.name, gate.value, gate.ci) for gate in gates
                                   if gate.value is not None]


def kcidb(run):
    """Text of a KCIDB v5 report: a test for each percentile of each cell, with its number."""
    number = f"{ORIGIN}:{run.store.path.name}"
    misc = {"clock_domain": run.domain, "profile": run.manifest["engine"]["profile"],
            "seed": run.plan.seed, "commit": run.manifest["commit"]}
    tests = []
    for name, item, values in _points(run):
        base = {"build_id": number, "origin": ORIGIN, "start_time": run.manifest["started"],
                "environment": {"comment": run.manifest["engine"]["version"], "misc": misc}}
        path = name.rpartition("-")[0]
        if not values:
            tests.append({"id": f"{number}.{name}", "path": path, "status": item.status,
                          "log_excerpt": item.detail[:16384], **base})
        for percentile, value, _ in values:
            tests.append({"id": f"{number}.{name}.p{percentile}",
                          "path": f"{path}.p{percentile.replace('.', '_')}",
                          "status": results.DONE,
                          "number": {"value": value, "unit": run.unit}, **base})
    checkout = {"id": number, "origin": ORIGIN}
    if _HASH.fullmatch(run.manifest["commit"]):     # not of a tree without git
        checkout["git_commit_hash"] = run.manifest["commit"]
    build = {"id": number, "checkout_id": number, "origin": ORIGIN, "architecture": "x86_64"}
    return json.dumps({"version": {"major": 5, "minor": 0}, "checkouts": [checkout],
                       "builds": [build], "tests": tests}, indent=1, allow_nan=False) + "\n"


def github(run):
    """Text for github-action-benchmark (customSmallerIsBetter): an entry a percentile."""
    entries = []
    for name, _, values in _points(run):
        for percentile, value, ci in values:
            entries.append({"name": f"{name.rpartition('-')[0]} p{percentile}", "unit": run.unit,
                            "value": value, "extra": f"clock {run.domain}",
                            **({"range": f"{ci[0]} .. {ci[1]}"} if ci else {})})
    return json.dumps(entries, indent=1, allow_nan=False) + "\n"


def ktap(run):
    """Text of KTAP: a test a cell, its percentiles as diagnostics."""
    lines = ["KTAP version 1", f"1..{len(run.cells)}"]
    for number, (name, item, values) in enumerate(_points(run), 1):
        lines += [f"# p{percentile} {value} {run.unit} {run.domain}"
                  for percentile, value, _ in values]
        if item.status == results.SKIP:
            lines.append(f"ok {number} {name} # SKIP {item.detail}")
        elif item.done and item.validity.ok:
            lines.append(f"ok {number} {name}")
        else:
            why = "; ".join(item.validity.reasons) if item.done else item.detail
            lines += [f"# {item.status} {why}", f"not ok {number} {name}"]
    return "\n".join(lines) + "\n"
