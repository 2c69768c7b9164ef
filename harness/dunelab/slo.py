# SPDX-License-Identifier: MIT
"""A service level objective: a latency that a percentile must not pass, and who keeps it."""

import re
from dataclasses import dataclass

from dunelab import stats
from dunelab.errors import UsageError

TIMES = 10      # the default: so many times the baseline's median service time


@dataclass(frozen=True)
class Slo:
    """value: in the run's unit, whole. source: where it is from, a clause."""

    percentile: str
    value: int
    source: str


def choose(run, text=None):
    """The Slo as typed ("99:500000"), the default without; None where there is nothing to take it
    from. UsageError says what is wanted."""
    if text:
        found = re.fullmatch(r"p?(\d+(?:\.\d+)?)[:=]([\d_,]+)", text)
        if not found or found[1] not in stats.PERCENTILES or not int(
                re.sub(r"\D", "", found[2]) or 0):
            raise UsageError(f"SLO={text}: want a percentile and a latency in {run.unit}, such as "
                             f"99:500000; percentiles: {', '.join(stats.PERCENTILES)}")
        value = int(re.sub(r"\D", "", found[2]))
        return Slo(found[1], value, f"p{found[1]} at most {value:,} {run.unit}, as asked for")
    cells = [run.find(run.plan.baseline, "own", load) for load in run.plan.loads]
    for item in cells:
        if item and item.done and item.service and item.service.total:
            value = TIMES * item.service.percentile("50")
            return Slo("99", value, f"{value:,} {run.unit}, {TIMES} times the median service time "
                       f"of {run.plan.baseline} at its lowest load (`--slo 99:VALUE` chooses)")
    return None


def table(run, slo):
    """(header, body): how much load each system was seen to carry within the objective."""
    header = ["system", f"carried within it ({run.rate_unit})", "of its capacity",
              f"not carried ({run.rate_unit})", "undecided"]
    body = []
    for system in run.plan.systems:
        held, passed, unknown = [], [], []
        for item in run.cells:
            if item.cell.system != system or not item.done or not item.cell.rate:
                continue
            gate = stats.gated(item.intended, slo.percentile)
            if gate.grade == "none" or not gate.ci or not item.validity.ok:
                unknown.append(item.cell.rate)
            elif gate.ci[1] <= slo.value:
                held.append(item.cell.rate)
            else:
                (passed if gate.ci[0] > slo.value else unknown).append(item.cell.rate)
        capacity = run.capacity(system)
        # Nothing is claimed between two points that were measured.
        most = max((rate for rate in held if rate < min(passed, default=rate + 1)), default=None)
        body.append([system, f"{most:,.0f}" if most else "-",
                     f"{most / capacity:.0%}" if most and capacity else "-",
                     f"{min(passed):,.0f}" if passed else "-",
                     ", ".join(f"{rate:,.0f}" for rate in sorted(set(unknown))) or "-"])
    return header, body
