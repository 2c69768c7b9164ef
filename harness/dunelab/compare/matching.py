# SPDX-License-Identifier: MIT
"""The comparison itself: by pairs of a common seed, by groups of runs, or by exact counts."""

import math
from dataclasses import dataclass, replace

from dunelab import hdr, stats
from dunelab.compare.sides import Metric

# Rates of one load; beyond it two latencies are of two loads.
RATE_TOLERANCE = 0.001


@dataclass(frozen=True)
class Row:
    """One metric of both sides.  ratio: new / base.  p: before Holm, p_holm: after.

    how: pairs, runs, exact, counts, same bits, few, skipped.  ks, a12: sizes of the effect, on all
    samples.  blocked: looks worse, and has no verdict for another reason than noise.
    """

    metric: Metric
    how: str
    n: tuple
    ratio: float | None
    ci: tuple | None = None
    p: float | None = None
    p_holm: float | None = None
    ks: float | None = None
    a12: float | None = None
    verdict: str = stats.INCONCLUSIVE
    reason: str = ""
    blocked: bool = False
    no_width: bool = False      # an interval of no width, of bits that differ


def rows(base, new, margin=stats.MARGIN, alpha=stats.ALPHA, only=()):
    """A Row for each metric that both sides have, p-values corrected together.

    only: words; a metric is compared when its key has one of them; all when there are none.
    """
    steady = base.deterministic and new.deterministic
    chosen = [metric for metric in base.values if wanted(metric, only)]
    found = [_row(metric, base.values[metric], new.values[metric], steady) for metric in chosen
             if metric in new.values]
    adjusted = stats.holm([row.p for row in found])
    conclusive = base.conclusive and new.conclusive
    gates = sum(p is not None for p in adjusted)
    judged = [_judged(replace(row, p_holm=p), margin, alpha, conclusive, gates)
              for row, p in zip(found, adjusted)]
    judged += [Row(metric, "skipped", (len(base.values[metric]), 0), None) for metric in chosen
               if metric not in new.values and metric.key[:-1] in new.skipped]
    return [_without_skipped(row, base.values[row.metric],
                             new.skipped.get(row.metric.key[:-1], {}), conclusive)
            for row in judged]


def wanted(metric, only):
    """Whether a metric is to be compared."""
    return not only or bool(set(only) & set(metric.key))


def _without_skipped(row, mine, skipped, conclusive):
    """No good verdict where the plan left out, of the new side alone, what the base could do: the
    slowest seeds would be those that do not count.
    """
    seeds = sorted({seed for seed, _ in mine} & set(skipped))
    if row.how == "skipped":
        seeds = seeds or sorted(skipped)
    if not seeds or row.verdict == stats.REGRESSED:
        return row
    return replace(row, verdict=stats.INCONCLUSIVE, blocked=conclusive, reason=(
        f"left out by plan in new, seed {', '.join(map(str, seeds))}: {skipped[seeds[0]]}"))


def _row(metric, mine, theirs, steady):
    common = sorted(set(mine) & set(theirs))
    sizes = _effects(mine, theirs)
    if steady and common and _same_bits(mine, theirs, common):
        return Row(metric, "same bits", (len(common),), 1.0, (1.0, 1.0), **sizes)
    if metric.counts and len(common) == len(mine) == len(theirs) == 1:
        seen = stats.rate_ratio(mine[common[0]].value, theirs[common[0]].value)
        return Row(metric, "counts", (1,), seen.ratio, seen.ci, seen.p)
    if metric.exact and common and any(v.value == 0 for v in (*mine.values(), *theirs.values())):
        return _zero(metric, mine[common[0]].value, theirs[common[0]].value)
    apart = _rates_apart(metric, mine, theirs, common)
    if apart > RATE_TOLERANCE:
        return Row(metric, "few", (len(common),) if common else (len(mine), len(theirs)), None,
                   reason=f"the rates differ by {apart:.2%}: not the same load")
    if not all(value.value > 0 for side in (mine, theirs) for value in side.values()):
        return Row(metric, "few", (len(mine), len(theirs)), None,
                   reason="a figure is 0: it has no ratio")
    logs = [math.log(theirs[run].value / mine[run].value) for run in common]
    if metric.exact and common:
        return Row(metric, "exact", (len(common),), _ratio(logs))
    if len(common) >= stats.MIN_PAIRS:
        seen = stats.sign_flip(logs)
        unequal = any(mine[run].bits != theirs[run].bits for run in common)
        return Row(metric, "pairs", (seen.n,), math.exp(seen.mean), _exp(seen.ci), seen.p,
                   no_width=unequal and seen.ci[1] - seen.ci[0] < 1e-12, **sizes)
    groups = [[math.log(value.value) for value in side.values()] for side in (mine, theirs)]
    seen = stats.difference(*groups)
    if not common and seen.ci:
        return Row(metric, "runs", seen.n, math.exp(seen.mean), _exp(seen.ci),
                   stats.permutation(*groups), no_width=seen.ci[1] - seen.ci[0] < 1e-12, **sizes)
    if common:
        return Row(metric, "few", (len(common),), _ratio(logs), **sizes,
                   reason=f"{len(common)} of {stats.MIN_PAIRS} pairs of a common seed")
    return Row(metric, "few", seen.n, math.exp(seen.mean), **sizes,
               reason="no common seed, and few runs")


