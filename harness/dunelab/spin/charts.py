# SPDX-License-Identifier: MIT
"""The report's figures: tails and load curves, by policy and by system, predictions dashed."""

from dunelab.drawing import Figure, axis_tics, log_tics, margin
from dunelab.figures import ccdf_of
from dunelab import stats
from dunelab.spin import evaluate

DASHED = "Dashed: rt-sim, with the costs that the same machine measured."
NOTHING = "NaN\tNaN\n"


def plan(run, items):
    """All figures that there are data for, in the order to show them."""
    found, loads = [], run.plan.loads
    for law in run.plan.laws:
        chosen = [item for item in items if item.step.law == law and not item.cell.saturated]
        ours = [item for item in chosen if item.step.system == "dune-rt"]
        plain = [item for item in chosen if item.cell.policy == "cfcfs"]
        top = [item.cell.load for item in chosen]
        top = max(top, key=float) if top else loads[-1]
        for name, group, key, what in (
                ("policy", ours, lambda item: item.cell.policy, "dune-rt, by policy"),
                ("system", plain, lambda item: item.step.system, "cfcfs, by system")):
            found.append(_load(law, name, group, key, what))
            found.append(_ccdf(law, name, [item for item in group if item.cell.load == top], key,
                               f"{what}, load {top}"))
    return [figure for figure in found if figure]


def _load(law, name, items, key, what):
    rows, values = {}, []
    for item in items:
        gate = stats.gated(item.slowdown, "99")
        if gate.value is None:
            continue
        got = gate.value / evaluate.SLOWDOWN_UNIT
        want = item.expected and item.expected["slowdown"].percentile("99") / evaluate.SLOWDOWN_UNIT
        sound = gate.grade == "ok" and item.state in ("ok", "near")
        values += [got, *([want] if want else [])]
        rows.setdefault(key(item), []).append(
            (float(item.cell.load) * 100, got, got if sound else "NaN", "NaN" if sound else got,
             want or "NaN"))
    if not any(len(points) > 1 for points in rows.values()):
        return None
    data = {series: "# load\tp99\tsound\tflagged\tpredicted\n" + "".join(
        "\t".join(map(str, point)) + "\n" for point in points) for series, points in rows.items()}
    low, high = margin(min(values), max(values), room=1.35)
    return Figure(
        f"load-{name}-{law}", "oracle_load", law, f"{law}: p99 of the slowdown, {what}",
        f"{DASHED} Hollow: few samples, or a cell with a flag.", data,
        {"x_low": 0, "x_high": 100, "y_low": low, "y_high": high,
         "x_tics": axis_tics("x", [(f"{x:g}%%", x) for x in range(0, 101, 20)]),
         "y_tics": axis_tics("y", log_tics(low, high)),
         "x_title": "load: share of the cores' time that service takes",
         "y_title": "p99 of the slowdown"})


def _ccdf(law, name, items, key, what):
    data, edges, most = {}, [], 1
    for item in items:
        ours = ccdf_of(item.slowdown)
        theirs = item.expected and ccdf_of(item.expected["slowdown"])
        data[key(item)] = (_scaled(ours.text) + "\n\n"
                           + (_scaled(theirs.text) if theirs else NOTHING))
        edges += [ours.low, ours.high, *((theirs.low, theirs.high) if theirs else ())]
        most = max(most, item.slowdown.total)
    if not data:
        return None
    low, high = margin(min(edges) / evaluate.SLOWDOWN_UNIT, max(edges) / evaluate.SLOWDOWN_UNIT)
    shares = [(f"{100 / 10 ** power:g}%%", 10.0 ** -power) for power in range(7)]
    return Figure(
        f"ccdf-{name}-{law}", "oracle_ccdf", law, f"{law}: slowdown, {what}",
        f"Share of the requests with a slowdown above x. {DASHED}", data,
        {"x_low": low, "x_high": high, "y_low": f"{0.7 / most:g}",
         "x_tics": axis_tics("x", log_tics(low, high)),
         "y_tics": axis_tics("y", [s for s in shares if s[1] >= 0.7 / most]),
         "x_title": "slowdown: time in the system over service",
         "y_title": "requests above that"})


def _scaled(text):
    """A table of points, its thousandths as numbers."""
    lines = text.splitlines()
    return "\n".join([lines[0], *(f"{int(value) / evaluate.SLOWDOWN_UNIT:.6g}\t{share}"
                                  for value, share in (line.split("\t") for line in lines[1:]))]
                     ) + "\n"
