# SPDX-License-Identifier: MIT
"""How much less a run's requests say than so many independent ones, seen in the run itself.

Requests that wait in one queue are slow together.  What lies beyond a percentile then comes in
clumps, and of the parts of a run some have many of it, some none: by how much more than chance
would have it is the factor by which the number of requests is too large: the design effect (Kish,
Survey Sampling, 1965), its variance that between consecutive parts (the method of batch means).
"""

import bisect
import math
from functools import lru_cache
from statistics import NormalDist

from dunelab.hdr import merge

# Consecutive parts of a run that are held against each other, and the least that say anything.
PARTS, FEWEST = 20, 10


def split(intervals, count=PARTS):
    """Histograms of at most `count` consecutive parts with about equally many samples each.

    intervals: Histograms in order of time. What is split already stays as it is.
    """
    total, parts, part, running = sum(item.total for item in intervals), [], [], 0
    for item in intervals:
        part.append(item)
        running += item.total
        if running >= total * (len(parts) + 1) / count:
            parts.append(part[0] if len(part) == 1 else merge(part))
            part = []
    return parts


def beyond(histogram, value):
    """Samples above the bucket of a value."""
    rows = histogram.rows()
    place = bisect.bisect_right(rows, value, key=lambda row: row[0])
    return histogram.total - (rows[place - 1][2] if place else 0)


@lru_cache
def student(freedom, confidence):
    """Student's two-sided t of that many degrees of freedom."""
    low, high = 0.0, 1e6
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return high


def _within(t, freedom):
    """P(|T| < t), a finite sum for whole degrees of freedom (Abramowitz and Stegun, 26.7.3-4)."""
    angle = math.atan(t / math.sqrt(freedom))
    odd, cosine = freedom % 2, math.cos(angle)
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine ** 2 * k / (k + 1)
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total


def inflation(intervals, value, confidence=0.95):
    """The factor, >= 1, by which dependence widens what is known of the share beyond a value.

    intervals: Histograms in order of time.  confidence: of the interval that it is for: of few
    parts the factor itself is uncertain, the more the higher.  None where it cannot be told: too
    few parts, or nothing beyond the value, as in the topmost bucket.
    """
    parts = split(intervals)
    sizes = [part.total for part in parts]
    total = sum(sizes)
    if len(parts) < FEWEST or not total:
        return None
    counts = [beyond(part, value) for part in parts]
    share = sum(counts) / total
    if not 0 < share < 1:
        return None
    # Parts of more samples may have more of everything: residuals, not counts, are compared.
    seen = sum((have - size * share) ** 2 for have, size in zip(counts, sizes))
    seen *= len(parts) / (len(parts) - 1)
    wider = student(len(parts) - 1, confidence) / NormalDist().inv_cdf((1 + confidence) / 2)
    return max(1.0, wider ** 2 * seen / (total * share * (1 - share)))


def effective(n, factor):
    """Independent samples that say as much as n with that inflation; at least 1."""
    return max(1, math.floor(n / factor))
