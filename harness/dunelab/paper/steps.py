# SPDX-License-Identifier: MIT
"""One boot of the evaluation: what it runs, and the record that it leaves.

    steps/<key>/record.json     the figures, and everything that decided them
    steps/<key>/console.log run.sh output.txt
A step without record.json has not been done.
"""

import shlex
import tempfile
from dataclasses import asdict
from pathlib import Path

from dunelab import (apps, bench, costs, engine as engines, guestrun, hostenv, image, profiles,
                     steprun, store)
from dunelab.errors import GuestError
from dunelab.paper import plan as planning

LIMIT_S = 3600.0
CONSOLE_LINES = 6
# (batches, operations in a batch) of micro.
MICRO_SIZES = {True: (5, 50), False: (20, 200)}
# Expected wall seconds of a boot on its own, for the ETA: (quick, whole).
PACE = {"micro": (60, 150), "sandbox": (120, 700), "sthread": (40, 90)}
USUAL = (60, 300)


def expected_s(plan, step):
    """Seconds that a step is expected to take."""
    return PACE.get(step.workload, USUAL)[not plan.quick]


def engine(plan, step):
    """The engine of a step, with its costs."""
    return engines.get(plan.engine, step.costs())


def machine(plan, step):
    """What the guest of a step is given, as guestrun.run() takes it."""
    return {"cmdline": profiles.CMDLINE, **_what(plan, step)[2]}


def run(plan, step, folder):
    """Boot; write the step's directory. GuestError if it did not get through."""
    chosen = engine(plan, step)
    script, frame, options = _what(plan, step)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_text(folder / "run.sh", script)
    with tempfile.TemporaryDirectory(prefix="dunelab-paper-") as work:
        result = guestrun.run(script, chosen, cmdline=profiles.CMDLINE, timeout_s=LIMIT_S,
                              workdir=Path(work), **options)
        store.write_text(folder / "console.log", result.console_text())
    output = (result.payload(frame) or b"").decode("utf-8", "replace")
    store.write_text(folder / "output.txt", output)
    guestrun.passed(result, step.key, output, CONSOLE_LINES)
    figures = costs.parse(output)
    if not figures:
        raise GuestError(f"{step.key}: the guest measured nothing")
    store.write_json(folder / "record.json", _record(plan, step, chosen, result, figures))


def _what(plan, step):
    """(script, name of the frame with the lines, arguments of guestrun.run())."""
    if step.workload == planning.MICRO:
        batches, iterations = MICRO_SIZES[plan.quick]
        options = f"--batches {batches} --iterations {iterations} --all"
        return bench.SCRIPT.format(options=options), "costs", {"files": bench.guest_files()}
    needs = apps.needs(step.workload)
    return apps.script(step.workload, quick=plan.quick, seed=plan.seed), apps.FRAME, {
        "files": needs.files, "package_names": needs.packages, "cpus": needs.cpus,
        "memory_mib": needs.memory_mib}


def _record(plan, step, chosen, result, figures):
    commit, dirty = hostenv.commit()
    return {
        "schema": "dunelab-paper-step/1", "key": step.key, "workload": step.workload,
        "profile": step.profile, "exits": step.exits, "quick": plan.quick, "seed": plan.seed,
        "engine": chosen.record(),
        "commit": commit, "dirty": dirty, "release": image.kernel_release(),
        "cmdline": profiles.CMDLINE,
        "argv": shlex.join(map(str, result.argv)), "wall_s": round(result.wall_s, 1),
        "figures": {name: asdict(figure) for name, figure in figures.items()},
    }


KIND = steprun.Kind("paper", "the paper", planning.load, run, expected_s,
                    lambda record: f"{len(record['figures'])} figures", "make paper RESUME=1")
