# SPDX-License-Identifier: MIT
"""Figures: tables of points and a small gnuplot file each, which the shared scripts draw.

Everything that has to be computed is computed here; the scripts in harness/plots only draw.
Beside each image lie the file that draws it and its data, so that it can be made again:
    report/plots/NAME.gp NAME.svg NAME.png    report/plots/gp/*.gp    report/data/NAME.*.tsv
"""

import math
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from dunelab import claims, hlog, paths, stats, tables
from dunelab.errors import DunelabError, UsageError

PLOTS = paths.root() / "harness" / "plots"
TIME_LIMIT_S = 60
SVG = "{http://www.w3.org/2000/svg}"
PERCENT_TICS = (("0", 1), ("50", 2), ("90", 10), ("99", 100), ("99.9", 1e3), ("99.99", 1e4),
                ("99.999", 1e5), ("99.9999", 1e6))
# Mantissas of tics on logarithmic axes, from wide axes to narrow ones.
TIC_STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7),
             (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6, 8),
             tuple(n / 20 for n in range(20, 200)), tuple(n / 100 for n in range(100, 1000)))


@dataclass
class Figure:
    """One figure. data: {system: text of its table}; settings: gnuplot variables."""

    name: str
    script: str
    section: str
    title: str
    caption: str
    data: dict
    settings: dict = field(default_factory=dict)


def require_gnuplot():
    """UsageError when there is no gnuplot."""
    if not shutil.which("gnuplot"):
        raise UsageError("gnuplot is missing: apt-get install gnuplot-nox (or: make deps)")


def colours():
    """{system: colour} from the shared style, the one place where they are chosen."""
    text = (PLOTS / "style.gp").read_text("utf-8")
    return {name.replace("_", "-"): colour for name, colour in
            re.findall(r'^color_(\w+)\s*=\s*"(#[0-9a-f]{6})"', text, re.M)}


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


def draw(figures, run, report_dir):
    """Write and draw them all; DunelabError when one comes out without a point in a series."""
    plots, data = report_dir / "plots", report_dir / "data"
    (plots / "gp").mkdir(parents=True, exist_ok=True)
    data.mkdir(parents=True, exist_ok=True)
    for script in PLOTS.glob("*.gp"):
        shutil.copyfile(script, plots / "gp" / script.name)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(lambda figure: _draw(figure, run, plots, data), figures))


def _draw(figure, run, plots, data):
    for system, text in figure.data.items():
        (data / f"{figure.name}.{system}.tsv").write_text(text, "utf-8")
    (plots / f"{figure.name}.gp").write_text(_driver(figure, run), "utf-8")
    done = subprocess.run(["gnuplot", f"{figure.name}.gp"], cwd=plots, text=True,
                          capture_output=True, timeout=TIME_LIMIT_S)
    if done.returncode:
        raise DunelabError(f"gnuplot failed on {plots}/{figure.name}.gp:\n{done.stderr}")
    points = series_points(plots / f"{figure.name}.svg")
    for system in figure.data:
        if points.get(system, 0) < 1:
            raise DunelabError(f"{plots}/{figure.name}.svg has no point for {system}: "
                               "this is a fault of the report, the data are kept")


def series_points(svg):
    """{system: number of coordinates drawn for it} in an SVG of ours.

    Every script plots the systems in the same order, several times over, and one group of each
    has the system's name as title and its sample in the legend, which does not count.
    """
    root, counts, names = ElementTree.parse(svg).getroot(), [], []
    for group in root.iter(f"{SVG}g"):
        if not (group.get("id") or "").startswith("gnuplot_plot_"):
            continue
        marks = sum(1 for _ in group.iter(f"{SVG}use"))
        corners = sum(len(re.findall(r"-?[\d.]+,-?[\d.]+", path.get("d") or ""))
                      for path in group.iter(f"{SVG}path"))
        corners += sum(len((shape.get("points") or "").split())
                       for shape in group.iter(f"{SVG}polygon"))
        title = (group.findtext(f"{SVG}title") or "").strip()
        if title and not title.startswith("gnuplot_plot_"):
            names.append(title)
            corners, marks = corners - 2, marks - bool(marks)
        counts.append(corners + marks)
    return {name: sum(counts[i::len(names)]) for i, name in enumerate(names)}


# -- what the figures show ---------------------------------------------------------------------


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
    low, high = _margin(low, high)
    tics = [(f"{name}%%", x) for name, x in PERCENT_TICS if x <= most]
    return Figure(
        f"spectrum-{kind}{load}", "spectrum", tables.group_title(run, kind, load),
        f"Percentile spectrum, {tables.group_title(run, kind, load)}",
        "Solid: latency from the intended send time; thin where fewer than 20 samples lie "
        "beyond. Dashed: service time, from the actual send.",
        data, {"x_high": f"{most:g}", "y_low": low, "y_high": high,
               "x_tics": _tics("x", tics), "y_tics": _tics("y", _log_tics(low, high)),
               "y_title": f"latency ({run.unit})"})


