# SPDX-License-Identifier: MIT
"""The table of a sweep: one row for each point but for its seed, as JSON, CSV, markdown, a page."""

import csv
import io
from collections import Counter

from dunelab import claims, store, tables
from dunelab.markdown import table as markdown_table
from dunelab.sweep import figures, page
from dunelab.webpage.save import save

SEED = "seed"
_NOTE = ("A figure is the median over the seeds of a row; in brackets its exact 95 % interval by "
         "order statistics, which takes six seeds. With one seed it is that run's figure. Seeds "
         "are the spread: a deterministic engine gives the same number again. (3 of 6): three of "
         "the six points of a row have such a figure.")
_OWN = ("own: at a load that is a share of each system's own capacity, so that two systems with "
        "the same load are offered different rates.")


def make(run):
    """Write summary.json, summary.csv, summary.md and the page of what there is; the summary."""
    made = summary(run)
    store.write_json(run.store.path / "summary.json", made)
    store.write_text(run.store.path / "summary.csv", as_csv(made))
    store.write_text(run.store.path / "summary.md", as_markdown(made))
    text, figures_of = page.html(made, SEED, _NOTE, *_table(made), [
        *([_OWN] if _own(made) else []), *made["remarks"],
        *(f"not measured: {key}" for key in made["missing"])])
    save(figures_of, "; ".join(made["claims"]), run.store.report)
    store.write_text(run.store.report / "index.html", text)
    return made


def summary(run):
    """The summary of a sweep's Run as a value."""
    rows, missing, remarks, engines, points = {}, [], [], [], Counter()
    for point in run.plan.steps():
        group = tuple(pair for pair in point.values[:len(run.plan.axes)] if pair[0] != SEED)
        points[group] += 1
        record = run.record(point)
        if record is None:
            missing.append(point.key)
            continue
        if record["engine"] not in engines:
            engines.append(record["engine"])
        remarks += [f"{point.key}: {text}" for text in record["problems"]]
        for figure in record["figures"]:
            # Clocks and profiles are never put together, whatever the axes.
            place = (group, _short(figure["words"], dict(point.values)), figure["unit"],
                     figure["domain"], record["engine"]["profile"])
            rows.setdefault(place, []).append(figure["value"])
    found = []
    for (group, metric, unit, domain, profile), values in rows.items():
        centre, interval = figures.median(values)
        found.append({"values": dict(group), "metric": metric, "unit": unit, "domain": domain,
                      "profile": profile, "points": points[group], "runs": len(values),
                      "median": centre, "ci95": list(interval) if interval else None,
                      "min": min(values), "max": max(values)})
    return {"schema": "dunelab-sweep-summary/1", "name": run.plan.name,
            "experiment": run.plan.experiment, "status": run.manifest["status"],
            "commit": run.manifest["commit"], "dirty": run.manifest["dirty"],
            "claims": [claims.line({"engine": engine}) for engine in engines],
            "points": len(run.plan.steps()), "missing": missing, "remarks": remarks,
            "damaged": sorted(run.damaged), "failures": run.manifest["failures"],
            "axes": {name: list(texts) for name, texts in run.plan.axes},
            "fixed": dict(run.plan.fixed), "rows": found}


def _short(words, values):
    """A metric's name without what the point says already: `linux own0.3 p99` is `own p99`."""
    said, own = set(values.values()), f"own{values.get('load')}"
    return " ".join("own" if word == own else word for word in words if word not in said)


def as_csv(made):
    """A line a row and metric."""
    names = [name for name in made["axes"] if name != SEED]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*names, "metric", "unit", "clock_domain", "profile", "runs", "median",
                     "ci95_low", "ci95_high", "min", "max"])
    for row in made["rows"]:
        writer.writerow([*(row["values"][name] for name in names), row["metric"], row["unit"],
                         row["domain"], row["profile"], row["runs"], _number(row["median"]),
                         *(map(_number, row["ci95"]) if row["ci95"] else ("", "")),
                         _number(row["min"]), _number(row["max"])])
    return out.getvalue()


def _shown(value):
    return f"{value:,.6g}" if value < 1e6 else f"{value:,.0f}"


def _number(value):
    return f"{value:.10g}"


def _table(made):
    """(header, body): a line for each row, a column for each metric."""
    names = [name for name in made["axes"] if name != SEED]
    metrics = list(dict.fromkeys((row["metric"], row["unit"]) for row in made["rows"]))
    lines = {}
    for row in made["rows"]:
        place = (*(row["values"][name] for name in names), row["domain"])
        text = _shown(row["median"])
        if row["ci95"]:
            text += f" [{', '.join(map(_shown, row['ci95']))}]"
        if row["runs"] < row["points"]:
            text += f" ({row['runs']} of {row['points']})"
        line = lines.setdefault(place, {"runs": 0})
        line[row["metric"], row["unit"]] = text
        line["runs"] = max(line["runs"], row["runs"])
    header = [*names, "clock", "runs", *(f"{name} ({unit})" if unit else name
                                         for name, unit in metrics)]
    body = [[*place, str(line["runs"]), *(line.get(metric, "-") for metric in metrics)]
            for place, line in lines.items()]
    return header, body


def _own(made):
    return any(word.startswith("own") for row in made["rows"] for word in row["metric"].split())


def _remarks(made):
    """What a reader has to know of, a sentence each."""
    done = made["points"] - len(made["missing"])
    found = [f"{done} of {made['points']} points measured"]
    found += [f"not measured: {key}" for key in made["missing"]]
    if _own(made):
        found.append(_OWN)
    return found + made["damaged"] + made["failures"] + made["remarks"]


def as_markdown(made):
    """The file for a pull request."""
    header, body = _table(made)
    fixed = ", ".join(f"{name} {value}" for name, value in made["fixed"].items())
    changes = " with changes" if made["dirty"] else ""
    lines = [f"# Sweep {made['name']}", "", f"`dunelab experiment {made['experiment']}` with "
             f"{fixed}; commit {made['commit'][:12]}{changes}.", ""]
    for claim in made["claims"]:
        lines += [f"> {claim}", ""]
    if body:
        lines += [*markdown_table(header, body), "", _NOTE, ""]
    return "\n".join([*lines, *(f"* {text}" for text in _remarks(made)), ""])


def terminal(made):
    """What the command prints at its end."""
    header, body = _table(made)
    names = len([name for name in made["axes"] if name != SEED])
    numeric = range(names + 1, len(header))
    lines = ["", *tables.layout(header, body, numeric), ""] if body else [""]
    return "\n".join([*lines, *made["claims"], *_remarks(made)])
