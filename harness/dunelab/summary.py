# SPDX-License-Identifier: MIT
"""The machine-readable results: latency records, summary.json and summary.csv."""

import csv
import io
import json

from dunelab import claims, hdr, kvscript, results, stats, tables


def latency_record(histogram, given, unit="ns", domain=None):
    """One latency distribution as JSON, field names as fio has them.

    given: the generator's own exact figures (min, max, mean, stddev), preferred over the
    histogram's.  Percentiles that the sample size does not allow are null.
    """
    gates = {name: stats.gated(histogram, name) for name in stats.PERCENTILES}
    mean, deviation = histogram.mean_stddev()
    return {
        "unit": unit, **({"domain": domain} if domain else {}), "N": histogram.total,
        "overflow": max(histogram.overflow, given.get("overflow") or 0),
        "min": given.get("min"), "max": given.get("max", histogram.max()),
        "mean": given.get("mean", mean), "stddev": given.get("stddev", deviation),
        "percentile": {name: gate.value for name, gate in gates.items()},
        "grade": {name: gate.grade for name, gate in gates.items()},
        "ci95": {name: list(gate.ci) for name, gate in gates.items() if gate.ci},
        "ci_method": "order statistics, exact binomial of as many independent requests as the "
                     "run's parts show them to be worth",
        "percentile_def": "smallest bucket with cumulative count >= ceil(p*N), upper edge",
        "hist": {"fmt": "hdr-v2", "lowest": hdr.LOWEST, "highest": hdr.HIGHEST,
                 "sig": hdr.DIGITS, "b64": histogram.encode_base64()}}


def run_record(files, unit, domain):
    """Status and numbers of a cell for its run.json, from the files the guest sent."""
    try:
        given = json.loads(files["kv-load.json"])
        merged, log = results.histograms(files["lat.hlog"].decode("utf-8"))
        if not merged["intended"].total:
            raise ValueError("no latency was recorded")
    except KeyError as error:
        return {"status": results.ERROR, "status_detail": f"the guest sent no {error}"}
    except ValueError as error:
        return {"status": results.ERROR, "status_detail": f"unreadable output: {error}"}
    validity = stats.check(given, merged["intended"], [i.histogram for i in log["intended"]],
                           merged.get("gap"))
    return {
        "status": results.DONE, "status_detail": None,
        "load": {"model": "open", "arrival": given.get("arrival"),
                 "offered": given.get("offered_rps"),
                 "scheduled": given.get("scheduled_rps"), "achieved": given.get("achieved_rps"),
                 "schedule_fnv64": given.get("schedule_fnv64"), "late": given.get("late"),
                 "late_share": validity.late_share},
        "warmup": {"policy": "count", "discarded": given.get("warmup_discarded"),
                   "stationary": validity.stationary},
        "lat": {tag: latency_record(merged[tag], given.get(tag) or {}, unit, domain)
                for tag in ("intended", "service") if tag in merged},
        "counters": kvscript.dune_counters(files.get("dune.txt", b"").decode("utf-8", "replace")),
        "validity": {"ok": validity.ok, "reasons": validity.reasons,
                     "cautions": validity.cautions}}


def as_json(run):
    """summary.json as a value: every cell, its percentiles, ratios and validity."""
    cells = []
    for row in tables.rows(run):
        result = row.result
        entry = {"id": result.cell.id, "system": row.system, "group": row.group,
                 "load": row.load, "rate": result.cell.rate, "rate_unit": run.rate_unit,
                 "status": result.status, "status_detail": result.detail or None,
                 "flags": row.flags}
        if result.done:
            entry.update({
                "achieved": result.summary.get("achieved_rps"), "n": result.intended.total,
                "unit": run.unit, "domain": run.domain,
                "percentile": {k: p.value for k, p in row.percentiles.items()},
                "grade": {k: p.grade for k, p in row.percentiles.items()},
                "ci95": {k: list(p.ci) for k, p in row.percentiles.items() if p.ci},
                "service_p50": result.service.percentile("50") if result.service else None,
                "stationary": result.validity.stationary,
                "ratio": {k: {"value": r.value, "ci95": list(r.ci) if r.ci else None,
                              "verdict": r.verdict} for k, r in row.ratios.items() if r}})
        cells.append(entry)
    headline, _ = claims.same_seed(run)
    return {"schema": "dunelab-summary/1", "experiment": run.plan.workload,
            "claim": claims.line(run.manifest), "clock_domain": run.domain, "unit": run.unit,
            "conclusive": run.conclusive, "deterministic": run.deterministic,
            "same_seed": headline, "status": run.manifest["status"],
            "baseline": run.plan.baseline, "seed": run.plan.seed,
            "capacity": {system: run.capacity(system) for system in run.plan.systems},
            "cells": cells}


def as_csv(run):
    """summary.csv: one row per cell and metric; empty value where none may be printed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["system", "group", "load", "rate", "metric", "value", "ci_low", "ci_high",
                     "unit", "clock_domain", "n", "grade", "ratio", "ratio_low", "ratio_high",
                     "verdict", "status", "flags"])
    for system in run.plan.systems:
        if run.capacity(system):
            writer.writerow([system, "", "", "", "capacity", f"{run.capacity(system):.3f}", "", "",
                             run.rate_unit, run.domain] + [""] * 8)
    for row in tables.rows(run):
        result = row.result
        rate = f"{result.cell.rate:.3f}" if result.cell.rate else ""
        flags = "; ".join(row.flags)
        if not result.done:
            writer.writerow([row.system, row.group, row.load, rate] + [""] * 12
                            + [result.status, flags])
        for name, percentile in row.percentiles.items():
            ratio = row.ratios.get(name)
            low, high = ratio.ci if ratio and ratio.ci else ("", "")
            writer.writerow([
                row.system, row.group, row.load, rate, f"p{name}", _blank(percentile.value),
                *(percentile.ci or ("", "")), run.unit, run.domain, result.intended.total,
                percentile.grade, f"{ratio.value:.4f}" if ratio else "",
                f"{low:.4f}" if low else "", f"{high:.4f}" if high else "",
                ratio.verdict if ratio else "", result.status, flags])
    return out.getvalue()


def _blank(value):
    return "" if value is None else value
