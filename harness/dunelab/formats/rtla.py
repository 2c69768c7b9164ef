# SPDX-License-Identifier: MIT
"""Tables of `rtla timerlat hist` and `rtla osnoise hist`: a column a CPU and kind, bins of 1 us."""

import re

from dunelab.formats.series import FormatError, Series, whole

_TITLE = re.compile(r"^# RTLA (timerlat|osnoise) histogram", re.M)
_UNIT = re.compile(r"^# Time unit is (\w+)", re.M)
_TRAILER = ("over:", "count:", "min:", "avg:", "max:")


def read(text):
    """[Series] of a table, named as its columns are (IRQ-000, Thr-000, CPU-000); FormatError."""
    if not _TITLE.search(text):
        raise FormatError("no '# RTLA ... histogram' line")
    unit = _UNIT.search(text)
    step = {"microseconds": "us", "nanoseconds": "ns"}.get(unit and unit[1])
    if not step:
        raise FormatError("no '# Time unit is microseconds' line")
    names, rows, trailer = None, {}, {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0] == "ALL:":
            # From 6.10 on: what follows adds the columns up.
            break
        if words[0] == "Index":
            names = words[1:]
            continue
        if names is None:
            raise FormatError(f"line {number}: before the line with the columns")
        if len(words) != len(names) + 1:
            raise FormatError(f"line {number}: {len(words) - 1} of {len(names)} columns")
        (trailer if words[0] in _TRAILER else rows)[words[0]] = words[1:]
    if not names or "count:" not in trailer:
        raise FormatError("the table is cut short: no line 'count:'")
    return [_column(place, name, step, rows, trailer) for place, name in enumerate(names)]


def _column(place, name, unit, rows, trailer):
    bins = {whole(value, "a bin"): whole(counts[place], f"{name}, bin {value}")
            for value, counts in rows.items()}
    bins = {value: count for value, count in bins.items() if count}

    def said(word, number=whole):
        text = trailer.get(word, ["-"] * (place + 1))[place]
        return None if text == "-" else number(text, f"{name}, {word}")

    result = Series(name, unit, bins, said("over:") or 0, said("min:"), said("max:"),
                    said("avg:", _mean))
    total = said("count:") or 0
    # Some versions count what is over, some do not.
    if total not in (result.counted, result.counted + result.overflow):
        raise FormatError(f"{name}: {result.counted:,} samples in bins and {result.overflow:,} "
                          f"over, but a count of {total:,}")
    if result.overflow:
        result.notes.append(f"{result.overflow:,} samples lie beyond the histogram")
    return result


def _mean(text, what):
    """An average, which from 6.10 on has decimals."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise FormatError(f"{what}: '{text}' is no average")
    return number
