# SPDX-License-Identifier: MIT
"""rt-sim's command line: what it prints, what it refuses, that it repeats."""

import json
import subprocess

import pytest

from dunelab import hlog, paths


def rt_sim(*arguments):
    """Run the simulator to its end: CompletedProcess with text output."""
    path = paths.build() / "host" / "rt-sim"
    if not path.exists():
        pytest.skip(f"{path} is not built: run make workloads")
    return subprocess.run([str(word) for word in (path, *arguments)], text=True,
                          capture_output=True, timeout=120, check=False)


def result(*arguments):
    """The JSON object of a run that says nothing else."""
    done = rt_sim("--requests", 20000, "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_help_and_list():
    done = rt_sim("--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: rt-sim")
    done = rt_sim("--list")
    names = [line.split()[0] for line in done.stdout.split("\n\n")[0].splitlines()]
    assert names == ["cfcfs", "dfcfs", "steal", "rr", "priority", "edf", "sjf", "srpt", "darc"]


def test_a_run_repeats_and_a_seed_matters():
    arguments = ("--policy", "steal", "--cores", 4, "--law", "w6", "--steal-cost", 0.1)
    first = result(*arguments)
    assert result(*arguments) == first
    assert result(*arguments, "--seed", 2)["digest"] != first["digest"]
    assert first["sojourn_ns"]["n"] == 20000 == sum(c["n"] for c in first["classes"])
    assert first["clock_domain"] == "virtual"
    assert first["steals"] > 0 and first["preemptions"] == 0


def test_percentiles_need_enough_requests():
    row = result("--policy", "cfcfs")["sojourn_ns"]
    assert row["p999"] > row["p99"] > row["p90"] > row["p50"] > 0
    assert row["p9999"] is None             # two requests are above it
    table = rt_sim("--policy", "cfcfs", "--requests", 20000).stdout.splitlines()
    assert table[1].split()[-2:] == ["p99.99", "max"]
    assert table[2].split()[-2] == "-"


def test_a_cost_shows_where_it_belongs():
    plain = result("--policy", "rr", "--quantum", 5, "--law", "w6", "--load", 0.6)
    costly = result("--policy", "rr", "--quantum", 5, "--law", "w6", "--load", 0.6,
                    "--preempt-cost", 1)
    assert costly["sojourn_ns"]["mean"] > 1.1 * plain["sojourn_ns"]["mean"]
    assert costly["quantum_ns"] == 5000 and costly["cost_ns"]["preempt"] == 1000


def test_overload_runs_and_says_so():
    done = rt_sim("--policy", "cfcfs", "--load", 1.2, "--requests", 20000)
    assert done.returncode == 0 and "not below the capacity 1.0000" in done.stderr
    # 10 us of service take 3 us of interruptions more: full at 0.77.
    done = rt_sim("--policy", "rr", "--law", "fixed:10", "--quantum", 2.5, "--preempt-cost", 1,
                  "--load", 0.8, "--requests", 20000)
    assert done.returncode == 0 and "not below the capacity 0.7692" in done.stderr


def test_every_cost_is_where_the_help_puts_it():
    base = ("--policy", "rr", "--quantum", 20, "--law", "fixed:10", "--load", 0.01)
    alone = result(*base)["sojourn_ns"]["p50"]
    assert alone == pytest.approx(10000, rel=0.001)
    for option, more in (("submit", 3000), ("wake", 3000), ("dispatch", 3000), ("kick", 0),
                         ("preempt", 0), ("lapse", 0)):
        cost = result(*base, f"--{option}-cost", 3)["sojourn_ns"]["p50"]
        assert cost == pytest.approx(alone + more, rel=0.001), option
    # Longer than the quantum, and alone: it lapses once, and only then.
    lapsed = result(*base[:4], "--law", "fixed:100", "--load", 0.01, "--lapse-cost", 3)
    assert lapsed["sojourn_ns"]["p50"] == pytest.approx(103000, rel=0.001)
    # A short one's timer rings in the long one behind it, and costs it that.
    behind = ("--policy", "rr", "--quantum", 1000, "--law", "mix:0.5*300,0.5*900", "--arrival",
              "fixed", "--load", 0.9)
    plain, stale = result(*behind), result(*behind, "--stale-cost", 3)
    assert stale["sojourn_ns"]["mean"] > plain["sojourn_ns"]["mean"] + 1000
    assert result(*base, "--stale-cost", 3)["sojourn_ns"]["p50"] == pytest.approx(alone, rel=0.001)
    # What the maker needs bounds what it makes.
    slow = result(*base[:4], "--law", "fixed:1", "--load", 0.5, "--submit-cost", 4)
    assert slow["sojourn_ns"]["max"] > 1e6


def test_an_arrival_does_not_wait_for_who_has_had_its_quantum():
    """As in the runtime: a short one that meets a long one alone begins at once."""
    few = ("--law", "mix:0.5*1,0.5*1000", "--load", 0.05, "--policy", "rr", "--quantum", 100)
    short = result(*few)["classes"][0]
    assert short["p50"] < 1100 and short["mean"] < 5000
    costly = result(*few, "--preempt-cost", 0, "--interrupt-cost", 50, "--kick-cost", 30)
    assert costly["classes"][0]["mean"] > short["mean"] + 1000
    assert costly["cost_ns"]["interrupt"] == 50000 and costly["cost_ns"]["preempt"] == 0


def test_an_interrupt_takes_its_time_to_come():
    """Until it is there the core goes on, and a short one that ends it meanwhile is not late."""
    few = ("--law", "mix:0.5*1,0.5*1000", "--load", 0.05, "--policy", "srpt", "--requests", 20000)
    at_once, later = result(*few), result(*few, "--reach-cost", 10)
    # About one short one in twenty meets a long one, which serves on while it waits.
    more = later["classes"][0]["mean"] - at_once["classes"][0]["mean"]
    assert 200 < more < 1000
    assert later["classes"][1]["mean"] == pytest.approx(at_once["classes"][1]["mean"], rel=1e-3)
    # Two cores, two that come before the first has gone: the second is for the other.
    both = (*few[:2], "--load", 0.6, "--policy", "srpt", "--cores", 2, "--requests", 20000,
            "--reach-cost", 10)
    assert result(*both)["classes"][0]["p99"] < 40000


def test_a_timer_that_rings_by_itself_makes_quanta_longer_that_follow_others():
    long = ("--law", "fixed:1000", "--load", 1.5, "--policy", "rr", "--quantum", 100,
            "--requests", 2000, "--warmup", 0, "--dispatch-cost", 2, "--preempt-cost", 8)
    # 1,000 in 100 each; in 98 where dispatch is part of it; in 115 if the timer rings every 125.
    for more, n in (((), 9), (("--period", 105), 10), (("--period", 125), 8)):
        found = json.loads(rt_sim("--json", *long, *more).stdout)
        assert found["preemptions"] == pytest.approx(2000 * n, rel=0.02), more
    assert found["capacity"] == pytest.approx(1000 / (1000 + 2 + 8 * 10), rel=1e-3)
    # Behind those that end the time of a quantum is its own.
    mixed = ("--law", "mix:0.95*20,0.05*1000", "--load", 0.7, *long[4:])
    assert result(*mixed, "--period", 125)["preemptions"] > 1.1 * result(
        *mixed, "--period", 125, "--quantum", 120)["preemptions"]


def test_who_had_to_go_for_an_arrival_may_pay_for_it_later():
    few = ("--law", "mix:0.5*1,0.5*1000", "--load", 0.05, "--policy", "srpt", "--requests", 20000)
    plain, costly = result(*few), result(*few, "--resume-cost", 50)
    assert costly["classes"][0]["p50"] == plain["classes"][0]["p50"]
    assert costly["classes"][1]["mean"] > plain["classes"][1]["mean"] + 1


def test_a_stretched_law_is_the_same_law():
    plain = result("--policy", "cfcfs", "--law", "w6")
    wide = result("--policy", "cfcfs", "--law", "w6", "--stretch", 10)
    assert wide["slowdown"]["p99"] == pytest.approx(plain["slowdown"]["p99"], rel=0.01)
    assert wide["sojourn_ns"]["mean"] == pytest.approx(10 * plain["sojourn_ns"]["mean"], rel=0.01)


def test_the_histograms_are_the_figures(tmp_path):
    found = result("--policy", "cfcfs", "--law", "w6", "--hlog", tmp_path / "x.hlog")
    logged = {item.tag: item.histogram for item in
              hlog.read((tmp_path / "x.hlog").read_text())}
    assert list(logged) == ["sojourn", "slowdown", "class0", "class1"]
    assert logged["sojourn"].percentile("99") == found["sojourn_ns"]["p99"]
    assert logged["slowdown"].percentile("99") / 1000 == found["slowdown"]["p99"]
    done = rt_sim("--policy", "cfcfs", "--requests", 100, "--hlog", "/nowhere/x")
    assert done.returncode == 3 and "cannot write /nowhere/x" in done.stderr


def test_capacity_is_of_these_requests_at_these_costs():
    found = result("--policy", "rr", "--quantum", 5, "--law", "fixed:10", "--load", 0.3,
                   "--dispatch-cost", 0.5, "--preempt-cost", 1.5)
    assert found["capacity"] == pytest.approx(10 / (10 + 0.5 + 1 * (0.5 + 1.5)), rel=1e-4)


@pytest.mark.parametrize("arguments, message", [
    (("--policy", "cfcfs", "--stretch", "0"), "--stretch 0: expected a number"),
    (("--policy", "cfcfs", "--server", "rt"), "there is no machine here"),
    (("--policy", "cfcfs", "--cpu", "1"), "there is no machine here"),
    ((), "--policy is missing"),
    (("--policy", "fifo"), "known are cfcfs dfcfs"),
    (("--policy", "rr"), "needs a quantum"),
    (("--policy", "rr", "--quantum", "0"), "--quantum 0: expected a number from 0.001"),
    (("--policy", "rr", "--quantum", "nan"), "--quantum nan: expected"),
    (("--policy", "cfcfs", "--quantum", "5"), "has no quantum"),
    (("--policy", "cfcfs", "--cores", "0"), "whole number from 1 to 64"),
    (("--policy", "cfcfs", "--cores", "65"), "whole number from 1 to 64"),
    (("--policy", "cfcfs", "--cores", "2x"), "whole number from 1 to 64"),
    (("--policy", "cfcfs", "--load", "-1"), "--load -1: expected a number"),
    (("--policy", "cfcfs", "--load", "0"), "--load 0: expected a number"),
    (("--policy", "cfcfs", "--law", "gamma:2"), "expected fixed:S"),
    (("--policy", "cfcfs", "--law", "exp:"), "expected a size"),
    (("--policy", "cfcfs", "--law", "exp:0"), "a size is from"),
    (("--policy", "cfcfs", "--law", "exp:10:2"), "behind the size"),
    (("--policy", "cfcfs", "--law", "lognormal:10"), "lognormal:MEAN:DEVIATION"),
    (("--policy", "cfcfs", "--law", "mix:0.5*1,0.4*2"), "do not add up"),
    (("--policy", "cfcfs", "--law", "mix:1*1"), "at least 2 classes"),
    (("--policy", "cfcfs", "--law", "mix:" + ",".join(["0.1*1"] * 10)), "at most 8 classes"),
    (("--policy", "darc", "--law", "w6"), "needs cores to be reserved"),
    (("--policy", "darc", "--law", "w6", "--reserve", "1"), "no core is left"),
    (("--policy", "darc", "--law", "w6", "--cores", "2", "--reserve", "1,2"), "than there are"),
    (("--policy", "darc", "--cores", "2", "--reserve", "1"), "one class"),
    (("--policy", "cfcfs", "--requests", "0"), "whole number from 1"),
    (("--policy", "cfcfs", "--arrival", "bursty"), "known are poisson, fixed"),
    (("--policy", "cfcfs", "--law", "fixed:100000000", "--requests", "1000000"), "92 days"),
    (("--policy", "cfcfs", "more"), "there are only options"),
    (("--policy", "cfcfs", "--colour", "red"), "see rt-sim --help"),
])
def test_nonsense_is_refused(arguments, message):
    done = rt_sim(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert message in done.stderr, done.stderr
