# SPDX-License-Identifier: MIT
"""`experiment jitter`: boots each system, idle and with noise, and ends with the report."""

from pathlib import Path

from dunelab import arguments, dryrun, engine, paths, steprun, store
from dunelab.errors import UsageError
from dunelab.jitter import plan as planning, report, steps


_EXAMPLES = (
    "dunelab experiment jitter --quick --systems 'linux linux-tuned dune' --noise idle",
    "dunelab experiment jitter --quick --dry-run    # the emulators' command lines",
    "dunelab experiment jitter --report results/jitter/latest",
)


def _parser():
    parser = arguments.Parser(
        prog="dunelab experiment jitter", examples=_EXAMPLES,
        description="What each system takes from a program that "
        "spins on a CPU, and how late it wakes one, with and without noise on the other CPU.")
    parser.add_argument("--engine", default="bochs", help=f"of {', '.join(engine.names())} "
                        "(default bochs)")
    parser.add_argument("--profile", help="cost profile (default none: ticks are instructions)")
    parser.add_argument("--systems", "--system",
                        help=f"of {', '.join(planning.SYSTEMS)}; default all")
    parser.add_argument("--noise", help=f"of {', '.join(planning.NOISES)}; default both")
    parser.add_argument("--quick", action="store_true", help="half a second each")
    parser.add_argument("--full", action="store_true", help="200,000 wake-ups")
    parser.add_argument("--resume", action="store_true",
                        help="go on with the newest unfinished run of the same plan and commit")
    parser.add_argument("--report", metavar="DIR", type=Path,
                        help="only make the report of a run again")
    parser.add_argument("--jobs", default="2", help="emulators at once (default 2)")
    parser.add_argument("--out", type=Path, help="directory of results (default: results)")
    parser.add_argument("--check", action="store_true",
                        help="only check the arguments: before anything is built")
    parser.add_argument("--dry-run", action="store_true", help="print the command lines of the "
                        "emulators, and start none")
    return parser


def boots(argv):
    """[dryrun.Planned] of every boot that `experiment jitter ARGV` makes."""
    plan = _plan(_parser().parse_args(argv))
    return [dryrun.Planned(step.key, steps.engine(plan), steps.machine(plan, step))
            for step in plan.steps()]


def _plan(args):
    return planning.make(args.engine, args.profile, args.systems, args.noise, args.quick, args.full)


def main(argv):
    """The command; 0, or 3 when a boot failed, or 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    if args.report:
        return _show(steprun.load(steps.KIND, args.report.resolve()))
    plan = _plan(args)
    if not args.jobs.isdigit() or not 1 <= int(args.jobs) <= 64:
        raise UsageError(f"JOBS={args.jobs}: want a whole number from 1 to 64")
    if args.check:
        return 0
    if args.dry_run:
        return dryrun.show(boots(argv))
    usable, why = steps.engine(plan).available()
    if not usable:
        raise UsageError(f"engine {plan.engine} cannot be used: {why}")
    steps.engine(plan).ensure()
    steps.kernels(plan)
    results = args.out or paths.root() / "results"
    if args.resume:
        run = steprun.resume(steps.KIND, results, plan)
    else:
        run = steprun.begin(steps.KIND, results, plan, ["experiment", "jitter", *argv])
    return steprun.perform(run, int(args.jobs), _show_latest)


def _show_latest(run):
    store.point_latest(run.store)
    return _show(run)


def _show(run):
    index = report.make(run)
    print(f"{report.terminal(run)}\n\nreport: {index}", flush=True)
    return 0
