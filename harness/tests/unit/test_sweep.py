# SPDX-License-Identifier: MIT
"""Sweeps: what a plan may say, its points, their records and table, and the job array's script."""

import json
import re
import subprocess

import pytest

import sample_run
from dunelab import cli, hostenv, journal, paths, steprun, store
from dunelab.errors import GuestError, UsageError
from dunelab.sweep import (check, figures, page, parameters, plan as planning, points, report,
                           slurm)
from dunelab.webpage import svg

SMALL = """
[sweep]
name = "small"
[axes]
system = ["linux", "dune"]
seed = "1-2"
[fixed]
engine = "bochs"
load = "0.3"
requests = 4000
"""


def plan(text, folder):
    """The Plan of a text."""
    path = folder / "plan.toml"
    path.write_text(text)
    return planning.read(path)


def test_a_point_is_one_value_of_each_axis(tmp_path):
    made = plan(SMALL, tmp_path)
    found = made.steps()
    assert [(p.index, p.key) for p in found] == [
        (0, "000-linux-1"), (1, "001-linux-2"), (2, "002-dune-1"), (3, "003-dune-2")]
    assert found[3].get("system") == "dune" and found[3].get("load") == "0.3"
    # What a variable of the day would decide is part of the plan.
    assert dict(made.fixed).keys() >= {"kernel", "flavour", "profile"}
    kept = json.loads(json.dumps({"plan": made.__dict__}))
    assert planning.load(json.dumps(kept)) == made
    assert planning.load(json.dumps(kept)).digest() == made.digest()
    with pytest.raises(ValueError):
        planning.load('{"plan": {"axes": 1}}')


def test_numbers_are_the_same_however_they_are_written(tmp_path):
    first = plan(SMALL, tmp_path)
    for other in ("load = 0.3", "load = 0.30", 'load = ".3"'):
        assert plan(SMALL.replace('load = "0.3"', other), tmp_path).digest() == first.digest()


def test_what_is_excluded_has_no_number(tmp_path):
    rule = '[[exclude]]\nsystem = "linux"\nseed = [2]\n'
    assert [p.key for p in plan(SMALL + rule, tmp_path).steps()] == [
        "000-linux-1", "001-dune-1", "002-dune-2"]


@pytest.mark.parametrize("change, said", [
    (("[axes]", "[axis]"), "unknown key 'axis' in the file; known: sweep, axes"),
    (("seed =", "sed ="), "unknown key 'sed' in [axes]; known: engine, profile, system"),
    (('name = "small"', 'name = "a/b"'), "name = 'a/b'"),
    (('name = "small"', 'workload = "kw"'), "known: kv, jitter"),
    (('name = "small"', 'workload = [0.3, 0.7]'), "known: kv, jitter"),
    (('name = "small"', 'workload = {}'), "known: kv, jitter"),
    (('["linux", "dune"]', "[]"), "an axis without values"),
    (('["linux", "dune"]', '"linux"'), "belongs into [fixed]"),
    (('["linux", "dune"]', '["linux", " linux "]'), "linux is there twice"),
    (('["linux", "dune"]', "[1, true]"), "want a value"),
    (('["linux", "dune"]', '["linux", {}]'), "want a number or text"),
    (('"1-2"', '"1-99"'), "want seeds"),
    (('"1-2"', str(list(range(501)))), "1,002 points, and 1,000 are the most"),
    (('"1-2"', str(list(range(10 ** 5)))), "combinations"),
    (("[fixed]", "[fixed]\nseed = 3"), "seed is in [axes] and in [fixed]"),
    (("[fixed]", "[fixed]\nquick = 1"), "want true or false"),
    (("[fixed]", "[[exclude]]\nload = 0.3\n[fixed]"), "unknown key 'load' in [[exclude]]"),
    (("[fixed]", "[[exclude]]\nseed = 9\n[fixed]"), "seed has no value 9; it has 1, 2"),
    (("[fixed]", "[[exclude]]\n[fixed]"), "it would leave every point out"),
    (("[fixed]", '[[exclude]]\nseed = ["1", "2"]\n[fixed]'), "leaves no point"),
    (("[fixed]", "exclude = 3\n[fixed]"), "unknown key 'exclude' in [axes]"),
    (("[sweep]", "[sweep"), "is not TOML"),
])
def test_a_plan_that_makes_no_sense_is_named(change, said, tmp_path, capsys):
    path = tmp_path / "plan.toml"
    path.write_text(SMALL.replace(*change))
    assert cli.main(["sweep", str(path), "--check"]) == 2
    message = capsys.readouterr().err
    assert said in message and str(path) in message and "Traceback" not in message


