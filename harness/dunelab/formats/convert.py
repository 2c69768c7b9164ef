# SPDX-License-Identifier: MIT
"""`convert`: a histogram, a run or a comparison in another format, on the standard output."""

import argparse
import csv
import io
import sys
from pathlib import Path

from dunelab import hdr, hlog, results, stats, store, summary
from dunelab.errors import UsageError
from dunelab.formats import fio, junit, records, rtla, rttests
from dunelab.formats.series import FormatError, of_histogram

# Text of a file of histograms -> [Series].
READERS = {"cyclictest": rttests.read, "oslat": rttests.read, "rtla": rtla.read, "fio": fio.read,
           "hlog": lambda text: [
               of_histogram(tag or "all", hdr.merge(item.histogram for item in items))
               for tag, items in hlog.by_tag(hlog.read(text)).items()]}
_RUN = {"kcidb": records.kcidb, "github": records.github, "ktap": records.ktap,
        "csv": summary.as_csv}


def _one(series):
    if len(series) != 1:
        raise UsageError(f"--series wants one of {', '.join(item.name for item in series)}")
    return series[0].histogram()


def _log(series):
    return hlog.write([hlog.Interval(0.0, 0.0, item.histogram(), item.name.replace(",", " "))
                       for item in series], comment="dunelab convert")


def _table(series):
    """A row a percentile of each series; empty where the sample size allows none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["series", "n", "overflow", "metric", "value", "ci_low", "ci_high", "unit"])
    for item in series:
        histogram = item.histogram()
        for name in stats.PERCENTILES:
            gate = stats.gated(histogram, name)
            writer.writerow([item.name, histogram.total, item.overflow, f"p{name}",
                             "" if gate.value is None else gate.value, *(gate.ci or ("", "")),
                             "ns"])
    return out.getvalue()


# [Series] -> text
_SERIES = {"hlog": _log, "hgrm": lambda series: hlog.write_hgrm(_one(series)),
           "hgrm-csv": lambda series: hlog.write_hgrm_csv(_one(series)),
           "cyclictest": rttests.write, "csv": _table,
           "fio": lambda series: fio.write({item.name: item.histogram() for item in series})}
TARGETS = sorted({*_RUN, *_SERIES, "junit"})

_EPILOG = f"""
from the directory of a run:  {', '.join(_RUN)}, and all histograms' formats
from histograms ({', '.join(READERS)}):  {', '.join(_SERIES)}
from a comparison (dunelab compare --json):  junit

examples:
  dunelab convert results/kv/latest --to kcidb
  dunelab convert cyclictest.json --to hlog >cyclictest.hlog
  dunelab compare --json A B >made.json; dunelab convert made.json --to junit
"""


def main(argv):
    """The command; 0, or 2 for what is not in its format."""
    parser = argparse.ArgumentParser(
        prog="dunelab convert", description="Other tools' formats, in and out.", epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", type=Path, help="a run's directory, or a file")
    parser.add_argument("--to", required=True, choices=TARGETS, help="the format to write")
    parser.add_argument("--from", dest="given", choices=sorted(READERS), help="of histograms; "
                        "default: what the file looks like")
    parser.add_argument("--series", help="only the series of that name")
    args = parser.parse_args(argv)
    try:
        text = _convert(args)
    except (FormatError, hdr.CodecError, UnicodeDecodeError) as error:
        raise UsageError(f"{args.input}: {error}") from None
    except OSError as error:
        raise UsageError(f"{args.input}: {error.strerror}") from None
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def _convert(args):
    if args.to == "junit":
        try:
            return junit.write(store.read_record(args.input, "dunelab-comparison/1"))
        except ValueError as error:
            raise UsageError(str(error)) from None
    if args.input.is_dir():
        run = results.load(args.input)
        if args.to in _RUN:
            return _RUN[args.to](run)
        series = [of_histogram(item.cell.id.rpartition("-")[0], item.intended)
                  for item in run.cells if item.done]
    else:
        text = args.input.read_text("utf-8")
        series = READERS[args.given or guess(text)](text)
    for item in series:
        for note in item.notes:
            print(f"{item.name}: {note}", file=sys.stderr)
    if args.series:
        series = [item for item in series if item.name == args.series]
    if args.to not in _SERIES:
        raise UsageError(f"{args.to} is made of a run, not of histograms")
    if not series:
        raise UsageError(f"{args.input}: nothing was measured in it"
                         + (f" as {args.series}" if args.series else ""))
    return _SERIES[args.to](series)


def guess(text):
    """The reader of READERS that a text looks as if it were for; FormatError for none."""
    for name, mark in (("hlog", "#[Histogram log format"), ("rtla", "# RTLA "),
                       ("fio", '"fio version"'), ("cyclictest", '"thread"')):
        if mark in text:
            return name
    raise FormatError(f"none of the formats {', '.join(READERS)}")
