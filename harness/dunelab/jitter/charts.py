# SPDX-License-Identifier: MIT
"""The report's figures: how late the systems wake, and what interrupted the spinning loop when."""

from dunelab.drawing import Figure, axis_tics, linear_tics, log_tics, margin
from dunelab.figures import ccdf_of
from dunelab.jitter import evaluate, plan as planning

POINTS_MAX = 3000       # of a series; the longest are kept where there are more


def plan(run, items, unit):
    """All figures that there are data for, in the order to show them."""
    found = []
    for noise in run.plan.noises:
        chosen = [item for item in items if item.step.noise == noise]
        found += [_wakes(noise, chosen, unit), _series(noise, chosen)]
    return [figure for figure in found if figure]


def _wakes(noise, items, unit):
    tables = {item.step.system: ccdf_of(item.late) for item in items}
    if not tables:
        return None
    low = min(table.low for table in tables.values())
    high = max(table.high for table in tables.values())
    most = max(item.late.total for item in items)
    low, high = margin(low, high)
    shares = [(f"{100 / 10 ** power:g}%%", 10.0 ** -power) for power in range(7)]
    return Figure(
        f"wake-{noise}", "ccdf", evaluate.TITLES[noise], f"Late wake-ups, {evaluate.TITLES[noise]}",
        "Share of the periods in which the thread woke later than x.",
        {name: table.text for name, table in tables.items()},
        {"x_low": low, "x_high": high, "y_low": f"{0.7 / most:g}",
         "x_tics": axis_tics("x", log_tics(low, high)),
         "y_tics": axis_tics("y", [s for s in shares if s[1] >= 0.7 / most]),
         "x_title": f"wakes late by ({unit})", "y_title": "periods later than that"})


def _series(noise, items):
    data, longest = {}, planning.THRESHOLD
    end = max((item.spin["ticks"] for item in items), default=0)
    for item in items:
        gaps = sorted(item.spin["gaps"], key=lambda gap: -gap[1])[:POINTS_MAX]
        if gaps:
            longest = max(longest, gaps[0][1])
            data[item.step.system] = "# second\tticks\n" + "".join(
                f"{at / item.spin['tick_hz']:.6f}\t{ticks}\n" for at, ticks in sorted(gaps))
    if not data:
        return None
    seconds = end / items[0].spin["tick_hz"]
    low, high = margin(planning.THRESHOLD, longest)
    return Figure(
        f"gaps-{noise}", "series", evaluate.TITLES[noise],
        f"Interruptions of a loop, {evaluate.TITLES[noise]}",
        f"Each dot is an interruption of more than {planning.THRESHOLD} ticks: when, and how long. "
        f"A system without dots had none; of one with more, the {POINTS_MAX:,} longest.", data,
        {"x_low": 0, "x_high": f"{seconds:.6g}", "y_low": low, "y_high": high,
         "x_tics": axis_tics("x", linear_tics(seconds)),
         "y_tics": axis_tics("y", log_tics(low, high)),
         "x_title": "time (s, of the machine's clock)", "y_title": "ticks taken"})
