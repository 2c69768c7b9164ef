# SPDX-License-Identifier: MIT
"""Text forms of histograms: the interval log (.hlog 1.3) and the percentile table (.hgrm, CSV)."""

from dataclasses import dataclass

from dunelab import hdr

_LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
# The log's third column is for people; histogram log tools take it in milliseconds.
_MAX_UNIT = 1_000_000


@dataclass
class Interval:
    """One line of a log: seconds since the base time, length in seconds, values in ns."""

    start: float
    length: float
    histogram: hdr.Histogram
    tag: str = ""


def write(intervals, start_time=0.0, comment="dunelab"):
    """Text of a .hlog.  Empty intervals are written too: plotters misread gaps."""
    lines = [f"#[{comment}]", "#[Histogram log format version 1.3]",
             f"#[StartTime: {start_time:.3f} (seconds since epoch)]", _LEGEND]
    for item in intervals:
        tag = f"Tag={item.tag}," if item.tag else ""
        lines.append(f"{tag}{item.start:.3f},{item.length:.3f},"
                     f"{item.histogram.max() / _MAX_UNIT:.3f},{item.histogram.encode_base64()}")
    return "\n".join(lines) + "\n"


def read(text):
    """List of Interval of a .hlog of version 1.2 or 1.3; CodecError names the bad line."""
    intervals, versioned = [], False
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.startswith("#"):
            versioned = versioned or line.startswith("#[Histogram log format version 1.")
            continue
        if not line or line.startswith('"'):
            continue
        fields, tag = line.split(","), ""
        if fields[0].startswith("Tag="):
            tag = fields.pop(0)[4:]
        try:
            start, length, _, packed = fields
            intervals.append(Interval(float(start), float(length),
                                      hdr.decode_base64(packed), tag))
        except ValueError as error:
            raise hdr.CodecError(f"line {number}: {error}") from None
    if not versioned:
        raise hdr.CodecError("no '#[Histogram log format version 1.x]' line")
    return intervals


def by_tag(intervals):
    """{tag: [Interval]} in the order of the log."""
    groups = {}
    for item in intervals:
        groups.setdefault(item.tag, []).append(item)
    return groups


def levels(total, ticks=5):
    """Percentile levels (fractions of 1) of a .hgrm: `ticks` steps per halving of the tail."""
    level, result = 0.0, []
    while level < 1 and (1 - level) * total >= 1 and len(result) < 1000:
        result.append(level)
        half = 1
        while half * (1 - level) < 1 - 1e-12:
            half *= 2
        half = half if half * (1 - level) > 1 + 1e-12 else half * 2
        level += 1 / (ticks * half)
    return result


def _steps(histogram):
    """(value, level, cumulative count) of each line of a percentile table but the last."""
    total, rows, place = histogram.total, histogram.rows(), 0
    for level in levels(total):
        while rows[place][2] < level * total - 1e-9:
            place += 1
        yield rows[place][0], level, rows[place][2]


def write_hgrm(histogram):
    """Text of a .hgrm in the classic layout; values in the histogram's own unit."""
    total, rows = histogram.total, histogram.rows()
    lines = [f"{'Value':>12} {'Percentile':>12} {'TotalCount':>12} {'1/(1-Percentile)':>12}", ""]
    lines += [f"{value:12.3f} {level:12.6f} {count:12d} {1 / (1 - level):12.2f}"
              for value, level, count in _steps(histogram)]
    if rows:
        lines.append(f"{rows[-1][0]:12.3f} {1.0:12.6f} {total:12d} {'inf':>12}")
    mean, stddev = histogram.mean_stddev()
    sub = histogram.sub_buckets
    lines += [f"#[Mean    = {mean:12.3f}, StdDeviation   = {stddev:12.3f}]",
              f"#[Max     = {histogram.max():12.3f}, Total count    = {total:12d}]",
              f"#[Buckets = {histogram.length // (sub // 2) - 1:12d}, "
              f"SubBuckets     = {sub:12d}]"]
    return "\n".join(lines) + "\n"


def write_hgrm_csv(histogram):
    """The same table as CSV, as HdrHistogram's tools write it: without a footer."""
    lines = ['"Value","Percentile","TotalCount","1/(1-Percentile)"']
    lines += [f"{value:.3f},{level:.12f},{count},{1 / (1 - level):.2f}"
              for value, level, count in _steps(histogram)]
    if histogram.total:
        lines.append(f"{histogram.rows()[-1][0]:.3f},{1.0:.12f},{histogram.total},Infinity")
    return "\n".join(lines) + "\n"


def read_hgrm(text):
    """[(value, percentile as a fraction, cumulative count)] of a .hgrm, classic or CSV."""
    rows = []
    for line in text.splitlines():
        fields = line.replace(",", " ").split()
        if len(fields) >= 3 and not line.startswith("#") and fields[0].strip('"') != "Value":
            rows.append((float(fields[0]), float(fields[1]), int(fields[2])))
    return rows
