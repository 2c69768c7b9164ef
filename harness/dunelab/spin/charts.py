# SPDX-License-Identifier: MIT
"""The report's figures: tails and load curves, by policy and by system, predictions dashed."""

from dunelab import stats
from dunelab.figures import ccdf_of, round6
from dunelab.spin import evaluate, slowest
from dunelab.webpage import palette
from dunelab.webpage.axes import Axis, linear_axis, log_axis
from dunelab.webpage.figure import Figure, Layer, Rule

DASHED = "Dashed: rt-sim, with the costs that the same machine measured."
BAND = ("Band: the least and the largest of rt-sim with the requests of 39 other seeds; one more "
        "simulated run, of the same model and costs, lies within in 95 of 100, at each load by "
        "itself. Of the model's errors it says nothing.")
PREDICTED = "5 4"
# A figure has systems or policies, never both: these have the colours of those.
COLOURS = {"cfcfs": "linux", "dfcfs": "rt-tuned", "steal": "linux-tuned", "rr": "dune",
           "priority": "rt", "edf": "dune-tuned", "sjf": "memcached", "srpt": "dune-rt",
           "darc": "instructions"}


def plan(run, items):
    """All figures that there are data for, in the order to show them."""
    found = []
    for law in dict.fromkeys(item.step.scene for item in items):
        chosen = [item for item in items if item.step.scene == law and not item.cell.saturated]
        ours = [item for item in chosen if item.step.system == "dune-rt"]
        plain = [item for item in chosen if item.cell.policy == "cfcfs"]
        for name, group, key, what in (
                ("policy", ours, lambda item: item.cell.policy, "dune-rt, by policy"),
                ("system", plain, lambda item: item.step.system, "cfcfs, by system")):
            if name == "system" and len(set(map(key, group))) < 2:
                continue        # it is among the policies
            top = max((item.cell.load for item in group), key=float, default=None)
            found.append(_load(law, name, group, key, what))
            found.append(_errors(law, name, group, key, what))
            highest = [item for item in group if item.cell.load == top]
            found.append(_ccdf(law, name, highest, key, f"{what}, load {top}"))
            found.append(_series(law, name, highest, key, f"{what}, load {top}"))
    return [figure for figure in found if figure]


def _styles(names):
    """{series: Style}: measured ones solid, predicted ones dashed."""
    found = {}
    for name in names:
        plain = name.removesuffix(" predicted")
        found[name] = palette.style(name, COLOURS.get(plain, plain),
                                    PREDICTED if name != plain else "")
    return found


def _tail(item):
    """(measured, grade, predicted or None) of the 99th percentile of the slowdown."""
    gate = stats.gated(item.slowdown, "99")
    value = gate.value and gate.value / evaluate.SLOWDOWN_UNIT
    want = item.expected and item.expected["slowdown"].percentile("99") / evaluate.SLOWDOWN_UNIT
    return value, gate.grade, want or None


def _mean(item):
    """The same of its mean, which takes few samples to have, and many to say something."""
    want = item.predicted and item.predicted["slowdown"]["mean"]
    return item.found["slowdown"]["mean"], "ok", want


def _load(law, name, items, key, what):
    """Of the tail where there are two loads that have one, else of the mean."""
    return (_loads(law, name, items, key, what, _tail, "p99 slowdown", "p99 of the slowdown") or
            _loads(law, name, items, key, what, _mean, "mean slowdown", "mean slowdown"))


def _loads(law, name, items, key, what, figure, other, title):
    rows, layers = [], []
    names = list(dict.fromkeys(map(key, items)))
    # Those of systems lie on each other: one says it.
    banded = names if name == "policy" else names[-1:]
    for series in names:
        sound, flagged, expected, between = [], [], [], []
        for item in items:
            (y, grade, want), x = figure(item), float(item.cell.load) * 100
            if key(item) != series or y is None:
                continue
            fine = grade == "ok" and item.state in evaluate.SOUND
            (sound if fine else flagged).append((x, y))
            rows.append((series, x, y, "" if fine else item.state))
            if want is not None:
                expected.append((x, want))
                others = item.predicted.get("others", {}).get(other)
                rows.append((f"{series} predicted", x, want, "{:.4g} to {:.4g} of others".format(
                    *others) if others else ""))
                between += [(x, *others)] if others and series in banded else []
        layers += [Layer(kind, label, tuple(points), weight) for kind, label, points, weight in (
            ("band", series, between if len(between) > 1 else [], 1.0),
            ("bar", f"{series} predicted", between if len(between) == 1 else [], 1.6),
            ("line", f"{series} predicted", expected, 1.6),
            ("line", series, sorted(sound + flagged), 2.2),
            ("dot", series, sound, 2.2), ("ring", series, flagged, 2.2)) if points]
    if len({row[1] for row in rows}) < 2:
        return None
    values = [row[2] for row in rows]
    values += [y for layer in layers if layer.kind in ("band", "bar")
               for point in layer.points for y in point[1:]]
    tics = tuple((f"{x:g}%", x) for x in range(0, 101, 20))
    return Figure(
        f"load-{name}-{law}", law, f"{law}: {title}, {what}",
        f"{DASHED} {'' if banded == names else f'Of {names[-1]} only: '}{BAND} Hollow: few "
        "samples, or a cell with a flag.",
        Axis("load: share of the cores' time that service takes", 0, 100, tics),
        log_axis(title, min(values), max(values), room=1.35), layers,
        (name, "load (%)", title, "note"), rows,
        _styles(dict.fromkeys(row[0] for row in rows)))


