# SPDX-License-Identifier: MIT
"""The phases of the kv experiment: calibrate, measure, repeat; which boots, in which order."""

import hashlib
import json
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dunelab import (kvimage, kvscript, paths, plan as planning, progress, results, schedule,
                     store)
from dunelab.engine import base
from dunelab.record import utc

CPUS = 2
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


class KvRun:
    """Boots everything a plan needs; what comes out goes into the Record."""

    def __init__(self, record, jobs):
        self.record, self.plan, self.engine = record, record.plan, record.engine
        self.jobs = jobs
        self.systems = [planning.SYSTEMS[name] for name in self.plan.systems]
        self.image = None
        self.images = {}            # system -> image of its measure boot
        self.first = {}             # system -> frames up to the end of its check
        boot, thousand = PACE.get(self.engine.name, (10.0, 0.5))
        self.request_cost = thousand / 1000
        self.cell_cost = self.request_cost * (self.plan.requests + self.plan.warmup)
        self.boot_cost = boot + self.request_cost * PREPARATION
        self.progress = progress.Progress(self._work(), jobs)

    def tasks(self):
        """All boots, in the order to start them in as far as their needs allow."""
        order = sorted(self.systems, key=lambda system: system.name != self.plan.baseline)
        result = [Task("calibrate", system) for system in order]
        # The longest boots first, so that short ones fill the end: the baseline has fewest cells.
        order.reverse()
        for system in order:
            result.append(Task("measure", system, (f"calibrate-{system.name}",
                                                   f"calibrate-{self.plan.baseline}")))
        if self.engine.deterministic:
            result += [Task("repeat", system, (f"measure-{system.name}",)) for system in order]
        return result

    def run(self):
        """Build, boot, measure.  KeyboardInterrupt passes through with no emulator left."""
        try:
            self._build()
            schedule.run(self.tasks(), self.jobs, self._task)
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
        self.image = kvimage.Image(self.systems)
        self.record.set(artifacts=self.image.artifacts(), kernel=self.image.release)
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
        parts = [self.engine.version(), store.sha256(self.image.kernel),
                 store.sha256(self.image.initrd(system, script)), system.kernel_args,
                 f"{CPUS} {kvimage.MEMORY_MIB}"]
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
        self.first[name] = first_part(boot.frames)
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

    def _repeat(self, task):
        name, expected = task.system.name, self.first.get(task.system.name)
        if not expected:
            self.record.update("same_seed", name, {"agreed": None,
                                                   "detail": "its first boot did not get so far"})
            return
        boot = self._boot(task, None, stop_when=lambda frames: bool(first_part(frames)))
        again = first_part(boot.frames)
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
        where = self.record.store.boot(phase, name)
        where.mkdir(parents=True)
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
            boot = base.Boot(self.image.kernel, self.images[name], task.system.kernel_args, CPUS,
                             kvimage.MEMORY_MIB, LIMIT[0] + LIMIT[1] * requests / 1000,
                             Path(work))
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
        store.write_json(where / "frames.json", [
            {"kind": f.kind, "name": f.name, "bytes": len(f.payload),
             "sha256": hashlib.sha256(f.payload).hexdigest()} for f in result.frames])
        environment = result.payload("env")
        if environment:
            store.write_json(where / "env.guest.json", kvscript.parse_sections(
                environment.decode("utf-8", "replace")))
        complaints = result.payload("dmesg")
        if complaints:
            (where / "dmesg.txt").write_bytes(complaints)
            self.record.fail(f"{task.key}: the guest's kernel complained, see "
                             f"boots/{task.key}/dmesg.txt")

    def _cell_failed(self, cell, status, detail):
        self.record.cell(cell, status, detail)
        self.progress.say(f"{cell.id}: {status}: {detail}")

    def _failed(self, task, boot, consequence):
        text = f"{task.key}: {boot.status}: {reason(boot)}; {consequence}"
        self.record.fail(f"{text}; see boots/{task.key}/console.log")
        self.progress.say(text)


def first_part(frames):
    """The frames up to the end of the check, or [] when it has not ended."""
    for number, frame in enumerate(frames):
        if frame.kind == "event" and frame.name == "checked":
            return frames[:number + 1]
    return []


def compare(expected, again):
    """The same-seed check's entry in the manifest: two lists of frames, bit for bit."""
    different = [a.name for a, b in zip(expected, again) if a != b]
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


def _digest(frames):
    total = hashlib.sha256()
    for frame in frames:
        total.update(f"{frame.kind} {frame.name} {len(frame.payload)}\n".encode())
        total.update(frame.payload)
    return total.hexdigest()
