# SPDX-License-Identifier: MIT
"""Whether a cell measured what the plan asked for: load, losses, lateness, arrivals, drift."""

from dataclasses import dataclass, field

from dunelab.stats import arrivals
from dunelab.stats.stationary import batches, cold, drift

# Achieved over scheduled load; share of the mean latency that is the generator's own lateness.
LOAD_TOLERANCE, LATE_SHARE = 0.01, 0.10


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


def achieved_share(summary):
    """Achieved over scheduled rate, or None.

    Scheduled, not offered: the mean of so many random gaps is itself random, by 0.7 % for
    20,000 requests, and that is not the generator's fault.
    """
    scheduled = summary.get("scheduled_rps") or summary.get("offered_rps")
    achieved = summary.get("achieved_rps")
    return achieved / scheduled if scheduled and achieved is not None else None


def check(summary, intended, intervals, gaps=None):
    """Validity of one cell.

    summary: the generator's JSON.  intended: its merged Histogram.  intervals: the same
    samples as Histograms in order of time.  gaps: Histogram of ns between sends, None where they
    were not recorded.
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
    uneven = gaps and summary.get("offered_rps") and arrivals.caution(
        gaps, summary.get("arrival"), 1e9 / summary["offered_rps"])
    if uneven:
        result.cautions.append(uneven)
    medians = batches(intervals)
    if medians:
        result.halves, drifts = drift(medians)
        result.stationary = not drifts
        if drifts:
            result.reasons.append(f"not stationary: median {result.halves[0]:,} in the first "
                                  f"half, {result.halves[1]:,} in the second")
        early = cold(medians)
        if early:
            result.cautions.append(
                f"median {early[0]:,} in the first {len(medians)}th, at most {early[1]:,} in the "
                "others: not warm yet, or something that happens once in a while")
    return result
