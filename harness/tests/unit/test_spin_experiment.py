# SPDX-License-Identifier: MIT
"""The experiment spin: what is planned, what theory and rt-sim say, and what its report says."""

import json
import re
import subprocess

import pytest

from dunelab import cli, experiment, paths, steprun, store
from dunelab.errors import DunelabError, UsageError
from dunelab.spin import (evaluate, plan as planning, predict, report, script, slowest, steps,
                          theory)
from dunelab.sweep import figures, parameters
from kv_tools import program

ENGINE = {"name": "bochs", "version": "Bochs 3.0, build 0", "clock_domain": "instr(bochs)",
          "profile": "none", "deterministic": True}
COSTS = {"submit": 2000.0, "wake": 1000.0, "dispatch": 2000.0}
QUANTUM_COSTS = COSTS | {"preempt": 10000.0, "lapse": 0.0, "interrupt": 5000.0, "kick": 3000.0,
                         "reach": 1000.0, "stale": 2000.0, "served": 85000.0,
                         "resume": 1000.0}


@pytest.fixture(scope="session", autouse=True)
def simulator():
    """rt-sim, or no test here."""
    return program("../host/rt-sim")


def test_the_laws_are_the_simulators(simulator):
    listed = subprocess.run([simulator, "--list"], text=True, capture_output=True,
                            check=True).stdout
    assert planning.LAWS == dict(re.findall(r"^(w\d+) +(\S+)", listed, re.M))
    assert list(planning.POLICIES) == re.findall(r"^(\w+)", listed.partition("\n\n")[0], re.M)


def test_closed_forms_have_their_golden_numbers():
    for k, rho, c, p50, p99, p999 in ((1, .8, .8, 3.466, 23.026, 34.539),
                                      (4, .9, .7878, 2.255, 12.193, 17.950),
                                      (16, .8, .3049, .802, 4.735, 7.038)):
        assert theory.erlang_c(k, rho) == pytest.approx(c, abs=6e-5)
        for level, value in ((.5, p50), (.99, p99), (.999, p999)):
            assert theory.mmk_percentile(k, rho, level) == pytest.approx(value, abs=6e-4)
    assert theory.mg1_mean(.8, 0) == pytest.approx(3) and theory.sharing_mean(.8) == \
        pytest.approx(5)
    assert theory.moments("mix:0.9*5,0.1*55") == (pytest.approx(10), pytest.approx(2.25))
    assert theory.moments("lognormal:10:20") == (10, 4)
    assert theory.ideal("cfcfs", "exp:10", 1, .5)["mean"] == pytest.approx(2)
    assert theory.ideal("rr", planning.LAWS["w5"], 1, .5) == {"mean": pytest.approx(2)}
    assert theory.ideal("srpt", planning.LAWS["w5"], 1, .5) == {}
    assert theory.ideal("cfcfs", planning.LAWS["w5"], 2, .5) == {}


def test_the_plan_says_what_is_known():
    for words, said in (({"systems": "linux solaris"}, "unknown SYSTEM 'solaris'; known: linux,"),
                        ({"laws": "w13"}, "unknown W 'w13'"), ({"loads": "1.2"}, "between 0 and 1"),
                        ({"policies": "fifo"}, "unknown POLICY 'fifo'; known: cfcfs"),
                        ({"quantum": "0"}, "QUANTUM=0: want microseconds"),
                        ({"stretch": "x"}, "STRETCH=x"), ({"cores": "1.5"}, "whole number"),
                        ({"requests": 5}, "REQUESTS=5: want a whole"),
                        ({"noises": "loud"}, "unknown NOISE 'loud'; known: idle, noise"),
                        ({"policies": "darc"}, "it needs CORES=2"),
                        ({"policies": "srpt", "systems": "linux"}, "Linux has cfcfs, rr only"),
                        ({"engine": "gem5"}, "engine"), ({"profile": "pentium"}, "no cost profile"),
                        ({"quick": True, "full": True}, "exclude each other")):
        with pytest.raises(UsageError, match=said):
            planning.make(**words)
    made = planning.make(systems="linux,dune-rt", laws="w5 w2", loads=".8 0.5", cores="2",
                         noises="idle")
    assert [step.key for step in made.steps()] == ["linux-w2", "dune-rt-w2", "linux-w5",
                                                   "dune-rt-w5"]
    assert made.loads == ("0.5", "0.8") and made.serving == "2-3" and made.cpus == 4
    assert planning.load(json.dumps({"plan": made.__dict__})) == made
    with pytest.raises(ValueError):
        planning.load('{"plan": {}}')


