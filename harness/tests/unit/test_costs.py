# SPDX-License-Identifier: MIT
"""Figures of the benchmark of exits and faults: parsing, ratios, goals, and the table."""

import pytest

from dunelab import bench, cli, costs
from dunelab.errors import GuestError, UsageError


def line(name, ticks, empty=0, batches=3, iterations=10):
    batch = [str(ticks * iterations + number) for number in range(batches)]
    return " ".join([name, "iterations", str(iterations), "ticks", *batch, "empty",
                     *[str(empty * iterations)] * batches])


def test_the_loop_is_subtracted_and_batches_are_summed_up():
    found = costs.figure([1000, 1300, 1100], [100, 100, 400], 10)
    assert found.overhead == 10
    assert (found.median, found.low) == (100, 90)
    assert found.mean == pytest.approx(1133.333 / 10 - 10, abs=1e-3)


def test_a_histogram_counts_batches_of_the_same_ticks_an_operation():
    assert costs.figure([1000, 1300, 1004], [100, 100, 100], 10).histogram == [[90, 2], [120, 1]]


def test_lines_become_figures():
    found = costs.parse(line("linux.syscall", 360, 4) + "\n" + line("dune.syscall", 1000))
    assert set(found) == {"linux.syscall", "dune.syscall"}
    assert found["linux.syscall"].iterations == 10
    assert found["linux.syscall"].batches == (3600, 3601, 3602)


@pytest.mark.parametrize("text", [
    "Killed", "a iterations 0 ticks 1 empty 1", "a iterations 2 ticks empty",
    "a iterations 2 ticks 1 2 empty 1", "a iterations 2 ticks 1 2",
    "a iterations 2 ticks x empty 1"])
def test_damaged_lines_are_refused(text):
    with pytest.raises(GuestError):
        costs.parse(text)


def figures(**ticks):
    return costs.parse("\n".join(line(name.replace("_", ".", 1), value, batches=1)
                                 for name, value in ticks.items()))


def test_goals_are_for_a_backend():
    found = figures(dune_exit_kernel=450)
    assert not costs.verdict(costs.GOALS["svm"]["exit_kernel"], found, "exit_kernel").reached
    assert costs.verdict(costs.GOALS["vmx"]["exit_kernel"], found, "exit_kernel").reached


def test_a_fresh_page_is_judged_by_linux_of_the_same_boot():
    found = figures(linux_fault_fresh=3500, dune_fault_fresh=4400)
    goal = costs.GOALS["svm"]["fault_fresh"]
    assert costs.verdict(goal, found, "fault_fresh") == costs.Verdict(4400, True)
    found = figures(linux_fault_fresh=3499, dune_fault_fresh=4400)
    assert not costs.verdict(goal, found, "fault_fresh").reached
    assert costs.verdict(goal, figures(dune_fault_fresh=4400), "fault_fresh") is None


def test_the_start_of_a_program_is_judged_by_a_multiple_of_linux():
    goal = costs.GOALS["vmx"]["start"]
    found = figures(linux_start=1000, dune_start=3000)
    assert costs.verdict(goal, found, "start") == costs.Verdict(3000, True)
    assert not costs.verdict(goal, figures(linux_start=999, dune_start=3000), "start").reached
    assert costs.rows(found, "vmx")[0]["goal_text"] == "3 x Linux"


def test_a_trap_is_judged_by_a_part_of_linux():
    goal = costs.GOALS["svm"]["trap"]
    assert goal.text() == "Linux / 25"
    assert costs.verdict(goal, figures(linux_trap=2500, dune_trap=100), "trap").reached
    assert not costs.verdict(goal, figures(linux_trap=2499, dune_trap=100), "trap").reached


def test_interposition_is_judged_by_ptrace():
    found = figures(linux_ptrace=12000, dune_interpose_pass=1000, dune_interpose_answer=121)
    rows = {row["operation"]: row for row in costs.rows(found, "vmx")}
    assert rows["interpose_pass"]["ticks"] == {"linux": 12000, "dune": 1000}
    assert rows["interpose_pass"]["reached"] and not rows["interpose_answer"]["reached"]
    assert rows["interpose_pass"]["ratios"]["linux"] == pytest.approx(1 / 12)


def test_linux_alone_is_no_row_of_what_it_does_not_have():
    assert [row["operation"] for row in costs.rows(figures(linux_getpid=300), "svm")] == ["getpid"]


def test_rows_have_ratios_where_both_sides_were_measured():
    rows = {row["operation"]: row for row in costs.rows(figures(
        linux_signal=300, dune_signal=600, kvm_exit_user=3000, dune_exit_user=1500), "svm")}
    assert rows["signal"]["ratios"] == {"linux": 2.0}
    assert rows["exit_user"]["ratios"] == {"kvm": 0.5}
    assert rows["exit_user"]["reached"] is False and "goal" not in rows["signal"]
    assert "fault_fresh" not in rows


def test_the_table_names_goals_and_says_no_loudly():
    rows = costs.rows(figures(dune_exit_kernel=401, linux_fault_fresh=3000,
                              dune_fault_fresh=3900), "svm")
    text = "\n".join(costs.table(rows))
    assert "Linux + 900" in text and "Linux + 1,520" in text
    assert [row.split()[-1] for row in text.splitlines()[2:]] == ["NO", "yes"]


@pytest.mark.parametrize("arguments", [["--batches", "0"], ["--batches", "65"],
                                       ["--iterations", "0"]])
def test_counts_out_of_range_are_refused(arguments):
    with pytest.raises(UsageError):
        bench.main(arguments)


def test_an_unknown_engine_is_refused_before_anything_boots(capsys):
    assert cli.main(["bench", "vax"]) == 2
    assert "unknown engine 'vax'" in capsys.readouterr().err
