# SPDX-License-Identifier: MIT
"""On the measuring machine: what a preemption was measured to cost predicts what saturated cores
serve.
"""

import pytest

from dunelab import cli, steprun
from dunelab.spin import evaluate, steps

pytestmark = pytest.mark.bochs


def test_the_cost_of_a_preemption_predicts_saturation(tmp_path, capsys):
    status = cli.main(["experiment", "spin", "--quick", "--systems", "dune-rt", "--w", "w5",
                       "--policies", "cfcfs rr", "--loads", "0.5", "--out", str(tmp_path)])
    assert status == 0, capsys.readouterr().out
    run = steprun.load(steps.KIND, (tmp_path / "spin/latest").resolve())
    saturated = {item.cell.policy: item for item in evaluate.measured(run) if item.cell.saturated}
    assert set(saturated) == {"cfcfs", "rr"}
    off = {policy: evaluate.capacity_error(item) for policy, item in saturated.items()}
    assert all(abs(error) <= evaluate.CAPACITY_TOLERANCE == 0.05 for error in off.values()), off
    # Preemption is what it is about: it takes more than a tenth of the cores here.
    assert saturated["rr"].capacity < 0.9 < saturated["cfcfs"].capacity
