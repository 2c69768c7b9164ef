# SPDX-License-Identifier: MIT
"""The phases of the kv experiment: calibrate, measure, repeat; which boots, in which order."""

import hashlib
import json
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dunelab import (kvimage, kvscript, noise, paths, plan as planning, progress, results,
                     schedule, store)
from dunelab.engine import base
from dunelab.errors import UsageError
from dunelab import dryrun
from dunelab.record import utc

# Expected wall seconds, for the ETA alone: (a boot, preload included; a thousand requests).
PACE = {"bochs": (15.0, 1.0), "bochs-vmx": (15.0, 1.0), "qemu": (5.0, 0.4),
        "qemu-icount": (8.0, 0.5), "kvm": (5.0, 0.3)}
# A boot that takes longer than this many seconds, and this many per thousand requests, hangs.
LIMIT = (300.0, 30.0)
PREPARATION = 8_000     # requests' worth of work before the first cell: preload and capacity


@dataclass(frozen=True)
class Task:
    """One boot: its phase and system, and the tasks that must have ended before it."""

    phase: str
    system: planning.System
    needs: tuple = ()

    @property
    def key(self):
        return f"{self.phase}-{self.system.name}"


def tasks(plan, engine):
    """All boots, in the order to start them in as far as their needs allow."""
    systems = [planning.SYSTEMS[name] for name in plan.systems]
    order = sorted(systems, key=lambda system: system.name != plan.baseline)
    result = [Task("calibrate", system) for system in order]
    # The longest boots first, so that short ones fill the end: the baseline has fewest cells.
    order.reverse()
    for system in order:
        result.append(Task("measure", system, (f"calibrate-{system.name}",
                                               f"calibrate-{plan.baseline}")))
    if engine.deterministic:
        result += [Task("repeat", system, (f"measure-{system.name}",)) for system in order]
    return result


def planned(plan, engine):
    """[dryrun.Planned] of a plan's boots on an engine."""
    def machine(system):
        return {"cmdline": system.kernel_args, "memory_mib": kvimage.MEMORY_MIB,
                "cpus": system.cpus, "flavour": system.kernel}
    return [dryrun.Planned(f"{task.key}, seed {plan.seed}", engine, machine(task.system))
            for task in tasks(plan, engine)]