def test_noise_is_a_boot_of_its_own():
    made = planning.make(systems="dune-rt", laws="w5 w2")
    assert [step.key for step in made.steps()] == ["dune-rt-w2-noise", "dune-rt-w5-noise",
                                                   "dune-rt-w2", "dune-rt-w5"]
    assert {step.key for step in planning.make(quick=True).steps()} == {"linux-tuned-w5",
                                                                        "dune-rt-w5"}
    # A plan that was made when there was none.
    fields = {key: value for key, value in made.__dict__.items() if key != "noises"}
    assert [step.noise for step in planning.load(json.dumps({"plan": fields})).steps()] == [
        "idle", "idle"]


def test_cells_are_those_that_a_system_can_serve():
    made = planning.make()
    linux, dune = (made.cells(planning.Step(name, "w5")) for name in ("linux", "dune-rt"))
    assert {cell.policy for cell in linux} == {"cfcfs", "rr"}
    assert {cell.policy for cell in dune} == {"cfcfs", "rr", "srpt"}
    assert [cell.key for cell in dune if cell.saturated] == ["cfcfs-sat", "rr-sat"]
    # No more of them than fit into the time, and never more waiting than have memory.
    assert all(cell.requests * made.mean_us("w5") <= made.limit_ms * 1000 for cell in dune)
    assert all(cell.requests <= 4096 for cell in dune if cell.saturated)


def test_a_script_is_a_function_of_its_step():
    made = planning.make(loads="0.8")
    texts = {step.key: script.script(made, step) for step in made.steps()}
    assert texts == {step.key: script.script(made, step) for step in made.steps()}
    assert "insmod" in texts["dune-rt-w5"] and "insmod" not in texts["linux-w5"]
    assert "--server rt --quantum 100 --hlog rr-0.8.hlog" in texts["dune-rt-w5"]
    assert "--server fifo" in texts["rt-w5"] and "--threads 32" in texts["rt-w5"]
    assert "--quantum" not in texts["linux-w5"]
    for name in ("linux-w5", "linux-w5-noise"):
        assert ("stress-ng" in texts[name]) == ("kill $noise" in texts[name]) == ("noise" in name)
    assert "\ndune run -- spin --policy" in texts["dune-w5"] and "insmod" in texts["dune-w5"]
    assert "--server fifo" in texts["dune-tuned-w5"]
    for text in texts.values():
        assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
    assert "isolcpus=nohz,domain,managed_irq,1 " in made.kernel_args(planning.SYSTEMS["linux"])
    assert "nohz_full=1-2 " in made.kernel_args(planning.SYSTEMS["rt-tuned"])


def test_a_prediction_takes_the_costs_that_were_measured():
    made = planning.make(laws="w5", loads="0.5")
    cfcfs, rr = (planning.Cell(policy, "0.5", 1000, 100) for policy in ("cfcfs", "rr"))
    words = predict.argv(made, "w5", rr, QUANTUM_COSTS)
    assert words[words.index("--quantum") + 1] == "100"
    assert words[words.index("--period") + 1] == "97.000"       # 85 of them service
    assert words[words.index("--preempt-cost") + 1] == "10.000" and "--served-cost" not in words
    assert words[words.index("--reach-cost") + 1] == "1.000"
    assert predict.argv(made, "w5", cfcfs, COSTS)[-6:] == [
        "--submit-cost", "2.000", "--wake-cost", "1.000", "--dispatch-cost", "2.000"]
    # No model: nothing measured, or nobody knows what Linux's quantum is.
    assert predict.argv(made, "w5", rr, COSTS) is None
    assert predict.argv(made, "w5", cfcfs, COSTS | {"dispatch": 0.0}) is None


