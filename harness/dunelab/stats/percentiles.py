# SPDX-License-Identifier: MIT
"""What one run says about a percentile: gated by its sample size, with an exact interval.

A percentile is printed only when enough samples lie beyond it; its interval comes from order
statistics and holds whatever the distribution, and, where the histogram knows its parts in order
of time, for requests that depend on those before them, too.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from dunelab.hdr import as_fraction
from dunelab.stats.dependence import effective, inflation, split

# Expected samples beyond a percentile: below FLAG nothing can be said, below USABLE only with
# a caveat.
USABLE, FLAG = 20, 5
PERCENTILES = ("50", "90", "99", "99.9", "99.99")


@dataclass(frozen=True)
class Percentile:
    """One gated percentile. `grade` is ok, weak or none; value and ci are None unless allowed."""

    name: str
    grade: str
    value: int | None
    ci: tuple | None
    needs: int

    def text(self):
        """How tables print it; a weak one carries a question mark."""
        if self.grade == "none":
            return f"n/a (need >= {self.needs:,})"
        return f"{self.value:,}" + ("?" if self.grade == "weak" else "")


def samples_needed(percentile, exceedances=USABLE):
    """Smallest n that expects so many samples beyond the percentile (99 and 20: 2,000)."""
    beyond = 1 - as_fraction(percentile)
    return math.ceil(Fraction(exceedances) / beyond) if beyond else 1


def samples_for_max(percentile, confidence):
    """Smallest n whose largest sample is at least the percentile with this confidence."""
    return math.ceil(math.log1p(-confidence) / math.log(float(as_fraction(percentile))))


def binomial_quantile(n, probability, level):
    """Smallest k with P(Binomial(n, probability) <= k) >= level; 0 < probability < 1.

    Summed outwards from ten standard deviations below the mean, so that it costs the same
    for ten samples as for ten million.
    """
    mean, deviation = n * probability, math.sqrt(n * probability * (1 - probability))
    k = max(0, math.floor(mean - 10 * deviation - 10))
    log_term = (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
                + k * math.log(probability) + (n - k) * math.log1p(-probability))
    odds = probability / (1 - probability)
    term = math.exp(log_term)
    total = term
    while total < level and k < n:
        term *= (n - k) / (k + 1) * odds
        k += 1
        total += term
    return k


def ci_ranks(n, percentile, confidence=0.95, factor=1.0):
    """(low, high) ranks counted from the LARGEST sample, low > high; None when n is too small.

    The percentile lies between the low-th and the high-th largest sample with at least this
    confidence.  Expecting 20 beyond it, that is (30, 12); expecting 5, (11, 1).
    factor: of dependence.inflation(); the ranks are those of so many fewer samples.
    """
    beyond = float(1 - as_fraction(percentile))
    if n < 1 or not 0 < beyond < 1:
        return None
    tail, fewer = (1 - confidence) / 2, effective(n, factor)
    high = math.floor(binomial_quantile(fewer, beyond, tail) * n / fewer)
    low = math.ceil((binomial_quantile(fewer, beyond, 1 - tail) + 1) * n / fewer)
    if high < 1 or low > n:
        return None
    return low, high


def confidence_interval(histogram, percentile, confidence=0.95):
    """(low, high) values of the order-statistic interval, or None when there is none.

    With histogram.parts it allows for the dependence of requests that the parts show; where they
    cannot show it there is no interval.  Without, samples count as independent.
    """
    n = histogram.total
    # Split once, not for each percentile.
    histogram.parts = tuple(split(histogram.parts))
    factor = 1.0
    if n and histogram.parts:
        factor = inflation(histogram.parts, histogram.percentile(percentile), confidence)
    ranks = ci_ranks(n, percentile, confidence, factor) if factor else None
    if ranks is None:
        return None
    return tuple(histogram.value_at_rank(n + 1 - rank) for rank in ranks)


def gated(histogram, percentile):
    """The Percentile of a histogram that its sample size allows."""
    n, needs = histogram.total, samples_needed(percentile)
    beyond = n * (1 - as_fraction(percentile))
    grade = "ok" if beyond >= USABLE else "weak" if beyond >= FLAG else "none"
    if grade == "none":
        return Percentile(str(percentile), grade, None, None, needs)
    return Percentile(str(percentile), grade, histogram.percentile(percentile),
                      confidence_interval(histogram, percentile), needs)


@dataclass(frozen=True)
class Ratio:
    """One percentile of a system over the baseline's, with a three-way verdict."""

    value: float
    ci: tuple | None
    verdict: str


def ratio(histogram, baseline, percentile):
    """Ratio of one percentile to the baseline's, or None when either may not be printed.

    The interval divides two 97.5 % intervals, which covers at least 95 % jointly and needs no
    assumption about how the two are related.  Verdict: lower or higher when it excludes 1,
    else inconclusive.
    """
    ours, theirs = gated(histogram, percentile), gated(baseline, percentile)
    if "none" in (ours.grade, theirs.grade) or not theirs.value:
        return None
    top = confidence_interval(histogram, percentile, 0.975)
    bottom = confidence_interval(baseline, percentile, 0.975)
    if top is None or bottom is None or not bottom[0]:
        return Ratio(ours.value / theirs.value, None, "inconclusive")
    ci = (top[0] / bottom[1], top[1] / bottom[0])
    verdict = "lower" if ci[1] < 1 else "higher" if ci[0] > 1 else "inconclusive"
    return Ratio(ours.value / theirs.value, ci, verdict)
