# SPDX-License-Identifier: MIT
"""Regressed, improved, ok or inconclusive: what an interval of a ratio and a p-value allow.

The margin is the change that nobody minds.  A change is called one only when the whole interval
lies beyond the margin and the p-value, corrected for all gates, is below the level; it is ok
only when the whole interval lies below the margin.  Everything else is not known.
"""

import math
from dataclasses import dataclass

REGRESSED, IMPROVED, OK, INCONCLUSIVE = "regressed", "improved", "ok", "inconclusive"
MARGIN, ALPHA = 0.01, 0.05


@dataclass(frozen=True)
class Judgement:
    """A verdict and, where it is none, why in a few words."""

    verdict: str
    reason: str = ""


def judge(ci, p, margin=MARGIN, alpha=ALPHA, lower_is_better=True):
    """The Judgement of a ratio new / base; ci: its interval or None, p: corrected."""
    if ci is None or p is None:
        return Judgement(INCONCLUSIVE, "too few runs")
    low, high = _losses(ci, lower_is_better)
    limit = math.log1p(margin)
    if low > limit or high < -limit:
        if p < alpha:
            return Judgement(REGRESSED if low > limit else IMPROVED)
        return Judgement(INCONCLUSIVE, f"p = {p:.2g} after Holm: more pairs, or fewer gates")
    if high <= limit:
        return Judgement(OK)
    return Judgement(INCONCLUSIVE, f"the interval reaches {math.expm1(high):+.1%}, "
                                   f"the margin is {margin:.1%}")


def worse(ci, margin=MARGIN, lower_is_better=True):
    """Whether a whole interval of a ratio lies beyond the margin, on the bad side."""
    return ci is not None and _losses(ci, lower_is_better)[0] > math.log1p(margin)


def _losses(ci, lower_is_better):
    """The ends of an interval as logarithms: above 0 is worse."""
    low, high = (math.log(end) for end in ci)
    return (low, high) if lower_is_better else (-high, -low)


def exact(ratio, margin=MARGIN, lower_is_better=True):
    """The Judgement of figures that have no spread: instructions of a deterministic engine."""
    return judge((ratio, ratio), 0.0, margin, lower_is_better=lower_is_better)


def runs_needed(ci, n, margin=MARGIN):
    """About how many runs would make half the interval as wide as the margin; n where no number
    would.
    """
    half = (math.log(ci[1]) - math.log(ci[0])) / 2
    return max(n, math.ceil(n * (half / math.log1p(margin)) ** 2)) if half and margin else n
