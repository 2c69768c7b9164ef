# SPDX-License-Identifier: MIT
"""The whole experiment, small: on QEMU for function, on Bochs for the same-seed check."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dunelab import hlog, journal, paths
from dunelab.engine import base

LIMIT_S = 500


def start(out, *options):
    """The command as a user runs it, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(paths.root() / "harness")}
    return subprocess.Popen(
        [sys.executable, "-m", "dunelab", "experiment", "kv", "--out", str(out), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def finish(process):
    """(exit status, stdout, stderr)."""
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        raise AssertionError(f"still running after {LIMIT_S} s\n{out}\n{err}") from None
    return process.returncode, out, err


def read(path):
    return json.loads(path.read_text())


def test_a_small_experiment_on_qemu(tmp_path):
    status, out, err = finish(start(tmp_path, "--engine", "qemu", "--systems", "linux dune",
                                    "--loads", "0.3", "--requests", "300", "--records", "1000"))
    assert status == 0, out + err
    run = (tmp_path / "kv/latest").resolve()
    manifest, summary = read(run / "manifest.json"), read(run / "summary.json")
    assert manifest["status"] == "complete" and manifest["failures"] == []
    assert manifest["engine"]["clock_domain"] == "ns(host)"
    assert all(len(manifest["artifacts"][name]) == 64 for name in
               ("kernel", "dune.ko", "kv-server", "kv-load", "emulator"))
    assert set(summary["capacity"]) == {"linux", "dune"}
    for cell in summary["cells"]:
        assert cell["status"] == "DONE" and cell["n"] == 300 and cell["unit"] == "ns"
        assert not cell.get("ratio")
        folder = run / "cells" / cell["id"]
        record = read(folder / "runs/001/run.json")
        assert record["status"] == "DONE" and record["lat"]["intended"]["N"] == 300
        log = hlog.by_tag(hlog.read((folder / "runs/001/lat.hlog").read_text()))
        assert set(log) >= {"intended", "service"}
        assert read(folder / "runs/001/kv-load.json")["received"] == 300
        assert (folder / "merged.hgrm").stat().st_size > 500
        if cell["system"] == "dune":
            assert record["counters"]["exits_HYPERCALL"] >= 300
    for name in ("measure-linux", "calibrate-dune"):
        guest = read(run / "boots" / name / "env.guest.json")
        assert "6.1" in guest["uname"] and "processor" in guest["cpuinfo"]
    page = (run / "report/index.html").read_text()
    assert "No latency conclusion" in page and "/ linux" not in page
    assert "no latency conclusion" in out and str(run / "report/index.html") in out
    assert (run / "reproduce.sh").stat().st_mode & 0o111


@pytest.fixture
def broken_build(tmp_path, monkeypatch):
    """A build directory like the real one, in which kv-server ends at once."""
    build = tmp_path / "build"
    (build / "bin").mkdir(parents=True)
    for path in paths.build().iterdir():
        if path.name in ("kernel", "modules", "packages"):
            (build / path.name).symlink_to(path)
    for name in ("report", "kv-load"):
        (build / "bin" / name).symlink_to(paths.build() / "bin" / name)
    server = build / "bin/kv-server"
    server.write_text("#!/bin/sh\necho out of luck >&2\nexit 1\n")
    server.chmod(0o755)
    monkeypatch.setenv("BUILD", str(build))


def test_a_server_that_dies_is_reported_and_leaves_no_empty_plot(tmp_path, broken_build):
    status, out, err = finish(start(tmp_path, "--engine", "qemu", "--systems", "linux",
                                    "--loads", "0.5", "--requests", "100"))
    assert status == 3 and "Traceback" not in err
    assert "the server did not start: out of luck" in err
    run = (tmp_path / "kv/latest").resolve()
    manifest = read(run / "manifest.json")
    assert manifest["status"] == "incomplete" and "out of luck" in manifest["failures"][0]
    assert (run / "boots/calibrate-linux/console.log").exists()
    assert {c["status"] for c in read(run / "summary.json")["cells"]} == {"ERROR"}
    page = (run / "report/index.html").read_text()
    assert "<figure" not in page and "Nothing was measured" in page


def test_ctrl_c_leaves_no_emulator_and_what_is_missing_is_done_later(tmp_path):
    options = ("--engine", "qemu", "--systems", "linux", "--loads", "0.3 0.4 0.5",
               "--requests", "1500", "--records", "1000", "--jobs", "1")
    process = start(tmp_path, *options)
    deadline, done = time.monotonic() + 200, []
    while not done and time.monotonic() < deadline:
        time.sleep(0.1)
        done = list(tmp_path.glob("kv/2*/cells/*/runs/001/run.json"))
    children = descendants(process.pid)
    status, out, err = finish(start(tmp_path, *options, "--resume"))
    assert status == 2 and "is being written by another process" in err
    process.send_signal(signal.SIGINT)
    status, out, err = finish(process)
    assert done and status == 130, out + err
    assert "interrupted with" in err and str(tmp_path) in err and "Traceback" not in err
    assert children and not [pid for pid in children if alive(pid)]
    run = next(tmp_path.glob("kv/2*"))
    assert read(run / "manifest.json")["status"] == "interrupted"
    assert "interrupted: " in (run / "report/index.html").read_text()

    status, out, err = finish(start(tmp_path, *options, "--resume"))
    assert status == 0, out + err
    assert [path for path in tmp_path.glob("kv/2*")] == [run]
    assert read(run / "manifest.json")["status"] == "complete"
    assert {c["status"] for c in read(run / "summary.json")["cells"]} == {"DONE"}
    # The capacity was there; the boot that was stopped was done again, and kept its console.
    started = [e["boot"] for e in journal.read(run / "journal.ndjson") if e["event"] == "start"]
    assert started == ["calibrate-linux", "measure-linux", "measure-linux"]
    assert (run / "boots/stopped/measure-linux.1/run.sh").exists()
    status, out, err = finish(start(tmp_path, *options, "--resume"))
    assert status == 0 and f"complete in {run}" in out


def descendants(pid):
    """Process numbers of all children, grandchildren..."""
    found = []
    for path in (f"/proc/{pid}/task/{task}/children" for task in os.listdir(f"/proc/{pid}/task")):
        with open(path, encoding="ascii") as file:
            for child in map(int, file.read().split()):
                found += [child, *descendants(child)]
    return found


def alive(pid):
    """Whether a process still runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.bochs
def test_the_same_seed_gives_the_same_bits(tmp_path):
    usable, why = base.get("bochs").available()
    assert usable, why
    status, out, err = finish(start(tmp_path, "--engine", "bochs", "--systems", "linux dune",
                                    "--loads", "0.7", "--requests", "500", "--records", "500"))
    assert status == 0, out + err
    # In instructions, then under the engine's usual profile; the second report shows both.
    run, charged = sorted(tmp_path.glob("kv/2*"))
    assert (tmp_path / "kv/latest").resolve() == charged
    for each, profile in (run, "none"), (charged, base.get("bochs").usual_profile):
        assert read(each / "manifest.json")["engine"]["profile"] == profile
        assert f"--profile {profile}" in (each / "reproduce.sh").read_text()
    assert "side by side" in (charged / "report/index.html").read_text()
    summary, manifest = read(run / "summary.json"), read(run / "manifest.json")
    assert summary["deterministic"] is True and out.count("the bits agreed") == 2
    assert all(check["agreed"] and check["sha256"] == check["sha256_again"]
               for check in manifest["same_seed"].values())
    assert set(manifest["same_seed"]) == {"linux", "dune"}
    assert {c["unit"] for c in summary["cells"]} == {"vns"}
    page = (run / "report/index.html").read_text()
    assert "not hardware time" in page and "flatters Dune" in page and "<svg" in page
