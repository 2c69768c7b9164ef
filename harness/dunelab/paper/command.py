# SPDX-License-Identifier: MIT
"""`paper`: boots what the evaluation needs, some at once, and ends with the report."""

from pathlib import Path

from dunelab import arguments, dryrun, paths, steprun, store
from dunelab.errors import GuestError, UsageError
from dunelab.paper import evaluate, plan as planning, report, steps


_EXAMPLES = (
    "dunelab paper --quick",
    "dunelab paper --only 'micro sthread' --profile ivybridge-2012",
    "dunelab paper --quick --dry-run         # the emulators' command lines",
    "dunelab paper --report results/paper/latest",
)


def _parser():
    parser = arguments.Parser(
        prog="dunelab paper", examples=_EXAMPLES,
        description="The evaluation of the Dune paper again: every figure "
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
    parser.add_argument("--dry-run", action="store_true", help="print the command lines of the "
                        "emulators, and start none")
    return parser


def main(argv):
    """The command; 0, or 3 when a boot failed, or 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    if args.report:
        return _show(steprun.load(steps.KIND, args.report.resolve()))
    plan = planning.make(args.profile, args.only, args.quick, args.seed)
    if not args.jobs.isdigit() or not 1 <= int(args.jobs) <= 64:
        raise UsageError(f"JOBS={args.jobs}: want a whole number from 1 to 64")
    if args.check:
        return 0
    if args.dry_run:
        return dryrun.show(dryrun.Planned(step.key, steps.engine(plan, step),
                                          steps.machine(plan, step)) for step in plan.steps())
    for step in plan.steps():
        steps.engine(plan, step).ensure()
    results = args.out or paths.root() / "results"
    if args.resume:
        run = steprun.resume(steps.KIND, results, plan)
    else:
        run = steprun.begin(steps.KIND, results, plan, ["paper", *argv])
    status = steprun.perform(run, int(args.jobs), _show_latest)
    if not status and evaluate.same_bits(run) is False:
        raise GuestError("the same boot twice gave different figures: draw nothing from them")
    return status


def _show_latest(run):
    store.point_latest(run.store)
    return _show(run)


def _show(run):
    index = report.make(run)
    print(f"{report.terminal(run)}\n\nreport: {index}", flush=True)
    return 0
