# SPDX-License-Identifier: MIT
"""The report's figures: how late the systems wake, and what interrupted the spinning loop when."""

from dunelab.figures import ccdf_figure, ccdf_of, round6
from dunelab.jitter import evaluate, plan as planning
from dunelab.webpage.axes import linear_axis, log_axis
from dunelab.webpage.figure import Figure, Layer

POINTS_MAX = 3000       # of a series; the longest are kept where there are more


def plan(run, items, unit):
    """All figures that there are data for, in the order to show them."""
    found = []
    for noise in run.plan.noises:
        chosen = [item for item in items if item.step.noise == noise]
        found += [_wakes(noise, chosen, unit), _buckets(noise, chosen), _series(noise, chosen),
                  _causes(noise, chosen)]
    return [figure for figure in found if figure]


def _wakes(noise, items, unit):
    return ccdf_figure(
        f"wake-{noise}", f"Late wake-ups, {evaluate.TITLES[noise]}",
        "Share of the periods in which the thread woke later than x.",
        {item.step.system: ccdf_of(item.late) for item in items}, f"wakes late by ({unit})",
        "periods later than that", ("system", f"late by ({unit})", "share above", "note"))


def _buckets(noise, items):
    """As cyclictest -h counts: a bucket a microsecond, by those begun."""
    layers, rows = [], []
    for item in items:
        counts = {}
        for index, count in item.late.counts.items():
            us = item.late.edges(index)[0] // 1000
            counts[us] = counts.get(us, 0) + count
        # A bucket lasts until the next one.
        points = [(us, counts.get(us, 0)) for us in sorted({us + more for us in counts
                                                            for more in (0, 1)})]
        rows += [(item.step.system, us, count) for us, count in sorted(counts.items())]
        layers.append(Layer("step", item.step.system,
                            tuple((max(us, 0.5), max(count, 0.5)) for us, count in points), 1.6))
    if not rows:
        return None
    return Figure(
        f"buckets-{noise}", "histogram", f"Wake-ups by the microsecond, {evaluate.TITLES[noise]}",
        "Counted as cyclictest does: how many periods woke late by so many whole microseconds; "
        "an empty one lies below 1.",
        log_axis("wakes late by (us)", max(0.5, min(row[1] for row in rows)),
                 max(row[1] for row in rows) + 1, least=0.5),
        log_axis("periods", 0.5, max(row[2] for row in rows), least=0.5), layers,
        ("system", "us", "periods"), rows)


def _causes(noise, items):
    layers, rows = [], []
    for item in items:
        shown = sorted(item.spikes or [], key=lambda spike: -spike.ticks)[:POINTS_MAX]
        points = [(round6(spike.at_s), spike.ticks, spike.cause) for spike in shown]
        rows += [(item.step.system, *point) for point in sorted(points)]
        if points:
            layers.append(Layer("dot", item.step.system,
                                tuple(point[:2] for point in sorted(points)), 1.2))
    if not rows:
        return None
    return Figure(
        f"causes-{noise}", "series", f"Interruptions by cause, {evaluate.TITLES[noise]}",
        "The loop once more, with Linux's events traced: each mark has its cause, in the table and "
        "under the pointer.",
        linear_axis("time (s of the machine's clock)", max(row[1] for row in rows) or 1),
        log_axis("ticks taken", planning.THRESHOLD, max(row[2] for row in rows)), layers,
        ("system", "second", "ticks", "cause"), rows, hover="near")


def _series(noise, items):
    layers, rows = [], []
    end = max((item.spin["ticks"] / item.spin["tick_hz"] for item in items), default=0)
    for item in items:
        gaps = sorted(item.spin["gaps"], key=lambda gap: -gap[1])[:POINTS_MAX]
        points = tuple((round6(at / item.spin["tick_hz"]), ticks) for at, ticks in sorted(gaps))
        rows += [(item.step.system, *point) for point in points]
        if points:
            layers.append(Layer("dot", item.step.system, points, 1.2))
    if not rows:
        return None
    return Figure(
        f"gaps-{noise}", "series", f"Interruptions of a loop, {evaluate.TITLES[noise]}",
        f"Each mark is an interruption of more than {planning.THRESHOLD} ticks: when, and how "
        f"long. A system without marks had none; of one with more, the {POINTS_MAX:,} longest.",
        linear_axis("time (s of the machine's clock)", end),
        log_axis("ticks taken", planning.THRESHOLD, max(row[2] for row in rows)), layers,
        ("system", "second", "ticks"), rows, hover="near")