def _same_bits(mine, theirs, common):
    """Whether no run differs from its partner, by not one request; a figure alone cannot say."""
    return len(mine) == len(theirs) == len(common) and all(
        (mine[run].histogram or mine[run].digest) and mine[run].bits == theirs[run].bits
        for run in common)


def _zero(metric, mine, theirs):
    """Row of exact counts of which one is 0."""
    if mine == theirs:
        return Row(metric, "exact", (1,), 1.0)
    better = (theirs < mine) == metric.lower_is_better
    return Row(metric, "exact", (1,), None, reason=f"{mine:g}, now {theirs:g}",
               verdict=stats.IMPROVED if better else stats.REGRESSED)


def _rates_apart(metric, mine, theirs, common):
    """Largest relative difference of the rates of two runs that should have the same load."""
    if not any(word.startswith("equal") for word in metric.key):
        return 0.0
    if common:
        groups = [(mine[run].rate, theirs[run].rate) for run in common]
    else:
        groups = [[value.rate for side in (mine, theirs) for value in side.values()]]
    known = [group for group in groups if all(group)]
    return max((max(group) / min(group) - 1 for group in known), default=0.0)


def _effects(mine, theirs):
    merged = [hdr.merge(v.histogram for v in side.values() if v.histogram)
              for side in (mine, theirs)]
    if not all(item.total for item in merged) or merged[0].shape() != merged[1].shape():
        return {}
    return {"ks": stats.ks_distance(*merged), "a12": stats.a12(*merged)}


def _judged(row, margin, alpha, conclusive, gates):
    better = row.metric.lower_is_better
    if not conclusive:
        return replace(row, verdict=stats.INCONCLUSIVE, reason="the host's time: no conclusion")
    if row.how == "same bits":
        return replace(row, verdict=stats.OK)
    if row.how == "few" or row.how == "exact" and row.ratio is None:
        return row
    if row.how == "counts" and not row.ci:
        return _from_nothing(row, alpha)
    if row.how == "exact":
        said = stats.exact(row.ratio, margin, better)
    else:
        said = stats.judge(row.ci, row.p_holm, margin, alpha, better)
    verdict, reason, blocked = said.verdict, said.reason, False
    if verdict == stats.OK and row.no_width:
        verdict, reason = stats.INCONCLUSIVE, ("the bits differ, but each ratio is the same: an "
                                               "interval without width says nothing")
    elif verdict == stats.INCONCLUSIVE and row.how in ("pairs", "runs"):
        pairs = row.how == "pairs"
        needed = (stats.pairs_needed if pairs else stats.runs_each_needed)(alpha, gates)
        if needed > min(row.n):
            # However large the difference, so few can never reach the level.
            blocked = stats.worse(row.ci, margin, better)
        elif pairs:
            needed = stats.runs_needed(row.ci, row.n[0], margin)
        if needed > min(row.n):
            reason += (f"; {'at least' if blocked else 'about'} {needed:,} "
                       f"{'pairs' if pairs else 'runs a side'} would tell")
    elif verdict == stats.INCONCLUSIVE and row.how == "counts":
        blocked, reason = stats.worse(row.ci, margin, better), f"{reason} (a boot a side)"
    return replace(row, verdict=verdict, reason=reason, blocked=blocked)


def _from_nothing(row, alpha):
    """Verdict of counts of which one is 0: no ratio, but a p-value."""
    if row.p_holm >= alpha:
        return replace(row, reason="too few events to tell (a boot a side)")
    # A ratio of 0: there is nothing left on the new side.
    fewer = row.ratio is not None
    verdict = stats.IMPROVED if fewer == row.metric.lower_is_better else stats.REGRESSED
    return replace(row, verdict=verdict, reason="none now" if fewer else "none before")


def _ratio(logs):
    return math.exp(math.fsum(logs) / len(logs))


def _exp(ci):
    return tuple(math.exp(end) for end in ci) if ci else None
