# SPDX-License-Identifier: MIT
"""The program spin, as far as it runs without dune.ko: what it refuses, and what it says."""

import subprocess

from kv_tools import program


def spin(*args):
    return subprocess.run([program("spin"), *map(str, args)], text=True, capture_output=True,
                          check=False, timeout=60)


def test_what_spin_refuses():
    for args, said in (((), "--policy is missing"), (("--policy", "fifo"), "known are cfcfs"),
                       (("--policy", "rr", "--preempt-cost", 1), "costs are the machine's"),
                       (("--policy", "rr", "--law", "exp:0"), "--law"),
                       (("--policy", "rr", "--requests", "x"), "spin: --requests x"),
                       (("--policy", "rr", "here"), "there are only options")):
        done = spin(*args)
        assert done.returncode == 2 and said in done.stderr, (args, done.stderr)
        assert "rt-sim" not in done.stderr.partition("--help")[0]


def test_its_help_names_the_simulator():
    done = spin("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: spin") and "rt-sim" in done.stdout
