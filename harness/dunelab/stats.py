# SPDX-License-Identifier: MIT
"""What may be said about measured latencies: gated percentiles, exact intervals, validity.

A percentile is printed only when enough samples lie beyond it, its interval comes from order
statistics (exact whatever the distribution), and a cell whose load or generator was not what
the plan asked for carries the reasons.  Everything is standard library.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

from dunelab.hdr import as_fraction, merge

# Expected samples beyond a percentile: below FLAG nothing can be said, below USABLE only with
# a caveat.
USABLE, FLAG = 20, 5
PERCENTILES = ("50", "90", "99", "99.9", "99.99")
# Achieved over scheduled load; share of the mean latency that is the generator's own lateness.
LOAD_TOLERANCE, LATE_SHARE = 0.01, 0.10
# Medians of the two halves of a run may differ by this much before the run is called drifting;
# they are judged by the spread of the medians of so many parts.
DRIFT, BATCHES = 0.10, 20


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


def ci_ranks(n, percentile, confidence=0.95):
    """(low, high) ranks counted from the LARGEST sample, low > high; None when n is too small.

    The percentile lies between the low-th and the high-th largest sample with at least this
    confidence.  Expecting 20 beyond it, that is (30, 12); expecting 5, (11, 1).
    """
    beyond = float(1 - as_fraction(percentile))
    if n < 1 or not 0 < beyond < 1:
        return None
    tail = (1 - confidence) / 2
    high = binomial_quantile(n, beyond, tail)
    low = binomial_quantile(n, beyond, 1 - tail) + 1
    if high < 1 or low > n:
        return None
    return low, high


def confidence_interval(histogram, percentile, confidence=0.95):
    """(low, high) values of the order-statistic interval, or None when there is none."""
    n = histogram.total
    ranks = ci_ranks(n, percentile, confidence)
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


@dataclass
class Validity:
    """Whether a cell measured what the plan asked for.

    reasons: why it did not.  cautions: what weakens it without making it wrong.
    """

    reasons: list = field(default_factory=list)
    cautions: list = field(default_factory=list)
    late_share: float | None = None
    stationary: bool | None = None
    halves: tuple | None = None
    saturated: bool = False

    @property
    def ok(self):
        return not self.reasons


def batches(intervals):
    """Medians of BATCHES consecutive parts of a run with about equally many samples, or None.

    intervals: Histograms in order of time.  None when there are under 20 samples a part.
    Waiting times of neighbouring requests are alike, so a part, not a request, is the unit in
    which a run may be said to drift.
    """
    total = sum(item.total for item in intervals)
    if total < 20 * BATCHES:
        return None
    medians, part, running = [], [], 0
    for item in intervals:
        part.append(item)
        running += item.total
        if running >= total * (len(medians) + 1) / BATCHES and sum(i.total for i in part) >= 20:
            medians.append(merge(part).percentile("50"))
            part = []
    return medians if len(medians) >= BATCHES // 2 else None


def drift(medians):
    """((mean of the first half, of the second), whether they differ) of batch medians.

    They differ when the means are more than DRIFT apart and more than three standard errors.
    """
    cut = len(medians) // 2
    groups = medians[:cut], medians[cut:]
    means = [sum(group) / len(group) for group in groups]
    error = math.sqrt(sum(sum((x - mean) ** 2 for x in group) / (len(group) - 1) / len(group)
                          for group, mean in zip(groups, means)))
    apart = abs(means[0] - means[1])
    return tuple(map(round, means)), apart > DRIFT * min(means) and apart > 3 * error


def achieved_share(summary):
    """Achieved over scheduled rate, or None.

    Scheduled, not offered: the mean of so many random gaps is itself random, by 0.7 % for
    20,000 requests, and that is not the generator's fault.
    """
    scheduled = summary.get("scheduled_rps") or summary.get("offered_rps")
    achieved = summary.get("achieved_rps")
    return achieved / scheduled if scheduled and achieved is not None else None


def check(summary, intended, intervals):
    """Validity of one cell.

    summary: the generator's JSON.  intended: its merged Histogram.  intervals: the same
    samples as Histograms in order of time.
    """
    result = Validity()
    share = achieved_share(summary)
    if share is not None and abs(share - 1) > LOAD_TOLERANCE:
        result.saturated = share < 1
        result.reasons.append(f"achieved {share:.1%} of the scheduled load")
    for name in ("lost", "errors"):
        if summary.get(name):
            result.reasons.append(f"{summary[name]:,} requests {name}"
                                  if name == "lost" else f"{summary[name]:,} errors")
    wanted = summary.get("requests")
    if wanted and intended.total + intended.overflow < wanted and not summary.get("lost"):
        result.reasons.append(f"{intended.total:,} of {wanted:,} latencies recorded")
    overflow = max(intended.overflow, (summary.get("intended") or {}).get("overflow") or 0)
    if overflow:
        result.reasons.append(f"{overflow:,} latencies beyond the histogram")
    late = (summary.get("late") or {}).get("mean")
    mean = (summary.get("intended") or {}).get("mean") or intended.mean_stddev()[0]
    if late is not None and mean:
        result.late_share = late / mean
        if result.late_share > LATE_SHARE:
            # Counted from the intended time, lateness is part of every system's latency alike.
            result.cautions.append(f"{result.late_share:.0%} of the mean latency is lateness of "
                                   "the generator, which draws ratios towards 1")
    medians = batches(intervals)
    if medians:
        result.halves, drifts = drift(medians)
        result.stationary = not drifts
        if drifts:
            result.reasons.append(f"not stationary: median {result.halves[0]:,} in the first "
                                  f"half, {result.halves[1]:,} in the second")
    return result
