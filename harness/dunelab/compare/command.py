# SPDX-License-Identifier: MIT
"""`compare BASE NEW`: reads both sides, prints a verdict for each metric, and exits with it."""

import argparse
import json
from pathlib import Path

from dunelab import colour, stats, store
from dunelab.compare import guard, matching, output, sources
from dunelab.errors import UsageError

OK, REGRESSED, NOTHING, INCONCLUSIVE = 0, 1, 3, 4

_EPILOG = """
A side is the directory of a run (of kv, jitter or the paper), a directory of such (a seed each), a
record of `dunelab bench`, or several of them with commas between.  Runs of a common seed are
paired; six pairs are the least that can show anything, ten the usual number.

exit status:
  0  nothing regressed          2  wrong arguments, unreadable or incomparable input
  1  a metric regressed         3  nothing was measured, or a part of NEW failed
                                4  something looks worse, but there are too few runs for
                                   so many metrics; with --strict: anything is inconclusive

examples:
  dunelab experiment kv --seeds 1-10 --out results/base     (and again, on the other commit,
  dunelab compare results/base results/new                   with --out results/new)
  dunelab compare --metric p99 --margin 0.02 results/base results/new
  dunelab compare results/bench/A.json results/bench/B.json
"""


def parser():
    """The command's arguments."""
    result = argparse.ArgumentParser(
        prog="dunelab compare", description="Compare two sets of runs, metric by metric.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("base", help="one side, of the old")
    result.add_argument("new", help="the other, of the new")
    result.add_argument("--allow", default="", metavar="WORDS", help="compare in spite of "
                        f"differences, labelled: {', '.join(guard.ALLOWED)}")
    result.add_argument("--metric", default="", metavar="WORDS", help="only metrics with one of "
                        "these words, such as p99 or dune; fewer gates need fewer pairs")
    result.add_argument("--profile", metavar="NAME", help="only runs under that cost profile, of "
                        "directories that have others, too")
    result.add_argument("--margin", default=str(stats.MARGIN), metavar="SHARE",
                        help="change that nobody minds (default 0.01: 1 %%)")
    result.add_argument("--alpha", default=str(stats.ALPHA), metavar="P",
                        help="false alarms, of all metrics together (default 0.05)")
    result.add_argument("--strict", action="store_true", help="inconclusive is a failure, too")
    result.add_argument("--json", action="store_true", help="print the comparison as JSON")
    result.add_argument("--out", type=Path, metavar="FILE", help="write the JSON there as well")
    return result


def main(argv):
    """The command; its exit status is the verdict."""
    args = parser().parse_args(argv)
    allowed = _words(args.allow)
    unknown = set(allowed) - set(guard.ALLOWED)
    if unknown:
        raise UsageError(f"--allow {','.join(sorted(unknown))}: want words of "
                         f"{', '.join(guard.ALLOWED)}")
    margin, alpha = _share("--margin", args.margin), _share("--alpha", args.alpha)
    if not alpha:
        raise UsageError("--alpha 0: nothing could ever be called changed; want more")
    base, new = (sources.read(words, args.profile) for words in (args.base, args.new))
    made = compare(base, new, allowed, margin, alpha, _words(args.metric))
    made["argv"] = ["compare", *argv]
    if args.out:
        if args.out.exists():
            raise UsageError(f"{args.out} exists, and nothing is overwritten: name another file")
        store.write_json(args.out, made)
    print(json.dumps(made, indent=1) if args.json else colour.verdicts(output.text(made)),
          flush=True)
    return status(made, args.strict)


def compare(base, new, allowed=(), margin=stats.MARGIN, alpha=stats.ALPHA, only=()):
    """Two Sides as the JSON of a comparison; UsageError when they are not comparable."""
    labels = guard.check(base, new, allowed)
    if base.domain != new.domain:
        base, new = base.relative(), new.relative()
    rows = matching.rows(base, new, margin, alpha, only)
    if only and not rows:
        raise UsageError(f"no metric that both sides have has the word {' or '.join(only)}")
    return output.as_json(base, new, rows, labels, margin, alpha, only)


def status(made, strict):
    """The exit status of a comparison."""
    verdicts = {row["verdict"] for row in made["metrics"]}
    if stats.REGRESSED in verdicts:
        return REGRESSED
    if not verdicts or made["missing"] or made["new"]["failed"]:
        return NOTHING
    if any(row["blocked"] for row in made["metrics"]):
        return INCONCLUSIVE
    return INCONCLUSIVE if strict and stats.INCONCLUSIVE in verdicts else OK


def _words(text):
    return [word for word in text.replace(",", " ").split() if word]


def _share(what, text):
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise UsageError(f"{what} {text}: want a number from 0 to below 1")
    return value
