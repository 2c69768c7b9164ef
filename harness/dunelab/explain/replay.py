# SPDX-License-Identifier: MIT
"""Boots a run's own guest again with the trace on, and proves that it was the same boot."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from dunelab import kvimage, kvrun, noise, plan as planning, store
from dunelab.engine import base
from dunelab.engine.bochstrace import COUNTS, EVENTS, Wanted, traced
from dunelab.errors import GuestError, UsageError
from dunelab.explain import events, symbols
from dunelab.profile import counts

# What is looked at before and after a request, ticks: what led to it, and the end of its reply.
MARGIN = 2_000


@dataclass
class Replay:
    """What a replay told. windows: counts.Window for each that was asked for."""

    events: list
    windows: list
    names: symbols.Names
    vendor: str


def windows(requests):
    """[(from, to)] in ticks for requests of one boot: sorted, joined where they overlap."""
    joined = []
    for begin, end in sorted((r.ticks(r.busy) - MARGIN, r.ticks(r.done) + MARGIN)
                             for r in requests):
        if joined and begin <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((max(begin, 0), end))
    return joined


def check(run):
    """UsageError, unless this tree and machine can boot the run's bits again."""
    kept = run.manifest["engine"]
    if not kept["name"].startswith("bochs"):
        raise UsageError(f"this run was measured on {kept['name']}, of which no boot is like "
                         "another: only runs of ENGINE=bochs can be replayed")
    engine = base.get(kept["name"], kept["profile"])
    engine.ensure()
    if engine.version() != kept["version"]:
        raise UsageError("the emulator is another one than the run's, so that a replay would not "
                         f"be the same boot:\n  run:  {kept['version']}\n  here: "
                         f"{engine.version()}\nuse the run's commit "
                         f"({run.manifest['commit'][:12]})")
    systems = [planning.SYSTEMS[name] for name in run.plan.systems]
    kvimage.require(run.plan)
    before, now = run.manifest["artifacts"], kvimage.artifacts(
        systems, noise.packages(run.plan.noise))
    changed = sorted(name for name in now if before.get(name) != now[name])
    if changed:
        raise UsageError(f"{', '.join(changed)}: not what the run was measured with, so that a "
                         "replay would not be the same boot; use the run's commit "
                         f"({run.manifest['commit'][:12]}), or measure again")


def replay(run, requests, say=lambda text: None):
    """The Replay of the boot in which these requests of one system were served; GuestError when
    it was not the run's boot after all."""
    system = planning.SYSTEMS[requests[0].cell.system]
    kept = run.manifest["engine"]
    where = run.store.boot("measure", system.name)
    last = max(_number(run, request) for request in requests)
    kernel = symbols.kernel(kept["name"], system.kernel)
    engine = traced(kept["name"], kept["profile"], Wanted(kernel, tuple(windows(requests))))
    engine.ensure()
    image = kvimage.Image([system], noise.packages(run.plan.noise))
    try:
        initrd = image.initrd(system, (where / "run.sh").read_text("utf-8"))
        recorded = run.manifest["boots"][f"measure-{system.name}"]["initrd_sha256"]
        if store.sha256(initrd) != recorded:
            raise UsageError("the guest's image is not the run's any more (busybox, init or a "
                             "package changed); measure again")
        say(f"{system.name}: booting the run's guest again with the trace on")
        with tempfile.TemporaryDirectory(prefix="dunelab-replay-") as work:
            limit = kvrun.LIMIT[0] + kvrun.LIMIT[1] * (
                kvrun.PREPARATION + run.plan.requests * 2 * len(run.plan.loads)) / 1000
            boot = base.Boot(kvimage.kernel(system), initrd, system.kernel_args, system.cpus,
                             kvimage.MEMORY_MIB, 3 * limit, Path(work))
            result = engine.run(boot, stop_when=lambda frames: _ended(frames[-1], last))
            require_same(store.read_json(where / "frames.json", []), result)
            return Replay(events.read((boot.workdir / EVENTS).read_bytes()),
                          counts.read((boot.workdir / COUNTS).read_text("utf-8", "replace")),
                          symbols.Names(kernel.table, _modules(where), kernel=system.kernel),
                          engine.vendor)
    finally:
        image.close()


def _number(run, request):
    """The cell's number in its boot."""
    argv = store.read_json(run.store.run(request.cell) / "run.json")["argv"]
    return int(argv[argv.index("--out") + 1].removeprefix("cell-"))


def _ended(frame, number):
    return frame.kind == "event" and frame.name in ("cell-done", "cell-failed") and \
        frame.text.split()[0] == str(number)


def require_same(expected, result):
    """GuestError unless a boot's frames are those of the run, bit for bit, as far as it went."""
    again = kvrun.frame_records(result.frames)
    if result.errors or not again or not any(r["name"] == "cell-done" for r in again):
        raise GuestError(f"the replay did not get to the request: {result.detail}")
    for number, record in enumerate(again):
        if number >= len(expected) or record != expected[number]:
            raise GuestError(f"the replay is not the run: its frame {number} ({record['name']}) "
                             "has other bits, so that nothing that it tells can be trusted")


def _modules(where):
    environment = store.read_json(where / "env.guest.json") or {}
    return environment.get("modules")
