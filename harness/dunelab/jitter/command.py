# SPDX-License-Identifier: MIT
"""`experiment jitter`: boots each system, idle and with noise, and ends with the report."""

from dunelab import arguments, dryrun, engine, noise, stepcommand
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
    parser.add_argument("--noise", help=f"of {', '.join(noise.KINDS)}; default both")
    parser.add_argument("--quick", action="store_true", help="half a second each")
    parser.add_argument("--full", action="store_true", help="200,000 wake-ups")
    stepcommand.options(parser)
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
        return stepcommand.again(steps.KIND, args, report)
    plan = _plan(args)
    arguments.jobs(args.jobs)
    if args.check:
        return 0
    if args.dry_run:
        return dryrun.show(boots(argv))
    usable, why = steps.engine(plan).available()
    if not usable:
        raise UsageError(f"engine {plan.engine} cannot be used: {why}")
    steps.engine(plan).ensure()
    steps.kernels(plan)
    return stepcommand.perform(steps.KIND, plan, args, ["experiment", "jitter", *argv],
                               report)[1]
