# SPDX-License-Identifier: MIT
"""JSON of rt-tests: cyclictest and oslat, with what their files leave out.

cyclictest keeps samples beyond its histogram nowhere: they are the cycles that no bin has.  oslat
counts them in its last bin.  Two keys really end in a colon ("cmdline:"), in some versions.
"""

import json

from dunelab.formats.series import FormatError, Series, whole

_COLON = ("cmdline", "rt_test_version")


def read(text):
    """[Series] of a cyclictest or oslat file, one a thread; FormatError."""
    try:
        given = json.loads(text)
        threads = given["thread"]
        items = sorted(threads.items(), key=lambda item: int(item[0]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"not JSON of rt-tests: {error!r}") from None
    if not items:
        raise FormatError("no thread was measured")
    return [_thread(number, thread, given) for number, thread in items]


def version(text):
    """The version of rt-tests that wrote a file, or None."""
    given = json.loads(text)
    return next((given[key] for name in _COLON[1:] for key in (name, name + ":")
                 if key in given), None)


def _thread(number, thread, given):
    try:
        bins = {whole(value, "a bin"): whole(count, f"bin {value}")
                for value, count in thread.get("histogram", {}).items()}
        name = f"cpu{thread.get('cpu', number)}"
        unit = "ns" if given.get("resolution_in_ns") else "us"
        result = Series(name, unit, bins, 0, _number(thread, "min"), _number(thread, "max"),
                        thread.get("avg"))
        if "cycles" in thread:
            _overflow(result, whole(thread["cycles"], "cycles"))
        elif bins and result.high is not None and result.high > max(bins):
            _last_bin(result)
    except AttributeError as error:
        raise FormatError(f"thread {number}: {error}") from None
    return result


def _number(thread, name):
    return None if thread.get(name) is None else whole(thread[name], name)


def _overflow(series, cycles):
    series.overflow = cycles - series.counted
    if series.overflow < 0:
        raise FormatError(f"{series.name}: {series.counted:,} samples in bins, but {cycles:,} "
                          "cycles")
    if series.overflow:
        series.notes.append(f"{series.overflow:,} of {cycles:,} samples lie beyond the histogram, "
                            f"up to {series.high:,} {series.unit}")


def _last_bin(series):
    last = max(series.bins)
    series.overflow = series.bins.pop(last)
    series.notes.append(f"the last bin, {last} {series.unit}, counts everything above it, up to "
                        f"{series.high:,}: its {series.overflow:,} samples are overflow")


def write(series, command="dunelab"):
    """Text of a cyclictest file; Series in us, or in ns (then resolution_in_ns is 1)."""
    if len({item.unit for item in series}) != 1:
        raise FormatError("want at least one series, all of one unit")
    threads = {}
    for number, item in enumerate(series):
        threads[str(number)] = {
            "histogram": {str(value): count for value, count in sorted(item.bins.items())},
            "cycles": item.counted + item.overflow, "min": item.low, "max": item.high,
            "avg": item.mean, "cpu": _cpu(item.name, number), "node": 0}
    return json.dumps({"file_version": 1, "cmdline:": command, "rt_test_version:": "2.40",
                       "return_code": 0, "num_threads": len(series),
                       "resolution_in_ns": int(series[0].unit == "ns"), "thread": threads},
                      indent=1, allow_nan=False) + "\n"


def _cpu(name, number):
    digits = name.removeprefix("cpu")
    return int(digits) if digits.isdigit() else number
