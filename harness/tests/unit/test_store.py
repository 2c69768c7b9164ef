# SPDX-License-Identifier: MIT
"""The run directory: names, atomic writes, and no half-written cell that looks whole."""

import json

import pytest

import sample_run
from dunelab import plan as planning, results, store
from dunelab.errors import UsageError

CELL = planning.Cell("linux", "own", "0.5", 100.0)


def test_the_name_holds_time_commit_and_plan(tmp_path):
    plan = sample_run.plan()
    first = store.create(tmp_path, plan, "0123456789abcdef", True, 1_700_000_000)
    again = store.create(tmp_path, plan, "0123456789abcdef", True, 1_700_000_000)
    assert first.path.name == f"20231114T221320Z-01234567-dirty-{plan.digest()}"
    assert first.path.parent == tmp_path / "kv" and again.path != first.path


def test_latest_moves_to_the_newest(tmp_path):
    plan = sample_run.plan()
    for _ in range(2):
        last = store.create(tmp_path, plan, "0" * 40, False)
        store.point_latest(last)
    assert (tmp_path / "kv/latest").resolve() == last.path.resolve()


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.json"
    store.write_json(path, {"a": 1})
    with pytest.raises(ValueError):
        store.write_json(path, {"a": float("nan")})
    assert store.read_json(path) == {"a": 1} and list(tmp_path.iterdir()) == [path]


def test_a_run_appears_whole_or_not_at_all(tmp_path):
    where = store.Store(tmp_path)
    with pytest.raises(TypeError):
        where.add_run(CELL, {"status": object()}, {"lat.hlog": b"x"})
    assert list((tmp_path / "cells" / CELL.id / "runs").iterdir()) == []
    where.add_run(CELL, {"status": "FAIL"}, {"lat.hlog": b"x"})
    where.add_run(CELL, {"status": "DONE"}, {"lat.hlog": b"y"})
    folder = where.run(CELL)
    assert json.loads((folder / "run.json").read_text())["status"] == "DONE"
    assert (folder / "lat.hlog").read_bytes() == b"y"
    assert [p.name for p in folder.parent.iterdir()] == ["001"]


def test_a_directory_without_run_json_counts_as_missing(tmp_path):
    where = store.Store(tmp_path)
    where.run(CELL).mkdir(parents=True)
    (where.run(CELL) / "lat.hlog").write_text("x")
    assert results.read_cell(where, CELL) is None


def test_damaged_data_of_a_cell_are_an_error_not_a_crash(tmp_path):
    where = sample_run.build(tmp_path, sample_run.plan(systems="linux", requests="400"))
    cell = planning.expected_cells(sample_run.plan(systems="linux", requests="400"))[0]
    (where.run(cell) / "lat.hlog").write_text("rubbish\n")
    found = results.load(where.path).find("linux", "own", cell.load)
    assert found.status == "ERROR" and "cannot be read" in found.detail


def test_a_foreign_directory_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not the directory of a run"):
        results.load(tmp_path)