def test_no_rounding_makes_a_wake_quicker_than_its_dispatch():
    made = planning.make(laws="w5", loads="0.5")
    for tenths in range(1, 6000):
        cost = tenths / 10
        words = predict.argv(made, "w5", planning.Cell("cfcfs", "0.5", 1000, 100),
                             COSTS | {"dispatch": cost, "wake": -cost})
        told = {name: float(words[words.index(f"--{name}-cost") + 1])
                for name in ("wake", "dispatch")}
        assert told["wake"] >= -told["dispatch"], cost
        assert abs(told["dispatch"] * 1e3 - cost) < 0.501, cost


def slow_ones(count):
    """What spin tells of the slowest request of each stretch: every tenth waited for a long one."""
    return [{"arrival_ns": number * 10 ** 6, "sojourn_ns": 9_000_000 if number % 10 else 20_000,
             "size_ns": 10_000, "others": 40, "others_ns": 10_390_000,
             "longest_other_ns": 10_000_000}
            for number in range(min(50, count))]


def write(run, step, stretch=1.0):
    """A step's files as if it had been booted: the machine is rt-sim, `stretch` times as slow."""
    folder, cells = run.folder(step), {}
    folder.mkdir(parents=True)
    for cell in run.plan.cells(step):
        costs = QUANTUM_COSTS if cell.policy == "rr" else COSTS
        slow = {name: value * stretch for name, value in costs.items()}
        measured = predict.predict(run.plan, step.law, cell, slow, folder / f"{cell.key}.hlog")
        service = 60000.0 * cell.requests
        machine = {"server": "rt", "late_ns": {"p50": 10, "p99": 1000, "p999": 2000, "max": 3000},
                   "service_ns": service, "idle_ns": 0,
                   "end_ns": service / measured["utilisation"], "dispatches": 1, "costs_ns": costs,
                   "slowest": slow_ones(cell.requests)}
        (folder / f"{cell.key}.json").write_text(json.dumps(measured) + "\n" + json.dumps(machine))
        cells[cell.key] = steps._cell(run.plan, step, cell, folder)
    store.write_json(folder / "record.json", {
        "schema": "dunelab-spin-step/2", "key": step.key, "system": step.system, "law": step.law,
        "noise": step.noise, "engine": ENGINE, "release": "6.1.0",
        "cmdline": "", "argv": "bochs", "commit": "0" * 40,
        "dirty": False, "wall_s": 1.0, "files": {}, "cells": cells})


def begin(tmp_path, stretch, noises="idle"):
    """A run of one step, booted, the first where there are two."""
    made = planning.make(systems="dune-rt", laws="w5", policies="cfcfs rr", loads="0.5 0.7",
                         noises=noises)
    run = steprun.begin(steps.KIND, tmp_path, made, ["experiment", "spin"])
    write(run, made.steps()[0], stretch)
    return run


