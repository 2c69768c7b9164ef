# SPDX-License-Identifier: MIT
"""A comparison as JSON, and that JSON as a table for people."""

from dunelab import claims, stats, tables
from dunelab.compare import matching

_ORDER = (stats.REGRESSED, stats.INCONCLUSIVE, stats.IMPROVED, stats.OK)


def as_json(base, new, rows, labels, margin, alpha, only=()):
    """The record of a comparison, schema dunelab-comparison/1."""
    missing = sorted(_missing(base, new, only))
    return {
        "schema": "dunelab-comparison/1", "base": _side(base), "new": _side(new),
        "labels": labels, "margin": margin, "alpha": alpha, "confidence": 0.95,
        "verdict": overall([row.verdict for row in rows]),
        "metrics": [_row(row) for row in rows], "missing": missing}


def _missing(base, new, only):
    """What the base has and the new side lacks: metrics, and seeds of them.

    Where no seed is common, runs are compared as groups, and the other seeds are no gap.
    """
    common = base.seeds & new.seeds
    for metric, runs in base.values.items():
        skipped = new.skipped.get(metric.key[:-1], {})
        if not matching.wanted(metric, only):
            continue
        have = {seed for seed, _ in new.values.get(metric, {})}
        lost = sorted({seed for seed, _ in runs} - have - set(skipped))
        if not have and not skipped:
            yield metric.name
        elif common and lost:
            yield f"{metric.name}, seed {', '.join(map(str, lost))}"


def overall(verdicts):
    """The worst verdict, or "nothing" for none."""
    return next((word for word in _ORDER if word in verdicts), "nothing")


def _side(side):
    return {"paths": side.paths, "clock_domain": side.domain, "profile": side.profile,
            "commits": side.commits, "environment": side.environment,
            "seeds": sorted(side.seeds), "sha256": side.sha256,
            "problems": side.problems, "failed": side.failed}


def _row(row):
    return {"metric": row.metric.name, "unit": row.metric.unit,
            "lower_is_better": row.metric.lower_is_better, "how": row.how, "n": list(row.n),
            "ratio": row.ratio, "ci95": list(row.ci) if row.ci else None, "p": row.p,
            "p_holm": row.p_holm, "ks": row.ks, "a12": row.a12, "verdict": row.verdict,
            "reason": row.reason, "blocked": row.blocked}


def text(made):
    """What the terminal shows: verdict, labels, table, what is missing."""
    base, new = made["base"], made["new"]
    lacking = "INCOMPLETE, " if made["missing"] or new["failed"] else ""
    lines = [f"{lacking}{made['verdict'].upper()}: {_count(made['metrics'])}",
             f"base  {_title(base)}", f"new   {_title(new)}",
             f"clock {base['clock_domain']}: {claims.DOMAINS.get(base['clock_domain'], '')}"]
    lines += [f"NOT LIKE WITH LIKE: {label}" for label in made["labels"]]
    if made["metrics"]:
        lines += ["", *tables.layout(*table(made["metrics"]), numeric=(2, 4)), "", legend(made)]
    if any(row["blocked"] for row in made["metrics"]):
        lines.append("NOT EXCLUDED: a metric that looks worse has no verdict, see its reason")
    for title, items in (("not in new", made["missing"]),
                         ("base", [*base["failed"], *base["problems"]]),
                         ("FAILED in new", new["failed"]), ("new", new["problems"])):
        lines += [f"{title}: {item}" for item in items]
    return "\n".join(lines)


def _title(side):
    more = f" and {len(side['paths']) - 1} more" if len(side["paths"]) > 1 else ""
    return f"{side['paths'][0]}{more}, commit {', '.join(side['commits'])}"


def _count(metrics):
    counts = [(sum(row["verdict"] == word for row in metrics), word) for word in _ORDER]
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "nothing to compare"


def legend(made):
    """What the columns of the table mean."""
    gates = sum(row["p"] is not None for row in made["metrics"])
    tested = (f"p after Holm over {gates} gates, level {made['alpha']:g}" if gates else
              "nothing that a test could be made of")
    return (f"ratio: new / base, [95 % interval]; margin {made['margin']:.1%}; {tested}; a12: how "
            "often a request of new takes longer")


def table(metrics):
    """(header, body) of the metrics of a comparison, the worst first."""
    header = ["metric", "ratio", "p", "n", "a12", "verdict", ""]
    body = []
    for row in sorted(metrics, key=lambda row: _ORDER.index(row["verdict"])):
        ratio = None
        if row["ratio"] is not None:
            ratio = stats.Ratio(row["ratio"], row["ci95"], row["verdict"])
        body.append([
            row["metric"], tables.ratio_text(ratio),
            "-" if row["p_holm"] is None else f"{row['p_holm']:.2g}",
            f"{' v '.join(map(str, row['n']))} {row['how']}",
            "-" if row["a12"] is None else f"{row['a12']:.3f}", row["verdict"], row["reason"]])
    return header, body
