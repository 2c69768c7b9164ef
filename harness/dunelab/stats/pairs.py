# SPDX-License-Identifier: MIT
"""Pairs of runs with a common seed: exact sign-flip test, its interval, the order to run them in.

The unit is the difference of one pair (of logarithms, for ratios).  Under no effect each is as
likely to have either sign, whatever its distribution; so every pattern of signs is as likely as
the one that was seen.  The interval inverts that test: the means of all non-empty subsets of
the differences cut the line into 2**n pieces that hold the centre equally often (Hartigan, 1969).
"""

import math
import random
from dataclasses import dataclass

from dunelab.errors import UsageError

# 2**20 sums are a second of work; twenty pairs reach p = 2e-6.
MAX_PAIRS = 20
# Below it even a difference of every pair has p > 0.05, and there is no 95 % interval.
MIN_PAIRS = 6


@dataclass(frozen=True)
class Paired:
    """The mean difference of n pairs; ci is None when there are too few for the confidence."""

    n: int
    mean: float
    ci: tuple | None
    p: float


def sign_flip(differences, confidence=0.95):
    """The Paired of a list of differences, two-sided; ValueError for none or for NaN."""
    n = len(differences)
    if not n or not all(map(math.isfinite, differences)):
        raise ValueError("want finite differences, at least one")
    if n > MAX_PAIRS:
        raise UsageError(f"{n} pairs: at most {MAX_PAIRS} are compared exactly, choose some")
    sums, sizes = [0.0], [0]
    for item in differences:
        sums += [value + item for value in sums]
        sizes += [size + 1 for size in sizes]
    total = sums[-1]
    # A pattern of signs sums to twice the positive ones less all; rounding must not split ties.
    limit = abs(total) - 1e-9 * math.fsum(map(abs, differences))
    p = sum(abs(2 * value - total) >= limit for value in sums) / len(sums)
    return Paired(n, total / n, _interval(sums, sizes, confidence), p)


def _interval(sums, sizes, confidence):
    cut = math.floor((1 - confidence) / 2 * len(sums) + 1e-9)
    if cut < 1:
        return None
    means = sorted(value / size for value, size in zip(sums[1:], sizes[1:]))
    return means[cut - 1], means[-cut]


def pairs_needed(alpha, gates=1):
    """Fewest pairs with which so many gates, corrected after Holm, can all reach p < alpha."""
    return max(MIN_PAIRS, math.floor(math.log2(2 * gates / alpha)) + 1)


def order(pairs, seed):
    """The arms of so many pairs in the order to run them: "ABBA" or "BAAB" for two, drawn.

    A drift of the host that is linear in time falls on both arms of such a block alike.
    """
    draw = random.Random(seed)
    arms = "".join(draw.choice(("ABBA", "BAAB")) for _ in range((pairs + 1) // 2))
    return arms[:2 * pairs]
