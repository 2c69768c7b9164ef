# SPDX-License-Identifier: MIT
"""`dunelab compare` of runs of jitter and of the paper: verdicts, exit codes, refusals."""

import json

import pytest

import test_jitter
import test_paper
from dunelab import cli, hostenv, stats, steprun, store
from dunelab.jitter import plan as jitter_plan, steps as jitter_steps
from dunelab.paper import plan as paper_plan, steps as paper_steps


@pytest.fixture(autouse=True)
def committed(monkeypatch):
    """The tree as a user has it, whatever is being changed in it."""
    monkeypatch.setattr(hostenv, "commit", lambda: ("1" * 40, False))


def jitter(folder, linux=100, dune=0, late=20, leave_out=(), **changes):
    """A whole run of jitter; linux, dune: interruptions; late: us of each wake-up."""
    plan = jitter_plan.make(systems="linux dune", quick=True)
    made = steprun.begin(jitter_steps.KIND, folder, plan, [])
    for step in plan.steps():
        if step.key in leave_out:
            continue
        number = linux if step.system == "linux" else dune
        test_jitter.write(made, step, [[1000 * i, 500] for i in range(number)], late)
        path = made.folder(step) / "record.json"
        store.write_json(path, {**store.read_json(path), **changes})
    made.set(status="complete" if not leave_out else "incomplete")
    return made.store.path


def paper(folder, changes=None, **record):
    """A whole run of two parts of the paper's evaluation."""
    made = steprun.begin(paper_steps.KIND, folder, paper_plan.make(parts="micro sandbox"), [])
    for step in made.plan.steps():
        test_paper.write(made, step, changes)
        path = made.folder(step) / "record.json"
        path.write_text(json.dumps({**store.read_json(path), **record}))
    made.set(status="complete")
    return made.store.path


def compare(capsys, *argv):
    """(status, {metric: row}, what was said instead)."""
    status = cli.main(["compare", "--json", *map(str, argv)])
    out, err = capsys.readouterr()
    rows = {row["metric"]: row for row in json.loads(out)["metrics"]} if out else {}
    return status, rows, out + err


def test_the_same_bits_of_jitter_are_ok(tmp_path, capsys):
    base, new = (jitter(tmp_path / name) for name in "ab")
    # Of boots that took another time to come to the loop.
    for number, path in enumerate(sorted((tmp_path).rglob("record.json"))):
        record = store.read_json(path)
        record["spin"]["begin_ticks"] = 10 ** 9 + number
        store.write_json(path, record)
    status, rows, _ = compare(capsys, base, new, "--strict")
    assert status == 0 and {row["how"] for row in rows.values()} == {"same bits"}
    assert set(rows) >= {"linux idle interruptions", "dune noise lost", "linux idle wake p50"}


def test_interruptions_are_judged_as_counts(tmp_path, capsys):
    base, many, few, bare = (jitter(tmp_path / name, number) for name, number in
                             (("a", 100), ("b", 300), ("c", 110), ("d", 0)))
    status, rows, _ = compare(capsys, base, many)
    row = rows["linux idle interruptions"]
    assert status == 1 and row["verdict"] == "regressed" and row["how"] == "counts"
    assert row["ci95"][0] > 2 and row["ratio"] == 3
    # What is late in one boot has no spread to be judged by.
    assert rows["linux idle lost"]["verdict"] == "inconclusive"
    status, rows, _ = compare(capsys, base, few)
    assert status == 0 and rows["linux idle interruptions"]["verdict"] == "inconclusive"
    assert compare(capsys, base, few, "--strict")[0] == 4
    assert compare(capsys, many, base)[1]["linux idle interruptions"]["verdict"] == "improved"
    for sides, verdict in (((bare, base), "regressed"), ((base, bare), "improved")):
        row = compare(capsys, *sides)[1]["linux noise interruptions"]
        assert row["verdict"] == verdict and row["reason"] in ("none before", "none now")


def test_a_part_of_jitter_that_is_missing_is_no_success(tmp_path, capsys):
    base, part = jitter(tmp_path / "a"), jitter(tmp_path / "b", leave_out=("dune-idle",))
    status, _, said = compare(capsys, base, part)
    assert status == 3 and "not measured: dune-idle" in said
    (base / "steps/linux-idle/record.json").write_text("{")
    status, _, said = compare(capsys, part, base)
    assert status == 3 and "linux-idle: its record is damaged" in said


@pytest.mark.parametrize("changes, words", [
    ({"release": "6.12.0"}, "kernel 6.1.0: 6.1.0 and None"),
    ({"engine": {**test_jitter.ENGINE, "version": "Bochs 2.7"}}, "emulator: "),
    ({"engine": {**test_jitter.ENGINE, "clock_domain": "ns(host)"}}, "domain: ")])
def test_another_environment_of_jitter_is_refused(tmp_path, capsys, changes, words):
    base, other = jitter(tmp_path / "a"), jitter(tmp_path / "b", 300, **changes)
    status, rows, said = compare(capsys, base, other)
    assert status == 2 and words in said and "--allow" in said and not rows


def test_the_papers_figures_are_exact_under_each_profile(tmp_path, capsys):
    base = paper(tmp_path / "a")
    slow = paper(tmp_path / "b", {"dune.trap": 630, "linux.trap": 2810})
    assert compare(capsys, base, paper(tmp_path / "c"), "--strict")[0] == 0
    for profile in ((), ("--profile", "ivybridge-2012")):
        status, rows, _ = compare(capsys, base, slow, *profile)
        assert status == 1 and rows["micro trap dune"]["verdict"] == "regressed"
        assert rows["micro trap dune"]["ratio"] == pytest.approx(1.05)
        assert rows["micro trap linux"]["verdict"] == "ok"
        assert rows["sandbox sandbox.bzip2 dune"]["verdict"] == "ok"
    assert compare(capsys, base, slow, "--profile", "zen2-2019")[0] == 2


def test_kinds_of_runs_do_not_meet(tmp_path, capsys):
    status, _, said = compare(capsys, paper(tmp_path / "a"), jitter(tmp_path / "b"))
    assert status == 2 and "kind: paper and jitter" in said
    assert compare(capsys, f"{tmp_path / 'a'},{tmp_path / 'b'}", tmp_path / "a")[0] == 2


def test_counts_by_hand():
    """Ten of ten events on one side have 2 / 2 ** 10; the interval is the test inverted."""
    assert stats.rate_ratio(0, 10).p == pytest.approx(2 / 2 ** 10)
    assert stats.rate_ratio(0, 0).p == 1 and stats.rate_ratio(0, 5).ratio is None
    assert stats.rate_ratio(5, 5).p == 1 and stats.rate_ratio(7, 0).ratio == 0
    # Clopper and Pearson's own interval of 5 of 10: 0.187 to 0.813.
    low, high = stats.rate_ratio(5, 5).ci
    assert (low / (1 + low), high / (1 + high)) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    for base, new in ((20, 35), (20, 36), (20, 39), (20, 40)):
        seen = stats.rate_ratio(base, new)
        assert (seen.ci[0] > 1) == (seen.p < 0.05)
        again = stats.rate_ratio(new, base)
        assert again.p == pytest.approx(seen.p)
        assert again.ci == pytest.approx((1 / seen.ci[1], 1 / seen.ci[0]))
