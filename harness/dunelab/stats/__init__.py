# SPDX-License-Identifier: MIT
"""Honest statistics of latencies; standard library alone, one module a question.

Within a run: percentiles, dependence, validity, stationary, arrivals.  Between runs: pairs,
bootstrap, counts.  Beside both: effects, holm, verdict.
"""

from dunelab.stats.arrivals import caution as arrivals_caution
from dunelab.stats.bootstrap import (
    difference, interval as runs_interval, permutation, runs_each_needed)
from dunelab.stats.counts import rate_ratio
from dunelab.stats.dependence import inflation, split
from dunelab.stats.effects import a12, ks_distance
from dunelab.stats.holm import holm
from dunelab.stats.pairs import MAX_PAIRS, MIN_PAIRS, order, pairs_needed, sign_flip
from dunelab.stats.percentiles import (
    FLAG, PERCENTILES, USABLE, Percentile, Ratio, binomial_quantile, ci_ranks,
    confidence_interval, gated, ratio, samples_for_max, samples_needed)
from dunelab.stats.stationary import BATCHES, DRIFT, batches, drift
from dunelab.stats.validity import (
    LATE_SHARE, LOAD_TOLERANCE, Validity, achieved_share, check)
from dunelab.stats.verdict import (
    ALPHA, IMPROVED, INCONCLUSIVE, MARGIN, OK, REGRESSED, Judgement, exact, judge, runs_needed,
    worse)

__all__ = [name for name in dir() if not name.startswith("_")]