def _errors(law, name, items, key, what):
    """How far off the prediction's worst figure is, by load."""
    rows = []
    for item in items:
        if evaluate.agrees(item) is None:
            continue
        figure, off = evaluate.worst(item)
        rows.append((key(item), float(item.cell.load) * 100, round6(off * 100), figure))
    if len({row[1] for row in rows}) < 2:
        return None
    names = list(dict.fromkeys(row[0] for row in rows))
    layers = []
    for series in names:
        points = tuple(row[1:3] for row in rows if row[0] == series)
        layers += [Layer("line", series, points, 1.6), Layer("dot", series, points, 2.2)]
    limit = evaluate.TOLERANCE * 100
    most = max(max(abs(row[2]) for row in rows) * 1.2, 2 * limit)
    step = next(step for step in (5, 10, 20, 50, 100, 200, 500, 10 ** 6) if most <= 5 * step)
    tics = tuple((f"{y:+d}%" if y else "0", y) for y in range(-5 * step, 5 * step + 1, step)
                 if abs(y) <= most)
    return Figure(
        f"error-{name}-{law}", law, f"{law}: what is furthest from the prediction, {what}",
        "Of each cell the figure whose error is the largest: measured over predicted, less one.",
        Axis("load: share of the cores' time that service takes", 0, 100,
             tuple((f"{x:g}%", x) for x in range(0, 101, 20))),
        Axis("error", -most, most, tics), layers,
        (name, "load (%)", "error (%)", "figure"), rows, _styles(names),
        rules=(Rule("y", limit, f"+{limit:g} %", True), Rule("y", -limit, f"-{limit:g} %", True),
               Rule("y", 0)))


def _ccdf(law, name, items, key, what):
    rows, layers = [], []
    for item in items:
        for series, histogram in ((key(item), item.slowdown),
                                  (f"{key(item)} predicted", item.expected.get("slowdown"))):
            if histogram is None:
                continue
            points = tuple((round6(value / evaluate.SLOWDOWN_UNIT), share)
                           for value, share, _ in ccdf_of(histogram).points)
            layers.append(Layer("step", series, points, 2.2 if series == key(item) else 1.6))
            rows += [(series, *point) for point in points]
    if not rows:
        return None
    least = min(row[2] for row in rows) / 1.5
    shares = tuple((f"{100 / 10 ** power:g}%", 10.0 ** -power) for power in range(7)
                   if 10.0 ** -power >= least)
    return Figure(
        f"ccdf-{name}-{law}", law, f"{law}: slowdown, {what}",
        f"Share of the requests with a slowdown above x. {DASHED}",
        log_axis("slowdown: time in the system over service", min(row[1] for row in rows),
                 max(row[1] for row in rows)),
        Axis("requests above that", least, 1, shares, log=True), layers,
        (name, "slowdown", "share above"), rows, _styles(dict.fromkeys(row[0] for row in rows)))


def _series(law, name, items, key, what):
    """The slowest requests through the run."""
    rows, layers = [], []
    for item in items:
        found = slowest.of(item)
        points = tuple((round6(one.at_s), round6(one.slowdown)) for one in found)
        rows += [(key(item), *point, one.cause) for point, one in zip(points, found)]
        layers += [Layer("line", key(item), points, 1.0), Layer("dot", key(item), points, 1.6)]
    if not rows:
        return None
    values = [row[2] for row in rows]
    return Figure(
        f"series-{name}-{law}", law, f"{law}: slowest requests through the run, {what}",
        "Of each fiftieth of the requests the one with the largest slowdown, when it was due; what "
        "it waited for, by pointing at it.",
        linear_axis("time (s of the machine's clock)", max(row[1] for row in rows) or 1),
        log_axis("slowdown", min(values), max(values)), layers,
        (name, "second", "slowdown", "because of"), rows, _styles(dict.fromkeys(
            row[0] for row in rows)), hover="near")