def test_what_is_as_predicted_and_what_is_not(tmp_path):
    same = evaluate.measured(begin(tmp_path / "a", 1.0))
    assert len(same) == 6 and all(item.state == "ok" for item in same if not item.cell.saturated)
    assert [evaluate.agrees(item) for item in same] == [True, True, None, True, True, None]
    assert all(row[5] == "yes" for row in evaluate.capacities(same)[1])
    # Costs three times as high as those that were measured: the prediction has to fail.
    other = evaluate.measured(begin(tmp_path / "b", 3.0))
    assert [evaluate.agrees(item) for item in other][3:] == [False, False, None]
    assert [row[5] for row in evaluate.capacities(other)[1]] == ["NOT", "NOT"]
    _, body = evaluate.oracle(other)
    assert body[2][10].startswith("NOT: ")
    assert "0 of 2 capacities" in " ".join(evaluate.verdict(other))
    assert evaluate.misses(same)[1] == []
    lines = evaluate.misses(other)[1]
    assert {tuple(line[2:4]) for line in lines} >= {("rr", "0.7"), ("rr", "sat")}
    tails = {line[5]: line[8] for line in lines}
    assert tails["mean"] == "-" and 0 < float(tails["p50"].rstrip("%")) < 45
    offs = [abs(float(line[-1].split()[0])) for line in lines]
    assert offs == sorted(offs, reverse=True) and min(offs) > 5


def test_a_prediction_says_how_much_such_a_run_tells(tmp_path):
    item = evaluate.measured(begin(tmp_path, 1.0))[0]
    low, high = item.predicted["others"]["mean"]
    # Of a law with 17 long ones in a run another run is another world.
    assert low < item.predicted["sojourn_ns"]["mean"] < high and high > 1.5 * low
    assert evaluate.between(item, "mean", 1e3) == f"{low / 1e3:,.1f} to {high / 1e3:,.1f}"


def test_what_is_to_be_reached_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "GOAL", ("w5", "rr", "0.7", 5.0))
    first, second = evaluate.goals(evaluate.measured(begin(tmp_path / "a", 1.0)))
    assert "load 0.7: within 15% of the oracle is reached" in first
    assert "saturated: within 5% of what" in second and "is reached" in second
    first, second = evaluate.goals(evaluate.measured(begin(tmp_path / "b", 3.0)))
    assert "of the oracle is NOT reached" in first and "predicts is NOT reached" in second


def test_a_goal_without_a_prediction_was_not_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "GOAL", ("w5", "rr", "0.7", 5.0))
    run = begin(tmp_path, 1.0)
    item = next(item for item in evaluate.measured(run) if item.cell.key == "rr-0.7")
    item.record["cells"]["rr-0.7"]["predicted"] = None
    assert "was not measured (there is no prediction)" in evaluate.goals([item])[0]
    item = next(item for item in evaluate.measured(run) if item.cell.key == "rr-0.7")
    item.predicted["capacity"] = 0.5
    assert "was not measured (overload)" in evaluate.goals([item])[0]


def test_a_predicted_zero_has_no_error(tmp_path):
    item = evaluate.measured(begin(tmp_path, 1.0))[0]
    item.predicted["sojourn_ns"]["mean"] = 0
    assert "mean" not in [figure[0] for figure in evaluate.figures(item)]
    assert evaluate.agrees(item) and evaluate.oracle([item])[1][0][4] == "-"


def test_a_record_of_other_cells_is_refused(tmp_path, capsys):
    run = begin(tmp_path, 1.0)
    path = run.folder(run.plan.steps()[0]) / "record.json"
    record = store.read_json(path)
    del record["cells"]["rr-0.7"]
    store.write_json(path, record)
    assert evaluate.measured(run) == []
    assert cli.main(["experiment", "spin", "--report", str(run.store.path)]) == 0
    assert "its cells are not the plan's" in capsys.readouterr().out


def test_a_record_of_the_first_version_is_not_read_as_one_of_the_second(tmp_path):
    run = begin(tmp_path, 1.0)
    path = run.folder(run.plan.steps()[0]) / "record.json"
    store.write_json(path, store.read_json(path) | {"schema": "dunelab-spin-step/1"})
    assert evaluate.measured(run) == []
    assert "schema dunelab-spin-step/1, where dunelab-spin-step/2" in "".join(run.damaged)


