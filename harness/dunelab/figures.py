# SPDX-License-Identifier: MIT
"""The figures of a kv run: which there are, and the points of each."""

import math
from dataclasses import dataclass

from dunelab import hlog, stats, tables
from dunelab.drawing import Figure, axis_tics, linear_tics, log_tics, margin

PERCENT_TICS = (("0", 1), ("50", 2), ("90", 10), ("99", 100), ("99.9", 1e3), ("99.99", 1e4),
                ("99.999", 1e5), ("99.9999", 1e6))


def plan(run):
    """All figures that the data of a run allow, in the order to show them."""
    found = []
    groups = tables.groups(run)
    if any(kind == "equal" for kind, _ in groups):
        found += [_load(run, name, "rate") for name in tables.shown(run)]
    found += [_load(run, name, "own") for name in tables.shown(run)]
    for kind, load in groups:
        found += [_spectrum(run, kind, load), _ccdf(run, kind, load)]
    return [figure for figure in found if figure]


def _spectrum(run, kind, load):
    """Percentile spectrum of all systems at one load."""
    data, low, high, most = {}, math.inf, 0, 1
    for item in _at(run, kind, load):
        lines, total = ["# 1/(1-p)\tintended, 20 samples beyond\tintended, fewer\tservice"], \
            item.intended.total
        intended = _levels(item.intended)
        service = dict(_levels(item.service)) if item.service and item.service.total else {}
        for level, value in intended:
            beyond = (1 - level) * total
            lines.append("\t".join((f"{1 / (1 - level):.6g}",
                                    f"{value}" if beyond >= stats.USABLE - 1e-6 else "NaN",
                                    f"{value}" if beyond <= stats.USABLE * 1.2 else "NaN",
                                    f"{service.get(level, 'NaN')}")))
        data[item.cell.system] = "\n".join(lines) + "\n"
        shown = [value for _, value in intended] + list(service.values())
        low, high, most = min(low, *shown), max(high, *shown), max(most, total)
    if not data:
        return None
    low, high = margin(low, high)
    tics = [(f"{name}%%", x) for name, x in PERCENT_TICS if x <= most]
    return Figure(
        f"spectrum-{kind}{load}", "spectrum", tables.group_title(run, kind, load),
        f"Percentile spectrum, {tables.group_title(run, kind, load)}",
        "Solid: latency from the intended send time; thin where fewer than 20 samples lie "
        "beyond. Dashed: service time, from the actual send.",
        data, {"x_high": f"{most:g}", "y_low": low, "y_high": high,
               "x_tics": axis_tics("x", tics),
               "y_tics": axis_tics("y", log_tics(low, high)),
               "y_title": f"latency ({run.unit})"})


@dataclass(frozen=True)
class Ccdf:
    """A complementary distribution: its table of points, and the values it lies between."""

    text: str
    low: int
    high: int


def ccdf_of(histogram):
    """The Ccdf of a histogram that is not empty."""
    total, lines, last = histogram.total, ["# latency\tshare above"], -1.0
    rows = histogram.rows()
    lines.append(f"{rows[0][0]}\t1")
    for value, _, below in rows:
        share = (total - below) / total
        # A curve needs no more points than it has pixels.
        if share and abs(math.log(share) - last) >= 0.005:
            lines.append(f"{value}\t{share:.6g}")
            last = math.log(share)
    lines.append(f"{rows[-1][0]}\t{1 / total:.6g}")
    return Ccdf("\n".join(lines) + "\n", rows[0][0], rows[-1][0])


def _ccdf(run, kind, load):
    """Share of requests beyond each latency."""
    data, low, high, most = {}, math.inf, 0, 1
    for item in _at(run, kind, load):
        made = ccdf_of(item.intended)
        data[item.cell.system] = made.text
        low, high, most = min(low, made.low), max(high, made.high), max(most, item.intended.total)
    if not data:
        return None
    low, high = margin(low, high)
    shares = [("100%%", 1), ("10%%", 0.1), ("1%%", 0.01), ("0.1%%", 1e-3), ("0.01%%", 1e-4),
              ("0.001%%", 1e-5), ("0.0001%%", 1e-6)]
    return Figure(
        f"ccdf-{kind}{load}", "ccdf", tables.group_title(run, kind, load),
        f"Requests slower than x, {tables.group_title(run, kind, load)}",
        "Complementary distribution of the latency from the intended send time.",
        data, {"x_low": low, "x_high": high, "y_low": f"{0.7 / most:g}",
               "x_tics": axis_tics("x", log_tics(low, high)),
               "y_tics": axis_tics("y", [s for s in shares if s[1] >= 0.7 / most]),
               "x_title": f"latency ({run.unit})", "y_title": "requests slower than that"})


def _load(run, percentile, axis):
    """One percentile against load. axis: own (fraction of own capacity) or rate (absolute)."""
    data, low, high, points = {}, math.inf, 0, []
    for system in run.plan.systems:
        lines = ["# load\tvalue\tci low\tci high\tvalue, sound\tvalue, weak or flagged"]
        chosen = [item for item in run.cells if item.done and item.cell.system == system
                  and (axis == "rate" or item.cell.kind == "own")]
        for item in sorted(chosen, key=lambda item: item.cell.rate):
            gate = stats.gated(item.intended, percentile)
            if gate.grade == "none":
                continue
            x = item.cell.rate if axis == "rate" else float(item.cell.load) * 100
            sound = gate.grade == "ok" and item.validity.ok
            lines.append("\t".join(map(str, (
                f"{x:g}", gate.value, *(gate.ci or ("NaN", "NaN")),
                gate.value if sound else "NaN", "NaN" if sound else gate.value))))
            points.append(x)
            low, high = min(low, (gate.ci or [gate.value])[0]), max(
                high, (gate.ci or [gate.value])[-1])
        if len(lines) > 1:
            data[system] = "\n".join(lines) + "\n"
    if not data:
        return None
    low, high = margin(low, high, room=1.35)
    if axis == "own":
        right, tics = 100, [(f"{x}%%", x) for x in range(0, 101, 20)]
        where, title = "of its own capacity", "offered load, share of the system's own capacity"
    else:
        right = max(points) * 1.08
        tics = linear_tics(right)
        where, title = "against the request rate", f"offered load ({run.rate_unit})"
    return Figure(
        f"load-{axis}-p{percentile}", "load",
        "against load", f"p{percentile} {where}" if axis == "rate" else
        f"p{percentile} at shares {where}",
        "Bars and bands: 95 % intervals from order statistics. Hollow: few samples, or a cell "
        "with a flag.",
        data, {"x_low": 0, "x_high": f"{right:g}", "y_low": low, "y_high": high,
               "x_tics": axis_tics("x", tics),
               "y_tics": axis_tics("y", log_tics(low, high)),
               "x_title": title, "y_title": f"p{percentile} latency ({run.unit})"})


def _at(run, kind, load):
    items = [run.find(system, kind, load) for system in run.plan.systems]
    return [item for item in items if item is not None and item.done]


def _levels(histogram):
    """[(level, value)] on a fine grid of percentile levels."""
    rows, total, place, result = histogram.rows(), histogram.total, 0, []
    for level in hlog.levels(total, 20):
        while rows[place][2] < level * total - 1e-9:
            place += 1
        result.append((level, rows[place][0]))
    return result
