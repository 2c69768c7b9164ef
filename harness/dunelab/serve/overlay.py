# SPDX-License-Identifier: MIT
"""Two runs laid over each other: what must agree, the comparison, and both in each figure."""

from dataclasses import dataclass, field, replace

from dunelab import claims, figures, results, steprun, store, tables
from dunelab.compare import command, sources
from dunelab.errors import UsageError
from dunelab.jitter import evaluate, steps as jitter_steps
from dunelab.webpage import palette

# The paper's figures are counts, which have no curves; spin's runs are held against a simulator.
WORKLOADS = ("kv", "jitter", "paper")
# Of two curves of one system: base as the system is drawn, new in the colour furthest from it.
BASE, NEW = "base", "new"
_OTHER = {"dune": "linux", "dune-tuned": "linux"}


@dataclass
class Overlay:
    """claim: what the numbers are.  made: the JSON of the comparison.  figures: none where the
    clocks differ, as then figures mean different things.  environment: (header, body) of what
    differs."""

    claim: str
    made: dict
    figures: list = field(default_factory=list)
    environment: tuple = ()


def lay(base, new, allowed=()):
    """The Overlay of two directories; UsageError when they are no runs of one of WORKLOADS, or
    when the guard of `dunelab compare` refuses; allowed: its words."""
    workloads = [_workload(path) for path in (base, new)]
    if len(set(workloads)) > 1:
        raise UsageError(f"a run of {workloads[0]} and one of {workloads[1]} have nothing in "
                         "common")
    sides = [sources.of_path(path) for path in (base, new)]
    made = command.compare(*sides, allowed)
    kept = [store.read_json(path / "manifest.json") for path in (base, new)]
    same = sides[0].domain == sides[1].domain and sides[0].profile == sides[1].profile
    curves = _CURVES.get(workloads[0]) if same else None
    return Overlay(_claim(sides[0]) if same else "", made, curves(base, new) if curves else [],
                   _environment(sides, kept))


def _workload(path):
    """Which of WORKLOADS a directory has a run of; UsageError."""
    if not (path / "plan.json").is_file() or not (path / "manifest.json").is_file():
        raise UsageError(f"{path.name} is not the directory of a run")
    try:
        name = (store.read_json(path / "plan.json") or {})["plan"]["workload"]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path.name} is not the directory of a run: {error}") from None
    if name not in WORKLOADS:
        raise UsageError(f"a run of {name}: only runs of {', '.join(WORKLOADS)} can be laid over "
                         "each other; spin's report sets each run beside its simulation")
    return name


def _claim(side):
    return claims.line({"engine": {
        "name": side.environment["engine"], "version": side.environment["emulator"],
        "clock_domain": side.domain, "profile": side.profile}})


def _environment(sides, manifests):
    known = [{"commit": ", ".join(side.commits),
              "seed": str(kept["seed"]) if "seed" in kept else "-",
              "clock domain": side.domain, "cost profile": side.profile,
              "started": kept["started"],
              **{name: str(value) for name, value in side.environment.items()},
              **{f"sha256 of {name}": value for name, value in side.artifacts.items()
                 if isinstance(value, str)}} for side, kept in zip(sides, manifests)]
    names = dict.fromkeys(name for values in known for name in values)
    body = [[name, *(values.get(name) or "-" for values in known)] for name in names
            if known[0].get(name) != known[1].get(name)]
    return ["", BASE, NEW], body


def _series(system):
    """{series: Style} of the two curves of a system."""
    own, other = palette.style(system), palette.style(_OTHER.get(system, "dune"))
    return {BASE: replace(own, dash=""), NEW: replace(other, dash="6 3")}


def _kv(*paths):
    """Spectrum and distribution of each system at each load that both have."""
    base, new = map(results.load, paths)
    found = []
    for kind, load in tables.groups(base):
        for mine in figures.at(base, kind, load):
            theirs = new.find(mine.cell.system, kind, load)
            if not theirs or not theirs.done:
                continue
            system, items = mine.cell.system, {BASE: mine, NEW: theirs}
            name, where = f"{kind}{load}-{system}", f"{system}, {kind} {load}"
            found.append(figures.spectrum_figure(
                f"spectrum-{name}", f"Percentile spectrum: {where}", items, base.unit,
                _series(system)))
            found.append(_ccdf(
                f"ccdf-{name}", f"Requests slower than x: {where}",
                "Complementary distribution of the latency from the intended send time.",
                {label: item.intended for label, item in items.items()},
                ("latency", "requests slower than that"), base.unit, system))
    return found


def _jitter(*paths):
    """How late each system woke, with and without noise."""
    base, new = ({(item.step.noise, item.step.system): item for item in evaluate.measured(
        steprun.load(jitter_steps.KIND, path))} for path in paths)
    return [_ccdf(f"wake-{noise}-{system}",
                  f"Late wake-ups: {system}, {evaluate.TITLES[noise]}",
                  "Share of the periods in which the thread woke later than x.",
                  {BASE: mine.late, NEW: new[noise, system].late},
                  ("wakes late by", "periods later than that"),
                  claims.unit(mine.record["engine"]["clock_domain"]), system)
            for (noise, system), mine in base.items() if (noise, system) in new]


def _ccdf(name, title, caption, histograms, axes, unit, system):
    return figures.ccdf_figure(
        name, title, caption,
        {label: figures.ccdf_of(histogram) for label, histogram in histograms.items()},
        f"{axes[0]} ({unit})", axes[1], ("run", f"{axes[0]} ({unit})", "share above", "note"),
        _series(system))


_CURVES = {"kv": _kv, "jitter": _jitter}
