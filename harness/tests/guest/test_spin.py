# SPDX-License-Identifier: MIT
"""The experiment spin, small, on QEMU: for function, and no figure is believed."""

import json

from dunelab import cli, hlog


def test_a_small_experiment(tmp_path, capsys):
    status = cli.main(["experiment", "spin", "--engine", "qemu", "--quick", "--requests", "300",
                       "--jobs", "1", "--policies", "cfcfs rr srpt", "--out", str(tmp_path)])
    said = capsys.readouterr().out
    assert status == 0, said
    run = (tmp_path / "spin/latest").resolve()
    assert json.loads((run / "manifest.json").read_text())["status"] == "complete"
    rows = json.loads((run / "summary.json").read_text())["rows"]
    assert {(row["system"], row["policy"], row["load"]) for row in rows} == {
        ("linux-tuned", "cfcfs", "0.8"), ("linux-tuned", "cfcfs", "sat"),
        ("linux-tuned", "rr", "0.8"), ("dune-rt", "cfcfs", "0.8"), ("dune-rt", "cfcfs", "sat"),
        ("dune-rt", "rr", "0.8"), ("dune-rt", "rr", "sat"), ("dune-rt", "srpt", "0.8")}
    for row in rows:
        found, machine = row["measured"], row["machine"]
        # Every request was served, once, and none faster than its size.
        assert found["sojourn_ns"]["n"] == (300 if row["load"] != "sat" else found[
            "sojourn_ns"]["n"]) and found["slowdown"]["p50"] >= 1
        # In order, with the service that they had, and somebody beside where the queue is long.
        slow = machine["slowest"]
        assert len(slow) == 50 and all(one["sojourn_ns"] >= one["size_ns"] > 0 for one in slow)
        assert [one["arrival_ns"] for one in slow] == sorted(one["arrival_ns"] for one in slow)
        assert row["load"] != "sat" or all(one["others"] > 0 for one in slow[1:])
        assert machine["server"] == ("rt" if row["system"] == "dune-rt" else "threads")
        ours = row["system"] == "dune-rt"
        assert (row["predicted"] is not None) == (ours or row["policy"] == "cfcfs")
        if ours and row["policy"] == "rr":
            assert machine["costs_ns"]["served"] > 0 and found["preemptions"] > 0
    log = hlog.by_tag(hlog.read(
        (run / "steps/dune-rt-w5/rr-0.8.hlog").read_text()))
    assert set(log) == {"sojourn", "slowdown", "class0", "class1", "late"}
    # Time seen through an emulator allows no conclusion.
    assert "predicted cells are within" not in said


def test_every_policy_on_two_cores(tmp_path, capsys):
    status = cli.main(["experiment", "spin", "--engine", "qemu", "--quick", "--requests", "100",
                       "--jobs", "1", "--systems", "dune-rt", "--cores", "2", "--w", "w7",
                       "--policies", "dfcfs steal priority edf sjf darc", "--out", str(tmp_path)])
    assert status == 0, capsys.readouterr().out
    rows = json.loads((tmp_path / "spin/latest/summary.json").read_text())["rows"]
    assert [row["policy"] for row in rows] == ["dfcfs", "steal", "priority", "edf", "sjf", "darc"]
    for row in rows:
        assert row["measured"]["sojourn_ns"]["n"] == 100 and row["measured"]["cores"] == 2
        assert row["predicted"]["others"]["mean"][0] > 0
        # On a slow host the long ones may be over before anybody comes to interrupt them.
        costs = row["machine"]["costs_ns"]
        assert "interrupt" not in costs or row["policy"] in ("priority", "edf")
        assert ("reach" in costs) == ("interrupt" in costs) and "preempt" not in costs


def test_threads_in_ring_0_beside_noise(tmp_path, capsys):
    status = cli.main(["experiment", "spin", "--engine", "qemu", "--quick", "--requests", "100",
                       "--jobs", "1", "--systems", "dune-tuned", "--noise", "noise", "--policies",
                       "cfcfs rr", "--out", str(tmp_path)])
    assert status == 0, capsys.readouterr().out
    run = tmp_path / "spin/latest"
    rows = json.loads((run / "summary.json").read_text())["rows"]
    assert {(row["system"], row["noise"], row["policy"]) for row in rows} == {
        ("dune-tuned", "noise", "cfcfs"), ("dune-tuned", "noise", "rr")}
    assert all(row["measured"]["sojourn_ns"]["n"] >= 100 for row in rows)
    assert "stress-ng" in (run / "steps/dune-tuned-w5-noise/run.sh").read_text()
