# SPDX-License-Identifier: MIT
"""Runs of one boot a step, jitter's and the paper's, as sides of a comparison."""

import hashlib
import json
from dataclasses import asdict

from dunelab import claims, profiles, stats, steprun
from dunelab.compare.sides import Metric, Side, Value
from dunelab.errors import UsageError
from dunelab.jitter import evaluate as jitter, steps as jitter_steps
from dunelab.paper import evaluate as paper, steps as paper_steps

KINDS = {"dunelab-jitter/1": jitter_steps.KIND, "dunelab-paper/1": paper_steps.KIND}
WAKE = ("50", "99", "99.9")
# There is no ensemble: a boot a side.
ONLY = (0, 0)
# Of a plan what names the sample, not the machine.
_FREE = ("workload", "systems", "noises", "parts")


def read(path, kept, profile=None):
    """The Side of a run whose manifest is `kept`; profile: of the paper's, which has two."""
    run = steprun.load(KINDS[kept["schema"]], path)
    if run.kind is jitter_steps.KIND:
        return _side(run, profile, run.plan.steps(), *_jitter(run))
    chosen = profile or profiles.NONE
    chosen_steps = [step for step in run.plan.steps()
                    if step.profile == chosen and step.exits is None]
    if not chosen_steps:
        raise UsageError(f"{path} has no profile {chosen}: it has {profiles.NONE} and "
                         f"{run.plan.profile}")
    return _side(run, chosen, chosen_steps, _paper(run, chosen))


def _side(run, profile, steps, values, conclusive=True):
    records = [record for record in map(run.record, steps) if record]
    failed = [*run.manifest.get("failures", []), *sorted(run.damaged), *steprun.mixed(run)]
    if run.manifest["status"] != "complete":
        failed.append(f"the run is {run.manifest['status']}")
    missing = [step.key for step in steps if not run.record(step)]
    if missing:
        failed.append(f"not measured: {', '.join(missing)}")
    first = records[0]["engine"] if records else {}
    environment = {"kind": run.plan.workload, "engine": first.get("name"),
                   "emulator": first.get("version"),
                   **{f"kernel {record['release']}": record["release"] for record in records},
                   **{f"plan.{key}": str(value) for key, value in asdict(run.plan).items()
                      if key not in _FREE}}
    commit = run.manifest["commit"][:12] + ("+" if run.manifest["dirty"] else "")
    path = str(run.store.path)
    return Side([path], first.get("clock_domain", "?"), first.get("profile", profile or "?"),
                environment, values, [commit], conclusive=conclusive, baseline="linux",
                deterministic=bool(first.get("deterministic")),
                failed=[f"{path}: {text}" for text in failed])


def _jitter(run):
    """(values, whether they may be judged) of what was taken from the programs and how late they
    woke."""
    values, domain = {}, ""
    for item in jitter.measured(run):
        domain = item.record["engine"]["clock_domain"]
        where = (item.step.system, item.step.noise)
        # Each gap, not their number alone; but not when the loop began since the boot.
        found = {key: value for key, value in item.spin.items() if key != "begin_ticks"}
        digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
        for name, value in (("interruptions", item.spin["interruptions"]),
                            ("exits", item.spin["exits"])):
            if value is not None:
                values[Metric((*where, name), "events", counts=True,
                              group=item.step.system)] = {ONLY: Value(value, digest=digest)}
        values[Metric((*where, "lost"), "ticks", group=item.step.system)] = {
            ONLY: Value(item.spin["lost_ticks"], digest=digest)}
        for name in WAKE:
            gate = stats.gated(item.late, name)
            if gate.grade == "ok":
                values[Metric((*where, "wake", f"p{name}"), claims.unit(domain),
                              group=item.step.system)] = {ONLY: Value(gate.value, item.late)}
    return values, domain != "ns(host)"


def _paper(run, profile):
    """Medians of all operations under a profile."""
    values = {}
    for part in run.plan.parts:
        for name, figure in paper.figures(run, part, profile).items():
            what, system = paper.split(name)
            values[Metric((part, what, system), "ticks", exact=True, group=system)] = {
                ONLY: Value(figure.median)}
    return values


def profile_of(kept, path):
    """The one profile that a run is of; None of the paper's, which has two."""
    if kept["schema"] == "dunelab-paper/1":
        return None
    return steprun.load(KINDS[kept["schema"]], path).plan.profile
