# SPDX-License-Identifier: MIT
"""Wrong variables of make are refused at once, by their names, before anything is built."""

import subprocess

import pytest

from dunelab import paths


def make(*arguments):
    return subprocess.run(["make", *arguments], cwd=paths.root(), capture_output=True, text=True,
                          timeout=30, check=False)


@pytest.mark.parametrize("arguments, said", [
    (["build", "KERNEL=7.0"], 'KERNEL="7.0": want 6.1 or 6.12'),
    (["build", "KERNEL="], 'KERNEL="": want'),
    (["build", "KERNEL=6.1 6.12"], 'KERNEL="6.1 6.12": want'),
    (["test", "FLAVOUR=foo"], 'FLAVOUR="foo": want cloud, generic, rt or debug'),
    (["build", "FLAVOUR=debug", "KERNEL=6.12"], "takes no other KERNEL"),
    (["fuzz", "FUZZ_COUNT=0"], "(FUZZ_COUNT) 0: want a number from 1"),
    (["fuzz", "FUZZ_COUNT=x"], "invalid int value: 'x'"),
    (["fuzz", "FUZZ_SECONDS=-3"], "(FUZZ_SECONDS) -3: want"),
    (["fuzz", "SEED=99999999999999999999999"], "(SEED) 99999999999999999999999: want"),
    (["fuzz", "ENGINE=bo;id"], "unknown engine 'bo;id'"),
])
def test_wrong_variables(arguments, said):
    done = make(*arguments)
    assert done.returncode == 2 and said in done.stderr, done.stderr


@pytest.mark.parametrize("target, flavour, kernel", [
    ("test-debug", "debug", "6.1"), ("test-kernels", "cloud", "6.12")])
def test_the_kernel_of_a_target_is_not_to_be_talked_out_of(target, flavour, kernel):
    done = make("-n", target, "FLAVOUR=rt", "KERNEL=6.1")
    assert f"kernel/{flavour if kernel == '6.1' else f'{flavour}-{kernel}'}" in done.stdout
    assert "kernel/rt" not in done.stdout


def test_of_two_names_for_one_thing_the_targets_own_is_taken():
    both = ["SYSTEM=dune", "SYSTEMS=linux ring", "LOAD=0.5", "LOADS=0.1 0.2", "WORKLOAD=kv"]
    one = make("-n", "profile-check", *both).stdout
    many = make("-n", "experiment-check", *both).stdout
    assert "--system 'dune'" in one and "--load '0.5'" in one
    assert '--systems "linux ring"' in many and '--loads "0.1 0.2"' in many
