# SPDX-License-Identifier: MIT
"""The KTAP reader: noise is ignored, whatever is missing is an error."""

from dunelab import ktap

CLEAN = "KTAP version 1\n1..3\nok 1 first\nok 2 - second # SKIP no device\nok 3 third\n"


def test_a_clean_report():
    report = ktap.parse(CLEAN)
    assert report.ok
    assert [(t.name, t.status) for t in report.tests] == [
        ("first", "PASS"), ("second", "SKIP"), ("third", "PASS")]
    assert report.tests[1].text == "SKIP no device"
    assert (report.count("PASS"), report.count("SKIP")) == (2, 1)


def test_noise_of_a_console_is_ignored():
    noisy = ("SeaBIOS\r\n[    0.1] clocksource: jiffies\r\n[    1.5] KTAP version 1\r\n1..2\r\n"
             "random line ok 1\r\nok 1 first\r\n[    2.000000] usb: ok now\r\n"
             "[    3.000000] ok 2 second\r\n[ 4.1] reboot: Power down\r\n")
    report = ktap.parse(noisy)
    assert report.ok and [t.name for t in report.tests] == ["first", "second"]


def test_a_failure_carries_its_diagnostics():
    report = ktap.parse("KTAP version 1\n1..1\n# expected 3\n# got 4\nnot ok 1 sum\n")
    assert report.failures() == ["sum: FAIL expected 3; got 4"]


def test_planned_but_missing_is_an_error():
    report = ktap.parse("KTAP version 1\n1..3\nok 1 a\nok 3 c\n")
    assert not report.ok
    assert report.failures() == ["test 2: ERROR planned, but no result"]


def test_no_plan_is_an_error():
    assert not ktap.parse("KTAP version 1\nok 1 a\n").ok


def test_no_ktap_at_all_is_an_error():
    assert ktap.parse("Segmentation fault\n").failures() == ["output: ERROR no KTAP in it"]
    assert not ktap.parse("").ok


def test_a_number_twice_or_beyond_the_plan_is_an_error():
    assert not ktap.parse("1..1\nok 1 a\nok 1 a\n").ok
    assert not ktap.parse("1..1\nok 1 a\nok 2 b\n").ok


def test_an_empty_plan_with_a_reason_is_a_skip():
    report = ktap.parse("KTAP version 1\n1..0 # SKIP no svm\n")
    assert report.ok and report.count("SKIP") == 1
    assert not ktap.parse("KTAP version 1\n1..0\n").ok


NESTED = """KTAP version 1
1..2
  KTAP version 1
  # Subtest: outer
  1..2
    KTAP version 1
    1..1
    ok 1 deep
  ok 1 inner
  {} 2 other
ok 1 outer
ok 2 last
"""


def test_nested_tests():
    report = ktap.parse(NESTED.format("ok"))
    assert report.ok
    assert [name for t in report.tests for name, _ in t.walk()] == [
        "outer", "outer/inner", "outer/inner/deep", "outer/other", "last"]
    assert report.count("PASS") == 3


def test_a_failed_subtest_fails_its_parent_whatever_that_says():
    assert ktap.parse(NESTED.format("not ok")).failures() == [
        "outer: FAIL says ok, but a subtest failed", "outer/other: FAIL"]


def test_a_subtest_that_is_missing_fails():
    cut = NESTED.format("ok").replace("    ok 1 deep\n", "")
    assert "outer/inner/test 1: ERROR planned, but no result" in ktap.parse(cut).failures()


def test_an_output_that_ends_within_a_subtest_fails():
    cut = NESTED.format("ok").split("  ok 1 inner")[0]
    assert not ktap.parse(cut).ok


def test_bail_out_fails():
    assert ktap.parse("1..1\nok 1 a\nBail out! no memory\n").failures() == [
        "bail out: ERROR no memory"]


def test_todo_failures_are_expected():
    assert ktap.parse("1..1\nnot ok 1 a # TODO later\n").ok
