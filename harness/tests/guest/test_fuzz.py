# SPDX-License-Identifier: MIT
"""The fuzzers on each machine: a fixed small count; `make fuzz` does the long runs."""

import matrix
import pytest

from dunelab import fuzz

COUNTS = {"ioctl": (40, 25), "guest": (400, 200)}


@pytest.mark.parametrize("program", fuzz.PROGRAMS)
@pytest.mark.parametrize("machine", [
    "qemu-svm",
    pytest.param("bochs-svm", marks=[pytest.mark.bochs, pytest.mark.slow]),
    pytest.param("bochs-vmx", marks=pytest.mark.bochs)])
def test_a_small_count(guest, machine, program):
    engine = matrix.MACHINES[machine][0]
    count = COUNTS[program][engine != "qemu"]
    result = guest(fuzz.script(program, 1, count), engine=engine, cpus=2, timeout_s=200)
    assert fuzz.complaint(result) is None, fuzz.complaint(result)
    assert count in fuzz.totals(result.payload("out").decode()).values()


def test_an_unknown_fuzzer_is_refused(capsys):
    from dunelab import cli
    assert cli.main(["fuzz", "telepathy"]) == 2
    assert "no fuzzer telepathy" in capsys.readouterr().err