@pytest.mark.parametrize("change, said", [
    (('"dune"', '"solaris"'), "point 002-solaris-1: unknown SYSTEM 'solaris'; known: linux"),
    (('load = "0.3"', "load = 3"), "point 000-linux-1: LOADS='3'"),
    (('engine = "bochs"', 'engine = "gem5"'), "unknown ENGINE 'gem5'"),
    (("[fixed]", "[fixed]\nkernel = 5.10"), "kernel = 5.1: known: 6.1, 6.12"),
    (("[fixed]", '[fixed]\nkernel = "6.12"\nflavour = "debug"'), "flavour = debug"),
    (("[fixed]", '[fixed]\nprofile = "pentium"'), "no cost profile"),
])
def test_what_the_experiment_refuses_is_refused_before_the_first_point(change, said, tmp_path,
                                                                       capsys):
    path = tmp_path / "plan.toml"
    path.write_text(SMALL.replace(*change))
    assert cli.main(["sweep", str(path), "--check"]) == 2
    assert said in capsys.readouterr().err


def test_wrong_words_on_the_command_line(tmp_path, capsys):
    path = tmp_path / "plan.toml"
    path.write_text(SMALL)
    for words, said in (
            (["nowhere.toml"], "nowhere.toml: No such file"), ([str(tmp_path)], "is a directory"),
            ([str(path), "--jobs", "0"], "--jobs 0"),
            ([str(path), "--jobs", "two"], "want a whole number"),
            ([str(path), "--check", "--resume"], "exclude each other"),
            ([str(path), "--sbatch=--mem=1G"], "is for --engine-runner slurm"),
            ([str(path), "--engine-runner", "slurm", "--sbatch=--array=1"], "want long options"),
            ([str(path), "--engine-runner", "slurm", "--sbatch='--x"], "No closing quotation"),
            ([str(tmp_path), "--point", "1"], "is not the directory of a run of a sweep"),
            ([str(tmp_path), "--point", "-1"], ""), ([str(path), "--report"], "not the directory"),
            ([str(path), "--check", "--jobs", "65"], "from 1 to 64"),
            ([str(path), "--resume", "--out", str(tmp_path)], "nothing to resume")):
        try:
            assert cli.main(["sweep", *words]) == 2
        except SystemExit as error:     # argparse's own
            assert error.code == 2
        assert said in capsys.readouterr().err


def test_every_parameter_of_an_experiment_can_be_an_axis():
    assert {"system", "engine", "load", "seed", "kernel", "profile", "requests", "records", "law",
            "arrival", "quick"} <= set(parameters.of("kv"))
    assert {"system", "engine", "noise", "kernel", "full"} <= set(parameters.of("jitter"))
    assert not {"out", "jobs", "resume", "check", "help"} & set(parameters.of("kv"))
    words = parameters.words("kv", {"system": "dune", "kernel": "6.1", "quick": "true",
                                    "full": "false"})
    assert words == ["experiment", "kv", "--systems=dune", "--quick", "--alone"]
    assert parameters.words("jitter", {"noise": "idle"}) == ["experiment", "jitter", "--noise=idle"]


@pytest.fixture
def run(tmp_path):
    """A sweep of which three of four points have been run, as the experiment leaves them."""
    made = steprun.begin(points.KIND, tmp_path, plan(SMALL, tmp_path), ["sweep"])
    for point in made.plan.steps()[:3]:
        measure(made, point)
    return made


def measure(made, point):
    """Leave a complete run of the experiment where the point's is, and run the point."""
    folder = made.folder(point)
    sample_run.build(folder, sample_run.plan(systems=point.get("system"), loads=point.get("load"),
                                             seed=point.get("seed")))
    points.run(made.plan, point, folder)


def test_a_record_names_its_run_and_all_that_decided_it(run):
    point = run.plan.steps()[0]
    record = run.record(point)
    assert record["values"]["system"] == "linux" and record["index"] == 0
    assert (run.folder(point) / record["run"] / "manifest.json").exists()
    assert {f["words"][-1] for f in record["figures"]} == {"p50", "p99", "capacity"}
    assert not record["problems"] and any("run.json" in name for name in record["files"])


