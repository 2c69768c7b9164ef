# SPDX-License-Identifier: MIT
"""One boot of the experiment, and the record that it leaves.

    steps/<key>/record.json     each cell: measured, and predicted with the costs of this machine
    steps/<key>/CELL.json CELL.hlog CELL.predicted.hlog console.log run.sh
A step without record.json has not been done.
"""

import json
import shlex
import tempfile
from pathlib import Path

from dunelab import engine as engines, guestrun, hostenv, image, noise, steprun, store
from dunelab.errors import GuestError
from dunelab.spin import plan as planning, predict, script

LIMIT_S = 3600.0
MEMORY_MIB = 768
CONSOLE_LINES = 6
# Expected wall seconds, for the ETA: a boot; a virtual second of two busy CPUs.
BOOT_S, SECOND_S, COSTS_S = 14.0, 6.0, 0.25
# And of rt-sim: a process, a request of its.
SIMULATION_S, SIMULATED_S = 0.01, 3e-7


def engine(plan):
    """The engine of all steps, with its costs."""
    return engines.get(plan.engine, plan.profile)


def expected_s(plan, step):
    """Seconds that a step is expected to take."""
    cells = plan.cells(step)
    busy = sum((cell.requests + cell.warmup) * plan.mean_us(step.law) /
               (min(cell.rho, 0.8) * plan.cores) * 1e-6 + COSTS_S for cell in cells)
    simulated = sum((SIMULATION_S + SIMULATED_S * (cell.requests + cell.warmup)) *
                    predict.simulations(step.system, cell) for cell in cells)
    cpus = 1 + plan.cores + (step.noise == noise.NOISE)
    return BOOT_S + busy * SECOND_S * cpus / 2 + simulated


def kernels(plan):
    """Fetch the kernels that the systems need and that are not there."""
    guestrun.fetch_kernels(plan.kernel(planning.SYSTEMS[name]) for name in plan.systems)


def machine(plan, step):
    """What the guest of a step is given, as guestrun.run() takes it."""
    system = planning.SYSTEMS[step.system]
    return {"cmdline": plan.kernel_args(system), "cpus": plan.cpus, "memory_mib": MEMORY_MIB,
            "flavour": plan.kernel(system)}


def boot(plan, step, folder):
    """Boot; write the step's directory. GuestError if it did not get through."""
    chosen = engine(plan)
    text = script.script(plan, step)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_text(folder / "run.sh", text)
    with tempfile.TemporaryDirectory(prefix="dunelab-spin-") as work:
        result = guestrun.run(
            text, chosen, **machine(plan, step), timeout_s=LIMIT_S, workdir=Path(work),
            package_names=noise.packages(step.noise))
        store.write_text(folder / "console.log", result.console_text())
    wanted = [f"{cell.key}.{kind}" for cell in plan.cells(step) for kind in ("json", "hlog")]
    for name in ("environment", *wanted):
        payload = result.payload(name)
        if payload is not None:
            (folder / name).write_bytes(payload)
    guestrun.passed(result, step.key, "", CONSOLE_LINES)
    missing = [name for name in wanted if not (folder / name).exists()]
    if missing:
        raise GuestError(f"{step.key}: the guest left no {', '.join(missing)}")
    cells = {cell.key: _cell(plan, step, cell, folder) for cell in plan.cells(step)}
    store.write_json(folder / "record.json",
                     _record(plan, step, chosen, result, cells, wanted, folder))


def _cell(plan, step, cell, folder):
    """What the program said of a cell, and what rt-sim says of the same."""
    try:
        requests, machine = map(json.loads,
                                (folder / f"{cell.key}.json").read_text("utf-8").splitlines())
    except ValueError as error:
        raise GuestError(f"{folder / cell.key}.json is damaged: {error}") from None
    predicted = None
    if predict.simulations(step.system, cell):
        predicted = predict.predict(plan, step.law, cell, machine["costs_ns"],
                                    folder / f"{cell.key}.predicted.hlog")
    return {"measured": requests, "machine": machine, "predicted": predicted}


def _record(plan, step, chosen, result, cells, wanted, folder):
    commit, dirty = hostenv.commit()
    system = planning.SYSTEMS[step.system]
    wanted = wanted + [f"{key}.predicted.hlog" for key, cell in cells.items() if cell["predicted"]]
    return {
        "schema": "dunelab-spin-step/2", "key": step.key, "system": step.system, "law": step.law,
        "noise": step.noise,
        "engine": chosen.record(),
        "commit": commit, "dirty": dirty, "release": image.kernel_release(plan.kernel(system)),
        "cmdline": plan.kernel_args(system), "cpus": plan.cpus,
        "argv": shlex.join(map(str, result.argv)), "wall_s": round(result.wall_s, 1),
        "files": {name: store.sha256(folder / name) for name in wanted}, "cells": cells,
    }


def _say(record):
    done = sum(cell["measured"]["sojourn_ns"]["n"] for cell in record["cells"].values())
    return f"{len(record['cells'])} cells, {done:,} requests"


KIND = steprun.Kind("spin", "the experiment spin", planning.load, boot, expected_s, _say,
                    "make experiment WORKLOAD=spin RESUME=1", version=2)
