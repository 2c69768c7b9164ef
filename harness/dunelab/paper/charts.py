# SPDX-License-Identifier: MIT
"""The report's figures: ratios beside the paper's, their sensitivity, programs in the sandbox."""

from dunelab import profiles
from dunelab.drawing import Figure, axis_tics, linear_tics, log_tics, margin
from dunelab.paper import evaluate, plan as planning, published, sensitivity

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
                 series, "Grey: the paper. Orange: predicted under the cost profile. Blue: in "
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
    values = [value for column in series.values() for value in column if value]
    low, high = _limits(values)
    data = {}
    for number, (key, column) in enumerate(series.items()):
        # Beside each other, not one upon the other.
        shift = (number - (len(series) - 1) / 2) * APART
        if any(column):
            data[key] = "# value\trow\n" + "".join(f"{value:.5g}\t{row + shift:.3f}\n" for
                                                   row, value in enumerate(column) if value)
    rows = [(text.partition(" (")[0], at) for at, text in enumerate(names)]
    return Figure(name, "dots", title, title, caption, data, {
        "left": round(0.85 * max(len(text) for text, _ in rows)) + 2,
        "x_low": low, "x_high": high, "x_title": axis, "y_high": len(names) - 0.4,
        "x_tics": axis_tics("x", log_tics(low, high)), "y_tics": axis_tics("y", rows)})


def _sensitivity(run, lines):
    """Dune / Linux against the price of an exit and its entry."""
    if not lines:
        return None
    data, most, values = {}, planning.EXITS[1], []
    for line in lines:
        points = [(price, line.at(price)) for price in range(0, most + 1, STEP)]
        values += [value for _, value in points]
        data[line.published.key.replace("_", "-")] = "# cycles\tratio\tmeasured\n" + "".join(
            f"{price}\t{value:.5g}\t{f'{value:.5g}' if price in planning.EXITS else 'NaN'}\n"
            for price, value in points)
    low, high = _limits(values)
    return Figure("sensitivity", "lines", "sensitivity",
                  "How the ratios depend on what an exit costs",
                  "Marks: boots at that price. Above the broken line Linux is faster. The dotted "
                  "line is the profile's own price.", data, {
                      "x_mark": sensitivity.price(profiles.load(run.plan.profile)),
                      "x_low": 0, "x_high": most, "y_low": low, "y_high": high,
                      "x_tics": axis_tics("x", linear_tics(most)),
                      "y_tics": axis_tics("y", log_tics(low, high)),
                      "x_title": "an exit and its entry (cycles)", "y_title": "Dune / Linux"})


def _limits(values):
    """Limits of a logarithmic axis of ratios, 1 among them."""
    return margin(min(*values, 1), max(*values, 1), room=1.3, least=1e-5)


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
