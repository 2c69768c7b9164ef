# SPDX-License-Identifier: MIT
"""Whether a run drifts or begins too early: medians of consecutive parts against each other."""

import math

from dunelab.hdr import merge

# Medians of the two halves of a run may differ by this much before the run is called drifting;
# they are judged by the spread of the medians of so many parts.
DRIFT, BATCHES = 0.10, 20
# The first part may be slower than the slowest other one by this much.  Of parts that are alike it
# is the slowest one time in BATCHES, and hardly ever by so much.
COLD = 0.25


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


def cold(medians):
    """(first median, largest of the others) of batches, when the first is by far the slowest, as
    after too short a warm-up; else None."""
    first, most = medians[0], max(medians[1:])
    return (first, most) if first > most * (1 + COLD) else None
