# SPDX-License-Identifier: MIT
"""`dunelab compare`: verdicts and exit codes on simulated runs, refusals, damaged input."""

import json
import random
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import sample_run
from dunelab import cli, costs, hdr, hlog, plan as planning, store
from dunelab.compare import command, matching, sides, sources

# Enough requests for a median alone: five gates, that eight pairs can all reach.
SMALL = {"systems": "linux dune", "loads": "0.5", "requests": "500"}


def ensemble(folder, seeds, dune=1.0, noise=0.0, **options):
    """A directory with a run for each seed; dune: what its requests cost, times the usual."""
    for seed in seeds:
        rng = random.Random(f"{folder.name} {seed}")
        work = {name: ns * (dune if name == "dune" else 1.0) * (1 + noise * rng.gauss(0, 1))
                for name, ns in sample_run.WORK_NS.items()}
        sample_run.build(folder, sample_run.plan(**SMALL, seed=seed), work=work, **options)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Ensembles of eight seeds: base, one as noisy, one whose dune is 5 % slower."""
    root, seeds = tmp_path_factory.mktemp("runs"), range(1, 9)
    return {"base": ensemble(root / "base", seeds, noise=0.002),
            "same": ensemble(root / "same", seeds, noise=0.002),
            "slow": ensemble(root / "slow", seeds, dune=1.05, noise=0.002),
            "fast": ensemble(root / "fast", seeds, dune=0.95, noise=0.002)}


def compare(*argv):
    return cli.main(["compare", *map(str, argv)])


def verdicts(capsys):
    made = json.loads(capsys.readouterr().out)
    return made, {row["metric"]: row["verdict"] for row in made["metrics"]}


def test_a_slowed_server_is_caught(runs, capsys):
    assert compare(runs["base"], runs["slow"], "--json") == 1
    made, found = verdicts(capsys)
    assert made["verdict"] == "regressed" and found["dune own0.5 p50"] == "regressed"
    # Served less by the same 5 %: higher is better there.
    assert found["dune capacity"] == "regressed"
    assert found["linux capacity"] == found["linux own0.5 p50"] == "ok"
    row = next(r for r in made["metrics"] if r["metric"] == "dune own0.5 p50")
    assert row["n"] == [8] and row["how"] == "pairs" and row["p"] == 2 / 2 ** 8
    # Which runs these were, so that nobody has to believe a path.
    assert made["argv"][0] == "compare" and made["argv"][-1] == "--json"
    assert made["new"]["seeds"] == list(range(1, 9))
    assert made["new"]["sha256"] == {path: store.sha256(Path(path) / "manifest.json")
                                     for path in made["new"]["paths"]}
    assert row["ci95"][0] < 1.05 < row["ci95"][1] and row["a12"] > 0.5 and 0 < row["ks"] < 1


def test_noise_alone_is_ok_and_less_work_an_improvement(runs, capsys):
    assert compare(runs["base"], runs["same"], "--json") == 0
    assert set(verdicts(capsys)[1].values()) <= {"ok", "inconclusive"}
    assert compare(runs["base"], runs["fast"], "--json", "--metric", "p50") == 0
    assert verdicts(capsys)[1] == {"linux own0.5 p50": "ok", "dune own0.5 p50": "improved",
                                   "dune equal0.5 p50": "inconclusive"}


def test_the_text_has_verdict_ratio_and_reason(runs, capsys):
    assert compare(runs["base"], runs["slow"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("REGRESSED: ") and "dune own0.5 p50" in out and "8 pairs" in out
    assert "clock instr(bochs)" in out and "margin 1.0%" in out


def test_few_pairs_decide_nothing(runs, tmp_path, capsys):
    base = ensemble(tmp_path / "base", range(1, 4), noise=0.002)
    few = ensemble(tmp_path / "slow", range(1, 4), dune=1.5, noise=0.002)
    assert compare(base, few) == 0 == compare(base, few, "--metric", "dune")
    assert "3 of 6 pairs" in capsys.readouterr().out
    assert compare(base, few, "--strict") == 4
    # Five seeds of the base are not there: half an experiment is no success.
    assert compare(runs["base"], few) == 3
    assert "not in new: dune own0.5 p50, seed 4, 5, 6, 7, 8" in capsys.readouterr().out


def test_other_seeds_are_compared_as_groups(runs, tmp_path, capsys):
    other = ensemble(tmp_path / "slow", range(11, 19), dune=1.3, noise=0.002)
    assert compare(runs["base"], other, "--json", "--metric", "p50") == 1
    made, found = verdicts(capsys)
    assert found["dune own0.5 p50"] == "regressed"
    assert {(row["how"], tuple(row["n"])) for row in made["metrics"]
            if "equal" not in row["metric"]} == {("runs", (8, 8))}


def test_many_gates_need_more_pairs(tmp_path, capsys):
    """Six pairs reach p = 0.031, which Holm multiplies by the gates."""
    base = ensemble(tmp_path / "base", range(1, 7), noise=0.002)
    slow = ensemble(tmp_path / "slow", range(1, 7), dune=1.3, noise=0.002)
    assert compare(base, slow, "--json") == 4
    made, found = verdicts(capsys)
    row = next(r for r in made["metrics"] if r["metric"] == "dune own0.5 p50")
    assert row["verdict"] == "inconclusive" and "after Holm" in row["reason"]
    assert "at least 8 pairs would tell" in row["reason"] and row["blocked"]
    assert compare(base, slow, "--metric", "p50,capacity", "--alpha", "0.3") == 1


def test_the_same_bits_are_ok(runs, capsys):
    assert compare(runs["base"], runs["base"], "--strict") == 0
    assert "same bits" in capsys.readouterr().out


def test_one_stray_request_decides_nothing(runs, tmp_path, capsys):
    """A single latency a million times the usual in one run of eight."""
    stray = ensemble(tmp_path / "stray", range(1, 9), noise=0.002)
    run = next((stray / "kv").iterdir())
    log = next(run.glob("cells/kv.dune*/runs/001/lat.hlog"))
    intervals = hlog.read(log.read_text())
    intervals[0].histogram.record(1 << 39)
    log.write_text(hlog.write(intervals))
    record = log.parent / "run.json"
    kept = json.loads(record.read_text())
    kept["sha256"]["lat.hlog"] = store.sha256(log)
    record.write_text(json.dumps(kept))
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["runs"][kept["id"]] = store.sha256(record)
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert compare(runs["base"], stray) == 0


# -- refusals ------------------------------------------------------------------------------

def edited(source, folder, name="manifest.json", **changes):
    """A copy of one run with changed fields; dots go down."""
    run = sample_run.build(folder, sample_run.plan(**SMALL, seed=source)).path
    kept = json.loads((run / name).read_text())
    for key, value in changes.items():
        where = kept
        *path, last = key.split("__")
        for word in path:
            where = where[word]
        where[last] = value
    (run / name).write_text(json.dumps(kept))
    return run


@pytest.mark.parametrize("changes, word, text", [
    ({"engine__clock_domain": "ns(kvm-nested)"}, "domain", "clock domain"),
    ({"engine__profile": "zen2-2019"}, "profile", "profile: none and zen2-2019"),
    ({"kernel": "6.12.0"}, "environment", "kernel: 6.1.0-0-cloud-amd64 and 6.12.0"),
    ({"engine__version": "Bochs 2.7"}, "environment", "emulator: Bochs 3.0 of a test and"),
])
def test_what_differs_is_named_and_refused(tmp_path, capsys, changes, word, text):
    base = sample_run.build(tmp_path / "a", sample_run.plan(**SMALL)).path
    other = edited(1, tmp_path / "b", **changes)
    assert compare(base, other) == 2
    said = capsys.readouterr().err
    assert text.replace("clock ", "") in said and f"--allow {word}" in said
    words = word if word != "domain" else "domain,environment"
    assert compare(base, other, "--allow", words) == 0
    out = capsys.readouterr().out
    assert "NOT LIKE WITH LIKE" in out
    if word == "domain":
        # Only ratios to the baseline cross: linux itself has none.
        assert "dune own0.5 p50" in out and "linux own0.5 p50" not in out


def test_runs_of_one_side_must_agree(tmp_path, capsys):
    base = sample_run.build(tmp_path / "a", sample_run.plan(**SMALL)).path
    other = edited(2, tmp_path / "b", kernel="6.12.0")
    assert compare(base, f"{base},{other}") == 2
    assert "differ in kernel" in capsys.readouterr().err


@pytest.mark.parametrize("changes, text", [
    ({"commit": "f" * 40}, "of commit 0123456789ab"), ({"dirty": True}, "0123456789ab+"),
    ({"artifacts": {"dune.ko": "cd" * 32}}, "dune.ko differs")])
def test_one_side_is_one_commit_and_one_build(tmp_path, capsys, changes, text):
    runs = [edited(seed, tmp_path / "b", **{"artifacts": {"dune.ko": "ab" * 32}, **more})
            for seed, more in ((1, {}), (2, changes))]
    base = sample_run.build(tmp_path / "a", sample_run.plan(**SMALL)).path
    assert compare(base, f"{runs[0]},{runs[1]}") == 2 == compare(tmp_path / "b", base)
    assert text in capsys.readouterr().err


@pytest.mark.parametrize("argv, text", [
    (["--allow", "everything"], "--allow everything"), (["--margin", "x"], "--margin x"),
    (["--alpha", "-1"], "--alpha -1"), (["--margin", "nan"], "--margin nan"),
    (["--metric", "p12"], "no metric that both sides have")])
def test_wrong_arguments(runs, capsys, argv, text):
    assert compare(runs["base"], runs["same"], *argv) == 2
    assert text in capsys.readouterr().err


def test_missing_and_foreign_input_is_named(tmp_path, runs, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.json").write_text('{"schema": "dunelab-be')
    (tmp_path / "other.json").write_text('{"schema": "dunelab-bench/2"}')
    for name, text in (("none", "no such file"), ("empty", "nothing that can be compared"),
                       ("cut.json", "Unterminated"), ("other.json", "dunelab-bench/2, where")):
        assert compare(runs["base"], tmp_path / name) == 2
        said = capsys.readouterr().err
        assert text in said and name in said


def test_nothing_is_overwritten(tmp_path, runs, capsys):
    out = tmp_path / "made.json"
    assert compare(runs["base"], runs["same"], "--out", out) == 0
    before = out.read_text()
    assert compare(runs["base"], runs["slow"], "--out", out) == 2
    assert "nothing is overwritten" in capsys.readouterr().err and out.read_text() == before


def test_a_failed_cell_is_no_regression_and_no_success(tmp_path, runs, capsys):
    plan = sample_run.plan(**SMALL)
    lost = next(cell.id for cell in planning.expected_cells(plan) if cell.system == "dune")
    broken = sample_run.build(tmp_path, plan, without=(lost,), status="incomplete").path
    assert compare(runs["base"], broken) == 3
    out = capsys.readouterr().out
    assert "not in new: dune own0.5 p50" in out and "MISS" in out
    nothing = sample_run.build(tmp_path, plan, without=[c.id for c in
                               planning.expected_cells(plan)], changes=None).path
    store.write_json(nothing / "manifest.json", json.loads(
        (nothing / "manifest.json").read_text()) | {"capacities": {}})
    assert compare(nothing, nothing) == 3
    assert "NOTHING" in capsys.readouterr().out


def test_flagged_cells_are_left_out(tmp_path, runs, capsys):
    overloaded = sample_run.build(tmp_path, sample_run.plan(**SMALL),
                                  changes={"achieved_rps": 1.0}).path
    assert compare(runs["base"], overloaded) == 3
    assert "of the scheduled load" in capsys.readouterr().out


def test_the_hosts_time_concludes_nothing(tmp_path, capsys):
    sides = [ensemble(tmp_path / str(work), range(1, 7), dune=work, domain="ns(host)")
             for work in (1.0, 2.0)]
    # At twice the work linux's rate is beyond its capacity: left out by plan is not lost.
    assert compare(*sides) == 0
    assert "the host's time: no conclusion" in capsys.readouterr().out


def same_rates(folder, seeds, dune=1.0, **work):
    """An ensemble whose baseline has the same capacity in all runs."""
    for seed in seeds:
        rng = random.Random(f"{folder.name} {seed}")
        sample_run.build(folder, sample_run.plan(**SMALL, seed=seed), work={
            "linux": 60_000, "dune": 75_000 * dune * (1 + 0.002 * rng.gauss(0, 1)), **work})
    return folder


def test_equal_cells_have_a_verdict_only_at_one_rate(tmp_path, capsys):
    base, slow, other = (same_rates(tmp_path / name, range(1, 9), **more) for name, more in (
        ("base", {}), ("slow", {"dune": 1.05}), ("other", {"linux": 60_100})))
    assert compare(base, slow, "--json", "--metric", "equal0.5") == 1
    assert verdicts(capsys)[1] == {"dune equal0.5 p50": "regressed"}
    assert compare(base, other, "--json", "--metric", "equal0.5", "--strict") == 4
    made, _ = verdicts(capsys)
    assert made["metrics"][0]["reason"] == "the rates differ by 0.17%: not the same load"
    made = sources.read(str(base)).relative()
    assert "dune equal0.5 p50" in {metric.name for metric in made.values}


def test_another_baseline_is_another_environment(tmp_path, capsys):
    base = sample_run.build(tmp_path / "a", sample_run.plan(**SMALL)).path
    other = sample_run.build(tmp_path / "b", sample_run.plan(**{**SMALL, "systems": "dune"})).path
    assert compare(base, other) == 2
    assert "plan.baseline: linux and dune" in capsys.readouterr().err


def test_what_only_new_leaves_out_is_a_row(tmp_path, capsys):
    base, new = (same_rates(tmp_path / name, range(1, 9), dune=slower)
                 for name, slower in (("base", 1.0), ("new", 2.0)))
    assert compare(base, new, "--metric", "equal0.5", "--json") == 4
    row, = verdicts(capsys)[0]["metrics"]
    assert row["how"] == "skipped" and row["blocked"] and "of this system's" in row["reason"]


def test_a_run_counts_once(tmp_path, runs, capsys):
    run = sorted((runs["base"] / "kv").iterdir())[0]
    again = tmp_path / "link"
    again.symlink_to(run)
    assert compare(f"{run},{run}", run) == 2 == compare(run, f"{run},{again}")
    assert "there twice" in capsys.readouterr().err
    for number in range(6):
        shutil.copytree(run, tmp_path / "copies" / "kv" / str(number))
    copies = sources.read(str(tmp_path / "copies"))
    assert {len(found) for found in copies.values.values()} == {1}
    assert sum("counted once" in text for text in copies.problems) == 5


def test_one_seed_with_two_results_is_a_failure(tmp_path, capsys):
    base, new = tmp_path / "base", tmp_path / "new"
    same_rates(base, [1])
    same_rates(new, [1])
    assert compare(base, new) == 0
    same_rates(new, [1], dune=1.2)
    assert compare(base, new) == 3
    assert "FAILED in new" in (out := capsys.readouterr().out) and "other bits" in out


def test_a_new_side_that_half_failed_is_no_success(tmp_path, runs, capsys):
    seeds = range(1, 9)
    for name, more in (("stopped", {"status": "incomplete"}), ("unsteady", {"agreed": False})):
        new = ensemble(tmp_path / name, seeds[:-1], noise=0.002)
        sample_run.build(new, sample_run.plan(**SMALL, seed=8), **more)
        assert compare(runs["base"], new) == 3
        out = capsys.readouterr().out
        assert out.startswith("INCOMPLETE, ") and "FAILED in new" in out
        assert "incomplete" in out or "different bits" in out
    flagged = ensemble(tmp_path / "flagged", seeds[:-1], noise=0.002)
    sample_run.build(flagged, sample_run.plan(**SMALL, seed=8), changes={"achieved_rps": 1.0})
    assert compare(runs["base"], flagged) == 3
    assert "dune own0.5 p50, seed 8" in capsys.readouterr().out
    # Stopped, and then done again: nothing is missing.
    again = ensemble(tmp_path / "again", seeds, noise=0.002)
    sample_run.build(again, sample_run.plan(**SMALL, seed=8), status="interrupted")
    assert compare(runs["base"], again) == 0


def test_an_interval_without_width_is_not_ok_when_bits_differ():
    def side(moved):
        def value(seed):
            histogram = hdr.Histogram()
            for sample in (1000, 1000, 1000, 2000 + moved * (100 + seed)):
                histogram.record(sample)
            return sides.Value(1000.0, histogram)
        metric = sides.Metric(("linux", "own0.5", "p50"), "vns", group="linux")
        return sides.Side(["x"], "instr(bochs)", "none", {}, {
            metric: {(seed, 0): value(seed) for seed in range(8)}}, ["0"], deterministic=True)

    row, = matching.rows(side(0), side(1))
    assert row.verdict == "inconclusive" and "without width" in row.reason
    row, = matching.rows(side(0), side(0))
    assert (row.how, row.verdict) == ("same bits", "ok")
    # Where a seed may give other bits the next time, the same ones are luck.
    row, = matching.rows(replace(side(0), deterministic=False), side(0))
    assert row.how == "pairs"


def test_a_bug_is_no_verdict(monkeypatch, runs, capsys):
    monkeypatch.setattr(command, "compare", lambda *_: 1 // 0)
    assert compare(runs["base"], runs["same"]) == 3
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_no_margin_and_no_level(runs, capsys):
    assert compare(runs["base"], runs["same"], "--margin", "0") in (0, 1, 4)
    assert compare(runs["base"], runs["same"], "--alpha", "0") == 2
    assert "--alpha 0" in capsys.readouterr().err


# -- records of bench ----------------------------------------------------------------------

def bench(path, ticks, deterministic=True, **changes):
    figures = {f"linux.{name}": asdict(costs.figure([value * 10] * 3, [0] * 3, 10))
               for name, value in ticks.items()}
    path.write_text(json.dumps({
        "schema": "dunelab-bench/1", "engine": "qemu-icount", "version": "QEMU", "profile": "none",
        "clock_domain": "instr(icount)" if deterministic else "ns(host)", "commit": "0" * 40,
        "deterministic": deterministic, "dirty": False, "kernel": "Linux", "release": "6.1",
        "backend": "svm", "mitigations": [], "figures": figures, "rows": [], **changes}))
    return path


def test_exact_counts_need_no_ensemble(tmp_path, capsys):
    base = bench(tmp_path / "a.json", {"syscall": 1000, "getpid": 100, "trap": 500})
    new = bench(tmp_path / "b.json", {"syscall": 1020, "getpid": 100, "trap": 450})
    assert compare(base, new, "--json") == 1
    assert verdicts(capsys)[1] == {"linux syscall": "regressed", "linux getpid": "ok",
                                   "linux trap": "improved"}
    assert compare(base, bench(tmp_path / "c.json", {"syscall": 1005, "getpid": 100,
                                                     "trap": 500}), "--strict") == 0


def test_a_bench_on_the_hosts_clock_concludes_nothing(tmp_path):
    sides = [bench(tmp_path / f"{t}.json", {"syscall": t}, False) for t in (100, 900)]
    assert compare(*sides) == 0 and compare(*sides, "--strict") == 4


def test_figures_of_zero_have_no_ratio_but_a_verdict(tmp_path, capsys):
    none, some = [bench(tmp_path / f"{t}.json", {"syscall": t}) for t in (0, 9)]
    assert compare(none, some) == 1 and "0, now 9" in capsys.readouterr().out
    assert compare(some, none, "--strict") == 0 == compare(none, none, "--strict")


def test_domains_of_bench_do_not_meet(tmp_path, capsys):
    base = bench(tmp_path / "a.json", {"syscall": 1000})
    other = bench(tmp_path / "b.json", {"syscall": 1000}, clock_domain="instr(bochs)")
    assert compare(base, other) == 2
    assert "domain: instr(icount) and instr(bochs)" in capsys.readouterr().err


def test_a_directory_of_runs_and_a_list_are_the_same(runs):
    paths = sorted((runs["base"] / "kv").iterdir())
    one, other = (sources.read(str(runs["base"])), sources.read(",".join(map(str, paths))))
    assert sorted(one.paths) == sorted(other.paths)
    assert {m: sorted(v) for m, v in one.values.items()} == \
        {m: sorted(v) for m, v in other.values.items()}


def test_help_has_the_exit_codes():
    assert all(word in command.parser().format_help() for word in ("exit status", "--strict"))
