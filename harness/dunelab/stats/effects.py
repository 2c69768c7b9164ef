# SPDX-License-Identifier: MIT
"""How far apart two histograms are, without saying whether that is chance.

With a million requests every difference is significant; so these are sizes, and p-values come
from runs alone.
"""


def _merged(first, second):
    """(cumulative count of first, of second) at every value that either has, ascending."""
    tables = [[(row[0], row[2]) for row in item.rows()] for item in (first, second)]
    values = sorted({value for table in tables for value, _ in table})
    at, running, result = [0, 0], [0, 0], []
    for value in values:
        for side, table in enumerate(tables):
            if at[side] < len(table) and table[at[side]][0] == value:
                running[side] = table[at[side]][1]
                at[side] += 1
        result.append((running[0], running[1]))
    return result


def _require(first, second):
    if not first.total or not second.total:
        raise ValueError("an empty histogram has no distance to another")
    if first.shape() != second.shape():
        raise ValueError(f"shapes differ: {first.shape()} and {second.shape()}")


def ks_distance(first, second):
    """Largest difference of the two distribution functions, 0 to 1 (Kolmogorov, Smirnov)."""
    _require(first, second)
    return max(abs(a / first.total - b / second.total) for a, b in _merged(first, second))


def a12(base, new):
    """How often a sample of new is larger than one of base, ties halved (Vargha, Delaney).

    0.5: neither; 0.56, 0.64, 0.71: what is called small, medium, large.
    """
    _require(base, new)
    larger, before = 0, (0, 0)
    for running in _merged(base, new):
        # Twice, so that halved ties stay whole numbers.
        larger += (running[1] - before[1]) * (running[0] + before[0])
        before = running
    return larger / (2 * base.total * new.total)