def test_a_point_that_was_tampered_with_counts_no_more(run):
    point = run.plan.steps()[0]
    manifest = run.folder(point) / run.record(point)["run"] / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 1', '"seed": 7'))
    assert run.record(point) is None
    made = report.make(run)
    assert point.key in made["missing"]
    assert any("changed since it was measured" in text for text in made["damaged"])


@pytest.mark.parametrize("pattern, change", [
    ("kv/*/manifest.json", ('"seed": 1', '"seed": 7')), ("kv/*/manifest.json", ("{", "")),
    ("kv/*/cells/*/runs/001/run.json", ("lat-run/1", "lat-run/2")),
    ("kv/*/cells/*/runs/001/lat.hlog", ("Tag=service", "Tag=warmup")),
    ("record.json", ("{", "")), ("record.json", ("sweep-point/1", "sweep-point/2")),
])
def test_a_point_that_was_damaged_is_measured_afresh(run, monkeypatch, pattern, change):
    """What is there makes no new record, and it is kept; here the experiment itself fails."""
    point = run.plan.steps()[0]
    folder = run.folder(point)
    path = next(folder.glob(pattern))
    text = path.read_text().replace(*change)
    path.write_text(text)
    assert run.record(point) is None
    kept = folder / "stopped" / "1" / path.relative_to(folder)
    monkeypatch.setenv("BUILD", str(folder / "nothing"))
    with pytest.raises(GuestError):
        points.run(run.plan, point, folder)
    assert run.record(point) is None and kept.read_text() == text
    assert (folder / "stopped" / "1" / "record.json").exists()
    monkeypatch.undo()
    measure(run, point)
    assert run.record(point) and [p.name for p in folder.glob("stopped/*")] == ["1"]


def test_a_damaged_run_gets_no_first_record(run, monkeypatch):
    point = run.plan.steps()[3]
    monkeypatch.setenv("BUILD", str(run.folder(point) / "nothing"))
    where = sample_run.build(run.folder(point), sample_run.plan(systems="dune", loads="0.3"))
    log = next(where.path.glob("cells/*/runs/001/lat.hlog"))
    log.write_text(log.read_text() + "#\n")
    with pytest.raises(GuestError):
        points.run(run.plan, point, run.folder(point))
    assert run.record(point) is None and not where.path.exists()
    assert list(run.folder(point).glob("stopped/1/kv/*/manifest.json"))


def test_the_table_has_medians_over_seeds_and_what_is_missing(run):
    made = report.make(run)
    assert made["missing"] == ["003-dune-2"]
    rows = {(row["values"]["system"], row["metric"]): row for row in made["rows"]}
    # A load is a share of each system's own capacity, and the metric says so.
    assert set(rows) == {(s, m) for s in ("linux", "dune")
                         for m in ("own p50", "own p99", "capacity")}
    seen = [f["value"] for point in run.plan.steps()[:2]
            for f in run.record(point)["figures"] if f["words"][-1] == "p99"]
    linux = rows["linux", "own p99"]
    assert (linux["runs"], linux["min"], linux["max"]) == (2, min(seen), max(seen))
    assert linux["median"] == sum(seen) / 2 and linux["ci95"] is None
    lines = (run.store.path / "summary.csv").read_text().splitlines()
    assert len(lines) == 1 + len(rows) and lines[0].startswith("system,metric,unit,clock_domain")
    text = (run.store.path / "summary.md").read_text()
    assert "Emulated time is not hardware time" in text and "not measured: 003-dune-2" in text
    assert "| linux | instr(bochs) | 2 |" in text and "share of each system's own capacity" in text


def test_the_page_has_the_table_and_each_metric_by_load(tmp_path):
    """Loads are numbers and systems are not; a point that is missing is said at the top."""
    made = steprun.begin(points.KIND, tmp_path, plan(
        SMALL.replace('seed = "1-2"', 'seed = [1]\nload = [0.3, 0.5]').replace(
            'load = "0.3"\n', ""), tmp_path), ["sweep"])
    for point in made.plan.steps()[:-1]:
        measure(made, point)
    report.make(made)
    text = (made.store.report / "index.html").read_text()
    assert "1 of 4 points are not measured" in text and "emulated time" in text.lower()
    assert text.count("data-hover=") == 3 and "own p99 by load" in text
    rows = (made.store.report / "data" / "own-p99-instr-bochs-none.csv").read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [
        ["linux", "0.3"], ["linux", "0.5"], ["dune", "0.3"]]


