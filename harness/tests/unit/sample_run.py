# SPDX-License-Identifier: MIT
"""Builds the directory of a run out of a queue simulation, for tests of the report alone."""

import json
import random
from dataclasses import asdict

from dunelab import hdr, hlog, plan as planning, store, summary

WORK_NS = {"linux": 60_000, "memcached": 52_000, "linux-tuned": 57_000, "dune": 75_000,
           "dune-tuned": 70_000, "linux-ring": 20_000, "dune-rt": 18_000}


def plan(**changes):
    """A small plan on the engine `bochs`."""
    values = {"systems": "linux memcached linux-tuned dune", "loads": "0.3 0.7",
              "requests": "4000", **changes}
    return planning.make("kv", values.pop("engine", "bochs"), ("bochs", "qemu"), **values)


def queue(rate, work_ns, requests, seed):
    """[(send time, intended latency, service time)] in ns of one open-loop queue."""
    rng, now, free, result = random.Random(seed), 0.0, 0.0, []
    for _ in range(requests):
        now += rng.expovariate(rate) * 1e9
        begin = max(now, free)
        free = begin + work_ns * 0.6 + rng.expovariate(1 / (work_ns * 0.4))
        result.append((now, int(free - now), int(free - now) - 5))
    return result


def _warmup(rate, work_ns, requests):
    """The intervals of a warm-up that has begun cold: twice as slow at first."""
    log, samples = [], queue(rate, work_ns, requests, "warm-up")
    for part in range(5):
        histogram = hdr.Histogram()
        for sample in samples[part * requests // 5:(part + 1) * requests // 5]:
            histogram.record(sample[1] * (2 if part == 0 else 1))
        log.append(hlog.Interval(0.0, 0.1, histogram, "warmup"))
    return log


def cell_files(rate, work_ns, requests, seed, changes=None, times=1):
    """{file name: bytes} as a guest would send them for one cell; times: each request so often."""
    samples = queue(rate, work_ns, requests, seed)
    step = samples[-1][0] / 20
    log, merged = _warmup(rate, work_ns, requests // 10), {
        tag: hdr.Histogram() for tag in ("intended", "service")}
    for part in range(20):
        chosen = [s for s in samples if part * step <= s[0] < (part + 1) * step
                  or part == 19 and s[0] >= 20 * step]
        for tag, column in (("intended", 1), ("service", 2)):
            histogram = hdr.Histogram()
            for sample in chosen:
                histogram.record(sample[column], times)
            merged[tag].add(histogram)
            log.append(hlog.Interval(part * step / 1e9, step / 1e9, histogram, tag))
    given = {"schema": "kv-load/1", "mode": "run", "arrival": "poisson", "offered_rps": rate,
             "achieved_rps": rate * 0.999, "lost": 0, "errors": 0,
             "requests": requests * times,
             "warmup_discarded": requests // 10, "schedule_fnv64": "0" * 16,
             "late": {"n": requests, "p50": 3, "p99": 9, "max": 20, "mean": 3.0},
             "intended": {"n": requests, "overflow": 0,
                          "min": min(s[1] for s in samples),
                          "max": max(s[1] for s in samples)},
             "service": {"n": requests, "overflow": 0}, **(changes or {})}
    return {"kv-load.json": json.dumps(given).encode(), "lat.hlog": hlog.write(log).encode(),
            "lat.hgrm": hlog.write_hgrm(merged["intended"]).encode()}


def build(results, the_plan, without=(), agreed=True, status="complete", changes=None,
          domain="instr(bochs)", work=None, times=1):
    """A Store filled as the experiment fills it; `without`: ids of cells left out; work: what a
    request costs, {system: ns}; times: how often each request is counted."""
    work = work or WORK_NS
    where = store.create(results, the_plan, "0123456789abcdef", False, 1_700_000_000)
    capacities = {name: 1e9 / work[name] for name in the_plan.systems}
    manifest = {
        "schema": "dunelab-run/1", "experiment": "kv", "status": status, "failures": [],
        "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:05:00Z",
        "commit": "0123456789abcdef", "dirty": False, "argv": ["experiment", "kv"],
        "seed": the_plan.seed, "capacities": capacities, "boots": {}, "artifacts": {},
        "kernel": "6.1.0-0-cloud-amd64", "cells": {}, "runs": {},
        "same_seed": {name: {"agreed": agreed, "frames": 7, "sha256": "ab" * 32,
                             "sha256_again": "ab" * 32, "detail": "identical"}
                      for name in the_plan.systems} if domain != "ns(host)" else {},
        "engine": {"name": the_plan.engine, "version": "Bochs 3.0 of a test", "profile": "none",
                   "clock_domain": domain, "deterministic": domain != "ns(host)"}}
    for system in the_plan.systems:
        for cell in planning.cells(the_plan, system, capacities):
            if cell.skip:
                manifest["cells"][cell.id] = {"status": "SKIP", "detail": cell.skip}
            elif cell.id not in without:
                seed = cell.id if the_plan.seed == 1 else f"{cell.id} {the_plan.seed}"
                files = cell_files(cell.rate, work[system], the_plan.requests, seed, changes, times)
                record = {"schema": "lat-run/1", "id": cell.id, "rate": cell.rate,
                          "experiment": "kv", "seed": the_plan.seed, "argv": ["kv-load"],
                          "machine": manifest["engine"],
                          "clock": {"domain": domain, "unit": "vns"},
                          "cell": {"system": system, "kind": cell.kind, "load": cell.load},
                          **summary.run_record(files, 'vns', domain)}
                manifest["runs"][cell.id] = where.add_run(cell, record, files)
    store.write_json(where.plan, {
        "schema": "dunelab-plan/1", "plan": asdict(the_plan),
        "cells": [asdict(cell) | {"id": cell.id} for cell in planning.expected_cells(the_plan)]})
    store.write_json(where.manifest, manifest)
    return where
