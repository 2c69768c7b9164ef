# SPDX-License-Identifier: MIT
"""Runs without a common seed: a bootstrap over whole runs, and a permutation of their labels.

A run, not a request, is what is drawn again: requests of a run share its boot, its seed and its
queue, and an interval that takes them for independent covers the truth half the time.
"""

import itertools
import math
import random
from dataclasses import dataclass

RESAMPLES = 2_000
MIN_RUNS = 4            # four against four is the least that can reach p < 0.05
SEED = 20_260           # of the resamples alone: the same data give the same interval
# Up to so many ways to label the runs all are tried; of more, some are drawn.
_EXACT, _DRAWN = 20_000, 10_000


@dataclass(frozen=True)
class Unpaired:
    """Difference of the means of two groups of runs; ci is None below MIN_RUNS in either."""

    n: tuple
    mean: float
    ci: tuple | None


def interval(values, confidence=0.95, resamples=RESAMPLES):
    """Interval of the mean over runs, or None for fewer than MIN_RUNS; see difference()."""
    return _studentised([values], confidence, resamples)


def difference(base, new, confidence=0.95, resamples=RESAMPLES):
    """The Unpaired new - base of two lists with a value a run."""
    for group in (base, new):
        if not group or not all(map(math.isfinite, group)):
            raise ValueError("want finite values, at least one in each group")
    return Unpaired((len(base), len(new)), _mean(new) - _mean(base),
                    _studentised([base, new], confidence, resamples))


def _mean(values):
    return math.fsum(values) / len(values)


def _moments(groups):
    """(last mean - first mean, or the only one; its standard error) of one or two groups."""
    means, error = [], 0.0
    for group in groups:
        n, mean = len(group), sum(group) / len(group)
        means.append(mean)
        error += sum([(value - mean) ** 2 for value in group]) / (n - 1) / n
    return means[-1] - (means[0] if len(means) > 1 else 0.0), math.sqrt(error)


def _studentised(groups, confidence, resamples):
    """Bootstrap-t: percentiles of a resample's own t are scaled by the standard error seen.

    Plain percentiles of resampled means are too narrow for ten runs and cover 90 %.
    """
    if min(map(len, groups)) < MIN_RUNS:
        return None
    estimate, error = _moments(groups)
    if not error:
        return estimate, estimate
    draw, seen = random.Random(SEED), []
    while len(seen) < resamples:
        again, spread = _moments([draw.choices(group, k=len(group)) for group in groups])
        # One run drawn every time has no spread to divide by.
        if spread > 1e-9 * error:
            seen.append((again - estimate) / spread)
    seen.sort()
    cut = int((1 - confidence) / 2 * resamples)
    return estimate - seen[-1 - cut] * error, estimate - seen[cut] * error


def runs_each_needed(alpha, gates=1):
    """Fewest runs in each of two groups with which so many gates can all reach p < alpha."""
    return next(n for n in itertools.count(MIN_RUNS)
                if 2 * gates / math.comb(2 * n, n) < alpha)


def permutation(base, new):
    """Two-sided p-value of the difference of means when labels mean nothing."""
    pool, k = [*base, *new], len(new)
    total = math.fsum(pool)

    def distance(part):
        return abs(part / k - (total - part) / len(base))

    limit = distance(math.fsum(new)) - 1e-9 * math.fsum(map(abs, pool))
    if math.comb(len(pool), k) <= _EXACT:
        parts = [sum(chosen) for chosen in itertools.combinations(pool, k)]
        return sum(distance(part) >= limit for part in parts) / len(parts)
    draw = random.Random(SEED)
    hits = sum(distance(sum(draw.sample(pool, k))) >= limit for _ in range(_DRAWN))
    return (hits + 1) / (_DRAWN + 1)