def _ccdf(run, kind, load):
    """Share of requests beyond each latency."""
    data, low, high, most = {}, math.inf, 0, 1
    for item in _at(run, kind, load):
        total, lines, last = item.intended.total, ["# latency\tshare of requests above"], -1.0
        rows = item.intended.rows()
        lines.append(f"{rows[0][0]}\t1")
        for value, _, below in rows:
            share = (total - below) / total
            # A curve needs no more points than it has pixels.
            if share and abs(math.log(share) - last) >= 0.005:
                lines.append(f"{value}\t{share:.6g}")
                last = math.log(share)
        lines.append(f"{rows[-1][0]}\t{1 / total:.6g}")
        data[item.cell.system] = "\n".join(lines) + "\n"
        low, high, most = min(low, rows[0][0]), max(high, rows[-1][0]), max(most, total)
    if not data:
        return None
    low, high = _margin(low, high)
    shares = [("100%%", 1), ("10%%", 0.1), ("1%%", 0.01), ("0.1%%", 1e-3), ("0.01%%", 1e-4),
              ("0.001%%", 1e-5), ("0.0001%%", 1e-6)]
    return Figure(
        f"ccdf-{kind}{load}", "ccdf", tables.group_title(run, kind, load),
        f"Requests slower than x, {tables.group_title(run, kind, load)}",
        "Complementary distribution of the latency from the intended send time.",
        data, {"x_low": low, "x_high": high, "y_low": f"{0.7 / most:g}",
               "x_tics": _tics("x", _log_tics(low, high)),
               "y_tics": _tics("y", [s for s in shares if s[1] >= 0.7 / most]),
               "x_title": f"latency ({run.unit})"})


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
    low, high = _margin(low, high, room=1.35)
    if axis == "own":
        right, tics = 100, [(f"{x}%%", x) for x in range(0, 101, 20)]
        where, title = "of its own capacity", "offered load, share of the system's own capacity"
    else:
        right = max(points) * 1.08
        tics = _linear_tics(right)
        where, title = "against the request rate", f"offered load ({run.rate_unit})"
    return Figure(
        f"load-{axis}-p{percentile}", "load",
        "against load", f"p{percentile} {where}" if axis == "rate" else
        f"p{percentile} at shares {where}",
        "Bars and bands: 95 % intervals from order statistics. Hollow: few samples, or a cell "
        "with a flag.",
        data, {"x_low": 0, "x_high": f"{right:g}", "y_low": low, "y_high": high,
               "x_tics": _tics("x", tics), "y_tics": _tics("y", _log_tics(low, high)),
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


# -- axes ------------------------------------------------------------------------------------


def _margin(low, high, room=1.12):
    """Limits of a logarithmic axis a little wider than its data."""
    low, high = max(low, 1) / room, max(high, 1) * room
    if high / low < 1.5:
        middle = math.sqrt(low * high)
        low, high = middle / 1.25, middle * 1.25
    return float(f"{low:.4g}"), float(f"{high:.4g}")


def _log_tics(low, high):
    """At least four tics on a logarithmic axis, at the roundest numbers that give them."""
    for steps in TIC_STEPS:
        tics = [step * 10 ** power for power in range(0, 14) for step in steps
                if low <= step * 10 ** power <= high]
        if len(tics) >= 4:
            break
    return [(_short(tic), tic) for tic in tics]


def _linear_tics(high):
    power = 10 ** math.floor(math.log10(high))
    step = next(power * s for s in (0.1, 0.2, 0.25, 0.5, 1, 2) if high / (power * s) <= 8)
    return [(_short(step * n), step * n) for n in range(int(high / step) + 1)]


def _short(value):
    """20k, 1.5M: a number for an axis."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{letter}"
    return f"{value:g}"


def _tics(axis, tics):
    return f"set {axis}tics (" + ", ".join(f'"{name}" {at:g}' for name, at in tics) + ")"


def _driver(figure, run):
    """The small file that draws one figure with the shared script."""
    def quote(text):
        return "'" + text.replace("'", "''") + "'"

    lines = [f"# Draws {figure.name}.svg and .png again: gnuplot {figure.name}.gp",
             f"stem = {quote(figure.name)}",
             f"names = {quote(' '.join(figure.data))}",
             f"keys = {quote(' '.join(figure.data).replace('-', '_'))}",
             "data(i) = '../data/' . stem . '.' . word(names, i) . '.tsv'",
             f"figure_title = {quote(figure.title)}",
             f"figure_claim = {quote(claims.short(run.manifest))}"]
    for name, value in figure.settings.items():
        lines.append(f"{name} = " + (quote(value) if isinstance(value, str) and not _number(value)
                                     else str(value)))
    return "\n".join([*lines, f'load "gp/{figure.script}.gp"']) + "\n"


def _number(text):
    return re.fullmatch(r"-?[0-9.]+(e[+-]?[0-9]+)?", text) is not None
