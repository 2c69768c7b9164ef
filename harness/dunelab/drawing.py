# SPDX-License-Identifier: MIT
"""Drawing: a table of points a series and a small gnuplot file, which the shared scripts draw.

Everything that has to be computed is computed before; the scripts in harness/plots only draw.
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

from dunelab import paths
from dunelab.errors import DunelabError, UsageError

PLOTS = paths.root() / "harness" / "plots"
TIME_LIMIT_S = 60
SVG = "{http://www.w3.org/2000/svg}"
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


def draw(figures, claim, report_dir):
    """Write and draw them all, the claim under each title; DunelabError when a series comes out
    without a point."""
    plots, data = report_dir / "plots", report_dir / "data"
    (plots / "gp").mkdir(parents=True, exist_ok=True)
    data.mkdir(parents=True, exist_ok=True)
    for script in PLOTS.glob("*.gp"):
        shutil.copyfile(script, plots / "gp" / script.name)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(lambda figure: _draw(figure, claim, plots, data), figures))


def _draw(figure, claim, plots, data):
    for system, text in figure.data.items():
        (data / f"{figure.name}.{system}.tsv").write_text(text, "utf-8")
    (plots / f"{figure.name}.gp").write_text(_driver(figure, claim), "utf-8")
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
            corners, marks = max(corners - 2, 0), marks - bool(marks)
        counts.append(corners + marks)
    return {name: sum(counts[i::len(names)]) for i, name in enumerate(names)}


# -- axes ------------------------------------------------------------------------------------


def margin(low, high, room=1.12, least=1):
    """Limits of a logarithmic axis a little wider than its data, which count from `least` on."""
    low, high = max(low, least) / room, max(high, least) * room
    if high / low < 1.5:
        middle = math.sqrt(low * high)
        low, high = middle / 1.25, middle * 1.25
    return float(f"{low:.4g}"), float(f"{high:.4g}")


def log_tics(low, high):
    """At least four tics on a logarithmic axis, at the roundest numbers that give them."""
    for steps in TIC_STEPS:
        tics = [step * 10 ** power for power in range(-6, 14) for step in steps
                if low <= step * 10 ** power <= high]
        if len(tics) >= 4:
            break
    return [(short_number(tic), tic) for tic in tics]


def linear_tics(high):
    power = 10 ** math.floor(math.log10(high))
    step = next(power * s for s in (0.1, 0.2, 0.25, 0.5, 1, 2) if high / (power * s) <= 8)
    return [(short_number(step * n), step * n) for n in range(int(high / step) + 1)]


def short_number(value):
    """20k, 1.5M: a number for an axis."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{letter}"
    return f"{value:g}"


def axis_tics(axis, tics):
    return f"set {axis}tics (" + ", ".join(f'"{name}" {at:g}' for name, at in tics) + ")"


def _driver(figure, claim):
    """The small file that draws one figure with the shared script."""
    def quote(text):
        return "'" + text.replace("'", "''") + "'"

    lines = [f"# Draws {figure.name}.svg and .png again: gnuplot {figure.name}.gp",
             f"stem = {quote(figure.name)}",
             f"names = {quote(' '.join(figure.data))}",
             f"keys = {quote(' '.join(figure.data).replace('-', '_'))}",
             "data(i) = '../data/' . stem . '.' . word(names, i) . '.tsv'",
             f"figure_title = {quote(figure.title)}",
             f"figure_claim = {quote(claim)}"]
    for name, value in figure.settings.items():
        lines.append(f"{name} = " + (quote(value) if isinstance(value, str) and not _number(value)
                                     else str(value)))
    return "\n".join([*lines, f'load "gp/{figure.script}.gp"']) + "\n"


def _number(text):
    return re.fullmatch(r"-?[0-9.]+(e[+-]?[0-9]+)?", text) is not None
