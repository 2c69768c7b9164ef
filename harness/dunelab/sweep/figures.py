# SPDX-License-Identifier: MIT
"""The figures of one run, as rows that a sweep can put side by side."""

from dunelab import claims, results, stats, steprun, store
from dunelab.compare import sources
from dunelab.errors import UsageError
from dunelab.jitter import evaluate, report, steps
from dunelab.spin import evaluate as spin, steps as spin_steps

# Field of jitter's rows -> unit; that of wake-ups is the clock's.
_COUNTS = {"interruptions": "", "lost_ppm": "ppm", "longest_ticks": "ticks"}


def read(experiment, path):
    """(engine, [{words, value, unit, domain}], [problem]) of the run of an experiment.

    Figures that the run flags, or has too few samples for, are not among them.
    """
    return READERS[experiment](path)


def _kv(path):
    side = sources.of_run(path)
    rows = [{"words": list(metric.key), "value": value.value, "unit": metric.unit,
             "domain": side.domain}
            for metric, runs in side.values.items() for value in runs.values()]
    # They begin with the run's directory, which the record of the point names.
    problems = [text.removeprefix(f"{path}: ") for text in (*side.problems, *side.failed)]
    return store.read_json(path / "manifest.json")["engine"], rows, problems


def _jitter(path):
    run, rows = steprun.load(steps.KIND, path), []
    items = evaluate.measured(run)
    for found in map(report.row, items):
        engine = found["engine"]
        point, domain = [found["system"], found["noise"]], engine["clock_domain"]
        rows += [{"words": [*point, name], "value": found[name], "unit": unit, "domain": domain}
                 for name, unit in _COUNTS.items()]
        wakes = {f"wake_p{name}": found["wake_ns"][name] for name in evaluate.PERCENTILES}
        rows += [{"words": [*point, name], "value": value, "unit": claims.unit(domain),
                  "domain": domain}
                 for name, value in (wakes | {"wake_max": found["wake_max_ns"]}).items()
                 if value is not None]
    if not rows:
        raise ValueError(f"{path}: a run of jitter without rows")
    return engine, rows, evaluate.problems(run, items)


def _spin(path):
    run = steprun.load(spin_steps.KIND, path)
    items = spin.measured(run)
    if not items:
        raise ValueError(f"{path}: a run of spin without cells")
    engine = items[0].record["engine"]
    domain, rows = engine["clock_domain"], []
    for item in items:
        point = [item.step.system, item.step.scene, item.cell.policy, item.cell.load]
        rows += [{"words": [*point, name], "value": value, "unit": unit, "domain": domain}
                 for name, value, unit in _spin_cell(item, claims.unit(domain))]
    return engine, rows, spin.problems(run, items)


def _spin_cell(item, unit):
    """[(name, value, unit)] of a cell: none where it is no result."""
    if item.cell.saturated:
        return [("capacity", spin.busy_share(item), "")]
    if item.state not in spin.SOUND:
        return []
    found = [("mean", item.found["sojourn_ns"]["mean"], unit)]
    for level in spin.SHOWN:
        found += [(f"{kind}p{level}", gate.value / scale, of)
                  for kind, gate, scale, of in (
                      ("", stats.gated(item.sojourn, level), 1, unit),
                      ("slowdown_", stats.gated(item.slowdown, level), spin.SLOWDOWN_UNIT, ""))
                  if gate.grade == "ok"]
    if item.predicted:
        found.append(("mean_error", 100 * spin.error(found[0][1], item.predicted["sojourn_ns"][
            "mean"]), "% of rt-sim's"))
    return found


def whole(experiment, path):
    """Whether all that a complete run of an experiment has measured is as it was written."""
    try:
        if experiment in _KINDS:
            run = steprun.load(_KINDS[experiment], path)
            return all(run.record(step) for step in run.plan.steps())
        return all(item.status in (results.DONE, results.SKIP)
                   for item in results.load(path).cells)
    except UsageError:
        return False


# experiment -> what reads a run of it; only these can be swept.
READERS = {"kv": _kv, "jitter": _jitter, "spin": _spin}
_KINDS = {"jitter": steps.KIND, "spin": spin_steps.KIND}     # those of a boot a step


def median(values):
    """(median, exact 95 % interval or None) of the figures of runs that differ in their seed
    alone: order statistics, whatever the distribution; it takes six."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    centre = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    ranks = stats.ci_ranks(len(ordered), "50")
    return centre, tuple(ordered[-rank] for rank in ranks) if ranks else None