def test_late_cells_are_counted_apart(tmp_path):
    items = evaluate.measured(begin(tmp_path, 1.0))
    items[0].machine["late_ns"]["p99"] = 0.3 * items[0].mean_ns
    said = " ".join(evaluate.verdict(items))
    assert "3 of 3 predicted cells" in said and "and 1 of 1 whose requests were made late" in said


def test_an_error_of_a_capacity_is_of_the_columns_beside_it(tmp_path):
    items = evaluate.measured(begin(tmp_path, 1.0))
    for item in items:      # as much idle time as a real machine has before its queue is there
        item.machine["idle_ns"] = 0.03 * item.machine["end_ns"]
    for row in evaluate.capacities(items)[1]:
        for got, want, off in (row[2:5], row[6:9]):
            assert float(off.split()[0]) == pytest.approx(
                100 * (float(got) / float(want) - 1), abs=0.15)


def test_costs_are_those_of_all_cells(tmp_path):
    items = evaluate.measured(begin(tmp_path, 1.0))
    items[1].machine["costs_ns"]["submit"] = 2500.0
    header, body = evaluate.costs(items)
    assert body[0][:4] == ["dune-rt", "cfcfs", "3", "2.00 to 2.50"]
    assert body[1][header.index("submit (us)")] == "2.00"


def test_a_simulator_that_does_not_end_is_said(monkeypatch, tmp_path):
    made = planning.make(laws="w5", loads="0.5")
    monkeypatch.setattr(predict, "TIME_LIMIT_S", 0.05)
    cell = planning.Cell("cfcfs", "0.5", 10 ** 8, 0)
    with pytest.raises(DunelabError, match="longer than 0.05 s on cfcfs-0.5"):
        predict.predict(made, "w5", cell, COSTS, tmp_path / "x.hlog")


def test_the_simulations_are_in_what_is_expected(monkeypatch):
    made = planning.make(systems="dune-rt", laws="w5", policies="rr", full=True)
    few = [steps.expected_s(made, step) for step in made.steps()]
    monkeypatch.setattr(predict, "OTHERS", 390)
    assert [steps.expected_s(made, step) for step in made.steps()][0] > few[0] + 30


