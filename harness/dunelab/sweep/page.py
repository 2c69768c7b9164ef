# SPDX-License-Identifier: MIT
"""The page of a sweep: its table, and each metric along the first axis that is of numbers."""

from dunelab import claims
from dunelab.sweep import parameters
from dunelab.webpage.axes import linear_axis, log_axis, signed_axis
from dunelab.webpage.document import definitions, document, escape, figure_grid, table, top
from dunelab.webpage.figure import Figure, Layer

_ALL = "all"            # the series where no other axis tells rows apart


def html(made, seed, note, header, body, remarks):
    """(text of report/index.html, its figures) of a sweep's summary. seed: the axis that no row
    has."""
    chosen = figures(made, seed)
    title = f"Sweep {made['name']}: {made['experiment']}"
    done = made["points"] - len(made["missing"])
    problems = [*made["damaged"], *made["failures"]]
    if made["missing"]:
        problems.insert(0, f"{len(made['missing'])} of {made['points']} points are not measured")
    out = top(title, [f"{done} of {made['points']} points measured."],
              " ".join(made["claims"]) or "Nothing was measured.", problems)
    out += ["<h2>Table</h2>", f'<p class="soft">{escape(note)}</p>',
            table(header, body, swatch=True)] if body else []
    out += ["<h2>Figures</h2>", *figure_grid(chosen)] if chosen else []
    if remarks:
        out += ["<h2>Remarks</h2>", "<ul>", *(f"<li>{escape(text)}</li>" for text in remarks),
                "</ul>"]
    out += ["<h2>The plan</h2>", *definitions([
        *((name, ", ".join(values)) for name, values in made["axes"].items()),
        *made["fixed"].items(),
        ("commit", made["commit"] + (" with changes" if made["dirty"] else ""))]),
        '<p>Beside this page: <a href="../summary.csv">summary.csv</a>, '
        '<a href="../summary.json">summary.json</a>, <a href="../plan.toml">plan.toml</a>; each '
        'point’s own report is below <a href="../steps/">steps/</a>.</p>']
    return document(title, out, chosen), chosen


def figures(made, seed):
    """A Figure for each metric, clock and profile; none without an axis of two numbers."""
    along = next((name for name, values in made["axes"].items()
                  if name not in (seed, *parameters.NAMES) and len(values) > 1
                  and all(map(_is_number, values))), None)
    if not along:
        return []
    groups = {}
    for row in made["rows"]:
        key = row["metric"], row["unit"], row["domain"], row["profile"]
        groups.setdefault(key, []).append(row)
    found = [_figure(along, seed, key, rows) for key, rows in groups.items()]
    return [figure for figure in found if figure]


def _figure(along, seed, key, rows):
    metric, unit, domain, profile = key
    series, points = {}, []
    for row in rows:
        others = [text for name, text in row["values"].items() if name not in (along, seed)]
        x, (low, high) = float(row["values"][along]), row["ci95"] or (None, None)
        points.append((" ".join(others) or _ALL, x, row["median"], low, high, row["runs"]))
    values = [value for point in points for value in point[2:5] if value is not None]
    if len({point[1] for point in points}) < 2:
        return None
    for point in points:
        series.setdefault(point[0], []).append(point)
    layers = []
    for name, mine in series.items():
        line = tuple((x, median) for _, x, median, *_ in sorted(mine, key=lambda p: p[1]))
        bars = tuple((x, low, high) for _, x, _, low, high, _ in mine if low is not None)
        layers += [Layer("bar", name, bars)] if bars else []
        layers += [Layer("line", name, line, 1.6), Layer("dot", name, line)]
    label = f"{metric} ({unit})" if unit else metric
    # An error may have either sign.
    upwards = log_axis if min(values) > 0 else signed_axis
    return Figure(
        f"{metric} {domain} {profile}", "sweep", f"{metric} by {along}",
        f"Medians over seeds, bars: their exact 95 % intervals. Clock {domain}"
        + (f", cost profile {profile}." if claims.emulated(domain) else "."),
        linear_axis(along, max(point[1] for point in points) * 1.05),
        upwards(label, min(values), max(values)), layers,
        ("series", along, label, "95 % from", "to", "seeds"), points)


def _is_number(text):
    try:
        return float(text) >= 0
    except ValueError:
        return False
