# SPDX-License-Identifier: MIT
"""What the gate measures: exits and faults, and two servers at two fixed rates, a boot each."""

import hashlib
import json
import shutil
import subprocess
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from dunelab import (bench, costs, engine as engines, guestrun, hostenv, image, kvimage, kvscript,
                     paths, plan as planning, results, schedule, stats, store)
from dunelab.engine import base
from dunelab.errors import GuestError

ENGINE = "bochs"
SYSTEMS = ("linux", "dune")
# The boots, the longest first.
PARTS = ("bench", *SYSTEMS)
# Requests a virtual second, fixed: a capacity of its own would hide a slower server.
RATES = (9000.0, 4000.0)
PLAN = {"systems": " ".join(SYSTEMS), "loads": "0.5", "requests": "2000", "records": "1000",
        "seed": "1"}
BATCHES = "--batches 3 --iterations 30"
BENCH_PROGRAMS = ("micro", "dune")
TIMEOUT_S = 900.0
CPUS = 2
# Whatever writes bytes of a guest image: another version of one of them is another guest.
PACKAGES = ("binutils", "busybox-static", "gcc", "gcc-12", "libc6-dev", "zlib1g-dev")


@dataclass(frozen=True)
class Task:
    """One boot."""

    key: str
    needs: tuple = ()


def environment(engine):
    """{what: value or None} that must agree for two records to be comparable: emulator, machine,
    kernel, what our programs are made with, the plan.  Nothing boots, nothing is built.
    """
    return {"emulator": engine.record()["version"], "machine": " ".join(engine.machine.kernel_args),
            "kernel": image.kernel_release(), "kernel_sha256": store.sha256(kvimage.kernel()),
            **{f"package.{name}": version for name, version in _packages().items()},
            "rates": " ".join(f"{rate:g}" for rate in RATES), "bench": BATCHES,
            **{f"plan.{name}": value for name, value in PLAN.items()}}


def _packages():
    found = dict.fromkeys(PACKAGES)
    if shutil.which("dpkg-query"):
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES],
                              capture_output=True, text=True, check=False)
        found |= dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    elif shutil.which("gcc"):
        found["gcc"] = hostenv.capture()["gcc"]
    return found


def artifacts():
    """{name: sha256} of what our guests are made of: where a changed histogram may come from."""
    release = image.kernel_release()
    names = (*kvimage.PROGRAMS, *BENCH_PROGRAMS, "report")
    return {**{name: store.sha256(paths.build() / "bin" / name) for name in names},
            "dune.ko": store.sha256(paths.build() / "modules" / (release or "") / "dune.ko"),
            "the guest's tools": hashlib.sha256(image.base_layer()).hexdigest()}


def cells(system):
    """The points of a system, the highest rate first."""
    return [planning.Cell(system, "fixed", f"{rate:g}", rate) for rate in RATES]


def measure(jobs, say, parts=PARTS):
    """The gate's record, or the part of it that those of PARTS are; GuestError when a boot did not
    get through."""
    engine = engines.get(ENGINE)
    plan = planning.make("kv", ENGINE, base.names(), **{
        name: PLAN[name] for name in ("systems", "loads", "requests", "records", "seed")})
    kvimage.require(plan)
    made, lock = kvimage.Image([planning.SYSTEMS[name] for name in SYSTEMS]), threading.Lock()
    commit, dirty = hostenv.commit()
    described = engine.record()
    kept = {"schema": "dunelab-gate/1", "commit": commit, "dirty": dirty,
            **{name: described[name] for name in ("clock_domain", "profile")},
            "environment": environment(engine), "artifacts": artifacts(),
            "figures": {}, "cells": {}}

    def work(task):
        figures, points = (_bench() if task.key == "bench" else
                           (None, _kv(engine, made, plan, planning.SYSTEMS[task.key])))
        with lock:
            kept["figures"] |= figures or {}
            kept["cells"] |= points or {}
            say(f"{task.key}: measured")

    try:
        schedule.run([Task(part) for part in PARTS if part in parts], jobs, work)
    finally:
        made.close()
    # The order in which boots end is the host's.
    return kept | {key: dict(sorted(kept[key].items())) for key in ("figures", "cells")}


def _bench():
    with tempfile.TemporaryDirectory(prefix="dunelab-gate-") as folder:
        result = bench.measure(ENGINE, BATCHES, Path(folder), only=BENCH_PROGRAMS)
    text = (result.payload("costs") or b"").decode("utf-8", "replace")
    return {name: asdict(value) for name, value in sorted(costs.parse(text).items())}, None


def _kv(engine, made, plan, system):
    points = cells(system.name)
    script = kvscript.script(plan, system, "measure", points)
    with tempfile.TemporaryDirectory(prefix="dunelab-gate-") as folder:
        boot = base.Boot(kvimage.kernel(system), made.initrd(system, script),
                         system.kernel_args, CPUS, kvimage.MEMORY_MIB, TIMEOUT_S, Path(folder))
        result = guestrun.passed(engine.run(boot), system.name)
    found = {}
    for number, cell in enumerate(points):
        log = (result.payload(f"cell-{number}.hlog") or b"").decode("utf-8", "replace")
        summary = json.loads(result.payload(f"cell-{number}.json") or b"{}")
        merged, groups = results.histograms(log)
        histogram = merged["intended"]
        said = stats.check(summary, histogram, [item.histogram for item in groups["intended"]])
        if not said.ok:
            raise GuestError(f"{system.name} at {cell.rate:g} requests/s: "
                             f"{'; '.join(said.reasons)}: nothing to compare")
        found[f"{system.name} {cell.kind}{cell.load}"] = {
            "n": histogram.total, "hist": histogram.encode_base64(),
            "mean": summary["service"]["mean"],
            "percentile": {name: stats.gated(histogram, name).value for name in ("50", "99")}}
    return found
