# SPDX-License-Identifier: MIT
"""`sweep`: an experiment at every point of a plan, here or on a cluster, and one table of all."""

import json
import os
import shlex
from contextlib import contextmanager
from pathlib import Path

from dunelab import arguments, dryrun, engine as engines, guestrun, hostenv, paths, \
    steprun, store
from dunelab.errors import UsageError
from dunelab.sweep import check, parameters, plan as planning, points, report, slurm

RUNNERS = ("local", "slurm")
JOBS = 2        # of a sweep on this machine

_EXAMPLES = (
    "dunelab sweep plan.toml --dry-run       # its points, and what each boots",
    "dunelab sweep plan.toml --jobs 2        # two points at a time",
    "dunelab sweep plan.toml --resume        # what is missing after Ctrl-C",
    "dunelab sweep plan.toml --engine-runner slurm --sbatch='--partition=short --time=60'",
    "dunelab sweep --point 3 results/sweep/latest     # one point alone, as a job's task does",
    "dunelab sweep --report results/sweep/latest --json",
)


def _parser():
    parser = arguments.Parser(
        prog="dunelab sweep", examples=_EXAMPLES, description="Run an experiment at every point of "
        "a plan, a TOML file with axes (system, kernel, engine, load, seed, any option of the "
        "experiment); ends with a table of medians over the seeds. docs/sweeps.md tells more.")
    parser.add_argument("plan", type=Path, metavar="PLAN", help="PLAN.toml; with --point and "
                        "--report the directory of a sweep")
    parser.add_argument("--engine-runner", choices=RUNNERS, default="local", help="where points "
                        "run: here (default), or as a job array of Slurm")
    parser.add_argument("--jobs", help=f"points at once (default {JOBS}; on a cluster as many as "
                        "it has room for)")
    parser.add_argument("--sbatch", metavar="OPTIONS", default="", help="more options of sbatch "
                        "for the array, such as '--partition=short --mem=2G'")
    parser.add_argument("--resume", action="store_true", help="go on with the newest unfinished "
                        "sweep of the same plan and commit")
    parser.add_argument("--out", type=Path, help="directory of results (default: results)")
    parser.add_argument("--check", action="store_true",
                        help="only check the plan: before anything is built")
    parser.add_argument("--dry-run", action="store_true", help="list the points, and the command "
                        "lines of the emulators that each starts; run nothing")
    parser.add_argument("--json", action="store_true", help="print the summary (of --dry-run the "
                        "list) as JSON")
    parser.add_argument("--point", metavar="K", help="run only point K of the sweep in the "
                        "directory PLAN")
    parser.add_argument("--report", action="store_true", help="only make the table of the sweep in "
                        "the directory PLAN again")
    return parser


