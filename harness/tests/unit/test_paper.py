# SPDX-License-Identifier: MIT
"""The paper's evaluation: what is planned, computed from the boots' figures, and said."""

import json
import shutil
import subprocess
from dataclasses import asdict, replace

import pytest

from dunelab import cli, costs, hostenv, paths, profiles, steprun, store
from dunelab.errors import DunelabError, GuestError, UsageError
from dunelab.paper import (charts, command, evaluate, plan as planning, published, report,
                           sensitivity, steps, text)

CYCLES = {"linux.getpid": 140, "dune.getpid_forwarded": 900, "linux.ptrace": 27000,
          "dune.interpose_pass": 1500, "linux.trap": 2800, "dune.trap": 600,
          "sandbox.bzip2.linux": 1000, "sandbox.bzip2.dune": 1040,
          "sandbox.gzip.linux": 1000, "sandbox.gzip.dune": 1000}
EXITS = {"dune.getpid_forwarded": 1, "dune.interpose_pass": 1}


def figures_of(step, changes=None):
    """What a machine would say whose costs are CYCLES, with so many EXITS."""
    price = sensitivity.price(profiles.load(step.profile)) if step.profile != "none" else 0
    paid = price if step.exits is None else step.exits
    result = {}
    for name, cycles in (CYCLES | (changes or {})).items():
        ticks = cycles + EXITS.get(name, 0) * (paid - price)
        if step.profile == "none":
            ticks /= 2
        if (name.split(".")[0] in planning.APPLICATIONS) == (step.workload != "micro"):
            result[name] = costs.figure([int(ticks * 100)] * 3, [0] * 3, 100)
    return result


def write(run, step, changes=None):
    """The record of a step, as if it had been booted."""
    modelled = step.profile != "none"
    store.write_json(run.folder(step) / "record.json", {
        "schema": "dunelab-paper-step/1", "key": step.key, "workload": step.workload,
        "profile": step.profile, "seed": 1, "commit": "1" * 40, "dirty": False, "argv": "bochs",
        "release": "6.1.0", "cmdline": profiles.CMDLINE, "wall_s": 1.0,
        "engine": {"name": "bochs-vmx", "version": "Bochs 3.0, build 0", "profile": step.profile,
                   "clock_domain": profiles.DOMAIN if modelled else "instr(bochs)",
                   "deterministic": True},
        "figures": {name: asdict(value) for name, value in figures_of(step, changes).items()}})


@pytest.fixture(autouse=True)
def committed(monkeypatch):
    """The tree as a user has it, whatever is being changed in it."""
    monkeypatch.setattr(hostenv, "commit", lambda: ("1" * 40, False))


@pytest.fixture
def run(tmp_path):
    """A run of micro and the sandbox with all boots done."""
    made = steprun.begin(steps.KIND, tmp_path, planning.make(parts="micro sandbox"), ["paper"])
    for step in made.plan.steps():
        write(made, step)
    return made


def row(run, key):
    return next(r for r in evaluate.rows(run) if r.published.key == key)


def test_the_papers_ratios_are_those_of_its_figures():
    found = {r.key: r for r in published.rows()}
    assert found["getpid"].ratio == pytest.approx(895 / 138)
    assert found["appel1"].ratio == pytest.approx(94496 / 701413) and found["appel1"].scale == 100
    assert [r.table for r in published.rows()] == sorted(
        (r.table for r in published.rows()), key=list(published.TABLES).index)
    assert found["lighttpd100"].ratio == pytest.approx(24609 / 24255)


def test_a_plan_boots_every_part_under_both_profiles_and_one_twice():
    keys = [step.key for step in planning.make().steps()]
    assert len(keys) == len(set(keys)) == 2 * len(planning.WORKLOADS) + 3
    assert {"micro-none", "micro-ivybridge-2012", "micro-ivybridge-2012-exits0",
            "micro-ivybridge-2012-exits4000", "micro-ivybridge-2012-again"} < set(keys)
    assert planning.make(quick=True).digest() != planning.make().digest()


@pytest.mark.parametrize("words, said", [
    ({"profile": "pentium"}, "no cost profile 'pentium'"), ({"profile": "none"}, "always there"),
    ({"parts": "micro macro"}, "unknown part 'macro'"), ({"seed": "x"}, "SEED=x"),
    ({"seed": "-1"}, "SEED=-1")])
def test_what_nobody_knows_is_refused_by_name(words, said):
    with pytest.raises(UsageError, match=said):
        planning.make(**words)


def test_an_exits_price_replaces_those_of_all_reasons():
    step = planning.Step("micro", "ivybridge-2012", exits=4000)
    found = step.costs().costs
    assert sensitivity.price(step.costs()) == 4000
    assert [name for name in found if name.startswith("exit.")] == ["exit.default"]
    own = profiles.load("ivybridge-2012").costs
    assert found["event.interrupt"] == own["event.interrupt"]


def test_rows_have_ratios_and_their_error(run):
    assert row(run, "getpid").measured["ivybridge-2012"].ratio == pytest.approx(900 / 140)
    assert row(run, "getpid").error == pytest.approx(900 / 140 / (895 / 138) - 1)
    assert row(run, "getpid").within and not row(run, "ptrace").within
    assert row(run, "page_walk").error is None and row(run, "page_walk").measured == {}


def test_a_line_counts_exits_and_finds_where_the_conclusion_flips(run):
    line = {item.published.key: item for item in sensitivity.lines(run)}
    price = sensitivity.price(profiles.load("ivybridge-2012"))
    assert line["getpid"].exits == pytest.approx(1) and line["trap"].exits == 0
    assert line["getpid"].at(price) == pytest.approx(900 / 140)
    assert line["getpid"].off == pytest.approx(0, abs=1e-3)
    assert line["getpid"].flips == pytest.approx(140 - (900 - price), abs=1) or \
        line["getpid"].flips is None and 900 - price > 140
    assert "every price" in line["trap"].verdict()