def rows(axis, values):
    """A summary of a sweep along one axis, as report.summary() makes it."""
    return {"axes": {axis: list(values), "seed": ["1"]}, "rows": [
        {"values": {axis: text}, "metric": "mean_error", "unit": "%", "domain": "instr(bochs)",
         "profile": "none", "median": value, "ci95": None, "runs": 1}
        for text, value in values.items()]}


def test_names_that_look_like_numbers_are_no_axis_of_a_figure():
    made = rows("kernel", {"6.1": 3.0, "6.12": 4.0})
    assert page.figures(made, "seed") == []
    made["axes"]["load"] = ["0.3", "0.5"]
    for row, load in zip(made["rows"], made["axes"]["load"]):
        row["values"]["load"] = load
    assert [figure.x.title for figure in page.figures(made, "seed")] == ["load"]
    assert set(parameters.NAMES) <= set(parameters.of("spin"))


@pytest.mark.parametrize("values", [(-3.2, 4.5), (0.0, 12.0), (-2e6, -1.0), (0.0, 0.0)])
def test_a_metric_that_is_not_above_zero_has_a_figure(values):
    figure, = page.figures(rows("load", dict(zip(("0.3", "0.5"), values))), "seed")
    assert not figure.y.log and 3 <= len(figure.y.tics) <= 11
    assert all(0 <= figure.y.share(value) <= 1 for value in (0, *values))
    assert all(0 <= figure.y.share(tic) <= 1 for _, tic in figure.y.tics)
    assert len({words for words, _ in figure.y.tics}) == len(figure.y.tics)
    assert "NaN" not in svg.inline(figure) and "nan" not in svg.inline(figure)


def test_a_figure_that_fewer_points_have_says_so(run):
    point = run.plan.steps()[1]
    record = run.record(point)
    record["figures"] = [f for f in record["figures"] if f["words"][-1] != "p99"]
    store.write_json(run.folder(point) / "record.json", record)
    for text in (report.as_markdown(report.make(run)), report.terminal(report.make(run))):
        linux = next(line for line in text.splitlines() if re.match(r"(\| )?linux ", line))
        dune = next(line for line in text.splitlines() if re.match(r"(\| )?dune ", line))
        assert linux.count("(1 of 2)") == 1 and dune.count("(1 of 2)") == 3


def test_two_clocks_are_never_one_row(run):
    """Of a plan without the engine as an axis: somebody put records together."""
    point = run.plan.steps()[1]
    record = run.record(point)
    for figure in record["figures"]:
        figure["domain"] = "instr(icount)"
    store.write_json(run.folder(point) / "record.json", record)
    rows = [row for row in report.make(run)["rows"] if row["metric"] == "own p99"]
    assert [(row["domain"], row["runs"]) for row in rows] == [
        ("instr(bochs)", 1), ("instr(icount)", 1), ("instr(bochs)", 1)]


def test_an_interval_takes_six_seeds():
    assert figures.median([5, 1, 3, 2, 4]) == (3, None)
    assert figures.median([6, 5, 1, 3, 2, 4]) == (3.5, (1, 6))
    centre, (low, high) = figures.median(range(1, 21))
    assert centre == 10.5 and (low, high) == (6, 15)


def test_two_writers_of_a_point_or_a_sweep_exclude_each_other(run):
    point = run.plan.steps()[3]
    folder = run.folder(point)
    folder.mkdir(parents=True)
    held = journal.Journal(folder / "journal.ndjson")
    with pytest.raises(UsageError, match="being written by another process"):
        points.run(run.plan, point, folder)
    held.close()
    held = journal.Journal(run.store.journal)
    with pytest.raises(UsageError, match="being written by another process"):
        steprun.perform(run, 1, report.make)
    held.close()


def test_a_failed_point_is_named_and_resume_does_the_rest(run, monkeypatch, capsys):
    """The experiment itself fails: of a kernel that is not there."""
    last, seen = run.plan.steps()[3], []
    monkeypatch.setenv("BUILD", str(run.store.path / "nothing"))
    with pytest.raises(GuestError, match="--resume"):
        steprun.perform(run, 1, seen.append)
    assert len(seen) == 1 and run.manifest["status"] == "incomplete"
    assert "3 of 4 points have been done before" in capsys.readouterr().err
    failure = run.manifest["failures"][0]
    assert failure.startswith(f"{last.key}: ") and "make" in failure
    monkeypatch.undo()
    measure(run, last)
    assert steprun.perform(run, 1, report.make) == 0
    assert store.read_json(run.store.path / "summary.json")["status"] == "complete"


