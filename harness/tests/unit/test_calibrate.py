# SPDX-License-Identifier: MIT
"""Calibration without booting: constants are found, rows are judged, errors are told."""

from fractions import Fraction

import pytest

from dunelab import calibrate, profiles, validation
from dunelab.errors import UsageError

TEXT = """
title = "x"
vendor = "intel"
ghz = 3
cycles_per_instruction = 1
[fitted]
cycles_per_instruction = "linux.getpid"
"event.entry" = "linux.ptrace"
[published]
"linux.getpid" = 138
"linux.ptrace" = 27317
"dune.getpid_forwarded" = 895
"dune.interpose_pass" = 1091
[event]
entry = 100
"""


def profile():
    return profiles.parse("mine", TEXT)


def machine(wanted):
    """A processor whose rows are linear in the constants: 200 and 9,000 instructions, 10 events."""
    cycles, entry = float(wanted.cycles), float(wanted.costs["event.entry"])
    return {"linux.getpid": 200 * cycles, "linux.ptrace": 9000 * cycles + 10 * entry}


def test_each_constant_brings_its_row_to_the_published_figure():
    said = []
    found = calibrate.fit(profile(), machine, said.append)
    assert found["cycles_per_instruction"] == Fraction("0.69")
    assert found["event.entry"] == Fraction("2110.7")
    assert said


def test_a_price_that_would_be_negative_is_nothing():
    text = TEXT.replace("27317", "1000")
    found = calibrate.fit(profiles.parse("mine", text), machine, lambda _: None)
    assert found["event.entry"] == 0


def test_a_row_that_its_constant_does_not_move_is_refused():
    with pytest.raises(UsageError, match="do not tell"):
        calibrate.fit(profile(), lambda _: {"linux.getpid": 200, "linux.ptrace": 5}, lambda _: None)


def test_rows_are_compared_and_the_bad_ones_are_told():
    modelled = {"linux.getpid": 276.0, "linux.ptrace": 27317.0, "dune.getpid_forwarded": 1790.0,
                "dune.interpose_pass": 3000.0}
    counted = dict.fromkeys(modelled, 10.0)
    rows = validation.rows(profile(), modelled, counted)
    getpid, ptrace = rows
    assert getpid["linux"]["error"] == pytest.approx(1.0)
    assert getpid["ratio_error"] == pytest.approx(0.0) and getpid["within_goal"]
    assert ptrace["fitted"] and not ptrace["within_goal"]
    text = validation.text({
        "profile": "mine", "title": "x", "clock_domain": profiles.DOMAIN, "engine": "e",
        "cmdline": "", "commit": "0" * 40, "dirty": False, "rows": rows,
        "fitted": {"event.entry": {"row": "linux.ptrace", "file": 100.0, "found": 2110.7}}})
    assert "DIFFERS" in text and "cycles(bochs-model)" in text
    lines = [line for line in text.splitlines() if line.startswith(("| getpid", "| ptrace"))]
    assert lines[0].endswith("| yes |") and lines[1].endswith("| NO |")


def test_the_fit_is_allowed_on_linuxs_rows_only():
    with pytest.raises(UsageError, match="Linux's own"):
        profiles.parse("mine", TEXT.replace('= "linux.ptrace"', '= "dune.interpose_pass"'))
