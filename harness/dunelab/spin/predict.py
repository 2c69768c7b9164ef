# SPDX-License-Identifier: MIT
"""What rt-sim says of a cell's own requests, with the costs that its machine measured."""

import json
import subprocess

from dunelab import paths
from dunelab.errors import DunelabError, UsageError
from dunelab.spin import plan as planning, script

TIME_LIMIT_S = 600
# As many other seeds as make the least and the largest figure a 95 % interval of one more.
OTHERS = 39


def simulator():
    """Path of rt-sim; UsageError where it is not built."""
    path = paths.build() / "host" / "rt-sim"
    if not path.exists():
        raise UsageError(f"{path} is not built: run make workloads")
    return path


def simulations(system, cell):
    """How often rt-sim serves a cell's requests, if its costs are measured: what Linux divides the
    cores among has no model, capacity no other seeds."""
    if not planning.SYSTEMS[system].runtime and cell.policy != "cfcfs":
        return 0
    return 1 if cell.saturated else 1 + OTHERS


def argv(plan, law, cell, costs):
    """rt-sim's options; None where it has no model of what served: threads that Linux divides the
    cores among, or costs that were not measured. costs: ns, as spin prints them."""
    if not costs["dispatch"]:
        return None
    # Whole ns, as rt-sim takes them, before what is to hold of them: that no wake is quicker than
    # the dispatch that it is less than.
    options = {name: round(value) for name, value in costs.items() if name != "served"}
    options["wake"] = max(options["wake"], -options["dispatch"])
    found = script.requests_argv(plan, law, cell)
    if cell.policy in planning.QUANTUM_POLICIES:
        if "served" not in costs:
            return None
        # All that there is between two rings of the timer, where quanta follow each other.
        period = costs["served"] + costs["preempt"] + costs["dispatch"]
        found += ["--quantum", f"{script.quantum_us(plan):g}", "--period", f"{period / 1e3:.3f}"]
    for name, value in options.items():
        found += [f"--{name}-cost", f"{value / 1e3:.3f}"]
    return found


def predict(plan, law, cell, costs, hlog):
    """rt-sim's object and the histograms in the file hlog; None where there is no model."""
    words = argv(plan, law, cell, costs)
    if words is None:
        return None
    found = _run(cell, [*words, "--hlog", str(hlog)])
    if not cell.saturated:
        found["others"] = _others(plan, cell, words)
    return found


def _others(plan, cell, words):
    """{figure: [least, largest]} of as many requests of other seeds, in ns and slowdowns: what a
    run of this length says of the law. Whatever the distribution, one more of them is within with
    (OTHERS - 1) / (OTHERS + 1)."""
    at = words.index("--seed") + 1
    drawn = []
    for seed in range(1, OTHERS + 1):
        other = str((plan.seed + seed) % 2 ** 32)
        drawn.append(_run(cell, [*words[:at], other, *words[at + 1:]]))
    picks = {"mean": lambda one: one["sojourn_ns"]["mean"],
             "mean slowdown": lambda one: one["slowdown"]["mean"],
             "p99": lambda one: one["sojourn_ns"]["p99"],
             "p99 slowdown": lambda one: one["slowdown"]["p99"]}
    found = {name: [pick(one) for one in drawn] for name, pick in picks.items()}
    return {name: [min(values), max(values)] for name, values in found.items()
            if None not in values}


def _run(cell, words):
    try:
        done = subprocess.run([simulator(), *words], text=True, capture_output=True, check=False,
                              timeout=TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        raise DunelabError(f"rt-sim took longer than {TIME_LIMIT_S} s on {cell.key}: is it above "
                           "what the costs leave? Try fewer REQUESTS, or a lower load") from None
    if done.returncode:
        raise DunelabError(f"rt-sim failed on {cell.key}: {done.stderr.strip()}")
    return json.loads(done.stdout)
