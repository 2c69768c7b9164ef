# SPDX-License-Identifier: MIT
"""The report's figures: ratios beside the paper's, their sensitivity, programs in the sandbox."""

from dunelab import profiles
from dunelab.paper import evaluate, plan as planning, published, sensitivity
from dunelab.webpage.axes import Axis, linear_axis, log_axis
from dunelab.webpage.figure import Figure, Layer, Rule

STEP = 50       # cycles between the points of a line
START = "sandbox.start"     # a program that does nothing
REQUESTS = "sandbox.lighttpd"   # figures of requests, not of programs
APART = 0.18    # rows between two dots of the same row


def plan(run, rows, lines, slowdowns):
    """All figures that there are data for, in the order to show them."""
    found = [_ratios(run, rows, table) for table in published.TABLES]
    found += [_sensitivity(run, lines), _slowdowns(run, slowdowns)]
    return [figure for figure in found if figure]


def _ratios(run, rows, table):
    """Dune / Linux of a table's rows: published, predicted, in instructions."""
    chosen = [row for row in rows if row.published.table == table and row.measured]
    if not chosen:
        return None
    series = {"paper": [row.published.ratio for row in chosen]}
    for name, profile in (("predicted", run.plan.profile), ("instructions", profiles.NONE)):
        pairs = [row.measured.get(profile) for row in chosen]
        series[name] = [pair.ratio if pair else None for pair in pairs]
    return _dots(f"ratio-{table}", published.TABLES[table], [row.published.title for row in chosen],
                 series, "The paper's ratio, the one predicted under the cost profile, and that in "
                 "instructions alone. Left of the broken line Dune is faster.", "Dune / Linux")


def _slowdowns(run, slowdowns):
    """Dune / Linux of each program in the sandbox."""
    if not slowdowns:
        return None
    series = {name: [found.get(profile) for found in slowdowns.values()] for name, profile in
              (("predicted", run.plan.profile), ("instructions", profiles.NONE))}
    return _dots("sandbox", "Programs in the sandbox", list(slowdowns), series,
                 "Time in the sandbox over time outside, program by program, less that of an empty "
                 "program.", "Dune / Linux")


def _dots(name, title, names, series, caption, axis):
    """A Figure of rows of dots; series: {name: [value or None, one a row]}."""
    layers, table = [], []
    for number, (key, column) in enumerate(series.items()):
        # Beside each other, not one upon the other.
        shift = (number - (len(series) - 1) / 2) * APART
        points = tuple((value, row + shift) for row, value in enumerate(column) if value)
        if points:
            layers.append(Layer("dot", key, points))
            table += [(key, _digits(value), round(at, 3), names[round(at)])
                      for value, at in points]
    rows = tuple((text.partition(" (")[0], at) for at, text in enumerate(names))
    return Figure(name, "dots", title, caption, _ratio_axis(axis, [row[1] for row in table]),
                  Axis("", -0.6, len(names) - 0.4, rows, down=True), layers,
                  ("what", axis, "place", "row"), table, rules=(Rule("x", 1),), hover="near",
                  height=76 + max(30 * len(names), 120),
                  left=round(6.6 * max(len(text) for text, _ in rows)) + 12)


def _sensitivity(run, lines):
    """Dune / Linux against the price of an exit and its entry."""
    if not lines:
        return None
    layers, table, most = [], [], planning.EXITS[1]
    for line in lines:
        key = line.published.key.replace("_", "-")
        points = tuple((price, line.at(price)) for price in range(0, most + 1, STEP))
        marks = tuple(point for point in points if point[0] in planning.EXITS)
        layers += [Layer("line", key, points), Layer("dot", key, marks)]
        table += [(key, price, _digits(value), "booted" if price in planning.EXITS else "")
                  for price, value in points]
    price = sensitivity.price(profiles.load(run.plan.profile))
    return Figure("sensitivity", "lines", "How the ratios depend on what an exit costs",
                  "Marks: boots at that price. Above the line at 1 Linux is faster. The upright "
                  "line is the profile's own price.",
                  linear_axis("an exit and its entry (cycles)", most),
                  _ratio_axis("Dune / Linux", [row[2] for row in table]), layers,
                  ("operation", "cycles", "Dune / Linux", "note"), table,
                  rules=(Rule("y", 1), Rule("x", price, "the profile")))


def _ratio_axis(title, values):
    """A logarithmic axis of ratios, 1 among them."""
    return log_axis(title, min(*values, 1), max(*values, 1), room=1.3, least=1e-5)


def _digits(value):
    """Five digits."""
    return float(f"{value:.5g}")


def slowdowns(run):
    """{program: {profile: Dune / Linux}} of the sandbox.

    What an empty program takes is subtracted from both: the paper's ran for minutes, these for
    tenths of seconds. The empty one itself is in the table of everything measured.
    """
    found = {}
    for profile in (profiles.NONE, run.plan.profile):
        figures = evaluate.figures(run, "sandbox", profile)
        pairs = {what: evaluate.pair(figures, (f"{what}.linux", f"{what}.dune"))
                 for what in dict.fromkeys(evaluate.split(name)[0] for name in figures)}
        start = pairs.pop(START, None) or evaluate.Pair(0, 0)
        for what, pair in pairs.items():
            if pair and pair.linux > start.linux and not what.startswith(REQUESTS):
                ratio = (pair.dune - start.dune) / (pair.linux - start.linux)
                found.setdefault(what.partition(".")[2], {})[profile] = ratio
    return found
