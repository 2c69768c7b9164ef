# SPDX-License-Identifier: MIT
"""The figures of a kv run that do not show time: spectra, complementary distributions, load."""

import math
from dataclasses import dataclass

from dunelab import hlog, stats, tables
from dunelab.webpage.axes import Axis, linear_axis, log_axis
from dunelab.webpage.figure import Figure, Layer, Rule

PERCENT_TICS = (("0", 1), ("50", 2), ("90", 10), ("99", 100), ("99.9", 1e3), ("99.99", 1e4),
                ("99.999", 1e5), ("99.9999", 1e6))
SHARE_TICS = tuple((f"{100 * 10.0 ** -n:g}%", 10.0 ** -n) for n in range(7))
WEAK = 0.9          # weight of a curve where few samples lie beyond
CCDF_STEP = 0.015   # of the share's logarithm: a curve needs no more points than it has pixels


def plan(run, slo=None):
    """All of them that the data of a run allow, in the order to show them."""
    groups = tables.groups(run)
    found = [_spectrum(run, kind, load) for kind, load in groups]
    found += [_ccdf(run, kind, load) for kind, load in groups]
    if any(kind == "equal" for kind, _ in groups):
        found += [_load(run, name, "rate", slo) for name in tables.shown(run)]
    found += [_load(run, name, "own", slo) for name in tables.shown(run)]
    return [figure for figure in found if figure]


def at(run, kind, load):
    """The measured cells at a load point, in the order of the plan's systems."""
    items = [run.find(system, kind, load) for system in run.plan.systems]
    return [item for item in items if item is not None and item.done]


def _spectrum(run, kind, load):
    """Percentile spectrum of all systems at one load."""
    title = tables.group_title(run, kind, load)
    return spectrum_figure(f"spectrum-{kind}{load}", f"Percentile spectrum, {title}",
                           {item.cell.system: item for item in at(run, kind, load)}, run.unit)


def spectrum_figure(name, title, items, unit, series=None):
    """The Figure of {label: CellResult}, or None for none. series: {label: Style}."""
    rows, layers = [], []
    for label, item in items.items():
        found, curves = _spectrum_of(label, item)
        rows += found
        layers += curves
    if not rows:
        return None
    values = [value for row in rows for value in (row[2], row[4]) if value is not None]
    most = max(10, *(row[1] for row in rows))
    tics = tuple((f"{percent}%", x) for percent, x in PERCENT_TICS if x <= most)
    return Figure(
        name, "spectrum", title,
        "Heavy: latency from the intended send time; light: service time, from the actual send. "
        f"Thin at the end: fewer than {stats.USABLE} samples beyond; ends at {stats.FLAG}.",
        Axis("percentile", 1, most * 1.05, tics, log=True),
        log_axis(f"latency ({unit})", min(values), max(values)), layers,
        ("system", "one in", f"latency ({unit})", "percentile", "service", "note"), rows,
        head=3, series=series or {})


def _spectrum_of(label, item):
    """(rows, layers) of one cell's spectrum."""
    total, rows = item.intended.total, []
    service = dict(_levels(item.service)) if item.service and item.service.total else {}
    curves = {"ok": [], "weak": [], "service": []}
    for level, value in _levels(item.intended):
        beyond, x = (1 - level) * total, 1 / (1 - level)
        if beyond < stats.FLAG - 1e-6:
            break
        sound = beyond >= stats.USABLE - 1e-6
        curves["ok" if sound else "weak"].append((x, value))
        if level in service:
            curves["service"].append((x, service[level]))
        rows.append((label, round6(x), value, round6(100 * level), service.get(level),
                     "" if sound else "weak"))
    layers = [Layer("line", label, tuple(curves["service"]), 1.0)] if curves["service"] else []
    return rows, layers + _sound_and_weak("line", label, curves["ok"], curves["weak"])


def _sound_and_weak(kind, name, sound, weak):
    """Layers of a curve that goes on thinner where few samples lie beyond."""
    found = [Layer(kind, name, tuple(sound))] if sound else []
    if weak:
        found.append(Layer(kind, name, tuple(sound[-1:] + weak), WEAK))
    return found


@dataclass(frozen=True)
class Ccdf:
    """A complementary distribution as far as samples support it: [(value, share above, note)]."""

    points: list
    total: int

    def layers(self, name):
        """How it is drawn."""
        sound = [point[:2] for point in self.points if not point[2]]
        return _sound_and_weak("step", name, sound, [p[:2] for p in self.points if p[2]])


def ccdf_of(histogram):
    """The Ccdf of a histogram that is not empty; not beyond its last FLAG samples."""
    total, points, last = histogram.total, [], 0.1
    rows = histogram.rows()
    points.append((max(rows[0][0] - 1, 0), 1.0, ""))
    for value, _, below in rows:
        beyond = total - below
        if beyond < stats.FLAG:
            break
        if abs(math.log(beyond / total) - last) >= CCDF_STEP:
            last = math.log(beyond / total)
            points.append((value, round6(beyond / total),
                           "" if beyond >= stats.USABLE else "weak"))
    return Ccdf(points, total)


