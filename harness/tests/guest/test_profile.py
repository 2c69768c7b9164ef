# SPDX-License-Identifier: MIT
"""Profiles of real guests: the engine counts exactly, perf samples plausibly, nobody notices."""

import gzip
import json
import xml.dom.minidom
from pathlib import Path

import pytest

from conftest import _compile
from dunelab import cli, engine as engines, guestrun, store
from dunelab.engine.bochstrace import COUNTS, Wanted, traced
from dunelab.explain import symbols
from dunelab.profile import command, counts, folded

SCRIPT = """#!/bin/sh
counted-probe
report mark 1
counted-probe
report mark 0
counted-probe
for n in 1 2 3; do date +%N; done | report stdin times
head -c 64 /dev/urandom | report stdin random
"""


def profile(root, *words):
    """(manifest, stacks of CPU 1, files) of a profile of kv."""
    assert cli.main(["profile", "kv", "--out", str(root), *words]) == 0
    run = (root / "profile/latest").resolve()
    kept = store.read_record(run / "manifest.json", command.SCHEMA)
    stacks = folded.unfold(gzip.decompress((run / "report/folded.txt.gz").read_bytes()).decode())
    assert sum(stacks.values()) == kept["total"] == sum(r["count"] for r in kept["functions"])
    xml.dom.minidom.parse(str(run / "report/flame-cpu1.svg"))
    return kept, folded.below(stacks, "CPU 1"), run


def test_perf_samples_a_server_in_ring_0(tmp_path):
    kept, stacks, run = profile(tmp_path, "--engine", "qemu", "--system", "dune", "--load", "max",
                                "--requests", "1000", "--quick")
    assert kept["unit"] == "samples" and kept["engine"]["clock_domain"] == "ns(host)"
    mine = {frames: n for frames, n in stacks.items() if frames[0] == "kv-server"}
    # It is in its VM, in the module, and in the kernel on its behalf.
    assert any("{guest ring 0}" in frames for frames in mine), mine
    called = folded.inclusive(mine)
    assert called.get("{kernel}") and any(name.endswith(" [dune]") for name in called), called
    assert any(name.startswith("tcp_") for name in called), called
    assert kept["host"]["missing"] or kept["host"]["events"]["task-clock"] > 0
    assert (run / "report/index.html").stat().st_size < 3_000_000


@pytest.fixture(scope="module", name="boots")
def both_boots(tmp_path_factory):
    """(plain, traced BootResult, counts.Window, the same of another boot, symbols.Names) of one
    image."""
    folder = tmp_path_factory.mktemp("trace")
    program = _compile(folder / "counted-probe", Path(__file__).parent / "counted_probe.c")
    kernel, found = symbols.kernel("bochs"), []
    initrd = guestrun.build_initrd(folder, {**program, "/lab/run": SCRIPT}, automatic=False)
    told = traced("bochs", None, Wanted(kernel, marks=True, stacks=True))
    for name, engine in (("plain", engines.get("bochs")), ("traced", told), ("again", told)):
        engine.ensure()
        (folder / name).mkdir()
        found.append(engine.run(engines.Boot(guestrun.find_kernel(), initrd, "", 2, 256, 240.0,
                                             folder / name)))
        assert found[-1].ok, found[-1].detail
    names = symbols.Names(kernel.table, None, {"counted-probe": folder / "counted-probe"})
    windows = [counts.read((folder / name / COUNTS).read_text()) for name in ("traced", "again")]
    return (*found[:2], *windows[0], *windows[1], names)


@pytest.mark.bochs
@pytest.mark.slow           # the emulator that counts is built first
class TestCounted:
    """On Bochs."""

    def test_the_guest_has_the_same_bits_with_and_without(self, boots):
        plain, counting, *_ = boots
        assert [(f.name, f.payload) for f in plain.frames] == \
            [(f.name, f.payload) for f in counting.frames]
        assert plain.console.read_bytes() == counting.console.read_bytes()

    def test_every_instruction_is_counted_once(self, boots):
        *_, window, again, names = boots
        assert counts.folded(window, names) == counts.folded(again, names)
        assert window.of_cpus() == window.executed and min(window.executed) > 0
        assert sum(counts.flat(window, names).values()) == sum(window.executed)
        assert sum(counts.folded(window, names).values()) == sum(window.executed)

    def test_instructions_of_functions_are_exact(self, boots):
        *_, window, _, names = boots
        found = {function: n for (comm, mode, function), n in counts.flat(window, names).items()
                 if comm == "counted-probe" and mode == "user" and function.startswith("counted_")}
        # Once directly and once by its caller; an iteration of REP counts like an instruction.
        assert found == {"counted_loop": 2 * (1 + 2 * 1_000_000 + 1), "counted_caller": 3,
                         "counted_fill": 3 + 4096 + 1}

    def test_stacks_tell_who_called(self, boots):
        *_, window, _, names = boots
        ends = {}
        for frames, n in counts.folded(window, names).items():
            if frames[-1] == "counted_loop":
                ends[frames[-2]] = ends.get(frames[-2], 0) + n
        assert ends == {"main": 2_000_002, "counted_caller": 2_000_002}

    @pytest.mark.parametrize("engine, system", [("bochs", "linux"), ("bochs-vmx", "dune")])
    def test_kv_is_counted(self, tmp_path, engine, system):
        kept, stacks, run = profile(tmp_path, "--engine", engine, "--system", system, "--quick",
                                    "--requests", "300")
        assert all(cpu["count"] == cpu["executed"] > 0 for cpu in kept["cpus"])
        mine = [row for row in kept["functions"] if row["task"] == "kv-server" and row["cpu"] == 1]
        modes = {row["mode"] for row in mine}
        assert modes == ({"user", "kernel", "guest ring 0"} if system == "dune" else
                         {"user", "kernel"})
        # Little of it, the vDSO, is without a name.
        nameless = sum(row["count"] for row in mine if row["function"].startswith("["))
        assert nameless < 0.02 * sum(row["count"] for row in mine), mine[:20]
        # Callers are those of the kernel's source, and none is there that has returned.
        # The first is reached by a jump, the second is called through a thunk.
        for called, by in (("tcp_sendmsg_locked", "tcp_sendmsg"),
                           ("process_backlog", "__napi_poll")):
            assert {frames[frames.index(called) - 1] for frames in stacks
                    if called in frames} == {by}
        assert max(map(len, stacks)) < 90
        assert not [frames for frames in stacks for a, b, c in zip(frames, frames[1:], frames[2:])
                    if a == b == c and a[0] != "["]
        assert json.loads((run / "env.host.json").read_text())