def main(argv):
    """The command; 0, or 3 when a point failed, or 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    _exclusive(args)
    if args.point is not None:
        return _point(args)
    if args.report:
        return _show(steprun.load(points.KIND, args.plan.resolve()), args.json)
    if args.plan.is_dir():
        raise UsageError(f"{args.plan} is a directory: want PLAN.toml, or --point or --report "
                         "before the directory of a sweep")
    plan = planning.read(args.plan)
    jobs = _jobs(args.jobs)
    options = _options(args)
    check.points(plan)
    if args.check:
        return 0
    if args.dry_run:
        return _dry_run(plan, args)
    _require(plan, args.engine_runner)
    run = _begin(plan, args, argv)
    status = steprun.perform(
        run, jobs if args.engine_runner == "slurm" else jobs or JOBS,
        lambda done: _show_latest(done, args.json),
        slurm.executor(options) if args.engine_runner == "slurm" else steprun.execute)
    return status


def _exclusive(args):
    chosen = [name for name, value in (("--point", args.point is not None),
                                       ("--report", args.report), ("--dry-run", args.dry_run),
                                       ("--check", args.check), ("--resume", args.resume)) if value]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other: choose one")


def _jobs(text):
    if text is None:
        return None
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise UsageError(f"--jobs {text}: want a whole number from 1 to 64")
    return int(text)


def _options(args):
    """The words of --sbatch; UsageError when there is nothing to give them to."""
    try:
        words = shlex.split(args.sbatch)
    except ValueError as error:
        raise UsageError(f"--sbatch {args.sbatch}: {error}") from None
    if words and args.engine_runner != "slurm":
        raise UsageError("--sbatch is for --engine-runner slurm")
    wrong = [word for word in words if not word.startswith("--") or "\n" in word
             or word.startswith(("--array", "--output", "--wrap", "--open-mode"))]
    if wrong:
        raise UsageError(f"--sbatch: '{wrong[0]}': want long options (--name=value) beside --array "
                         "and --output, which are the sweep's own")
    return [shlex.quote(word) if " " in word else word for word in words]


def _require(plan, runner):
    """What every point would fail without, named once and before anything runs."""
    if runner == "slurm":
        slurm.require()
    for values in {tuple(sorted(parameters.environment(dict(point.values)).items()))
                   for point in plan.steps()}:
        chosen = dict(values)
        name = paths.kernel_name(chosen["FLAVOUR"], chosen["KERNEL"])
        if guestrun.find_kernel(name) is None:
            raise UsageError(f"no kernel {name} yet: make build KERNEL={chosen['KERNEL']} "
                             f"FLAVOUR={chosen['FLAVOUR']}")
    for name in sorted({point.get("engine") or "bochs" for point in plan.steps()}):
        # Built once, before several points would build it at once.
        engines.get(name).ensure()


def _begin(plan, args, argv):
    results = args.out or paths.root() / "results"
    if args.resume:
        return steprun.resume(points.KIND, results, plan)
    try:
        run = steprun.begin(points.KIND, results, plan, ["sweep", *argv])
        store.write_text(run.store.path / "plan.toml", args.plan.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write results into {results}: {error.strerror}") from error
    return run


def _point(args):
    if not args.point.isdigit():
        raise UsageError(f"--point {args.point}: want the number of a point")
    run = steprun.load(points.KIND, args.plan.resolve())
    found = run.plan.steps()
    if int(args.point) >= len(found):
        raise UsageError(f"--point {args.point}: {args.plan} has points 0 to {len(found) - 1}")
    commit = hostenv.commit()
    if (run.manifest["commit"], run.manifest["dirty"]) != commit:
        if commit[0] == "nocommit":
            raise UsageError(f"git cannot read this tree, whose commit {args.plan} has to be of: "
                             "install git (scripts/deps base), or see what `git -C "
                             f"{paths.root()} status` says")
        raise UsageError(f"{args.plan} is of another commit ({run.manifest['commit'][:12]}): its "
                         "figures and new ones would not belong together")
    point = found[int(args.point)]
    record = run.record(point)
    if not record:
        steprun.end_as_by_ctrl_c()
        points.run(run.plan, point, run.folder(point))
        record = run.record(point)
    print(json.dumps(record, indent=1) if args.json else
          f"{point.key}: {points.KIND.say(record)} in {run.folder(point) / record['run']}")
    return 0


def _dry_run(plan, args):
    listed = []
    for point in plan.steps():
        values = dict(point.values)
        with _environment(parameters.environment(values)):
            boots = check.boots(plan, point)
            listed.append({"index": point.index, "key": point.key, "values": values,
                           "argv": parameters.words(plan.experiment, values),
                           "boots": [dryrun.entry(planned) for planned in boots]})
    if args.json:
        print(json.dumps(listed, indent=1))
        return 0
    for item in listed:
        print(f"# point {item['key']}\ndunelab {shlex.join(item['argv'])}")
        print("\n".join(f"  {line}" for line in dryrun.text(item["boots"]).splitlines()))
    return 0


@contextmanager
def _environment(values):
    """The variables of a point, for what reads them in this process."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _show_latest(run, as_json):
    store.point_latest(run.store)
    return _show(run, as_json)


def _show(run, as_json):
    made = report.make(run)
    if as_json:
        print(json.dumps(made, indent=1), flush=True)
    else:
        print(f"{report.terminal(made)}\n\nsweep: {run.store.path / 'summary.md'}", flush=True)
    return 0