def ccdf_figure(name, title, caption, curves, x_title, y_title, columns, series=None):
    """The Figure of {label: Ccdf}, or None. series: {label: Style}."""
    if not curves:
        return None
    layers, rows = [], []
    for label, curve in curves.items():
        layers += curve.layers(label)
        rows += [(label, value, share, note) for value, share, note in curve.points]
    values = [row[1] for row in rows]
    least = min(row[2] for row in rows) / 1.5
    tics = tuple(tic for tic in SHARE_TICS if tic[1] >= least)
    return Figure(name, "ccdf", title, f"{caption} Thin: fewer than {stats.USABLE} samples beyond; "
                  f"not drawn where fewer than {stats.FLAG}: the bucket after the end of a curve "
                  "has all the rest.",
                  log_axis(x_title, min(values), max(values)),
                  Axis(y_title, least, 1, tics, log=True), layers, columns, rows,
                  series=series or {})


def _ccdf(run, kind, load):
    """Share of requests beyond each latency."""
    curves = {item.cell.system: ccdf_of(item.intended) for item in at(run, kind, load)}
    return ccdf_figure(
        f"ccdf-{kind}{load}", f"Requests slower than x, {tables.group_title(run, kind, load)}",
        "Complementary distribution of the latency from the intended send time.", curves,
        f"latency ({run.unit})", "requests slower than that",
        ("system", f"latency ({run.unit})", "share above", "note"))


def _load(run, percentile, axis, slo):
    """One percentile against load. axis: own (fraction of own capacity) or rate (absolute)."""
    rows, layers, low, high = [], [], math.inf, 0
    for system in run.plan.systems:
        chosen = [item for item in run.cells if item.done and item.cell.system == system
                  and (axis == "rate" or item.cell.kind == "own")]
        points, bands, sound, weak = [], [], [], []
        for item in sorted(chosen, key=lambda item: item.cell.rate):
            gate = stats.gated(item.intended, percentile)
            x = item.cell.rate if axis == "rate" else float(item.cell.load) * 100
            flags = "; ".join(item.validity.reasons)
            if gate.grade == "none":
                rows.append((system, round6(x), None, None, None, item.intended.total,
                             gate.text()))
                continue
            ends = gate.ci or (gate.value, gate.value)
            points.append((x, gate.value))
            bands += [(x, *ends)] if gate.ci else []
            good = gate.grade == "ok" and item.validity.ok
            (sound if good else weak).append((x, gate.value))
            rows.append((system, round6(x), gate.value, *(gate.ci or (None, None)),
                         item.intended.total, flags or ("" if good else "weak")))
            low, high = min(low, ends[0]), max(high, ends[1])
        layers += [Layer("band", system, tuple(bands)), Layer("bar", system, tuple(bands))] \
            if bands else []
        layers += [Layer("line", system, tuple(points))] if points else []
        layers += [Layer(kind, system, tuple(marks)) for kind, marks in (("ring", weak),
                                                                         ("dot", sound)) if marks]
    if not layers:
        return None
    rules, note = (), ""
    if slo and slo.percentile == percentile:
        rules = (Rule("y", slo.value, f"SLO {slo.value:,}", strong=True),)
        low, high = min(low, slo.value), max(high, slo.value)
        note = f" SLO: {slo.source}."
    if axis == "own":
        tics = tuple((f"{x}%", x) for x in range(0, 101, 20))
        across = Axis("offered load, share of the system's own capacity", 0, 100, tics)
    else:
        most = max(row[1] for row in rows)
        across = linear_axis(f"offered load ({run.rate_unit})", most * 1.08)
    title = "against the request rate" if axis == "rate" else "at shares of its own capacity"
    return Figure(
        f"load-{axis}-p{percentile}", "load", f"p{percentile} {title}",
        "Bars and bands: 95 % intervals from order statistics. Hollow: few samples, or a cell "
        f"with a flag.{note}", across,
        log_axis(f"p{percentile} latency ({run.unit})", low, high, room=1.35), layers,
        ("system", "load (%)" if axis == "own" else f"load ({run.rate_unit})",
         f"p{percentile} ({run.unit})", "95 % from", "to", "n", "note"), rows, rules=rules)


def _levels(histogram):
    """[(level, value)] on a fine grid of percentile levels."""
    rows, total, place, result = histogram.rows(), histogram.total, 0, []
    for level in hlog.levels(total, 12):
        while rows[place][2] < level * total - 1e-9:
            place += 1
        result.append((level, rows[place][0]))
    return result


def round6(value):
    """Six digits: what is drawn needs no more."""
    return float(f"{value:.6g}")