def test_a_dry_run_and_a_sweep_know_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "kernel", lambda name=None: tmp_path)
    (tmp_path / "vmlinuz").write_bytes(b"")
    words = ["spin", "--engine", "qemu", "--quick", "--cores", "2"]
    assert [planned.title for planned in experiment.boots(words)] == ["linux-tuned-w5",
                                                                      "dune-rt-w5"]
    assert cli.main(["experiment", *words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.count("-smp 4") == 2 and "nohz_full=1-3" in said
    assert {"system", "w", "policy", "load", "quantum", "cores", "seed"} <= set(
        parameters.of("spin"))
    run = begin(tmp_path / "run", 1.0)
    run.set(status="complete")
    engine, rows, problems = figures.read("spin", run.store.path)
    assert engine == ENGINE and problems == []
    found = {tuple(row["words"]): row for row in rows}
    assert found["dune-rt", "w5", "rr", "0.5", "mean"]["unit"] == "vns"
    assert found["dune-rt", "w5", "rr", "sat", "capacity"]["value"] == pytest.approx(0.8, abs=0.1)
    assert abs(found["dune-rt", "w5", "cfcfs", "0.7", "mean_error"]["value"]) < 1
    assert not any(key[3:] == ("0.5", "p99.9") for key in found)    # too few samples
    assert figures.whole("spin", run.store.path)


def test_what_was_made_late_or_cannot_be_served_is_no_result(tmp_path):
    run = begin(tmp_path, 1.0)
    item = evaluate.measured(run)[0]
    item.machine["late_ns"]["p99"] = 0.3 * item.mean_ns
    # The prediction makes them as late.
    assert item.state == "late" and evaluate.agrees(item)
    assert "made too late" in " ".join(evaluate.problems(run, [item]))
    item.machine["late_ns"]["p99"] = 0
    item.predicted["capacity"] = 0.5
    assert item.state == "overload" and evaluate.agrees(item) is None
    item.predicted["capacity"] = 0.51
    assert item.state == "near"


def test_the_kernel_is_among_what_makes_it_again(tmp_path, monkeypatch):
    monkeypatch.setenv("KERNEL", "6.12")
    assert report._again(begin(tmp_path, 1.0)).endswith(" KERNEL=6.12`.")


def test_the_report_has_all_forms(tmp_path, capsys):
    run = begin(tmp_path, 1.0)
    index = report.make(run)
    page, text = index.read_text(), (index.parent / "report.md").read_text()
    assert 'stroke-dasharray="5 4"' in page and "w5: slowdown, dune-rt, by policy" in page
    for words in ("w5 (mix:0.995*0.5,0.005*500): oracle", "Measured costs", "STRETCH=20"):
        assert words in text
    summary = store.read_json(run.store.path / "summary.json")
    assert {row["state"] for row in summary["rows"]} >= {"ok"}
    assert cli.main(["experiment", "spin", "--report", str(run.store.path)]) == 0
    assert "4 of 4 predicted cells" in capsys.readouterr().out


def test_what_noise_does_has_tables_and_figures_of_its_own(tmp_path):
    run = begin(tmp_path, 3.0, "idle noise")
    write(run, run.plan.steps()[1])
    items = evaluate.measured(run)
    assert [(item.step.noise, evaluate.agrees(item)) for item in items][1:11:9] == [
        ("idle", True), ("noise", False)]
    assert {line[1] for line in evaluate.misses(items)[1]} == {"w5-noise"}
    index = report.make(run)
    text = (index.parent / "report.md").read_text()
    assert text.index("0.005*500): latency") < text.index("0.005*500), noise: latency")
    names = [path.stem for path in (index.parent / "figures").glob("load-policy-*.svg")]
    assert sorted(names) == ["load-policy-w5", "load-policy-w5-noise"]
    assert 'NOISE="idle noise"' in report._again(run)
    rows = store.read_json(run.store.path / "summary.json")["rows"]
    assert {row["noise"] for row in rows} == {"idle", "noise"}


@pytest.mark.parametrize("sojourn, others, service, longest, said", [
    (19_000, 3, 10_000_000, 10_000_000, slowest.OWN),
    (9_000_000, 40, 10_390_000, 10_000_000, "one of 10,000.0 us"),
    (9_000_000, 400, 5_000_000, 20_000, "400 others"),
    # All that they had is a tenth of what it waited.
    (9_000_000, 40, 900_000, 800_000, "the system, beside 40 others"),
    (40_000, 0, 0, 0, "the system: nothing else was there")])
def test_a_slow_request_has_a_reason(sojourn, others, service, longest, said):
    found = {"sojourn_ns": sojourn, "size_ns": 10_000, "others": others, "others_ns": service,
             "longest_other_ns": longest}
    assert slowest.cause(found) == said
    # Two cores would have done the same in half the time.
    assert others != 400 or slowest.cause(found, 2) == "the system, beside 400 others"


def test_the_report_shows_the_slowest_requests_in_time(tmp_path):
    run = begin(tmp_path, 1.0)
    index = report.make(run)
    _, body = slowest.table(evaluate.measured(run))
    assert [line[1:5] for line in body] == [[policy, load, "0.0010", "900.00"] for policy in (
        "cfcfs", "rr") for load in ("0.5", "0.7")]
    lines = (index.parent / "data/series-policy-w5.csv").read_text().splitlines()
    # Of the highest load, and of each stretch.
    assert len(lines) == 1 + 2 * 50 and lines[2].endswith(',0.001,900.0,"one of 10,000.0 us"')
    assert "w5 (mix:0.995*0.5,0.005*500): slowest requests" in index.read_text()
    # A run of before has none.
    for item in evaluate.measured(run):
        item.machine.pop("slowest")
        assert slowest.of(item) == []
