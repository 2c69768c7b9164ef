# SPDX-License-Identifier: MIT
"""Several gates at once: p-values corrected so that any false alarm stays below the level."""


def holm(values):
    """Holm's adjusted p-values, in the order given; None stays None and is no gate."""
    places = sorted((i for i, p in enumerate(values) if p is not None), key=lambda i: values[i])
    result, worst = [None] * len(values), 0.0
    for rank, place in enumerate(places):
        worst = max(worst, min(1.0, (len(places) - rank) * values[place]))
        result[place] = worst
    return result
