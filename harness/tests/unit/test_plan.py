# SPDX-License-Identifier: MIT
"""Plans: defaults, bad input, and which cells a capacity leads to."""

import json
from dataclasses import asdict

import pytest

from dunelab import cli, plan as planning
from dunelab.errors import UsageError

ENGINES = ("bochs", "qemu")


def make(workload="kv", engine="bochs", **values):
    return planning.make(workload, engine, ENGINES, **values)


def test_the_default_plan():
    plan = make()
    assert plan.systems == ("linux", "memcached", "linux-tuned", "dune")
    assert plan.loads == ("0.4", "0.6", "0.8") and plan.requests >= 20_000
    assert plan.warmup == 1_000 and plan.baseline == "linux"


def test_quick_is_smaller_and_full_reaches_p9999():
    assert make(quick=True).requests < make().requests
    assert make(full=True).requests == 1_000_000
    with pytest.raises(UsageError):
        make(quick=True, full=True)


def test_words_may_be_separated_by_commas_and_repeat():
    assert make(systems="dune, linux dune").systems == ("dune", "linux")
    assert make(loads="0.7,.5 0.50").loads == ("0.5", "0.7")


@pytest.mark.parametrize("values, words", [
    ({"workload": "web"}, ("WORKLOAD", "web", "kv")),
    ({"engine": "vax"}, ("ENGINE", "vax", "bochs", "qemu")),
    ({"systems": "linux windows"}, ("SYSTEM", "windows", "memcached", "dune")),
    ({"law": "zipf"}, ("LAW", "zipf", "usr", "etc")),
    ({"arrival": "never"}, ("ARRIVAL", "never", "poisson")),
    ({"loads": "0.5 1.2"}, ("LOADS",)), ({"loads": "half"}, ("LOADS",)),
    ({"loads": "0"}, ("LOADS",)), ({"loads": "-0.5"}, ("LOADS",)),
    ({"requests": "99"}, ("REQUESTS",)), ({"requests": "many"}, ("REQUESTS",)),
    ({"requests": "1e6"}, ("REQUESTS",)), ({"seed": "-1"}, ("SEED",)),
    ({"seed": "9" * 30}, ("SEED",)), ({"records": "0"}, ("RECORDS",))])
def test_bad_values_say_what_is_known(values, words):
    with pytest.raises(UsageError) as error:
        make(**values)
    assert error.value.exit_code == 2
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize("argv", [
    ["experiment", "web"], ["experiment", "kv", "--engine", "vax"],
    ["experiment", "kv", "--engine", "qemu-icount"], ["experiment", "kv", "--systems", "beos"],
    ["experiment", "kv", "--loads", "2"],
    ["experiment", "kv", "--jobs", "0"], ["experiment", "kv", "--seed", "x"],
    ["report", "/nowhere"]])
def test_the_command_ends_with_two_and_one_message(argv, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(argv) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"dunelab {argv[0]}: ") and "Traceback" not in message
    assert list(tmp_path.iterdir()) == []


def test_cells_of_the_baseline_are_not_run_twice():
    plan, capacities = make(), {"linux": 10_000.0, "dune": 8_000.0}
    linux = planning.cells(plan, "linux", capacities)
    dune = planning.cells(plan, "dune", capacities)
    assert [c.kind for c in linux] == ["own"] * 3 and len(dune) == 4
    assert [round(c.rate) for c in dune] == [3200, 4800, 6400, 6000]
    assert len({c.id for c in linux + dune}) == 7


@pytest.mark.parametrize("loads, equal", [
    ("0.3 0.5 0.7", ("0.5",)), ("0.4", ("0.4",)), ("0.4 0.6", ("0.4", "0.6")),
    ("0.1 0.3 0.5 0.7", ("0.5",))])
def test_which_loads_are_also_run_at_equal_rates(loads, equal):
    assert make(loads=loads).equal_loads == equal
    assert make(loads=loads, quick=True).equal_loads == ()


def test_a_rate_beyond_the_capacity_is_skipped_with_a_reason():
    plan = make(loads="0.4 0.7")
    cells = planning.cells(plan, "dune", {"linux": 10_000.0, "dune": 7_000.0})
    skipped = [c for c in cells if c.skip]
    assert [(c.kind, c.load) for c in skipped] == [("equal", "0.7")]
    assert "100%" in skipped[0].skip


def test_without_the_baseline_equal_rates_are_skipped():
    cells = planning.cells(make(), "dune", {"dune": 7_000.0})
    assert all(c.skip for c in cells if c.kind == "equal")


def test_a_plan_survives_its_file_and_its_digest_names_it():
    plan = make(seed="7")
    assert planning.load(json.dumps({"plan": asdict(plan)})) == plan
    assert plan.digest() != make(seed="8").digest() and len(plan.digest()) == 8
    for bad in ("{}", '{"plan": {"x": 1}}', "[]"):
        with pytest.raises(ValueError):
            planning.load(bad)


@pytest.mark.parametrize("systems", [
    ["linux", '"><script>'], ["../../x"], ["Linux"], [""], [7], "linux", None])
def test_a_plan_with_names_that_are_none_is_refused(systems):
    with pytest.raises(ValueError, match="not a plan"):
        planning.load(json.dumps({"plan": asdict(make()) | {"systems": systems}}))
