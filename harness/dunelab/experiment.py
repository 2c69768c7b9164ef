# SPDX-License-Identifier: MIT
"""`experiment kv`: measures a workload on every system and ends with the report."""

import argparse
import importlib
import signal
import sys
from pathlib import Path

from dunelab import (hostenv, kvimage, kvrun, noise, paths, plan as planning, profiles, record,
                     report, results, store)
from dunelab.engine import base, qemu
from dunelab.errors import DunelabError, GuestError, UsageError
from dunelab import arguments, dryrun

INTERRUPTED = 130
ERROR_LINES = 3

_EXAMPLES = (
    "dunelab experiment kv --quick",
    "dunelab experiment kv --systems 'linux dune' --loads '0.3 0.7' --profile none",
    "dunelab experiment kv --seeds 1-10 --out results/base     # to be compared",
    "dunelab experiment kv --quick --dry-run   # the emulators' command lines",
    "dunelab experiment jitter --help          # another workload",
)


def _parser():
    parser = argparse.ArgumentParser(
        prog="dunelab experiment", description="Measure a workload on several systems: kv (the "
        "options below), jitter or spin (see `dunelab experiment jitter --help`).")
    parser.add_argument("workload", nargs="?", default="kv")
    parser.add_argument("--engine", default="bochs", help=f"of {', '.join(base.names())} "
                        "(default bochs)")
    parser.add_argument("--profile", help="cost profile: measures under `none` first, then under "
                        "it, and the report shows both (default: the engine's usual one; none: "
                        "only instructions, in half the time)")
    parser.add_argument("--systems", "--system", help="names, separated by spaces or commas")
    parser.add_argument("--loads", "--load", help='fractions of the capacity: "0.4 0.6 0.8"')
    parser.add_argument("--requests", help="measured requests a point")
    parser.add_argument("--records", help="items in the store")
    parser.add_argument("--seed", help="of arrivals and keys (default 1)")
    parser.add_argument("--seeds", help='one run for each: "1-10" or "1 3 5", to be compared with '
                        "as many of another build by `dunelab compare`")
    parser.add_argument("--law", help="usr or etc")
    parser.add_argument("--arrival", help="poisson, fixed or etc")
    parser.add_argument("--noise", help="idle, or noise: other programs on CPU 0, of systems over "
                        "a ring")
    parser.add_argument("--quick", action="store_true", help="fewer loads and requests")
    parser.add_argument("--full", action="store_true", help="a million requests a point")
    parser.add_argument("--jobs", default="2", help="emulators at once")
    parser.add_argument("--resume", action="store_true", help="go on with the newest unfinished "
                        "run of the same plan, commit and build; of SEEDS, with what is missing")
    parser.add_argument("--out", help="directory of results (default: results)")
    parser.add_argument("--check", action="store_true",
                        help="only check the arguments: before anything is built")
    parser.add_argument("--alone", action="store_true", help="measure under the profile, and not "
                        "under `none` before it")
    parser.add_argument("--dry-run", action="store_true", help="print the command lines of the "
                        "emulators, and start none")
    return arguments.with_examples(parser, _EXAMPLES)


def main(argv):
    """`experiment WORKLOAD`: each workload has options of its own."""
    # Imported when it is wanted: the others' checks are quick.
    if argv[:1] and argv[0] in planning.WORKLOADS[1:]:
        return importlib.import_module(f"dunelab.{argv[0]}.command").main(argv[1:])
    return kv(argv)


def boots(argv):
    """[dryrun.Planned] of every boot that `experiment ARGV` makes."""
    if argv[:1] and argv[0] in planning.WORKLOADS[1:]:
        return importlib.import_module(f"dunelab.{argv[0]}.command").boots(argv[1:])
    args = _parser().parse_args(argv)
    plans, engine = _decide(args)
    return [planned for plan in plans for chosen in _engines(plan, engine, args.alone)
            for planned in kvrun.planned(plan, chosen)]


def _decide(args):
    """(a Plan for each seed, the engine) of the arguments; UsageError."""
    if args.seed and args.seeds:
        raise UsageError("SEED and SEEDS exclude each other: choose one")
    plans = [planning.make(args.workload, args.engine, base.names(), args.systems, args.loads,
                           args.requests, args.seed if seed is None else seed, args.law,
                           args.arrival, args.records, args.quick, args.full, args.noise)
             for seed in planning.seeds(args.seeds)]
    arguments.jobs(args.jobs)
    name = plans[0].engine
    return plans, base.get(name, args.profile or base.get(name).usual_profile)


