# SPDX-License-Identifier: MIT
"""Latency objects of fio's JSON (json+): percentile keys of six digits, bins in ns."""

import json

from dunelab import stats
from dunelab.formats.series import FormatError, Series, of_histogram, whole

KINDS = ("lat_ns", "clat_ns", "slat_ns")
DIRECTIONS = ("read", "write", "trim")


def key(percentile):
    """A percentile as fio spells it: 99 is "99.000000"."""
    return f"{float(percentile):.6f}"


def latency(histogram):
    """The object of one distribution.  A percentile that the sample size does not allow is left
    out, as are all numbers of an empty histogram: fio's zeros would be read as latencies."""
    n = histogram.total
    if not n:
        return {"N": 0, "percentile": {}, "bins": {}}
    item, (mean, deviation) = of_histogram("", histogram), histogram.mean_stddev()
    values = {name: stats.gated(histogram, name).value for name in stats.PERCENTILES}
    return {"min": item.low, "max": item.high, "mean": mean, "stddev": deviation, "N": n,
            "percentile": {key(name): value for name, value in values.items()
                           if value is not None},
            "bins": {str(value): count for value, count in item.bins.items()}}


def write(named, version="dunelab"):
    """Text of a file with a job for each {name: Histogram in ns}."""
    jobs = [{"jobname": name, "error": 0, "read": {"total_ios": histogram.total,
                                                   "lat_ns": latency(histogram)}}
            for name, histogram in named.items()]
    return json.dumps({"fio version": version, "jobs": jobs}, indent=1, allow_nan=False) + "\n"


def read(text):
    """[Series] of all jobs and directions that have bins; FormatError, also if none has."""
    try:
        jobs = json.loads(text)["jobs"]
        found = [_series(f"{job['jobname']} {direction} {kind}", job[direction][kind])
                 for job in jobs for direction in DIRECTIONS for kind in KINDS
                 if job.get(direction, {}).get(kind, {}).get("N")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"not fio's JSON: {error!r}") from None
    if not found:
        raise FormatError("no latencies in it: of clat in us (fio before 3) nothing can be said")
    return found


def _series(name, given):
    if not given.get("bins"):
        raise FormatError(f"{name}: no bins: fio writes them with --output-format=json+")
    bins = {whole(value, "a bin"): whole(count, f"bin {value}")
            for value, count in given["bins"].items()}
    result = Series(name, "ns", bins, 0, given.get("min"), given.get("max"), given.get("mean"))
    n = whole(given["N"], "N")
    if n != result.counted:
        raise FormatError(f"{name}: {result.counted:,} samples in bins, but N is {n:,}")
    return result
