# SPDX-License-Identifier: MIT
"""Two runs laid over each other: what must agree, the comparison, and both in each figure."""

from dataclasses import dataclass, field, replace

from dunelab import figures, results, tables
from dunelab.compare import command, sources
from dunelab.errors import UsageError
from dunelab.webpage import palette

# Of two curves of one system: base as the system is drawn, new in the colour furthest from it.
BASE, NEW = "base", "new"
_OTHER = {"dune": "linux", "dune-tuned": "linux"}


@dataclass
class Overlay:
    """made: the JSON of the comparison.  figures: none where the clocks differ, as then figures
    mean different things.  environment: (header, body) of what differs."""

    base: results.Run
    new: results.Run
    made: dict
    figures: list = field(default_factory=list)
    environment: tuple = ()


def lay(base, new, allowed=()):
    """The Overlay of two directories; UsageError when they are no runs of kv, or when the guard of
    `dunelab compare` refuses; allowed: its words."""
    for path in (base, new):
        if not (path / "plan.json").is_file():
            raise UsageError(f"{path.name} is not the directory of a run of kv")
    runs = [results.load(path) for path in (base, new)]
    for run in runs:
        if run.plan.workload != "kv":
            raise UsageError(f"a run of {run.plan.workload}: only runs of kv can be laid over "
                             "each other")
    sides = [sources.of_run(path) for path in (base, new)]
    made = command.compare(*sides, allowed)
    found = Overlay(*runs, made, environment=_environment(sides, runs))
    if sides[0].domain == sides[1].domain and sides[0].profile == sides[1].profile:
        found.figures = _figures(*runs)
    return found


def _environment(sides, runs):
    known = [{"commit": ", ".join(side.commits), "seed": str(run.plan.seed),
              "clock domain": side.domain, "cost profile": side.profile,
              "started": run.manifest["started"],
              **{name: str(value) for name, value in side.environment.items()},
              **{f"sha256 of {name}": value for name, value in side.artifacts.items()
                 if isinstance(value, str)}} for side, run in zip(sides, runs)]
    names = dict.fromkeys(name for values in known for name in values)
    body = [[name, *(values.get(name) or "-" for values in known)] for name in names
            if known[0].get(name) != known[1].get(name)]
    return ["", BASE, NEW], body


def _figures(base, new):
    found = []
    for kind, load in tables.groups(base):
        for mine in figures.at(base, kind, load):
            theirs = new.find(mine.cell.system, kind, load)
            if not theirs or not theirs.done:
                continue
            system, items = mine.cell.system, {BASE: mine, NEW: theirs}
            own = palette.style(system)
            other = palette.style(_OTHER.get(system, "dune"))
            series = {BASE: replace(own, dash=""), NEW: replace(other, dash="6 3")}
            name, where = f"{kind}{load}-{system}", f"{system}, {kind} {load}"
            found.append(figures.spectrum_figure(
                f"spectrum-{name}", f"Percentile spectrum: {where}", items, base.unit, series))
            found.append(figures.ccdf_figure(
                f"ccdf-{name}", f"Requests slower than x: {where}",
                "Complementary distribution of the latency from the intended send time.",
                {label: figures.ccdf_of(item.intended) for label, item in items.items()},
                f"latency ({base.unit})", "requests slower than that",
                ("run", f"latency ({base.unit})", "share above", "note"), series))
    return found
