# SPDX-License-Identifier: MIT
"""Sweeps as job arrays of a real Slurm on loopback; each point is a real run in QEMU guests."""

import os
import signal
import subprocess
import time

import pytest

import cluster
from dunelab import paths, store

PLAN = """
[sweep]
name = "on-slurm"
[axes]
seed = [1, 2]
[fixed]
system = "linux"
engine = "qemu"
load = 0.3
requests = 200
records = 100
"""
SCRIPT = paths.root() / "scripts" / "dunelab"
LIMIT_S = 400

pytestmark = pytest.mark.skipif(
    cluster.missing(), reason=f"no {', '.join(cluster.missing())}: to test sweeps on Slurm: "
    "scripts/deps slurm")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """The variables of a running cluster."""
    with cluster.started(tmp_path_factory.mktemp("slurm")) as variables:
        yield os.environ | variables


def sweep(environment, folder, *words, plan=PLAN):
    """Start a sweep by Slurm with its results in a directory."""
    (folder / "plan.toml").write_text(plan)
    return subprocess.Popen([SCRIPT, "sweep", folder / "plan.toml", "--engine-runner", "slurm",
                             "--out", folder, *words], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def directory(folder):
    """The sweep's own."""
    return next((folder / "sweep").glob("*Z-*"))


def tasks(environment):
    """What is in the queue, a task a line."""
    return subprocess.run(["squeue", "--noheader", "--array", "--format", "%K %T"], check=True,
                          env=environment, capture_output=True, text=True).stdout.split("\n")[:-1]


def test_a_sweep_runs_as_a_job_array(slurm, tmp_path):
    running = sweep(slurm, tmp_path, "--jobs", "1", "--sbatch=--time=30")
    out, said = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 0, said
    print(said, out)
    folder = directory(tmp_path)
    manifest = store.read_record(folder / "manifest.json", "dunelab-sweep/1")
    assert manifest["status"] == "complete" and manifest["slurm"]["job"].isdigit()
    assert "--array=0-1%1" in (folder / "slurm" / "array.sh").read_text()
    made = store.read_record(folder / "summary.json", "dunelab-sweep-summary/1")
    # On the host's clock a latency may be flagged, a capacity not.
    assert not made["missing"]
    assert [row["runs"] for row in made["rows"] if row["metric"] == "capacity"] == [2]
    for record in folder.glob("steps/*/record.json"):
        point = store.read_record(record, "dunelab-sweep-point/1")
        run = store.read_record(record.parent / point["run"] / "manifest.json", "dunelab-run/1")
        assert run["status"] == "complete" and run["seed"] == int(point["values"]["seed"])
    # They ran one after the other, each as a task of its own.
    assert [path.name for path in sorted((folder / "slurm").glob("*.log"))] == ["0.log", "1.log"]
    assert f"job {manifest['slurm']['job']}: 2 of 2 points handed in" in said
    assert not tasks(slurm)


def test_a_failed_task_is_named_with_what_it_said(slurm, tmp_path):
    """The kernel is gone on the node where the task runs; here, another one lets it begin."""
    running = sweep(slurm, tmp_path, "--sbatch=--export=ALL,BUILD=/nonexistent",
                    plan=PLAN.replace("seed = [1, 2]", "seed = [1]"))
    _, said = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 3
    assert "000-1: " in said and "make build" in said and "Slurm: FAILED NonZeroExitCode" in said
    assert "Traceback" not in said
    manifest = store.read_json(directory(tmp_path) / "manifest.json")
    assert manifest["status"] == "incomplete" and manifest["failures"][0].startswith("000-1: ")


def test_what_sbatch_refuses_is_passed_on(slurm, tmp_path):
    running = sweep(slurm, tmp_path, "--sbatch=--partition=nowhere")
    _, said = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 3
    assert "sbatch did not take the job" in said and "partition" in said


def test_ctrl_c_takes_the_job_out_of_the_queue(slurm, tmp_path):
    running = sweep(slurm, tmp_path)
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline and "0 RUNNING" not in tasks(slurm):
        time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 130 and "cancelled" in said and "--resume" in said
    while time.monotonic() < deadline and tasks(slurm):
        time.sleep(0.5)
    assert not tasks(slurm)
    folder = directory(tmp_path)
    assert store.read_json(folder / "manifest.json")["status"] == "interrupted"
    # The task had time to stop its experiment, which can go on.
    for kept in folder.glob("steps/*/kv/*/manifest.json"):
        assert store.read_json(kept)["status"] in ("interrupted", "complete")
