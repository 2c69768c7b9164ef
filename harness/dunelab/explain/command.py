# SPDX-License-Identifier: MIT
"""`dunelab explain`: why the slowest requests of a run were slow."""

import argparse
import sys

from dunelab import claims, results, store
from dunelab.errors import UsageError
from dunelab.explain import answer, replay, slow

_EXAMPLES = """examples:
  dunelab explain results/kv/latest                        lists the slowest requests
  dunelab explain results/kv/latest --slowest 3            explains the three slowest
  dunelab explain results/kv/latest --request 1234 --cell kv.dune.own0.7

A run on the engine bochs repeats bit for bit, so its own guest is booted again, with an emulator
that tells what happens; the replay counts only if all its results are the run's, bit for bit.
What comes out is also kept in RUN/explain. Status 2: nothing to explain, or not the same machine;
3: the replay failed, or was not the run."""


def main(argv):
    """`explain RUN [...]`; returns the exit status."""
    args = _arguments(argv)
    run = results.load(args.run)
    if run.plan.workload != "kv":
        raise UsageError(f"{args.run}: only runs of WORKLOAD=kv have requests to explain")
    requests = slow.of_run(run, args.cell)
    if args.request is None and args.slowest is None:
        print(listing(run, requests))
        return 0
    chosen = slow.choose(requests, args.request, args.slowest)
    replay.check(run)
    by_system = {}
    for request in chosen:
        by_system.setdefault(request.cell.system, []).append(request)
    for group in by_system.values():
        told = replay.replay(run, group, lambda text: print(text, file=sys.stderr, flush=True))
        for request in group:
            record = answer.make(run, request, told)
            where = keep(run, request, record)
            print(answer.text(record))
            print(f"kept: {where}/index.html, timeline.svg, explain.json\n")
    print(claims.line(run.manifest))
    return 0


def _arguments(argv):
    parser = argparse.ArgumentParser(
        prog="dunelab explain", description="Say why the slowest requests of a run were slow.",
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN", help="directory of a run on the engine bochs")
    parser.add_argument("--request", type=int, metavar="N", help="this one, by its number")
    parser.add_argument("--slowest", type=int, metavar="K", help="the K slowest of all cells")
    parser.add_argument("--cell", metavar="ID", help="of this cell only (or the beginning of its "
                        "id)")
    args = parser.parse_args(argv)
    if args.slowest is not None and args.slowest < 1:
        raise UsageError(f"--slowest {args.slowest}: want 1 or more")
    if args.request is not None and args.slowest is not None:
        raise UsageError("--request and --slowest exclude each other: choose one")
    return args


def listing(run, requests):
    """The slowest requests of each cell, as text."""
    rows = [f"{'request':>9}  {'latency':>11}  {'late':>9}  {'waited':>11}  {'served':>9}  ahead  "
            f"cell   ({run.unit})"]
    for request in requests:
        late, waited, own = request.phases()
        rows.append(f"{request.number:>9}  {request.latency:>11,}  {late:>9,}  {waited:>11,}  "
                    f"{own:>9,}  {request.ahead:>5}  {request.cell.id}")
    rows += ["", "late: until it was sent; waited: until the reply before its own; served: from "
             "there on.", "To see why: dunelab explain RUN --request N, or --slowest K",
             claims.line(run.manifest)]
    return "\n".join(rows)


def keep(run, request, record):
    """Write record, timeline and page into the run's directory; returns where."""
    where = run.store.path / "explain" / request.key
    store.write_text(where / "timeline.svg", answer.svg(record))
    store.write_text(where / "index.html", answer.page(run, record))
    # Last: whoever finds it finds the rest.
    store.write_json(where / "explain.json", record)
    return where
