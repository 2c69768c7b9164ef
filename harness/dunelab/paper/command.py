# SPDX-License-Identifier: MIT
"""`paper`: boots what the evaluation needs, some at once, and ends with the report."""

import argparse
import os
import signal
import sys
from pathlib import Path

from dunelab import drawing, paths, store
from dunelab.errors import GuestError, UsageError
from dunelab.paper import evaluate, plan as planning, report, runner, steps

INTERRUPTED = 130


def _parser():
    parser = argparse.ArgumentParser(
        prog="dunelab paper", description="The evaluation of the Dune paper again: every figure "
        "under the profile none and under a calibrated one, beside the paper's own.")
    parser.add_argument("--profile", help=f"cost profile (default {planning.PROFILE})")
    parser.add_argument("--only", help=f"parts, of {', '.join(planning.WORKLOADS)}; default all")
    parser.add_argument("--quick", action="store_true", help="small inputs, few batches")
    parser.add_argument("--seed", help="of the inputs (default 1)")
    parser.add_argument("--resume", action="store_true",
                        help="go on with the newest unfinished run of the same plan and commit")
    parser.add_argument("--report", metavar="DIR", type=Path,
                        help="only make the report of a run again")
    parser.add_argument("--jobs", default="2", help="emulators at once (default 2)")
    parser.add_argument("--out", type=Path, help="directory of results (default: results)")
    parser.add_argument("--check", action="store_true",
                        help="only check the arguments: before anything is built")
    return parser


def main(argv):
    """The command; 0, or 3 when a boot failed, or 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    if args.report:
        return _show(runner.load(args.report))
    plan = planning.make(args.profile, args.only, args.quick, args.seed)
    if not args.jobs.isdigit() or not 1 <= int(args.jobs) <= 64:
        raise UsageError(f"JOBS={args.jobs}: want a whole number from 1 to 64")
    if args.check:
        return 0
    drawing.require_gnuplot()
    for step in plan.steps():
        steps.engine(plan, step).ensure()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    results = args.out or paths.root() / "results"
    if args.resume:
        run = runner.resume(results, plan)
    else:
        run = runner.begin(results, plan, ["paper", *argv])
    return _execute(run, int(args.jobs))


def _execute(run, jobs):
    status, before = "failed", _emulators_cpu_s()
    try:
        status = "complete" if runner.execute(run, jobs) else "incomplete"
    except KeyboardInterrupt:
        status = "interrupted"
    finally:
        spent = run.manifest.get("emulators_cpu_s", 0) + _emulators_cpu_s() - before
        run.set(status=status, ended=runner.utc(), emulators_cpu_s=round(spent, 1))
    if status == "interrupted":
        print(f"\ninterrupted; to go on: make paper RESUME=1   ({run.store.path})",
              file=sys.stderr)
        return INTERRUPTED
    _show(run)
    if status != "complete":
        raise GuestError("\n".join(["the run is incomplete; to do what is missing: RESUME=1",
                                    *run.manifest["failures"][:3]]))
    if evaluate.same_bits(run) is False:
        raise GuestError("the same boot twice gave different figures: draw nothing from them")
    return 0


def _emulators_cpu_s():
    """What a run costs on a host that does something else, too."""
    times = os.times()
    return times.children_user + times.children_system


def _show(run):
    index = report.make(run)
    store.point_latest(run.store)
    print(f"{report.terminal(run)}\n\nreport: {index}", flush=True)
    return 0
