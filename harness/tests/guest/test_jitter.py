# SPDX-License-Identifier: MIT
"""The experiment jitter, small: what interrupts a CPU of Linux's has names, and a core of one's own
is left alone.
"""

import json

import pytest

from dunelab import cli, steprun
from dunelab.jitter import evaluate, plan as planning, steps

pytestmark = pytest.mark.bochs


def test_interruptions_have_their_causes(tmp_path, capsys):
    status = cli.main(["experiment", "jitter", "--quick", "--systems", "linux dune-rt", "--noise",
                       "idle", "--out", str(tmp_path)])
    assert status == 0, capsys.readouterr().out
    run = steprun.load(steps.KIND, (tmp_path / "jitter/latest").resolve())
    linux, ours = evaluate.measured(run)
    assert not evaluate.problems(run, [linux, ours])
    # A tick 250 times a second, for half a second; the same in the loop that is traced.
    assert 120 <= linux.spin["interruptions"] <= 130 and 120 <= len(linux.spikes) <= 130
    assert all(spike.cause.startswith("local timer") for spike in linux.spikes)
    assert ours.spin["interruptions"] == 0 and ours.spikes == []
    assert ours.wake["max_ns"] < linux.wake["min_ns"]
    mine, oslat, agree = evaluate.rates(linux)
    assert agree and 240 <= mine <= 260 and 240 <= oslat <= 260
    assert planning.SYSTEMS["dune-rt"].kernel_args and not ours.missing
    assert json.loads((run.store.path / "manifest.json").read_text())["status"] == "complete"
