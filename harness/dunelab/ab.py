# SPDX-License-Identifier: MIT
"""`ab BASE NEW`: the same experiment in two source trees by turns, a seed a pair, and a verdict."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from dunelab import hostenv, plan as planning, stats, store
from dunelab.compare import command, sources
from dunelab.engine import base
from dunelab.errors import GuestError, UsageError

ARMS = {"A": "base", "B": "new"}
# Options of the experiment that ab gives itself.
OWN = ("--profile", "--seed", "--seeds", "--out")

_EPILOG = """
BASE and NEW are clones that have been built (make build).  What follows -- goes to the experiment.

examples:
  git worktree add ../base main~10 && make -C ../base build
  dunelab ab ../base . --out results/ab --pairs 10 -- --systems "linux dune" --quick
"""


def _parser():
    parser = argparse.ArgumentParser(
        prog="dunelab ab", description="Measure two source trees by turns, in blocks of ABBA or "
        "BAAB, with a common seed for each pair, and compare them.", epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path, help="a clone that has been built")
    parser.add_argument("new", type=Path, help="the same of what is new")
    parser.add_argument("--out", type=Path, required=True, help="directory of the runs; if it has "
                        "some of this experiment, the rest is measured")
    parser.add_argument("--pairs", type=int, default=10, help="6 to 20 (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="of the first pair, and of the order")
    parser.add_argument("--workload", default="kv", help="of experiment (default kv)")
    parser.add_argument("--profile", default="none", help="cost profile (default none)")
    parser.add_argument("--metric", default="", metavar="WORDS", help="compare only metrics with "
                        "one of these words; fewer gates need fewer pairs")
    parser.add_argument("--strict", action="store_true", help="inconclusive is a failure, too")
    return parser


def main(argv):
    """The command; the exit status is that of the comparison."""
    cut = argv.index("--") if "--" in argv else len(argv)
    args, options = _parser().parse_args(argv[:cut]), argv[cut + 1:]
    for word in options:
        name = word.partition("=")[0]
        if len(name) > 2 and any(own.startswith(name) for own in OWN):
            raise UsageError(f"{word} belongs to ab itself: before the --, not behind it")
    if not stats.MIN_PAIRS <= args.pairs <= stats.MAX_PAIRS:
        raise UsageError(f"--pairs {args.pairs}: want {stats.MIN_PAIRS} to {stats.MAX_PAIRS}")
    trees = {"A": args.base.resolve(), "B": args.new.resolve()}
    for tree in trees.values():
        if not (tree / "harness" / "dunelab").is_dir():
            raise UsageError(f"{tree} is no clone of this project")
    options = [args.workload, *options, "--profile", args.profile]
    _warn(args, options)
    _remember(args, trees, options)
    turns = plan(args.pairs, args.seed)
    for number, (arm, seed) in enumerate(turns, 1):
        folder = args.out / ARMS[arm]
        if measured(folder, seed, args.profile):
            continue
        _require_unchanged(args.out, trees)
        print(f"{number} of {len(turns)}: {ARMS[arm]}, seed {seed}", flush=True)
        _measure(trees[arm], [*options, "--seed", str(seed), "--out", str(folder.resolve())])
    words = [str(args.out / ARMS[arm]) for arm in "AB"]
    words += ["--profile", args.profile]
    if args.metric:
        words += ["--metric", args.metric]
    return command.main([*words, *(["--strict"] if args.strict else [])])


def plan(pairs, seed):
    """[(arm, seed)] in the order to measure them; both arms of a pair have the same seed."""
    order, seen = stats.order(pairs, seed), {"A": 0, "B": 0}
    result = []
    for arm in order:
        result.append((arm, seed + seen[arm]))
        seen[arm] += 1
    return result


def _warn(args, options):
    """Say before hours of measuring that so few pairs cannot show anything."""
    given, rest = _shape().parse_known_args(options)
    try:
        shape = planning.make(args.workload, given.engine, base.names(), given.systems,
                              given.loads, given.requests, quick="--quick" in rest,
                              full="--full" in rest)
    except UsageError:
        return              # the experiment itself says what is wrong, or has a plan of its own
    gates = sources.gates(shape)
    needed = stats.pairs_needed(stats.ALPHA, gates)
    if not args.metric and needed > args.pairs:
        print(f"dunelab ab: warning: about {gates} metrics will be compared, and {args.pairs} "
              f"pairs can never decide so many: want --pairs {needed}, fewer systems or loads, or "
              "--metric", file=sys.stderr, flush=True)


def _shape():
    """Of the experiment's options those that make the number of metrics."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--engine", default="bochs")
    parser.add_argument("--systems", "--system")
    parser.add_argument("--loads")
    parser.add_argument("--requests")
    return parser


def measured(folder, seed, profile="none"):
    """Whether a directory has a complete run with that seed under that cost profile."""
    for path in folder.glob("*/*/manifest.json"):
        kept = store.read_json(path, {})
        if (kept.get("seed"), kept.get("status")) == (seed, "complete") and \
                kept["engine"]["profile"] == profile:
            return True
    return False


def _remember(args, trees, options):
    """The experiment's own record; UsageError when the directory is of another one."""
    wanted = {"schema": "dunelab-ab/1", "pairs": args.pairs, "seed": args.seed,
              "order": stats.order(args.pairs, args.seed), "options": options,
              "trees": {ARMS[arm]: str(tree) for arm, tree in trees.items()},
              "builds": builds(trees)}
    path = args.out / "ab.json"
    if path.exists():
        kept = store.read_json(path)
        changed = sorted(key for key in wanted | kept if wanted.get(key) != kept.get(key))
        if changed:
            raise UsageError(f"{path} is of another experiment ({', '.join(changed)} differ), and "
                             "nothing is overwritten: choose another --out")
    planning.seeds(str(args.seed))
    store.write_json(path, wanted)


def builds(trees):
    """{arm: {commit, dirty, digests of what the guests are made of}} as the trees are now."""
    found = {}
    for arm, tree in trees.items():
        commit, dirty = hostenv.commit(tree)
        made = [path for pattern in ("bin/kv-*", "bin/report", "modules/*/dune.ko",
                                     "kernel/cloud/vmlinuz")
                for path in sorted((tree / "build").glob(pattern)) if path.is_file()]
        found[ARMS[arm]] = {"commit": commit, "dirty": dirty, "artifacts": {
            str(path.relative_to(tree)): store.sha256(path) for path in made}}
    return found


def _require_unchanged(out, trees):
    """UsageError when a tree is no longer what this experiment began with."""
    kept, now = store.read_json(out / "ab.json")["builds"], builds(trees)
    changed = [f"{name} ({trees[arm]})" for arm, name in ARMS.items() if kept[name] != now[name]]
    if changed:
        raise UsageError(f"{' and '.join(changed)}: the commit or the build has changed since this "
                         "experiment began; its runs and new ones would not belong together")


def _measure(tree, options):
    environment = {**os.environ, "PYTHONPATH": str(tree / "harness"), "BUILD": "build"}
    done = subprocess.run([sys.executable, "-m", "dunelab", "experiment", *options], cwd=tree,
                          env=environment, check=False)
    if done.returncode == 128 + 2:
        raise KeyboardInterrupt
    if done.returncode:
        raise GuestError(f"the experiment in {tree} ended with status {done.returncode}; the same "
                         "command again goes on from here")
