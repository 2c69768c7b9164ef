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
BATCH = 5           # measured intervals that a point of the warm-up curve is taken from
WARMUP = "warmup"   # the tag of what is discarded


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
    rows, layers, ends, counts = [], [], [0.95, 1.05], []
    for item in items:
        points = _curve(item)
        rows += points
        dots = tuple((at, ratio) for _, at, ratio, *_ in points)
        layers += [Layer("line", item.cell.system, dots, 1.6),
                   Layer("dot", item.cell.system, dots, 1.4)] if dots else []
        ends += [ratio for _, _, ratio, *_ in points]
        counts += [at for _, at, *_ in points]
    discarded = {item.summary.get("warmup_discarded") for item in items} - {None}
    # Where the warm-up was not kept, the curve begins right of what was discarded.
    counts += [count for count in discarded if count]
    before = " and ".join(f"{count:,}" for count in sorted(discarded)) or "an unknown number of"
    kept = any(WARMUP in item.log for item in items)
    return Figure(
        f"warmup-{name}", "warmup", f"Warm-up, {title}",
        "Medians of consecutive parts over the median of the measured requests, from the first "
        f"request of a cell on. {before} of warm-up are discarded by plan: a curve that still "
        "falls right of them says that they were too few."
        + ("" if kept else " This run did not keep the latencies of those."),
        log_axis("requests so far, those of warm-up included", min(counts, default=1),
                 max(counts, default=10)),
        log_axis("median / that of the measured", min(ends), max(ends), 1.05, 1e-6), layers,
        ("system", "requests", "ratio", "p50", "95 % from", "to", "part"), rows,
        rules=(Rule("y", 1), *(Rule("x", count, "measured from here") for count in discarded
                               if count)))


def _curve(item):
    """Rows of the warm-up figure: a part of the requests each, with its median."""
    whole, done, rows = item.intended.percentile("50"), 0, []
    if WARMUP not in item.log:
        done = item.summary.get("warmup_discarded") or 0
    for name, batch in ((WARMUP, 1), ("intended", BATCH)):
        log = item.log.get(name, [])
        for begin in range(0, len(log), batch):
            part = item.intended.like()
            for interval in log[begin:begin + batch]:
                part.add(interval.histogram)
            gate, done = stats.gated(part, "50"), done + part.total
            if gate.value is None or not whole:
                continue
            ends = [end / whole for end in gate.ci] if gate.ci else (None, None)
            rows.append((item.cell.system, done, figures.round6(gate.value / whole), gate.value,
                         *(end and figures.round6(end) for end in ends),
                         "warm-up" if name == WARMUP else "measured"))
    return rows
