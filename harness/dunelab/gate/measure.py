# SPDX-License-Identifier: MIT
"""What the gate measures: exits and faults, and two servers at two fixed rates, a boot each."""

import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from dunelab import (bench, costs, engine as engines, guestrun, hostenv, image, kvimage, kvscript,
                     plan as planning, results, schedule, stats, store)
from dunelab.engine import base

ENGINE = "bochs"
SYSTEMS = ("linux", "dune")
# Requests a virtual second, fixed: a capacity of its own would hide a slower server.
RATES = (9000.0, 4000.0)
PLAN = {"systems": " ".join(SYSTEMS), "loads": "0.5", "requests": "2000", "records": "1000",
        "seed": "1"}
BATCHES = "--batches 3 --iterations 30"
TIMEOUT_S = 900.0
CPUS = 2


@dataclass(frozen=True)
class Task:
    """One boot."""

    key: str
    needs: tuple = ()


def environment(engine):
    """What must agree for two gates to be comparable; the compiler makes our programs."""
    return {"emulator": engine.version(), "kernel": image.kernel_release(),
            "kernel_sha256": store.sha256(kvimage.kernel()), "gcc": hostenv.capture()["gcc"],
            "rates": " ".join(f"{rate:g}" for rate in RATES), "bench": BATCHES,
            **{f"plan.{name}": value for name, value in PLAN.items()}}


def cells(system):
    """The points of a system, the highest rate first."""
    return [planning.Cell(system, "fixed", f"{rate:g}", rate) for rate in RATES]


def measure(jobs, say):
    """The gate's record; GuestError when a boot did not get through."""
    engine = engines.get(ENGINE)
    plan = planning.make("kv", ENGINE, base.names(), **{
        name: PLAN[name] for name in ("systems", "loads", "requests", "records", "seed")})
    kvimage.require(plan)
    made, lock = kvimage.Image([planning.SYSTEMS[name] for name in SYSTEMS]), threading.Lock()
    commit, dirty = hostenv.commit()
    kept = {"schema": "dunelab-gate/1", "commit": commit, "dirty": dirty,
            "clock_domain": engine.clock_domain, "profile": engine.profile,
            "environment": environment(engine), "figures": {}, "cells": {}}

    def work(task):
        figures, points = (_bench() if task.key == "bench" else
                           (None, _kv(engine, made, plan, planning.SYSTEMS[task.key])))
        with lock:
            kept["figures"] |= figures or {}
            kept["cells"] |= points or {}
            say(f"{task.key}: measured")

    try:
        # The longest first.
        schedule.run([Task("bench"), *map(Task, SYSTEMS)], jobs, work)
    finally:
        made.close()
    return kept


def _bench():
    with tempfile.TemporaryDirectory(prefix="dunelab-gate-") as folder:
        result = bench.measure(ENGINE, BATCHES, Path(folder))
    text = (result.payload("costs") or b"").decode("utf-8", "replace")
    return {name: asdict(value) for name, value in sorted(costs.parse(text).items())}, None


def _kv(engine, made, plan, system):
    points = cells(system.name)
    script = kvscript.script(plan, system, "measure", points)
    with tempfile.TemporaryDirectory(prefix="dunelab-gate-") as folder:
        boot = base.Boot(made.kernel, made.initrd(system, script), system.kernel_args, CPUS,
                         kvimage.MEMORY_MIB, TIMEOUT_S, Path(folder))
        result = guestrun.passed(engine.run(boot), system.name)
    found = {}
    for number, cell in enumerate(points):
        log = (result.payload(f"cell-{number}.hlog") or b"").decode("utf-8", "replace")
        histogram = results.histograms(log)[0]["intended"]
        found[f"{system.name} {cell.kind}{cell.load}"] = {
            "n": histogram.total, "hist": histogram.encode_base64(),
            "percentile": {name: stats.gated(histogram, name).value for name in ("50", "99")}}
    return found
