# SPDX-License-Identifier: MIT
"""`report DIR`: from the data of a run to summary, figures, report.md, index.html, table."""

import importlib
import json
from dataclasses import dataclass
from pathlib import Path

from dunelab import (arguments, claims, figures, hdr, hlog, markdown, overtime, page, results,
                     slo as objectives, stats, store, summary, tables)
from dunelab.errors import UsageError
from dunelab.webpage.save import save


@dataclass
class Figures:
    """All figures of a run in the order to show them. heat: [(title, [Figure])] of those that are
    one a system."""

    all: list
    heat: list


@dataclass
class Made:
    """What make() made."""

    run: results.Run
    figures: Figures
    index: Path
    markdown: Path


def figures_of(run, slo=None):
    """The Figures that the data of a run allow."""
    later = overtime.plan(run)
    maps = [figure for _, chosen in later["heat"] for figure in chosen]
    return Figures([*figures.plan(run, slo), *later["series"], *maps, *later["warmup"]],
                   later["heat"])


def make(path, slo=None):
    """Make every form of the report of the run in a directory, from its data alone.

    slo: a service level objective as typed, slo.choose()'s default without.
    """
    run = results.load(path)
    slo = objectives.choose(run, slo)
    _merge(run)
    store.write_json(run.store.path / "summary.json", summary.as_json(run))
    store.write_text(run.store.path / "summary.csv", summary.as_csv(run))
    chosen = figures_of(run, slo)
    save(chosen.all, claims.short(run.manifest), run.store.report)
    made = Made(run, chosen, run.store.report / "index.html", run.store.report / "report.md")
    store.write_text(made.markdown, markdown.text(run, chosen.all))
    store.write_text(made.index, page.html(run, chosen, slo))
    return made


def _merge(run):
    """cell.json, merged.hgrm and merged.hlog of every measured cell."""
    for item in run.cells:
        if not item.done:
            continue
        folder = run.store.cell(item.cell)
        merged = []
        for tag, intervals in item.log.items():
            begin, last = intervals[0].start, intervals[-1]
            merged.append(hlog.Interval(begin, last.start + last.length - begin,
                                        hdr.merge(i.histogram for i in intervals), tag))
        store.write_text(folder / "merged.hlog", hlog.write(merged, comment=item.cell.id))
        store.write_text(folder / "merged.hgrm", hlog.write_hgrm(item.intended))
        store.write_json(folder / "cell.json", {
            "schema": "lat-cell/1", "id": item.cell.id, "status": item.status, "runs": ["001"],
            "validity": {"ok": item.validity.ok, "reasons": item.validity.reasons},
            "lat": {tag: summary.latency_record(histogram, item.summary.get(tag) or {}, run.unit,
                                                run.domain)
                    for tag, histogram in (("intended", item.intended),
                                           ("service", item.service or hdr.Histogram()))}})


def terminal(made):
    """What the command prints at its end: claim, table, what is wrong, where the report is."""
    run = made.run
    names = tables.shown(run)
    header = ["load", "system", run.rate_unit, *(f"p{name} ({run.unit})" for name in names)]
    if run.conclusive:
        header += [f"p99 / {run.plan.baseline}", ""]
    body, previous = [], None
    for row in tables.rows(run):
        group = f"{row.group} {row.load}"
        rate = row.result.cell.rate
        line = ["" if group == previous else group, row.system, f"{rate:,.0f}" if rate else "-"]
        previous = group
        if row.result.done:
            line += [tables.percentile_text(row.percentiles[name]) for name in names]
            ratio = row.ratios.get("99")
            extra = [tables.ratio_text(ratio), ratio.verdict if ratio else ""]
        else:
            line += [row.result.status] + ["-"] * (len(names) - 1)
            extra = ["-", ""]
        body.append(line + (extra if run.conclusive else []))
    capacities = [f"{system} {run.capacity(system):,.0f}" if run.capacity(system)
                  else f"{system} unknown" for system in run.plan.systems]
    lines = ["", *tables.layout(header, body, numeric=range(2, 3 + len(names))), "",
             f"capacity ({run.rate_unit}): " + ", ".join(capacities),
             f"same seed: {claims.same_seed(run)[0]}", claims.line(run.manifest)]
    for title, items in (("not measured", missing(run)), ("flags", flagged(run)),
                         ("cautions", cautions(run)),
                         ("failures", run.manifest.get("failures") or [])):
        if items:
            lines += [f"{title}:", *(f"  {item}" for item in items)]
    link = run.store.path.parent / "latest"
    shown = link / "report/index.html" if link.is_symlink() and \
        link.resolve() == run.store.path.resolve() else made.index
    return "\n".join([*lines, "", f"report: {made.index}",
                      *([f"        {shown}"] if shown != made.index else [])])


def missing(run):
    """One line for each planned cell without data."""
    return [f"{item.cell.system} {item.cell.kind} {item.cell.load}: {item.status}: {item.detail}"
            for item in run.cells if not item.done]


def flagged(run):
    """One line for each measured cell that was not what the plan asked for."""
    return [f"{item.cell.system} {item.cell.kind} {item.cell.load}: "
            + "; ".join(item.validity.reasons)
            for item in run.cells if item.done and item.validity.reasons]


def cautions(run):
    """What weakens cells without making them wrong, in one line for all of them."""
    late = [item.validity.late_share for item in run.cells
            if item.done and (item.validity.late_share or 0) > stats.LATE_SHARE]
    if not late:
        return []
    done = sum(item.done for item in run.cells)
    return [f"in {len(late)} of {done} cells more than {stats.LATE_SHARE:.0%} of the mean latency "
            f"is lateness of the generator (at most {max(late):.0%}), which draws ratios "
            "towards 1"]


# Kind of manifest -> (module with its command, words before the directory).
_OTHERS = {"dunelab-jitter/1": ("jitter", "--report"), "dunelab-spin/1": ("spin", "--report"),
           "dunelab-paper/1": ("paper", "--report"), "dunelab-sweep/1": ("sweep", "--report")}


def _others_command(directory):
    """What makes the report of a run that is none of kv, or None."""
    try:
        kept = store.read_json(directory / "manifest.json")
    except (OSError, ValueError):
        return None
    name = kept.get("schema") if isinstance(kept, dict) else None
    if not isinstance(name, str) or name not in _OTHERS:
        return None
    module, word = _OTHERS[name]
    command = importlib.import_module(f"dunelab.{module}.command")
    return lambda: command.main([word, str(directory)])


def main(argv):
    """The command; returns 0."""
    parser = arguments.Parser(
        prog="dunelab report", description="Make the report of a run again from its data.",
        examples=["dunelab report results/kv/latest --slo 99:500000",
                  "dunelab report results/kv/latest --json | jq '.cells[].percentile'"])
    parser.add_argument("directory", type=Path, help="of the run")
    parser.add_argument("--slo", metavar="P:LATENCY", help="draw this objective, such as 99:500000 "
                        "in the run's unit, and say who keeps it (default: p99 within "
                        f"{objectives.TIMES} times the baseline's median service time)")
    parser.add_argument("--json", action="store_true", help="print summary.json, not the table")
    args = parser.parse_args(argv)
    other = _others_command(args.directory)
    if other:
        if args.slo:
            raise UsageError("--slo is for runs of WORKLOAD=kv")
        if args.json:
            raise UsageError("--json is for runs of WORKLOAD=kv: of others, read summary.json in "
                             "the directory")
        return other()
    made = make(args.directory, args.slo)
    print(json.dumps(summary.as_json(made.run), indent=1) if args.json else terminal(made))
    return 0
