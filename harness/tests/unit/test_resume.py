# SPDX-License-Identifier: MIT
"""Going on with a run: which one is chosen, and when it is refused.  Nothing boots here;
harness/tests/guest/test_experiment.py stops a real one and goes on with it."""

import json

import pytest

import sample_run
from dunelab import (cli, facts, hostenv, journal, plan as planning, record, results, store)
from dunelab.engine import base

OPTIONS = ("--engine", "qemu", "--systems", "linux", "--loads", "0.5", "--requests", "400")
PLAN = planning.make("kv", "qemu", ("qemu",), "linux", "0.5", "400")


@pytest.fixture
def stopped(tmp_path):
    """A run of this build that was interrupted; nothing is missing but its end."""
    run = sample_run.build(tmp_path, PLAN, status="interrupted", domain="ns(host)")
    commit, dirty = hostenv.commit()
    change(run, commit=commit, dirty=dirty)
    return run


def change(run, **values):
    kept = json.loads(run.manifest.read_text())
    kept["engine"]["version"] = base.get("qemu").version()
    run.manifest.write_text(json.dumps({**kept, **values}))


def experiment(run, *options):
    return cli.main(["experiment", "kv", *OPTIONS, "--out", str(run.path.parent.parent),
                     *options])


def test_a_complete_run_is_not_done_again(stopped, capsys):
    change(stopped, status="complete")
    assert experiment(stopped, "--resume") == 0
    assert f"complete in {stopped.path}" in capsys.readouterr().out
    assert len(list(stopped.path.parent.iterdir())) == 1


def test_a_run_that_somebody_writes_is_left_alone(stopped, capsys):
    writer = journal.Journal(stopped.journal)
    before = stopped.manifest.read_bytes()
    assert experiment(stopped, "--resume") == 2
    assert "is being written by another process" in capsys.readouterr().err
    writer.close()
    assert stopped.manifest.read_bytes() == before


def test_figures_of_another_commit_are_refused(stopped, capsys):
    change(stopped, commit="0" * 40)
    assert experiment(stopped, "--resume") == 2
    assert "is of another commit" in capsys.readouterr().err


@pytest.mark.parametrize("status", ["interrupted", "complete"])
def test_figures_of_another_build_are_refused(stopped, capsys, status):
    change(stopped, artifacts={"kernel": "ab" * 32}, status=status)
    before = stopped.manifest.read_bytes()
    assert experiment(stopped, "--resume") == 2
    assert stopped.manifest.read_bytes() == before and not stopped.journal.exists()
    said = capsys.readouterr().err
    assert "measured with another build" in said and "kernel" in said


def test_a_failure_stays_until_its_boot_is_done_again(stopped):
    change(stopped, status="incomplete", failures=["measure-linux: the guest's kernel complained",
                                                   "calibrate-linux: ERROR: no end"])
    kept = record.Record(PLAN, base.get("qemu"), stopped, 1, [])
    assert len(kept.manifest["failures"]) == 2 and not kept.complete()
    kept.begin_boot("calibrate-linux")
    assert [text.partition(":")[0] for text in kept.manifest["failures"]] == ["measure-linux"]
    kept.fail("repeat-linux", "no end")
    kept.begin_boot("measure-linux")
    assert json.loads(stopped.manifest.read_text())["failures"] == ["repeat-linux: no end"]
    kept.journal.close()


def test_a_run_is_made_again_of_its_kernel_and_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("KERNEL", "6.12")
    monkeypatch.setenv("FLAVOUR", "rt")
    where = store.create(tmp_path, PLAN, "0" * 40, False)
    argv = ["experiment", "kv", "--out", str(tmp_path), "--seed", "1", f"--out={tmp_path}"]
    kept = record.Record(PLAN, base.get("qemu"), where, 1, argv)
    # What counts is what it was begun with.
    monkeypatch.delenv("KERNEL")
    monkeypatch.delenv("FLAVOUR")
    kept.close("complete")
    text = (where.path / "reproduce.sh").read_text()
    assert "\nexport KERNEL=6.12\nexport FLAVOUR=rt\nmake build\n" in text
    assert text.endswith("dunelab experiment kv --seed 1\n") and str(tmp_path) not in text
    said = facts.reproduce(results.load(where.path))[0]
    assert "`KERNEL=6.12`, `FLAVOUR=rt`, " in said and str(tmp_path) not in said
    usual = record.Record(PLAN, base.get("qemu"), store.create(tmp_path, PLAN, "1" * 40, False),
                          1, argv)
    usual.close("complete")
    assert "export" not in (usual.store.path / "reproduce.sh").read_text()


@pytest.mark.parametrize("seeds, text", [
    ("5-1", "SEEDS=5-1"), ("1-21", "20 at most"), ("x", "SEEDS=x"), ("1-", "SEEDS=1-"),
    ("1 2-20 30 31", "20 at most")])
def test_wrong_seeds(seeds, text, capsys):
    status = cli.main(["experiment", "kv", "--engine", "bochs", "--seeds", seeds, "--check"])
    assert status == 2 and text in capsys.readouterr().err
    assert cli.main(["experiment", "kv", "--seeds", "1-3", "--seed", "1", "--check"]) == 2


def test_seeds_of_an_ensemble():
    assert planning.seeds("1-3") == planning.seeds("1 2,3 2") == [1, 2, 3]
    assert planning.seeds("") == planning.seeds(None) == [None]
