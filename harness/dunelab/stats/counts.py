# SPDX-License-Identifier: MIT
"""Two counts of events over the same time: their ratio, its exact interval, an exact test.

Of a + b events each is one of the second count with the same probability; so b is binomial, and
the interval is Clopper's and Pearson's of that probability (Przyborowski and Wilenski, 1940).
Events are taken as independent: what comes in bursts is less certain than this says.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """ratio: new / base, None where the base counted nothing.  ci: None without events or with
    an end that is infinite.  p: two-sided.
    """

    ratio: float | None
    ci: tuple | None
    p: float


def _tail(n, k, share):
    """P(Binomial(n, share) >= k)."""
    if k <= 0:
        return 1.0
    if share <= 0 or k > n:
        return 0.0
    if share >= 1:
        return 1.0
    logs = math.log(share), math.log1p(-share)
    return min(1.0, math.fsum(
        math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
                 + i * logs[0] + (n - i) * logs[1]) for i in range(k, n + 1)))


def _solve(probability, level):
    """The share in [0, 1] at which an increasing function reaches a level."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if probability(middle) < level else (low, middle)
    return (low + high) / 2


def rate_ratio(base, new, confidence=0.95):
    """The Counts of two whole numbers >= 0, counted over the same time."""
    n = base + new
    if not n:
        return Counts(None, None, 1.0)
    # Two-sided as twice the smaller tail, which the interval below inverts.
    p = min(1.0, 2 * min(_tail(n, new, 0.5), _tail(n, base, 0.5)))
    if not base or not new:
        return Counts(new / base if base else None, None, p)
    level = (1 - confidence) / 2
    low = _solve(lambda share: _tail(n, new, share), level)
    high = 1 - _solve(lambda share: _tail(n, base, share), level)
    return Counts(new / base, (low / (1 - low), high / (1 - high)), p)
