# SPDX-License-Identifier: MIT
"""One boot of the experiment, and the record that it leaves.

    steps/<key>/record.json     what was measured, and everything that decided it
    steps/<key>/*.json wake.hlog trace console.log run.sh
A step without record.json has not been done.
"""

import json
import shlex
import tempfile
from pathlib import Path

from dunelab import engine as engines, guestrun, hostenv, image, noise, steprun, store
from dunelab.errors import GuestError
from dunelab.jitter import plan as planning, script

LIMIT_S = 3600.0
CONSOLE_LINES = 6
WANTED = ("spin.json", "wake.json", "wake.hlog", "traced.json", "trace")
PEERS = ("cyclictest.json", "oslat.json")
# Expected wall seconds, for the ETA: a boot, and a virtual second of the probes.
BOOT_S, SECOND_S = 12.0, {noise.IDLE: 3.0, noise.NOISE: 6.0}


def engine(plan):
    """The engine of all steps, with its costs."""
    return engines.get(plan.engine, plan.profile)


def expected_s(plan, step):
    """Seconds that a step is expected to take."""
    probes = plan.spin_ms / 1e3 + plan.interval_us * plan.cycles / 1e6
    both = 2 if planning.SYSTEMS[step.system].peers else 1
    return BOOT_S + both * probes * SECOND_S[step.noise]


def kernels(plan):
    """Fetch the kernels that the systems need and that are not there."""
    guestrun.fetch_kernels(plan.kernel(planning.SYSTEMS[name]) for name in plan.systems)


def machine(plan, step):
    """What the guest of a step is given, as guestrun.run() takes it."""
    system = planning.SYSTEMS[step.system]
    return {"cmdline": system.kernel_args, "cpus": planning.CPUS, "flavour": plan.kernel(system)}


def boot(plan, step, folder):
    """Boot; write the step's directory. GuestError if it did not get through."""
    chosen = engine(plan)
    text = script.script(plan, step)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_text(folder / "run.sh", text)
    with tempfile.TemporaryDirectory(prefix="dunelab-jitter-") as work:
        result = guestrun.run(
            text, chosen, **machine(plan, step), timeout_s=LIMIT_S, workdir=Path(work),
            package_names=noise.PACKAGES)
        store.write_text(folder / "console.log", result.console_text())
    for name in ("environment", "missing", *WANTED, *PEERS):
        payload = result.payload(name)
        if payload is not None:
            (folder / name).write_bytes(payload)
    guestrun.passed(result, step.key, "", CONSOLE_LINES)
    store.write_json(folder / "record.json", _record(plan, step, chosen, result, folder))


def _record(plan, step, chosen, result, folder):
    commit, dirty = hostenv.commit()
    system = planning.SYSTEMS[step.system]
    wanted = WANTED + (PEERS if system.peers else ())
    missing = [name for name in wanted if not (folder / name).exists()]
    if missing:
        raise GuestError(f"{step.key}: the guest left no {', '.join(missing)}")
    return {
        "schema": "dunelab-jitter-step/1", "key": step.key, "system": step.system,
        "noise": step.noise,
        "engine": chosen.record(),
        "commit": commit, "dirty": dirty, "release": image.kernel_release(plan.kernel(system)),
        "cmdline": system.kernel_args, "cpus": planning.CPUS,
        "argv": shlex.join(map(str, result.argv)), "wall_s": round(result.wall_s, 1),
        "files": {name: store.sha256(folder / name) for name in wanted},
        "spin": _read(folder / "spin.json"), "wake": _read(folder / "wake.json"),
    }


def _read(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise GuestError(f"{path} is damaged: {error}") from None


def _say(record):
    return (f"{record['spin']['interruptions']:,} interruptions, wakes at most "
            f"{record['wake']['max_ns'] / 1000:,.1f} us late")


KIND = steprun.Kind("jitter", "the experiment jitter", planning.load, boot, expected_s, _say,
                    "make experiment WORKLOAD=jitter RESUME=1")
