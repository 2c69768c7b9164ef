# SPDX-License-Identifier: MIT
"""`dunelab gate` on records: what fails it, what it refuses, what it writes.  Nothing boots."""

import copy
import json
from dataclasses import asdict

import pytest

from dunelab import cli, costs, hdr, store


def record(slower=1.0, noise=(), syscall=1000):
    """A gate's record: a server's latencies times `slower`, some of them moved by `noise`."""
    histogram = hdr.Histogram()
    for number in range(2000):
        histogram.record(int((50_000 + 20 * number) * slower) + (noise[number % len(noise)]
                                                                 if noise else 0))
    return {"schema": "dunelab-gate/1", "commit": "0123456789abcdef", "dirty": False,
            "clock_domain": "instr(bochs)", "profile": "none",
            "environment": {"kernel": "6.1", "emulator": "Bochs 3.0", "package.gcc": "12"},
            "artifacts": {"kv-server": f"{slower}", "dune.ko": "0"},
            "figures": {"linux.syscall": asdict(costs.figure([syscall * 10] * 3, [0] * 3, 10))},
            "cells": {"linux fixed4000": {
                "n": 2000, "hist": histogram.encode_base64(),
                "mean": histogram.mean_stddev()[0],
                "percentile": {name: histogram.percentile(name) for name in ("50", "99")}}}}


@pytest.fixture
def gate(tmp_path, capsys):
    """Call it with a record, to hold against the reference: (status, stdout, stderr)."""
    store.write_json(tmp_path / "gate.json", record())

    def call(new, *options):
        path = tmp_path / f"measured-{len(list(tmp_path.iterdir()))}.json"
        path.write_text(json.dumps(new))
        status = cli.main(["gate", "--reference", str(tmp_path / "gate.json"), "--measured",
                           str(path), *options])
        return status, *capsys.readouterr()

    return call


def test_the_same_bits_pass(gate):
    status, out, _ = gate(record())
    assert status == 0 and "OK: nothing moved" in out and "4 of 4 figures" in out


@pytest.mark.parametrize("changes, figure", [
    ({"slower": 1.02}, "linux fixed4000 p50"), ({"syscall": 1011}, "linux syscall")])
def test_what_is_slower_fails(gate, changes, figure):
    status, out, _ = gate(record(**changes))
    assert status == 1 and out.startswith("REGRESSED") and figure in out
    assert ("reference was made of: kv-server" if "slower" in changes else
            "THE SAME PROGRAMS GAVE OTHER BITS") in out


def test_noise_that_costs_nothing_is_no_regression_but_has_to_be_announced(gate, tmp_path):
    """Equal in the mean, within the margin at each percentile, and another histogram."""
    noisy = json.loads(json.dumps(record(noise=(-300, 300))))
    status, out, _ = gate(noisy)
    assert status == 1 and "REGRESSED" not in out and "histogram changed" in out
    assert "make gate UPDATE=1" in out
    assert gate(noisy, "--update")[0] == 0
    assert store.read_json(tmp_path / "gate.json") == noisy
    assert gate(noisy)[0] == 0


def test_a_count_may_move_within_the_margin(gate):
    status, out, _ = gate(record(syscall=1009))
    assert status == 0 and "linux syscall" in out


@pytest.mark.parametrize("name", ["kernel", "emulator", "package.gcc"])
def test_another_machine_is_not_compared(gate, name):
    """Neither a failure of what was measured nor a success: 3, and which reference to make."""
    other = record(slower=2.0)
    other["environment"][name] = "another"
    status, out, err = gate(other)
    assert status == 3 and "not comparable" in err and f"{name}: " in err and not out
    assert "here another" in err and "make gate UPDATE=1" in err
    assert gate(other, "--update")[0] == 0 and gate(other)[0] == 0


def test_a_point_that_is_missing_is_no_success(gate):
    other = copy.deepcopy(record())
    other["cells"] = {}
    status, out, err = gate(other)
    assert status == 3 and "not measured: linux fixed4000" in err and not out
    # Of a part that was not asked for nothing is missing.
    assert gate(other, "--only", "bench")[0] == 0
    assert gate(other, "--only", "bench", "--update")[0] == 2
    assert gate(other, "--only", "memcached")[0] == 2


def test_what_is_gone_can_be_announced(gate, tmp_path):
    """A row that was renamed and a cell that was dropped: both are named, and 3 without UPDATE."""
    other = copy.deepcopy(record())
    other["figures"] = {"linux.getpid": other["figures"]["linux.syscall"]}
    other["cells"] = {"dune fixed4000": other["cells"]["linux fixed4000"]}
    assert gate(other)[0] == 3
    status, out, _ = gate(other, "--update")
    assert status == 0 and "not in new: linux syscall\n" in out
    assert "not in new: linux fixed4000 p50\n" in out and "histogram changed" not in out
    assert store.read_json(tmp_path / "gate.json") == json.loads(json.dumps(other))
    assert gate(other)[0] == 0
    # But a measurement of nothing announces nothing.
    status, _, err = gate({**other, "cells": {}}, "--update")
    assert status == 3 and "nothing was written" in err and gate(other)[0] == 0


def test_a_damaged_reference_is_replaced_when_that_is_asked_for(gate, tmp_path):
    kept = json.loads((tmp_path / "gate.json").read_text())
    kept["cells"]["linux fixed4000"]["hist"] = "!"
    for text in (json.dumps(kept), "{"):
        (tmp_path / "gate.json").write_text(text)
        assert gate(record())[0] == 2 and (tmp_path / "gate.json").read_text() == text
        status, _, err = gate(record(), "--update")
        assert status == 0 and str(tmp_path / "gate.json") in err
        assert gate(record())[0] == 0


def test_without_a_reference_nothing_is_measured(tmp_path, capsys):
    assert cli.main(["gate", "--reference", str(tmp_path / "none.json")]) == 2
    assert "no reference" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{", '{"schema": "dunelab-run/1"}', '{"a": NaN}'])
def test_a_damaged_reference_is_named(tmp_path, capsys, text):
    path = tmp_path / "gate.json"
    path.write_text(text)
    assert cli.main(["gate", "--reference", str(path)]) == 2
    assert str(path) in capsys.readouterr().err and path.read_text() == text


def test_what_was_kept_is_not_overwritten(gate, tmp_path):
    kept = tmp_path / "kept.json"
    assert gate(record(), "--keep", str(kept))[0] == 0
    before = kept.read_text()
    status, _, err = gate(record(slower=3.0), "--keep", str(kept))
    assert status == 2 and "nothing is overwritten" in err and kept.read_text() == before