class KvRun:
    """Boots everything a plan needs; what comes out goes into the Record."""

    def __init__(self, record, jobs):
        self.record, self.plan, self.engine = record, record.plan, record.engine
        self.jobs = jobs
        self.systems = [planning.SYSTEMS[name] for name in self.plan.systems]
        self.image = None
        self.images = {}            # system -> image of its measure boot
        self.first = {}             # system -> frame records up to the end of its check
        boot, thousand = PACE.get(self.engine.name, (10.0, 0.5))
        self.request_cost = thousand / 1000
        self.cell_cost = self.request_cost * (self.plan.requests + self.plan.warmup)
        self.boot_cost = boot + self.request_cost * PREPARATION
        self.progress = progress.Progress(self._work(), jobs)

    def run(self):
        """Build, boot, measure.  KeyboardInterrupt passes through with no emulator left."""
        try:
            self._build()
            schedule.run(tasks(self.plan, self.engine), self.jobs, self._task)
        finally:
            self.progress.close()
            if self.image:
                self.image.close()

    def _work(self):
        boots = len(self.systems) * (3 if self.engine.deterministic else 2)
        return (self.boot_cost * boots
                + self.cell_cost * len(planning.expected_cells(self.plan)))

    def _build(self):
        self.progress.start("build", "preparing the guest image")
        self.engine.ensure()
        extra = noise.packages(self.plan.noise)
        self.image = kvimage.Image(self.systems, extra)
        before = self.record.manifest["artifacts"]
        now = kvimage.artifacts(self.systems, extra)
        require_same_build(self.record.store.path, before, now)
        self.record.set(artifacts={**before, **now}, kernel=self.image.release)
        self.record.journal.write("built", kernel=self.image.release)
        self.progress.finish("build", f"image ready: Linux {self.image.release}; "
                                      f"{self.engine.version()}")

    # -- one task ------------------------------------------------------------------------

    def _task(self, task):
        known = task.system.name in self.record.manifest["capacities"]
        try:
            if task.phase == "calibrate":
                self._calibrate(task)
            elif task.phase == "measure":
                self._measure(task) if known else self._give_up(task)
            elif known:
                self._repeat(task)
        finally:
            self.progress.advance(self.boot_cost)
            self.progress.finish(task.key)

    def _calibrate(self, task):
        if task.system.name in self.record.manifest["capacities"]:
            return
        script = kvscript.script(self.plan, task.system, "calibrate")
        memory = self._memory(task.system, script)
        known = memory and store.read_json(memory)
        if known:
            # The same bits on a deterministic engine give the same capacity: no need to boot.
            self.record.update("remembered", task.system.name, known)
            self.record.update("capacities", task.system.name, known["capacity_rps"])
            self.progress.say(f"{task.system.name}: capacity {known['capacity_rps']:,.0f} "
                              f"requests/s, remembered from {known['measured']}")
            return
        boot = self._boot(task, script)
        try:
            measured = json.loads(boot.payload("capacity.json") or "{}")
        except ValueError:
            measured = {}
        capacity = measured.get("capacity_rps")
        if not boot.ok or not capacity:
            self._failed(task, boot, "no capacity was measured")
            return
        store.write_json(self.record.store.boot(task.phase, task.system.name) / "capacity.json",
                         measured)
        self.record.update("capacities", task.system.name, capacity)
        self.progress.say(f"{task.system.name}: capacity {capacity:,.0f} requests/s")
        if memory:
            store.write_json(memory, {"capacity_rps": capacity, "measured": utc(),
                                      "commit": self.record.manifest["commit"]})

    def _memory(self, system, script):
        """File that remembers the capacity of exactly this boot; None where it could vary."""
        if not self.engine.deterministic:
            return None
        parts = [self.engine.version(), store.sha256(kvimage.kernel(system)),
                 store.sha256(self.image.initrd(system, script)), system.kernel_args,
                 f"{system.cpus} {kvimage.MEMORY_MIB}"]
        parts += [store.sha256(path) for path in
                  sorted((paths.root() / "vm-images" / "machines").glob("*.toml"))]
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        return paths.cache() / "capacity" / f"{digest[:32]}.json"

    def _give_up(self, task):
        """The capacity is unknown, so no cell has a rate."""
        for cell in planning.expected_cells(self.plan):
            if cell.system == task.system.name:
                self.record.cell(cell, results.ERROR,
                                 "the boot that measures its system's capacity failed")

    def _measure(self, task):
        name, seen = task.system.name, {}
        cells = planning.cells(self.plan, name, dict(self.record.manifest["capacities"]))
        for cell in cells:
            if cell.skip:
                self.record.cell(cell, results.SKIP, cell.skip)
                self.progress.advance(self.cell_cost)
        if self._measured_before(task, cells):
            return
        # Highest rate first: the same-seed check uses the first cell's, where most can differ.
        cells = sorted((cell for cell in cells if not cell.skip), key=lambda cell: -cell.rate)

        def on_frame(frame):
            if frame.kind == "file":
                seen[frame.name] = frame.payload
            elif frame.name == "cell-start":
                cell = cells[int(frame.text)]
                self.progress.start(task.key, f"{name} {cell.kind} {cell.load}")
            elif frame.name == "cell-done":
                number = int(frame.text)
                self.record.keep(cells[number], number, seen, task.key)
                self.progress.advance(self.cell_cost)
            elif frame.name == "cell-failed":
                number, _, text = frame.text.partition(" ")
                self._cell_failed(cells[int(number)], results.FAIL, text)

        boot = self._boot(task, kvscript.script(self.plan, task.system, "measure", cells),
                          on_frame)
        self.first[name] = first_part(frame_records(boot.frames))
        missing = [cell for cell in cells if cell.id not in self.record.manifest["cells"]
                   and results.read_cell(self.record.store, cell) is None]
        for cell in missing:
            self._cell_failed(cell, results.ERROR, f"{boot.status}: {reason(boot)}")
        if not boot.ok:
            self._failed(task, boot, "cells are missing" if missing else "all cells were "
                                                                         "measured")
        else:
            self.progress.say(f"{name}: {len(cells)} cells measured in "
                              f"{progress.duration(boot.wall_s)}")

    def _measured_before(self, task, cells):
        """Whether this run, before it was stopped, had all cells of a system; cells of a boot
        depend on those before them, so that a boot is done again as a whole."""
        name, folder = task.system.name, self.record.store.boot(task.phase, task.system.name)
        if not self.record.done(task.key) or not all(
                cell.skip or self.record.measured(cell) for cell in cells):
            return False
        script = (folder / "run.sh").read_text("utf-8")
        self.images[name] = self.image.initrd(task.system, script)
        self.first[name] = first_part(store.read_json(folder / "frames.json", []))
        self.progress.advance(self.cell_cost * sum(not cell.skip for cell in cells))
        self.progress.say(f"{name}: its cells have been measured before")
        return True

    def _repeat(self, task):
        name, expected = task.system.name, self.first.get(task.system.name)
        if (self.record.manifest["same_seed"].get(name) or {}).get("agreed") is not None:
            return
        if not expected:
            self.record.update("same_seed", name, {"agreed": None,
                                                   "detail": "its first boot did not get so far"})
            return
        boot = self._boot(task, None,
                          stop_when=lambda frames: bool(first_part(frame_records(frames))))
        again = first_part(frame_records(boot.frames))
        if not again:
            self.record.update("same_seed", name, {"agreed": None, "detail": reason(boot)})
            self._failed(task, boot, "the same-seed check could not be made")
            return
        check = compare(expected, again)
        self.record.update("same_seed", name, check)
        self.progress.say(f"{name}: same seed again, " + (
            f"{check['frames']} frames identical" if check["agreed"] else
            f"and the bits DIFFER: {check['detail']}"))

    def _boot(self, task, script, on_frame=None, stop_when=None):
        """Boot a system; script None means the image of its measure boot again."""
        name, phase = task.system.name, task.phase
        self.record.begin_boot(task.key)
        where = self.record.store.new_boot(phase, name)
        self.progress.start(task.key, f"{name} {phase}: booting")
        self.record.journal.write("start", boot=task.key)

        def on_event(frame):
            if frame.kind == "event" and frame.name in ("serving", "preloaded"):
                self.progress.start(task.key, f"{name} {phase}: {frame.name}")
            if on_frame:
                on_frame(frame)

        if script is not None:
            store.write_text(where / "run.sh", script)
            self.images[name] = self.image.initrd(task.system, script)
        requests = PREPARATION + self.plan.requests * 2 * len(self.plan.loads)
        with tempfile.TemporaryDirectory(prefix="dunelab-boot-") as work:
            boot = base.Boot(kvimage.kernel(task.system), self.images[name],
                             task.system.kernel_args, task.system.cpus, kvimage.MEMORY_MIB,
                             LIMIT[0] + LIMIT[1] * requests / 1000, Path(work))
            result = self.engine.run(boot, on_event, stop_when)
            self._keep_boot(task, where, result)
        self.record.boot(task.key, result, self.images[name], boot.cmdline)
        self.record.journal.write("done" if result.ok or stop_when else "fail", boot=task.key,
                                  status=result.status, wall_s=round(result.wall_s, 2))
        return result

    def _keep_boot(self, task, where, result):
        """What a boot leaves in its directory: console, frames, environment, complaints."""
        store.write_text(where / "console.log", result.console_text())
        store.write_text(where / "argv.txt", shlex.join(result.argv) + "\n")
        store.write_json(where / "frames.json", frame_records(result.frames))
        environment = result.payload("env")
        if environment:
            store.write_json(where / "env.guest.json", kvscript.parse_sections(
                environment.decode("utf-8", "replace")))
        server = result.payload("server.log")
        if server:
            (where / "server.log").write_bytes(server)
        complaints = result.payload("dmesg")
        if complaints:
            (where / "dmesg.txt").write_bytes(complaints)
            self.record.fail(task.key, "the guest's kernel complained, see "
                                       f"boots/{task.key}/dmesg.txt")

    def _cell_failed(self, cell, status, detail):
        self.record.cell(cell, status, detail)
        self.progress.say(f"{cell.id}: {status}: {detail}")

    def _failed(self, task, boot, consequence):
        text = f"{boot.status}: {reason(boot)}; {consequence}"
        self.record.fail(task.key, f"{text}; see boots/{task.key}/console.log")
        self.progress.say(f"{task.key}: {text}")


