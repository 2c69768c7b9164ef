# SPDX-License-Identifier: MIT
"""Simulated runs and experiments of which the truth is known, and how often we are wrong of them.

    cd harness && /usr/bin/python3 tests/unit/simulated.py [EXPERIMENTS]

prints the table of docs/comparing.md.
"""

import math
import random
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dunelab import hdr, stats                                              # noqa: E402

INTERVALS = 50          # of a run, as kv-load writes them
UNIT = 1_000_000        # ns of a request's work on average


def queue(rng, n, load):
    """Latencies of a stationary M/M/1 queue: each depends on those before it."""
    wait = 0.0 if rng.random() > load else rng.expovariate(1 - load)
    result = []
    for _ in range(n):
        work = rng.expovariate(1.0)
        result.append(wait + work)
        wait = max(0.0, wait + work - rng.expovariate(load))
    return result


def queue_truth(load, name):
    """Percentile of queue(): the time in an M/M/1 system is exponential."""
    return -math.log(1 - float(name) / 100) / (1 - load)


def heavy(rng, n, shape):
    """Independent latencies without a finite variance (Pareto; shape 1.5)."""
    return [rng.paretovariate(shape) for _ in range(n)]


def heavy_truth(shape, name):
    """Percentile of heavy()."""
    return (1 - float(name) / 100) ** (-1 / shape)


def histogram(latencies):
    """The Histogram of a run, which knows its parts in order of time."""
    parts, step = [], max(1, len(latencies) // INTERVALS)
    for first in range(0, len(latencies), step):
        part = hdr.Histogram()
        for latency in latencies[first:first + step]:
            part.record(int(latency * UNIT))
        parts.append(part)
    result = hdr.merge(parts)
    result.parts = tuple(parts)
    return result


def coverage(make, truth, n, parameter, name, count):
    """Of `count` runs: (share of the intervals of a percentile that have the truth, share of runs
    that have an interval, share of those that take requests as independent)."""
    rng, hits, given, naive = random.Random(f"{n} {parameter} {name}"), 0, 0, 0
    edge = hdr.Histogram()
    true = edge.edges(edge.index(int(truth(parameter, name) * UNIT)))[1]
    for _ in range(count):
        run = histogram(make(rng, n, parameter))
        ci = stats.confidence_interval(run, name)
        if ci:
            given += 1
            hits += ci[0] <= true <= ci[1]
        run.parts = ()
        low, high = stats.confidence_interval(run, name)
        naive += low <= true <= high
    return hits / max(1, given), given / count, naive / count


def pair(rng, n, load, shift, name):
    """Log ratio of a percentile of two runs with the same arrivals and the same work, each with
    noise of its own: a little at every request, and stalls at one in a hundred, of heavy tails.
    """
    common, rank, values = queue(rng, n, load), math.ceil(n * float(name) / 100), []
    for factor in (1.0, math.exp(shift)):
        own = [latency + 0.2 * rng.random() + (0.3 * rng.paretovariate(1.5)
                                               if rng.random() < 0.01 else 0.0)
               for latency in common]
        values.append(factor * sorted(own)[rank - 1])
    return math.log(values[1] / values[0])


def verdicts(shift, pairs, count, margins=(stats.MARGIN,), n=2000, load=0.6, name="99"):
    """([{verdict: share of `count` experiments} of each margin], share whose interval has the
    shift)."""
    rng, found, hits = random.Random(f"{shift}"), [{} for _ in margins], 0
    for _ in range(count):
        seen = stats.sign_flip([pair(rng, n, load, shift, name) for _ in range(pairs)])
        for kept, margin in zip(found, margins):
            said = stats.judge(tuple(map(math.exp, seen.ci)), seen.p, margin).verdict
            kept[said] = kept.get(said, 0) + 1
        hits += seen.ci[0] <= shift <= seen.ci[1]
    return [{word: number / count for word, number in kept.items()} for kept in found], \
        hits / count


# (what, make, truth, requests, parameter, percentile)
WITHIN = [("independent, heavy tails", heavy, heavy_truth, 4000, 1.5, "50"),
          ("independent, heavy tails", heavy, heavy_truth, 4000, 1.5, "99"),
          ("a queue at 50 %", queue, queue_truth, 20_000, 0.5, "50"),
          ("a queue at 50 %", queue, queue_truth, 20_000, 0.5, "99"),
          ("a queue at 70 %", queue, queue_truth, 20_000, 0.7, "50"),
          ("a queue at 70 %", queue, queue_truth, 20_000, 0.7, "99")]


def main(count):
    """The table, in Markdown."""
    print(f"| {count:,} simulated | figure | share |\n| --- | --- | --- |")
    margins = (0.0, stats.MARGIN)
    found, covered = verdicts(0.0, 10, count, margins)
    for margin, kept in zip(margins, found):
        print(f"| experiments of 10 pairs, no difference, margin {margin:.0%} | flagged | "
              f"{kept.get('regressed', 0) + kept.get('improved', 0):.1%} |")
    print(f"| the same | the interval of the ratio has the truth | {covered:.1%} |", flush=True)
    (kept,), covered = verdicts(math.log(1.02), 10, count)
    print(f"| experiments of 10 pairs, 2 % slower | called regressed | "
          f"{kept.get('regressed', 0):.1%} |")
    print(f"| the same | called ok or improved | "
          f"{kept.get('ok', 0) + kept.get('improved', 0):.1%} |")
    print(f"| the same | the interval of the ratio has the truth | {covered:.1%} |", flush=True)
    for what, make, truth, n, parameter, name in WITHIN:
        aware, given, naive = coverage(make, truth, n, parameter, name, count)
        missing = "" if given == 1 else f", in {1 - given:.1%} there is none"
        print(f"| runs of {n:,} requests, {what} | the interval of p{name} has the truth{missing} "
              f"| {aware:.1%} (taken as independent: {naive:.1%}) |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
