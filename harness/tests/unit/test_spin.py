# SPDX-License-Identifier: MIT
"""The program spin, as far as it runs without dune.ko: what it refuses, and what it says."""

import json
import subprocess

import pytest

from dunelab import hlog
from kv_tools import program


def spin(*args):
    return subprocess.run([program("spin"), *map(str, args)], text=True, capture_output=True,
                          check=False, timeout=60)


def test_what_spin_refuses():
    for args, said in (((), "--policy is missing"), (("--policy", "fifo"), "known are cfcfs"),
                       (("--policy", "rr", "--preempt-cost", 1), "costs are the machine's"),
                       (("--policy", "rr", "--law", "exp:0"), "--law"),
                       (("--policy", "rr", "--requests", "x"), "spin: --requests x"),
                       (("--policy", "rr", "--server", "go"), "known are rt, other, fifo"),
                       (("--policy", "rr", "--threads", 4), "a task for each request"),
                       (("--policy", "srpt", "--server", "fifo"), "threads of Linux have cfcfs"),
                       (("--policy", "rr", "--kick-cost", 1), "costs are the machine's"),
                       (("--policy", "rr", "here"), "there are only options")):
        done = spin(*args)
        assert done.returncode == 2 and said in done.stderr, (args, done.stderr)
        assert "rt-sim" not in done.stderr.partition("--help")[0]


def test_its_help_names_the_simulator():
    done = spin("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: spin") and "rt-sim" in done.stdout


def test_threads_serve_every_request_once(tmp_path):
    """A moment of it, as far as this host allows: real threads, no figure is believed."""
    done = spin("--policy", "cfcfs", "--server", "other", "--law", "fixed:20", "--load", 0.1,
                "--requests", 200, "--warmup", 0, "--json", "--hlog", tmp_path / "x.hlog")
    if done.returncode == 3 and ("real-time priority" in done.stderr or "memory" in done.stderr
                                 or "CPU" in done.stderr):
        pytest.skip(done.stderr.strip())
    requests, machine = map(json.loads, done.stdout.splitlines())
    assert requests["sojourn_ns"]["n"] == 200 and requests["slowdown"]["mean"] >= 1
    assert machine["server"] == "threads" and machine["service_ns"] == 200 * 20000
    # Below what the calibration of a busy host can tell it is none.
    assert machine["costs_ns"]["dispatch"] >= 0 and "preempt" not in machine["costs_ns"]
    tags = {item.tag: item.histogram.total for item in
            hlog.read((tmp_path / "x.hlog").read_text())}
    assert tags == {"sojourn": 200, "slowdown": 200, "class0": 200, "late": 200}