def _engines(plan, engine, alone):
    """What a plan is measured on: under `none` first, unless only the other is wanted."""
    return [engine] if alone or engine.profile == profiles.NONE else [base.get(plan.engine), engine]


def kv(argv):
    """The workload kv; 0, or 3 when a cell or boot failed, or 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    plans, engine = _decide(args)
    plan = plans[0]
    if args.check:
        return 0
    machine = getattr(engine, "machine_name", None)
    cpus = max(planning.SYSTEMS[name].cpus for name in plan.systems)
    if machine and qemu.machine(machine)["max_cpus"] < cpus:
        raise UsageError(f"engine {plan.engine} has fewer than {cpus} CPUs, but the generator and "
                         "the server need one each; use ENGINE=bochs or qemu")
    usable, why = engine.available()
    if not usable:
        raise UsageError(f"engine {plan.engine} cannot be used: {why}")
    if args.dry_run:
        return dryrun.show(boots(argv))
    kvimage.prepare(plan)
    kvimage.require(plan)
    engine.ensure()
    # A closed terminal or a time limit ends the run the way Ctrl-C does.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    results_dir = Path(args.out) if args.out else paths.root() / "results"
    for plan in plans:
        # Of a repeated option the last holds.
        words = ["experiment", *(word for word in argv if word != "--resume"),
                 *(["--seeds", str(plan.seed)] if args.seeds else [])]
        status = _all_profiles(plan, engine, results_dir, int(args.jobs), words, args.resume,
                               args.alone)
        if status:
            return status
    return 0


def _all_profiles(plan, engine, results_dir, jobs, words, resume, alone):
    """A run under `none`, unless alone, and one under the profile; the status of the first that
    failed."""
    beside = None
    for chosen in _engines(plan, engine, alone):
        where = _unfinished(results_dir, plan, chosen) if resume else None
        if where and store.read_json(where.manifest)["status"] == "complete":
            print(f"seed {plan.seed}, profile {chosen.profile}: complete in {where.path}")
            beside = {"profile": chosen.profile, "run": f"../{where.path.name}"}
            continue
        where = where or _store(results_dir, plan)
        try:
            # The default may be another one when the run is reproduced.
            status = _run(plan, chosen, where, jobs, [*words, "--profile", chosen.profile],
                          beside)
        except OSError as error:
            raise GuestError(f"{error.strerror}: {error.filename}; what was measured is in "
                             f"{where.path}") from error
        if status:
            return status
        beside = {"profile": chosen.profile, "run": f"../{where.path.name}"}
    return 0


def _unfinished(results_dir, plan, engine):
    """The newest run of a plan on that engine, finished or not, or None; UsageError when it was
    begun by another commit or build."""
    commit = hostenv.commit()
    for path in store.runs_of(results_dir, plan):
        where = store.Store(path)
        try:
            kept = store.read_record(where.manifest, "dunelab-run/1")
        except ValueError:
            continue            # stopped before it had a manifest: nothing to go on with
        if (kept["engine"]["version"], kept["engine"]["profile"]) != (engine.version(),
                                                                      engine.profile):
            continue
        if (kept["commit"], kept["dirty"]) != commit:
            raise UsageError(f"{path} is of another commit ({kept['commit'][:12]}): its figures "
                             "and new ones would not belong together; run without RESUME")
        # Of finished runs, too, and before anything is written.
        kvrun.require_same_build(path, kept.get("artifacts") or {}, kvimage.artifacts(
            (planning.SYSTEMS[name] for name in plan.systems), noise.packages(plan.noise)))
        return where
    return None


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
    print(f"\ninterrupted with {done} cells measured; they are in {where.path}\n"
          "to go on: the same with RESUME=1", file=sys.stderr)
    if not done:
        return
    try:
        made = report.make(where.path)
        store.point_latest(where)
        print(f"report of them: {made.index}", file=sys.stderr)
    except (DunelabError, KeyboardInterrupt):
        print(f"to make a report of them: make report RESULTS={where.path}", file=sys.stderr)
