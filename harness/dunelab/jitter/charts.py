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
        found += [_wakes(noise, chosen, unit), _series(noise, chosen)]
    return [figure for figure in found if figure]


def _wakes(noise, items, unit):
    return ccdf_figure(
        f"wake-{noise}", f"Late wake-ups, {evaluate.TITLES[noise]}",
        "Share of the periods in which the thread woke later than x.",
        {item.step.system: ccdf_of(item.late) for item in items}, f"wakes late by ({unit})",
        "periods later than that", ("system", f"late by ({unit})", "share above", "note"))


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