def require_same_build(path, before, now):
    """UsageError when a run was measured with other artifacts than those that are there now."""
    # The emulator's digest comes with the first boot; its version is part of the run's engine.
    changed = sorted(name for name in (before | now).keys() - {"emulator"}
                     if before.get(name) != now.get(name))
    if before and changed:
        raise UsageError(f"{path} was measured with another build ({', '.join(changed)} differ): "
                         "its figures and new ones would not belong together; run without RESUME")


def frame_records(frames):
    """What is kept of frames: kind, name, size and digest of each."""
    return [{"kind": f.kind, "name": f.name, "bytes": len(f.payload),
             "sha256": hashlib.sha256(f.payload).hexdigest()} for f in frames]


def first_part(records):
    """The frame records up to the end of the check, or [] when it has not ended."""
    for number, record in enumerate(records):
        if record["kind"] == "event" and record["name"] == "checked":
            return records[:number + 1]
    return []


def compare(expected, again):
    """The same-seed check's entry in the manifest: two lists of frame records, bit for bit."""
    different = [a["name"] for a, b in zip(expected, again) if a != b]
    agreed = not different and len(expected) == len(again)
    if agreed:
        detail = "identical"
    elif different:
        detail = f"first difference in {different[0]}"
    else:
        detail = f"{len(expected)} frames, then {len(again)}"
    return {"agreed": agreed, "frames": len(expected), "sha256": _digest(expected),
            "sha256_again": _digest(again), "detail": detail}


def reason(boot):
    """Why a boot failed, in one line: the guest's own words when it had some."""
    words = boot.payload("failed", "event")
    if words:
        return " ".join(words.decode("utf-8", "replace").split())
    return boot.detail.splitlines()[0] if boot.detail else boot.status


def _digest(records):
    return hashlib.sha256(json.dumps(records).encode()).hexdigest()