def test_a_cost_that_is_no_line_is_said(run):
    write(run, planning.Step("micro", "ivybridge-2012"), {"dune.getpid_forwarded": 1200})
    assert any("not linear" in problem for problem in text.problems(run))


def test_two_runs_that_differ_are_an_error(run, capsys):
    assert evaluate.same_bits(run) is True
    write(run, planning.Step("micro", "ivybridge-2012", again=True), {"linux.getpid": 141})
    assert evaluate.same_bits(run) is False
    assert any("draw nothing" in problem for problem in text.problems(run))
    assert command.main(["--report", str(run.store.path)]) == 0
    assert "draw nothing" in capsys.readouterr().out


def test_the_sandbox_is_compared_without_the_programs_start(run):
    write(run, planning.Step("sandbox", "ivybridge-2012"),
          {"sandbox.start.linux": 500, "sandbox.start.dune": 520,
           "sandbox.lighttpd1.linux": 900, "sandbox.lighttpd1.dune": 990})
    assert charts.slowdowns(run)["bzip2"]["ivybridge-2012"] == pytest.approx(520 / 500)
    assert not {"start", "lighttpd1"} & set(charts.slowdowns(run))
    assert row(run, "lighttpd1").measured["ivybridge-2012"].ratio == pytest.approx(1.1)


def test_the_sandboxs_mean_is_geometric(run):
    slow = charts.slowdowns(run)
    assert text.mean(slow, "ivybridge-2012") == pytest.approx((1.04 * 1.0) ** 0.5)
    assert text.mean({}, "none") is None
    slow["network_4k"] = {"ivybridge-2012": 9.0}
    assert text.mean(slow, "ivybridge-2012") == pytest.approx((1.04 * 1.0) ** 0.5)


def test_the_report_has_every_table_and_figure_and_no_address(run):
    index = report.make(run)
    page = index.read_text()
    for word in ("Operations that Dune makes slower", "geometric mean", "Where the conclusions"
                 " flip", "ivybridge-2012", "not hardware time", "bit for bit"):
        assert word in page
    assert "http:" not in page and "https:" not in page and page.count("data-hover=") == 4
    assert json.loads((run.store.path / "summary.json").read_text())["same_bits"] is True
    assert "| getpid |" in (run.store.report / "report.md").read_text()
    # The sentences have a place of their own: as a column they ran out of the page.
    assert "Why they differ" in page and "<th>why" not in page
    for figure in text.everything(run)[2]:
        if figure.name.startswith("ratio-"):
            # Names of rows have their room.
            assert figure.left > 5.5 * max(len(name) for name, _ in figure.y.tics)


def test_resume_boots_only_what_is_missing(run, capsys):
    booted = []

    def boot(plan, step, folder):
        booted.append(step.key)
        write(run, step)

    kind = replace(steps.KIND, boot=boot)
    shutil.rmtree(run.folder(planning.Step("sandbox", "none")))
    again = steprun.resume(kind, run.store.path.parent.parent, run.plan)
    assert again.store.path == run.store.path
    assert steprun.execute(again, 2) and booted == ["sandbox-none"]
    again.set(status="complete")
    with pytest.raises(UsageError, match="nothing to resume"):
        steprun.resume(steps.KIND, run.store.path.parent.parent, run.plan)


def test_resume_refuses_figures_of_another_commit(run):
    run.set(commit="0" * 40)
    with pytest.raises(UsageError, match="another commit"):
        steprun.resume(steps.KIND, run.store.path.parent.parent, run.plan)


def test_resume_refuses_a_tree_with_changes(run, monkeypatch):
    run.set(dirty=True)
    monkeypatch.setattr(hostenv, "commit", lambda: ("1" * 40, True))
    with pytest.raises(UsageError, match="changes that are in no commit"):
        steprun.resume(steps.KIND, run.store.path.parent.parent, run.plan)


def test_a_boot_that_fails_is_named_and_the_others_go_on(tmp_path):
    made = steprun.begin(steps.KIND, tmp_path, planning.make(parts="sandbox"), ["paper"])

    def boot(plan, step, folder):
        if step.profile == "none":
            raise GuestError(f"{step.key}: TIMEOUT\nlines of a console")
        write(made, step)

    made.kind = replace(made.kind, boot=boot)
    assert not steprun.execute(made, 1)
    assert made.manifest["failures"] == ["sandbox-none: TIMEOUT"]
    assert any("sandbox-none" in problem for problem in text.problems(made))


def test_the_command_refuses_before_anything_is_built(capsys):
    assert cli.main(["paper", "--profile", "pentium", "--check"]) == 2
    assert "no cost profile" in capsys.readouterr().err
    assert cli.main(["paper", "--jobs", "0", "--check"]) == 2
    assert cli.main(["paper", "--quick", "--check"]) == 0


def test_a_directory_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(DunelabError, match="not the directory of a run"):
        steprun.load(steps.KIND, tmp_path)


def test_the_page_of_the_documentation_is_made_from_a_run(run, tmp_path):
    script = paths.root() / "scripts" / "gen-paper"
    done = subprocess.run([script, run.store.path], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "## Running times" in done.stdout and "| micro-none |" in done.stdout
    done = subprocess.run([script, tmp_path / "none"], text=True, capture_output=True, check=False)
    assert done.returncode and "not the directory of a run of the paper" in done.stderr
