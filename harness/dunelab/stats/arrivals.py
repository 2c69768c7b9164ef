# SPDX-License-Identifier: MIT
"""Whether requests left as the plan's law wants: gaps between sends against their distribution.

The gaps are a histogram of what was really sent.  With many of them a test rejects any clock;
so the distance is held against a limit of its own, and counts only where it is no chance.

A send takes its time, and no gap can be shorter: requests that were due sooner leave late, which
is what lateness says, and a latency from the intended time has it.  So gaps count from twice the
generator's own pace on; if the law is not kept there, either, it was not the generator of the plan.
"""

import math

# Share of the gaps that may be elsewhere than the law has them.
LIMIT = 0.05
# The pace of a generator: the gap that so many per cent are not longer than.
PACE = "5"
# GPareto(0, 16.0292, 0.154971) of ETC, scaled to a mean of 1.
_ETC_SHAPE = 0.154971


def _poisson(x):
    return -math.expm1(-x)


def _etc(x):
    return 1 - (1 + _ETC_SHAPE * x / (1 - _ETC_SHAPE)) ** (-1 / _ETC_SHAPE)


LAWS = {"poisson": _poisson, "etc": _etc}


def distance(gaps, law, mean, above=0):
    """Kolmogorov's distance of a Histogram of gaps to a law of LAWS with that mean; gaps up to
    `above` may lie anywhere below it.
    """
    if not gaps.total or mean <= 0:
        raise ValueError("want gaps, and a mean above 0")
    worst, before, under = 0.0, 0, 0
    for upper, _, running in gaps.rows():
        under = running if upper < above else under
        # Only at the edges of a bucket is known how many gaps lie below.
        low = gaps.edges(gaps.index(upper))[0]
        for edge, below in ((upper + 1, running), (low, before)):
            if edge >= above:
                worst = max(worst, abs(below / gaps.total - LAWS[law](edge / mean)))
        before = running
    return max(worst, abs(under / gaps.total - LAWS[law](above / mean)))


def chance(gaps_total, level=0.01):
    """The distance that chance alone exceeds with that probability (Kolmogorov, large n)."""
    return math.sqrt(-math.log(level / 2) / 2 / gaps_total)


def caution(gaps, law, mean):
    """A sentence about gaps that are not the law's, or None."""
    if law not in LAWS or not gaps or not gaps.total:
        return None
    found = distance(gaps, law, mean, 2 * gaps.percentile(PACE))
    if found <= max(LIMIT, chance(gaps.total)):
        return None
    return (f"{found:.0%} of the gaps between sends are not where {law} arrivals have them: "
            "bursts were smoothed, or made, by the generator")
