# SPDX-License-Identifier: MIT
"""What the report says: one set of tables and sentences for page, Markdown and terminal."""

import statistics
from dataclasses import dataclass

from dunelab import profiles
from dunelab.paper import charts, evaluate, published, sensitivity

# A program that has been counted, once more without large pages: what they are worth to it.
AGAIN = "_4k"
TITLE = "The evaluation of the Dune paper (OSDI 2012), again"


@dataclass(frozen=True)
class Table:
    """A table of text under a title; note: a sentence between them; remarks: [(row, sentences)]
    below it."""

    title: str
    note: str
    header: list
    body: list
    remarks: tuple = ()


def claim(run):
    """What the numbers are, in one paragraph."""
    profile = profiles.load(run.plan.profile)
    record = next(filter(None, map(run.record, run.plan.steps())), None)
    version = record["engine"]["version"] if record else run.plan.engine
    commit = run.manifest["commit"][:12] + (" with changes" if run.manifest["dirty"] else "")
    kernel = f"Linux {record['release']}, {record['cmdline']}" if record else "nothing was booted"
    return (f"{version}; {kernel}; seed {run.plan.seed}; commit {commit}. Emulated time is not "
            "hardware time: under the profile `none` a tick is an instruction, and exits, TLB "
            f"misses and page walks are free; under `{profile.name}` ({profile.title}) a tick is a "
            f"modelled cycle, clock domain {profiles.DOMAIN}. Profiles are never mixed in a ratio.")


def problems(run):
    """What weakens the run, a sentence each."""
    found = list(run.manifest.get("failures", []))
    missing = [step.key for step in run.plan.steps() if not run.record(step)]
    if missing:
        found.append(f"not measured: {', '.join(missing)}")
    same = evaluate.same_bits(run)
    if same is False:
        found.append("the same boot twice gave different figures: draw nothing from this run")
    found += [f"{line.published.title}: its cost is not linear in the price of an exit "
              f"({line.off:+.1%} off): its line in the sensitivity figure is not to be trusted"
              for line in sensitivity.lines(run)
              if line.off is not None and abs(line.off) > sensitivity.LINEAR]
    if run.plan.quick:
        found.append("a quick run: few samples, small inputs")
    return found


def verdict(run, rows):
    """The sentences at the top."""
    judged = [row for row in rows if row.error is not None and row.published.table in
              ("slower", "faster")]
    near = [row for row in judged if row.within]
    found = []
    if judged:
        found.append(f"Of {len(judged)} operations the predicted ratio of Dune to Linux is within "
                     f"{evaluate.TOLERANCE:.0%} of the published one for {len(near)}"
                     + (": " + ", ".join(row.published.title.partition(" (")[0] for row in near)
                        if near else "") + ".")
    same = evaluate.same_bits(run)
    if same:
        found.append("The same boot twice gave the same figures, bit for bit.")
    return found


def tables(run, rows, lines, slowdowns):
    """All Tables."""
    found = [_published(run, rows, name) for name in published.TABLES]
    found += [_sensitivity(run, lines), _sandbox(run, slowdowns), _others(run)]
    return [table for table in found if table and table.body]


def _published(run, rows, name):
    header = ["", "paper", "predicted", "off by", "instructions", "paper: Linux, Dune",
              "predicted cycles", "instructions each"]
    body, remarks = [], []
    for row in rows:
        if row.published.table != name:
            continue
        mine, plain = (row.measured.get(key) for key in (run.plan.profile, profiles.NONE))
        off = "-" if row.error is None else f"{row.error:+.0%}" + ("" if row.within else " NO")
        paper = f"{number(row.published.linux)}, {number(row.published.dune)} {row.published.unit}"
        body.append([row.published.title, ratio(row.published.ratio), ratio(mine and mine.ratio),
                     off, ratio(plain and plain.ratio), paper, both(mine), both(plain)])
        fitted = " Linux's own row here was fitted, and proves nothing." if row.fitted else ""
        remarks.append((row.published.title.partition(" (")[0], row.published.differs + fitted))
    return Table(published.TABLES[name], "Ratios are Dune / Linux: below 1 Dune is faster. NO: "
                 f"more than {evaluate.TOLERANCE:.0%} from the published ratio.", header, body,
                 tuple(remarks))


def _sensitivity(run, lines):
    at = sensitivity.price(profiles.load(run.plan.profile))
    body = [[line.published.title, f"{line.exits:.2f}", ratio(line.free), ratio(line.at(at)),
             ratio(line.at(4000)), line.verdict()] for line in lines]
    return Table("Where the conclusions flip", "Dune / Linux if an exit and its entry cost so many "
                 "cycles together, all else as in the profile.",
                 ["", "exits each", "0", f"{at:,.0f} (the profile)", "4,000", ""], body)


def _sandbox(run, slowdowns):
    paper = published.sandbox()
    body = [[name, *(ratio(found.get(profile)) for profile in (run.plan.profile, profiles.NONE))]
            for name, found in slowdowns.items()]
    if body:
        body.append(["geometric mean", *(ratio(mean(slowdowns, profile))
                                         for profile in (run.plan.profile, profiles.NONE))])
    return Table("The sandbox, program by program", "Time inside over time outside, less that of "
                 "an empty program. The paper: "
                 f"SPEC CPU2000 {paper['mean']:.3f} on average, at most {paper['worst']:.3f} "
                 f"({paper['worst_name']}). NAME{AGAIN}: the same program without large pages, not "
                 "in the mean.",
                 ["program", "predicted", "instructions"], body)


def _others(run):
    body = []
    for what, found in evaluate.others(run):
        for profile, medians in found.items():
            body.append([what, profile, ", ".join(f"{system} {number(value)}" for system, value
                                                  in sorted(medians.items()))])
    return Table("Everything measured", "Medians, in ticks of the profile's clock.",
                 ["operation", "profile", "figures"], body)


def mean(slowdowns, profile):
    """Geometric mean of the programs' slow-downs under a profile, or None."""
    values = [found[profile] for name, found in slowdowns.items()
              if found.get(profile) and not name.endswith(AGAIN)]
    return statistics.geometric_mean(values) if values else None


def everything(run):
    """(rows, lines, slowdowns, tables, figures) of a run."""
    rows, lines, slow = evaluate.rows(run), sensitivity.lines(run), charts.slowdowns(run)
    return rows, tables(run, rows, lines, slow), charts.plan(run, rows, lines, slow)


def ratio(value):
    """A ratio with three digits."""
    return "-" if value is None else f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def number(value):
    """A figure: whole above a hundred."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def both(pair):
    """Linux's figure and Dune's."""
    return "-" if pair is None else f"{number(pair.linux)}, {number(pair.dune)}"
