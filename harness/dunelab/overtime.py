# SPDX-License-Identifier: MIT
"""What a kv run shows over time: slowest requests, spikes, heat maps and what warm-up left."""

import math
import statistics
from dataclasses import dataclass

from dunelab import figures, stats, tables
from dunelab.webpage import palette
from dunelab.webpage.axes import Axis, linear_axis, log_axis
from dunelab.webpage.figure import Figure, Layer, Rule

FENCE = 3           # interquartile ranges above the third quartile: Tukey's outer fence
SPIKES_SHOWN = 3    # of a cell
HEAT_ROWS = 12      # of a decade of latency
SHADE = 0.4         # power of the count that the shade grows with
BATCH = 5           # intervals that a point of the warm-up curve is taken from


@dataclass(frozen=True)
class Spike:
    """An interval of a cell whose slowest request stands out. at: seconds from the cell's start;
    times: over the median of the intervals' maxima."""

    item: object
    at: float
    length: float
    value: int
    times: float


def plan(run):
    """{"series": [Figure], "heat": [(title, [Figure])], "warmup": [Figure]}."""
    found = {"series": [], "heat": [], "warmup": []}
    for kind, load in tables.groups(run):
        items = [item for item in figures.at(run, kind, load) if len(_intervals(item)) > 1]
        if items:
            title = tables.group_title(run, kind, load)
            found["series"].append(_series(run, items, f"{kind}{load}", title))
            found["heat"].append((title, _heat(run, items, f"{kind}{load}", title)))
            found["warmup"].append(_warmup(items, f"{kind}{load}", title))
    return found


def spikes(item):
    """[Spike] of a measured cell, the slowest first; none where intervals are too few to tell."""
    intervals = [i for i in _intervals(item) if i.histogram.total]
    if len(intervals) < 8:
        return []
    maxima = [i.histogram.max() for i in intervals]
    first, middle, third = statistics.quantiles(maxima, n=4)
    fence = third + FENCE * (third - first)
    start = _intervals(item)[0].start
    found = [Spike(item, i.start - start, i.length, value, value / middle)
             for i, value in zip(intervals, maxima) if value > fence]
    return sorted(found, key=lambda spike: -spike.value)


def _intervals(item):
    return item.log.get("intended", [])


def _seconds(items):
    return max(log[-1].start + log[-1].length - log[0].start for log in map(_intervals, items))


def _series(run, items, name, title):
    """The slowest request and the median of each interval; spikes marked."""
    rows, layers, low, high = [], [], math.inf, 0
    for item in items:
        system, log = item.cell.system, _intervals(item)
        marked = {spike.at: spike.value for spike in spikes(item)}
        maxima, medians = [], []
        for part in log:
            at = part.start - log[0].start
            x, gate = at + part.length / 2, stats.gated(part.histogram, "50")
            most = part.histogram.max() if part.histogram.total else None
            if most is not None:
                maxima.append((x, most))
                high, low = max(high, most), min(low, most)
            if gate.value is not None:
                medians.append((x, gate.value))
                low = min(low, gate.value)
            rows.append((system, figures.round6(x), most, gate.value, part.histogram.total,
                         "spike" if at in marked else ""))
        layers += [Layer("line", system, tuple(medians), 0.9)] * bool(medians)
        layers.append(Layer("line", system, tuple(maxima), 1.5))
        dots = tuple((at + log[0].length / 2, value) for at, value in marked.items())
        layers += [Layer("dot", system, dots)] if dots else []
    return Figure(
        f"time-{name}", "series", f"Slowest request over time, {title}",
        "Heavy: the slowest request of each interval; light: its median. Marked: spikes, beyond "
        "Tukey's outer fence of the cell's maxima; they are kept, not dropped.",
        linear_axis("time (s of the machine's clock)", _seconds(items)),
        log_axis(f"latency ({run.unit})", low, high), layers,
        ("system", "second", f"slowest ({run.unit})", "p50", "requests", "note"), rows)


