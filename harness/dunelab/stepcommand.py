# SPDX-License-Identifier: MIT
"""What the commands that run steps have in common: their options, and the way from a plan to a
report.
"""

from pathlib import Path

from dunelab import arguments, paths, steprun, store
from dunelab.errors import GuestError


def options(parser):
    """Add those that every such command has."""
    parser.add_argument("--resume", action="store_true",
                        help="go on with the newest unfinished run of the same plan and commit")
    parser.add_argument("--report", metavar="DIR", type=Path,
                        help="only make the report of a run again")
    parser.add_argument("--jobs", default="2", help="emulators at once (default 2)")
    parser.add_argument("--out", type=Path, help="directory of results (default: results)")
    parser.add_argument("--check", action="store_true",
                        help="only check the arguments: before anything is built")


def perform(kind, plan, args, argv, report):
    """Measure what is missing and show it: the Run, and 0 or 130 after Ctrl-C; GuestError when a
    step failed. argv: of the whole command, for the record."""
    results = args.out or paths.root() / "results"
    run = (steprun.resume(kind, results, plan) if args.resume else
           steprun.begin(kind, results, plan, argv))

    def latest(done):
        store.point_latest(done.store)
        show(done, report)

    return run, steprun.perform(run, arguments.jobs(args.jobs), latest)


def again(kind, args, report):
    """--report: make the report of a run again; GuestError where there is nothing to report."""
    run = steprun.load(kind, args.report.resolve())
    show(run, report)
    if not any(map(run.record, run.plan.steps())):
        raise GuestError(f"no step of {args.report} is whole, so nothing was measured: the report "
                         "says what is wrong with each")
    return 0


def show(run, report):
    """Make the report and print what it says. report: a module with make() and terminal()."""
    index = report.make(run)
    print(f"{report.terminal(run)}\n\nreport: {index}", flush=True)