def test_one_point_alone_as_a_task_of_a_job(run, capsys):
    """By the same command as the array's script; what is done is not done again."""
    assert cli.main(["sweep", "--point", "0", str(run.store.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == run.record(run.plan.steps()[0])
    assert cli.main(["sweep", "--point", "4", str(run.store.path)]) == 2
    assert "has points 0 to 3" in capsys.readouterr().err
    run.set(commit="0" * 40)
    assert cli.main(["sweep", "--point", "0", str(run.store.path)]) == 2
    here = hostenv.commit()[0] != "nocommit"
    assert ("another commit" if here else "git cannot read") in capsys.readouterr().err


def test_a_tree_that_git_cannot_read_is_no_other_commit(run, monkeypatch, capsys):
    run.set(commit="0" * 40)
    monkeypatch.setenv("PATH", str(run.store.path))
    assert cli.main(["sweep", "--point", "0", str(run.store.path)]) == 2
    said = capsys.readouterr().err
    assert "git cannot read this tree" in said and "another commit" not in said


def test_the_report_of_a_sweep_is_made_again(run, capsys):
    run.set(status="incomplete")
    assert cli.main(["sweep", "--report", str(run.store.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == ["003-dune-2"]
    assert cli.main(["sweep", "--report", str(run.store.path)]) == 0
    assert "3 of 4 points measured" in capsys.readouterr().out


def test_the_arrays_script_runs_the_same_command(run):
    missing = [run.plan.steps()[number] for number in (0, 1, 3)]
    text = slurm.script(run, missing, 2, ["--partition=short"])
    lines = text.splitlines()
    assert lines[0] == "#!/bin/sh" and "#SBATCH --array=0-1,3%2" in lines
    assert "#SBATCH --partition=short" in lines and "#SBATCH --job-name=dunelab-small" in lines
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
    done = subprocess.run(["sh", "-s"], input=text, text=True, capture_output=True, check=False,
                          env={"SLURM_ARRAY_TASK_ID": "0", "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("000-linux-1: 3 figures in ")
    assert "%" not in re.search("--array=(.*)", slurm.script(run, missing, None)).group(1)


def test_a_directory_that_a_script_cannot_name_is_refused(run):
    odd = steprun.Run(points.KIND, run.store.path.parent / 'a"b', run.plan)
    with pytest.raises(UsageError, match="choose another with --out"):
        slurm.script(odd, [], None)
    blank = steprun.Run(points.KIND, run.store.path.parent / "a b%j", run.plan)
    text = slurm.script(blank, [], None)
    assert 'a b%%j/slurm/%a.log"' in text and "a b%j'" in text


def test_numbers_as_an_array_takes_them():
    assert slurm.ranges([0]) == "0" and slurm.ranges([]) == ""
    assert slurm.ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"


def test_without_slurm_the_message_says_so(monkeypatch):
    monkeypatch.setattr(slurm, "COMMANDS", ("sbatch-of-nobody",))
    with pytest.raises(UsageError, match="sbatch-of-nobody is missing"):
        slurm.require()


def test_a_dry_run_lists_points_and_real_command_lines(tmp_path, capsys):
    if not (paths.kernel() / "vmlinuz").exists():
        pytest.skip("no kernel: make kernel")
    path = tmp_path / "plan.toml"
    path.write_text(SMALL.replace("bochs", "qemu"))
    assert cli.main(["sweep", str(path), "--dry-run", "--json", "--out", str(tmp_path)]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [item["key"] for item in listed] == [p.key for p in plan(
        SMALL.replace("bochs", "qemu"), tmp_path).steps()]
    assert all(boot["argv"][0].endswith("qemu-system-x86_64") and "-append" in boot["argv"]
               for item in listed for boot in item["boots"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plan.toml"]
    assert cli.main(["sweep", str(path), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "# point 003-dune-2" in out and "dunelab experiment kv --systems=dune" in out


def test_the_plan_of_the_documentation_is_one(tmp_path):
    text = (paths.root() / "docs" / "sweeps.md").read_text()
    made = plan(re.search(r"^```toml\n(.*?)^```", text, re.M | re.S).group(1), tmp_path)
    check.points(made)
    assert made.name == "load-by-kernel" and len(made.steps()) == (4 + 2) * 2 * 6
