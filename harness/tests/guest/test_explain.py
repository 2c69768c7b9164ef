# SPDX-License-Identifier: MIT
"""Why a request of a real run was slow: its boot again, bit for bit, under the tracing emulator."""

import json

import pytest

from dunelab import cli

# Slow: the emulator with the trace compiled in is built first.
pytestmark = [pytest.mark.bochs, pytest.mark.slow]


@pytest.mark.parametrize("system", ["dune", "linux-tuned-ring"])
def test_the_slowest_request_is_explained(tmp_path, capsys, system):
    assert cli.main(["experiment", "kv", "--engine", "bochs", "--profile", "none", "--systems",
                     system, "--loads", "0.7", "--requests", "1000", "--jobs", "1",
                     "--out", str(tmp_path)]) == 0
    run = (tmp_path / "kv/latest").resolve()
    capsys.readouterr()
    # 3 would be: the replay was not the run.
    status = cli.main(["explain", str(run), "--slowest", "1"])
    out, err = capsys.readouterr()
    assert status == 0, err
    assert "number 1 of its slowest" in out and "Functions, of the" in out
    kept = json.loads(next(run.glob("explain/**/explain.json")).read_text())
    served = sum(row["ticks"] for row in kept["sums"])
    assert served == kept["ticks"]["done"] - kept["ticks"]["busy"] > 0
    assert any("kv-server" in row["what"] for row in kept["sums"]), kept["sums"]