def _heat(run, items, name, title):
    """A Figure for each system: requests by time and latency."""
    x = linear_axis("time (s of the machine's clock)", _seconds(items))
    counted = {item.cell.system: _counts(item) for item in items}
    most = max(count for table in counted.values() for count in table.values())
    used = [row for table in counted.values() for _, row in table]
    y = log_axis(f"latency ({run.unit})", _edge(min(used)), _edge(max(used) + 1), room=1)
    found = []
    for item in items:
        system, log = item.cell.system, _intervals(item)
        cells, rows = [], []
        for (place, row), count in sorted(counted[system].items()):
            begin = log[place].start - log[0].start
            box = [figures.round6(v) for v in (begin, _edge(row), begin + log[place].length,
                                               _edge(row + 1))]
            # A single request stays visible beside hundreds.
            level = int(len(palette.HEAT) * (count / (most + 1)) ** SHADE)
            cells.append((*box, level))
            rows.append((system, *box, count))
        found.append(Figure(
            f"heat-{name}-{system}", "heat", system,
            f"Requests by time and latency, {title}: up to {most:,} in a cell, one scale for all "
            "systems.", x, y, [Layer("cell", system, tuple(cells))],
            ("system", "second", "from", "to second", "below", "requests"), rows, hover="cell",
            width=360, height=230))
    return found


def _counts(item):
    """{(interval, row of latency): requests}."""
    found = {}
    for place, part in enumerate(_intervals(item)):
        for value, count, _ in part.histogram.rows():
            key = place, math.floor(math.log10(max(value, 1)) * HEAT_ROWS)
            found[key] = found.get(key, 0) + count
    return found


def _edge(row):
    return 10 ** (row / HEAT_ROWS)


def _warmup(items, name, title):
    """The median of a few intervals over the cell's, against the requests so far."""
    rows, layers, low, high, last = [], [], 0.9, 1.1, 1
    for item in items:
        system, whole, done = item.cell.system, item.intended.percentile("50"), 0
        points, log = [], _intervals(item)
        for begin in range(0, len(log), BATCH):
            part = item.intended.like()
            for interval in log[begin:begin + BATCH]:
                part.add(interval.histogram)
            gate = stats.gated(part, "50")
            done += part.total
            if gate.value is None or not whole:
                continue
            ratio = gate.value / whole
            points.append((done, ratio))
            ends = [end / whole for end in gate.ci] if gate.ci else (None, None)
            rows.append((system, done, figures.round6(ratio), gate.value,
                         *(end and figures.round6(end) for end in ends)))
            low, high, last = min(low, ratio), max(high, ratio), max(last, done)
        layers += [Layer("line", system, tuple(points), 1.6), Layer("dot", system, tuple(points),
                                                                    1.4)] if points else []
    discarded = {item.summary.get("warmup_discarded") for item in items} - {None}
    before = " and ".join(f"{count:,}" for count in sorted(discarded)) or "an unknown number of"
    # A ratio's tics are shares, not thousands.
    room = max(high - 1, 1 - low) * 1.15
    low, high = max(1 - room, 0), 1 + room
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100, 1000)
                if room / s <= 4)
    tics = tuple((f"{1 + n * step:g}", 1 + n * step) for n in range(-4, 5)
                 if low <= 1 + n * step <= high)
    return Figure(
        f"warmup-{name}", "warmup", f"Warm-up, {title}",
        f"Median of {BATCH} intervals at a time over the median of the whole cell. {before} "
        "requests of warm-up before the first point were discarded by plan: a curve that is still "
        "falling at the left says that they were too few.",
        linear_axis("requests measured so far", last),
        Axis("median / the cell's", low, high, tics), layers,
        ("system", "requests", "ratio", "p50", "95 % from", "to"), rows,
        rules=(Rule("y", 1),))
