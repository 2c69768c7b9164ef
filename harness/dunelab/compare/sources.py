# SPDX-License-Identifier: MIT
"""Reads what can be compared: runs of kv, jitter and the paper, records of bench, and directories
full of them.
"""

from dataclasses import asdict
from pathlib import Path

from dunelab import plan as planning, results, stats, store
from dunelab.compare import steps
from dunelab.compare.sides import Metric, Side, Value, join
from dunelab.errors import UsageError

PERCENTILES = ("50", "99", "99.9")
# Of the plan what names the sample, not the machine.
_FREE = ("seed", "systems", "engine")


def read(words, profile=None):
    """The Side of a comma-separated list of paths: files of bench, runs, directories of runs;
    with a profile, of what was measured under it.
    """
    found, unfinished, seen = [], [], {}
    for word in words.split(","):
        path = Path(word)
        if not path.exists():
            raise UsageError(f"{word}: no such file or directory")
        for item in _expand(path):
            before = seen.setdefault(item.resolve(), item)
            if before is not item:
                raise UsageError(f"{item} is there twice (as {before}): a run counts once")
            status, seed, of = _status(item)
            # Of an ensemble, a run that was stopped and then done again counts once.
            if item != path and status != "complete":
                if not profile or profile == of:
                    unfinished.append((seed, f"{item}: left out: the run is {status}"))
            else:
                found.append(of_path(item, profile))
    if profile:
        found = [side for side in found if side.profile == profile]
    if not found:
        raise UsageError("\n".join([
            f"{words}: nothing that can be compared{f' under {profile}' if profile else ''}: want "
            "the directory of a run, a directory of such, or a record of `dunelab bench`",
            *(text for _, text in unfinished)]))
    side = join(found)
    for seed, text in unfinished:
        (side.problems if seed in side.seeds else side.failed).append(text)
    return side


def _status(path):
    """(status, seed, profile) of a run."""
    if path.is_file():
        return "complete", 0, None
    kept = _manifest(path)
    if kept["schema"] in steps.KINDS:
        return kept["status"], 0, steps.profile_of(kept, path)
    return kept["status"], kept["seed"], kept["engine"]["profile"]


def _expand(path):
    """Runs and records at a path, in the order of their names."""
    if path.is_file() or (path / "manifest.json").exists():
        return [path]
    runs = sorted(item.parent for item in path.glob("*/manifest.json"))
    runs += sorted(item.parent for item in path.glob("*/*/manifest.json"))
    # `latest` is one of the others.
    return [run for run in runs if not run.is_symlink()]


def of_path(path, profile=None):
    """The Side of one run's directory, or of a record of bench."""
    if path.is_file():
        side, record = of_bench(path, read_record(path)), path
    else:
        kept, record = _manifest(path), path / "manifest.json"
        side = (steps.read(path, kept, profile) if kept["schema"] in steps.KINDS
                else of_run(path))
    # That of a run of kv has the digests of all that belongs to it.
    side.sha256 = {str(path): store.sha256(record)}
    return side


def _manifest(path):
    """The record of a run of either kind; UsageError."""
    try:
        kept = store.read_record(path / "manifest.json", None)
        if kept["schema"] not in (*steps.KINDS, "dunelab-run/1"):
            raise ValueError(f"{path / 'manifest.json'}: schema {kept['schema']} cannot be "
                             "compared")
        return kept
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not the directory of a run: {error}") from None


def read_record(path):
    """The JSON object of a file; UsageError when it is damaged or none of ours."""
    try:
        return store.read_record(path, "dunelab-bench/1")
    except (OSError, ValueError) as error:
        raise UsageError(f"{error}; want the directory of a run or a record of `dunelab bench`"
                         ) from None


def of_bench(path, kept):
    """The Side of one record of bench: each figure is a count of ticks, or a time."""
    values = {}
    for name, figure in kept["figures"].items():
        system, _, operation = name.partition(".")
        values[Metric((system, operation), "ticks", exact=kept["deterministic"],
                      group=system)] = {(0, 0): Value(figure["median"])}
    environment = {"kind": "bench", "engine": kept["engine"], "emulator": kept["version"],
                   "kernel": kept["release"], "mitigations": "; ".join(kept["mitigations"])}
    return Side([str(path)], kept["clock_domain"], kept["profile"], environment, values,
                [_commit(kept)], conclusive=kept["clock_domain"] != "ns(host)",
                baseline="linux", deterministic=kept["deterministic"])


def of_run(path):
    """The Side of one run of kv: percentiles of every valid cell, capacities."""
    run = results.load(path)
    manifest, seed = run.manifest, (run.plan.seed, 0)
    values, problems, failed, skipped = {}, [], [], {}
    damaged = [f"{path}: {item.cell.id}: {item.detail}" for item in run.cells if item.damaged]
    if damaged:
        raise UsageError("\n".join([*damaged, "nothing was compared: measure it again, or leave "
                                    "that run out"]))
    if manifest["status"] != "complete":
        failed.append(f"{path}: the run is {manifest['status']}")
    if run.deterministic is False:
        failed.append(f"{path}: the same seed gave different bits")
    for item in run.cells:
        point = (item.cell.system, f"{item.cell.kind}{item.cell.load}")
        if item.status == results.SKIP:
            skipped[point] = {run.plan.seed: item.detail}
            problems.append(f"{path}: {item.cell.id}: left out by plan: {item.detail}")
            continue
        if not item.done:
            problems.append(f"{path}: {item.cell.id}: {item.status}: {item.detail}")
            continue
        if not item.validity.ok:
            problems.append(f"{path}: {item.cell.id}: left out: "
                            + "; ".join(item.validity.reasons))
            continue
        for name in PERCENTILES:
            gate = stats.gated(item.intended, name)
            if gate.grade == "ok":
                metric = Metric((*point, f"p{name}"), run.unit, group=item.cell.system)
                values[metric] = {seed: Value(gate.value, item.intended, item.cell.rate)}
    for system in run.plan.systems:
        if run.capacity(system):
            values[Metric((system, "capacity"), run.rate_unit, lower_is_better=False,
                          group=system)] = {seed: Value(run.capacity(system))}
    return Side([str(path)], run.domain, manifest["engine"]["profile"], _environment(run),
                values, [_commit(manifest)], problems, run.conclusive, run.plan.baseline,
                skipped, manifest.get("artifacts") or {},
                manifest["engine"]["deterministic"] and run.deterministic is not False, failed)


def gates(plan):
    """How many metrics the runs of a plan have, at most."""
    usable = sum(plan.requests >= stats.samples_needed(name) for name in PERCENTILES)
    return len(planning.expected_cells(plan)) * usable + len(plan.systems)


def _environment(run):
    plan = {key: value for key, value in asdict(run.plan).items() if key not in _FREE}
    found = {"kind": run.plan.workload, "engine": run.manifest["engine"]["name"],
             "emulator": run.manifest["engine"]["version"], "kernel": run.manifest.get("kernel"),
             # An equal load is a share of the baseline's capacity.
             "plan.baseline": run.plan.baseline,
             **{f"plan.{key}": str(value) for key, value in plan.items()}}
    if run.domain.startswith("ns("):
        # A clock of the host's: the host is part of the machine.
        host = store.read_json(run.store.host, {})
        found |= {f"host.{key}": host.get(key) for key in ("cpu_model", "cpus_usable", "platform",
                                                           "governor")}
    return found


def _commit(kept):
    return kept["commit"][:12] + ("+" if kept["dirty"] else "")
