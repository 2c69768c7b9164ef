# SPDX-License-Identifier: MIT
"""`experiment kv`: measures a workload on every system and ends with the report."""

import argparse
import signal
import sys
from pathlib import Path

from dunelab import (drawing, hostenv, kvimage, kvrun, paths, plan as planning, profiles, record,
                     report, results, store)
from dunelab.engine import base, qemu
from dunelab.errors import DunelabError, GuestError, UsageError

INTERRUPTED = 130
ERROR_LINES = 3


def _parser():
    parser = argparse.ArgumentParser(
        prog="dunelab experiment", description="Measure a workload on several systems.")
    parser.add_argument("workload", nargs="?", default="kv")
    parser.add_argument("--engine", default="bochs")
    parser.add_argument("--profile", help="cost profile: measures under `none` first, then under "
                        "it, and the report shows both (default: the engine's usual one; none: "
                        "only instructions, in half the time)")
    parser.add_argument("--systems", "--system", help="names, separated by spaces or commas")
    parser.add_argument("--loads", help='fractions of the capacity: "0.4 0.6 0.8"')
    parser.add_argument("--requests", help="measured requests a point")
    parser.add_argument("--records", help="items in the store")
    parser.add_argument("--seed")
    parser.add_argument("--law", help="usr or etc")
    parser.add_argument("--arrival", help="poisson, fixed or etc")
    parser.add_argument("--quick", action="store_true", help="fewer loads and requests")
    parser.add_argument("--full", action="store_true", help="a million requests a point")
    parser.add_argument("--jobs", default="2", help="emulators at once")
    parser.add_argument("--out", help="directory of results (default: results)")
    parser.add_argument("--check", action="store_true",
                        help="only check the arguments: before anything is built")
    return parser


def main(argv):
    """The command; 0, or 3 when a cell or boot failed, or 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    plan = planning.make(args.workload, args.engine, base.names(), args.systems, args.loads,
                         args.requests, args.seed, args.law, args.arrival, args.records,
                         args.quick, args.full)
    if not args.jobs.isdigit() or not 1 <= int(args.jobs) <= 64:
        raise UsageError(f"JOBS={args.jobs}: want a whole number from 1 to 64")
    engine = base.get(plan.engine, args.profile or base.get(plan.engine).usual_profile)
    if args.check:
        return 0
    machine = getattr(engine, "machine_name", None)
    if machine and qemu.machine(machine)["max_cpus"] < kvrun.CPUS:
        raise UsageError(f"engine {plan.engine} has one CPU, but the generator and the server need "
                         "one each; use ENGINE=bochs or qemu")
    usable, why = engine.available()
    if not usable:
        raise UsageError(f"engine {plan.engine} cannot be used: {why}")
    drawing.require_gnuplot()
    kvimage.require(plan)
    engine.ensure()
    # A closed terminal or a time limit ends the run the way Ctrl-C does.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    results_dir = Path(args.out) if args.out else paths.root() / "results"
    beside = None
    for chosen in [base.get(plan.engine), engine] if engine.profile != profiles.NONE else [engine]:
        where = _store(results_dir, plan)
        try:
            # The default may be another one when the run is reproduced.
            words = ["experiment", *argv, "--profile", chosen.profile]
            status = _run(plan, chosen, where, int(args.jobs), words, beside)
        except OSError as error:
            raise GuestError(f"{error.strerror}: {error.filename}; what was measured is in "
                             f"{where.path}") from error
        if status:
            return status
        beside = {"profile": chosen.profile, "run": f"../{where.path.name}"}
    return 0


def _store(results_dir, plan):
    try:
        return store.create(results_dir, plan, *hostenv.commit())
    except OSError as error:
        raise UsageError(f"cannot write results into {results_dir}: {error.strerror}") from error


def _run(plan, engine, where, jobs, argv, beside):
    kept, status = record.Record(plan, engine, where, jobs, argv), "failed"
    if beside:
        kept.set(beside=beside)
    try:
        kvrun.KvRun(kept, jobs).run()
        status = "complete" if kept.complete() else "incomplete"
    except KeyboardInterrupt:
        status = "interrupted"
    finally:
        kept.close(status)
    if status == "interrupted":
        _report_what_there_is(where)
        return INTERRUPTED
    store.point_latest(where)
    print(report.terminal(report.make(where.path)), flush=True)
    if status != "complete":
        reasons = kept.manifest["failures"] or ["a cell failed"]
        raise GuestError("\n".join(["the run is incomplete:", *reasons[:ERROR_LINES]]))
    return 0


def _report_what_there_is(where):
    """After Ctrl-C: a report of the finished cells, if there are any."""
    done = sum(item.done for item in results.load(where.path).cells)
    print(f"\ninterrupted with {done} cells measured; they are in {where.path}", file=sys.stderr)
    if not done:
        return
    try:
        made = report.make(where.path)
        store.point_latest(where)
        print(f"report of them: {made.index}", file=sys.stderr)
    except (DunelabError, KeyboardInterrupt):
        print(f"to make a report of them: make report RESULTS={where.path}", file=sys.stderr)
