# SPDX-License-Identifier: MIT
"""The rows that every form of the report prints: terminal, Markdown, HTML, CSV."""

from dataclasses import dataclass, field

from dunelab import stats
from dunelab.results import DONE, CellResult

SHOWN = ("50", "99", "99.9")


@dataclass
class Row:
    """One cell, ready to print. percentiles and ratios are by percentile name."""

    result: CellResult
    group: str
    load: str
    percentiles: dict = field(default_factory=dict)
    ratios: dict = field(default_factory=dict)
    flags: list = field(default_factory=list)

    @property
    def system(self):
        return self.result.cell.system


def groups(run):
    """[(kind, load)] in the order to show them; `equal` where equal rates are part of the plan."""
    equal = run.plan.equal_loads if len(run.plan.systems) > 1 else ()
    return [("equal", load) for load in equal] + [("own", load) for load in run.plan.loads]


def group_title(run, kind, load):
    """What a group of rows has in common."""
    percent = f"{float(load) * 100:g} %"
    if kind == "own":
        return f"each at {percent} of its own capacity"
    base = run.find(run.plan.baseline, "own", load)
    rate = f", {base.cell.rate:,.0f} {run.rate_unit}" if base and base.cell.rate else ""
    return f"equal rate: {percent} of {run.plan.baseline}'s capacity{rate}"


def shown(run):
    """Percentiles worth a column: p99.99 only where a cell has the samples for it."""
    if any(r.done and stats.gated(r.intended, "99.99").grade != "none" for r in run.cells):
        return SHOWN + ("99.99",)
    return SHOWN


def rows(run):
    """All rows, group by group; a planned cell without data has a row that says why."""
    if run.rows is not None:
        return run.rows
    result = run.rows = []
    for kind, load in groups(run):
        for system in run.plan.systems:
            found = run.find(system, kind, load)
            if found is not None:
                result.append(_row(run, found, kind, load))
    return result


def _row(run, result, kind, load):
    row = Row(result, kind, load)
    if result.status != DONE:
        row.flags = [f"{result.status}: {result.detail}"]
        return row
    row.percentiles = {name: stats.gated(result.intended, name) for name in shown(run)}
    row.flags = result.validity.reasons + result.validity.cautions
    base = run.find(run.plan.baseline, kind, load)
    if run.conclusive and base is not None and base.done and base is not result:
        for name in shown(run):
            row.ratios[name] = stats.ratio(result.intended, base.intended, name)
            # No verdict from a cell that was not what the plan asked for.
            if row.ratios[name] and not (result.validity.ok and base.validity.ok):
                row.ratios[name] = stats.Ratio(row.ratios[name].value, row.ratios[name].ci,
                                               "flagged")
    return row


def ratio_text(ratio):
    """1.04 [1.01, 1.08], 1.04 [n/a] without an interval; a dash for none."""
    if ratio is None:
        return "-"
    if ratio.ci is None:
        return f"{ratio.value:.3f} [n/a]"
    return f"{ratio.value:.3f} [{ratio.ci[0]:.3f}, {ratio.ci[1]:.3f}]"


def percentile_text(percentile):
    """Value, or why there is none."""
    return "-" if percentile is None else percentile.text()


def layout(header, body, numeric=()):
    """Lines of a plain-text table; columns in `numeric` are right-aligned."""
    widths = [max(len(line[i]) for line in [header, *body]) for i in range(len(header))]
    lines = []
    for line in [header, *body]:
        cells = [text.rjust(width) if i in numeric else text.ljust(width)
                 for i, (text, width) in enumerate(zip(line, widths))]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines
