# SPDX-License-Identifier: MIT
"""What rt-sim says of a cell's own requests, with the costs that its machine measured."""

import json
import subprocess

from dunelab import paths
from dunelab.errors import DunelabError, UsageError
from dunelab.spin import plan as planning, script

TIME_LIMIT_S = 600


def simulator():
    """Path of rt-sim; UsageError where it is not built."""
    path = paths.build() / "host" / "rt-sim"
    if not path.exists():
        raise UsageError(f"{path} is not built: run make workloads")
    return path


def argv(plan, law, cell, costs):
    """rt-sim's options; None where it has no model of what served: threads that Linux divides the
    cores among, or costs that were not measured. costs: ns, as spin prints them."""
    options = {name: value for name, value in costs.items() if name != "served"}
    if not options["dispatch"]:
        return None
    found = script.requests_argv(plan, law, cell)
    if cell.policy in planning.QUANTUM_POLICIES:
        if "served" not in costs:
            return None
        # What a quantum serves: the rest of it is cost.
        found += ["--quantum", f"{costs['served'] / 1e3:.3f}"]
    for name, value in options.items():
        found += [f"--{name}-cost", f"{value / 1e3:.3f}"]
    return found


def predict(plan, law, cell, costs, hlog):
    """rt-sim's object and the histograms in the file hlog; None where there is no model."""
    words = argv(plan, law, cell, costs)
    if words is None:
        return None
    done = subprocess.run([simulator(), *words, "--hlog", hlog], text=True, capture_output=True,
                          check=False, timeout=TIME_LIMIT_S)
    if done.returncode:
        raise DunelabError(f"rt-sim failed on {cell.key}: {done.stderr.strip()}")
    return json.loads(done.stdout)
