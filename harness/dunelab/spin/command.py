# SPDX-License-Identifier: MIT
"""`experiment spin`: boots each system with each law, and ends with the report."""

from dunelab import arguments, dryrun, engine, noise, stepcommand
from dunelab.errors import UsageError
from dunelab.spin import plan as planning, predict, report, steps

_EXAMPLES = (
    "dunelab experiment spin --quick --w w5 --policies 'cfcfs rr'",
    "dunelab experiment spin --cores 2 --systems dune-rt --policies 'dfcfs steal darc' --w w6",
    "dunelab experiment spin --quick --dry-run      # the emulators' command lines",
    "dunelab experiment spin --report results/spin/latest",
)


def _parser():
    parser = arguments.Parser(
        prog="dunelab experiment spin", examples=_EXAMPLES,
        description="Requests that spin, under scheduling policies "
        "on libdune's runtime and by threads of Linux, each beside what rt-sim and theory say.")
    parser.add_argument("--engine", default="bochs", help=f"of {', '.join(engine.names())} "
                        "(default bochs)")
    parser.add_argument("--profile", help="cost profile (default none: ticks are instructions)")
    parser.add_argument("--systems", "--system",
                        help=f"of {', '.join(planning.SYSTEMS)}; default all")
    parser.add_argument("--w", help="laws of service times, of w1 to w12; default "
                        f"{' '.join(planning.DEFAULT_LAWS)}")
    parser.add_argument("--policies", help=f"of {', '.join(planning.POLICIES)}; default "
                        f"{' '.join(planning.DEFAULT_POLICIES)}; Linux has "
                        f"{' and '.join(planning.LINUX_POLICIES)}")
    parser.add_argument("--loads", help='shares of the cores\' time: "0.5 0.7 0.8"')
    parser.add_argument("--quantum", help=f"microseconds of the law ({planning.QUANTUM:g})")
    parser.add_argument("--stretch", help="microseconds of the machine's clock in one of the law's "
                        f"({planning.STRETCH:g})")
    parser.add_argument("--cores", help="that serve (1)")
    parser.add_argument("--requests", help="measured in a cell, at most (by default 6,000; "
                        "laws of long ones have fewer)")
    parser.add_argument("--seed", help="of everything random (1)")
    parser.add_argument("--noise", help=f"of {', '.join(noise.KINDS)}, on CPU 0; default both, "
                        "with --quick idle")
    parser.add_argument("--quick", action="store_true", help="one law, one load, two systems")
    parser.add_argument("--full", action="store_true", help="all laws, 200,000 requests a cell")
    stepcommand.options(parser)
    parser.add_argument("--dry-run", action="store_true", help="print the command lines of the "
                        "emulators, and start none")
    return parser


def boots(argv):
    """[dryrun.Planned] of every boot that `experiment spin ARGV` makes."""
    plan = _plan(_parser().parse_args(argv))
    return [dryrun.Planned(step.key, steps.engine(plan), steps.machine(plan, step))
            for step in plan.steps()]


def _plan(args):
    return planning.make(args.engine, args.profile, args.systems, args.w, args.policies,
                         args.loads, args.quantum, args.stretch, args.cores, args.seed,
                         args.requests, args.quick, args.full, args.noise)


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
    predict.simulator()
    steps.engine(plan).ensure()
    steps.kernels(plan)
    return stepcommand.perform(steps.KIND, plan, args, ["experiment", "spin", *argv],
                               report)[1]
