# SPDX-License-Identifier: MIT
"""Axes: limits a little wider than the data, tics at round numbers, and where a value lies."""

import math
from dataclasses import dataclass

# Mantissas of tics on logarithmic axes, from wide axes to narrow ones.
TIC_STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7),
             (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6, 8),
             tuple(n / 20 for n in range(20, 200)), tuple(n / 100 for n in range(100, 1000)))
# More than these run into each other.
MOST_TICS = 12


@dataclass(frozen=True)
class Axis:
    """One axis.  tics: ((text, value), ...); log: low > 0; down: values grow downwards."""

    title: str
    low: float
    high: float
    tics: tuple
    log: bool = False
    down: bool = False

    def share(self, value):
        """Where a value lies, 0 at the low end and 1 at the high one; beyond them outside."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = (math.log(max(x, 1e-300)) for x in (low, high, value))
        return (value - low) / (high - low)


def log_axis(title, low, high, room=1.12, least=1):
    """A logarithmic Axis around data."""
    low, high = margin(low, high, room, least)
    return Axis(title, low, high, tuple(log_tics(low, high)), log=True)


def linear_axis(title, high):
    """An Axis from 0 to the largest value."""
    return Axis(title, 0, high, tuple(linear_tics(high)))


def signed_axis(title, low, high):
    """A linear Axis around data and 0, which may lie on either side of them."""
    low, high = min(low, 0), max(high, 0)
    room = 0.05 * (high - low)
    low, high = low - room if low else 0, high + room if high else 0
    if low == high:
        high = 1
    step = _step((high - low) / 4)
    tics = [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return Axis(title, low, high, tuple((short_number(tic), tic) for tic in tics))


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
    if len(tics) > MOST_TICS:
        # From just below a power of ten to just above it one grid is too coarse or too fine.
        step = _step((high - low) / 4)
        tics = [step * n for n in range(math.ceil(low / step), int(high / step) + 1)]
    return [(short_number(tic), tic) for tic in tics]


def _step(width):
    """The round number next below a width: 1, 2 or 5 of a power of ten."""
    power = 10 ** math.floor(math.log10(width))
    return max(power * s for s in (1, 2, 5) if power * s <= width)


def linear_tics(high):
    """At most nine tics from 0 on."""
    power = 10 ** math.floor(math.log10(high))
    step = next(power * s for s in (0.1, 0.2, 0.25, 0.5, 1, 2) if high / (power * s) <= 8)
    return [(short_number(step * n), step * n) for n in range(int(high / step) + 1)]


def short_number(value):
    """20k, 1.5M: a number for an axis."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:g}{letter}"
    return f"{value:g}"
