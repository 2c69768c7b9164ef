# SPDX-License-Identifier: MIT
"""`paper`: boots what the evaluation needs, some at once, and ends with the report."""

from dunelab import arguments, dryrun, stepcommand
from dunelab.errors import GuestError
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
    stepcommand.options(parser)
    parser.add_argument("--dry-run", action="store_true", help="print the command lines of the "
                        "emulators, and start none")
    return parser


def main(argv):
    """The command; 0, or 3 when a boot failed, or 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    if args.report:
        return stepcommand.again(steps.KIND, args, report)
    plan = planning.make(args.profile, args.only, args.quick, args.seed)
    arguments.jobs(args.jobs)
    if args.check:
        return 0
    if args.dry_run:
        return dryrun.show(dryrun.Planned(step.key, steps.engine(plan, step),
                                          steps.machine(plan, step)) for step in plan.steps())
    for step in plan.steps():
        steps.engine(plan, step).ensure()
    run, status = stepcommand.perform(steps.KIND, plan, args, ["paper", *argv], report)
    if not status and evaluate.same_bits(run) is False:
        raise GuestError("the same boot twice gave different figures: draw nothing from them")
    return status
