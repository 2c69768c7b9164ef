# SPDX-License-Identifier: MIT
"""The report of a run: index.html, report.md, summary.json, the figures, the terminal's table."""

from dataclasses import asdict

from dunelab import again, claims, profiles, store, tables
from dunelab.markdown import table as markdown_table
from dunelab.paper import evaluate, plan as planning, published, text
from dunelab.webpage.document import definitions, document, escape, figure_grid, table, top
from dunelab.webpage.save import save


def make(run):
    """Make every form of it from the steps' records; the path of index.html."""
    rows, all_tables, figures = text.everything(run)
    save(figures, _short(run), run.store.report)
    store.write_json(run.store.path / "summary.json", _summary(run, rows))
    store.write_text(run.store.report / "report.md", _markdown(run, rows, all_tables, figures))
    index = run.store.report / "index.html"
    store.write_text(index, _page(run, rows, all_tables, figures))
    return index


def _short(run):
    """The claim under a figure's title: that of the boots which predict, if there are any."""
    records = list(filter(None, map(run.record, run.plan.steps())))
    records.sort(key=lambda record: record["engine"]["profile"] != run.plan.profile)
    return claims.short({"engine": records[0]["engine"]}) if records else ""


def terminal(run):
    """What the command prints at its end."""
    rows = evaluate.rows(run)
    lines = []
    for name, title in published.TABLES.items():
        body = []
        for row in rows:
            mine, plain = (row.measured.get(key) for key in (run.plan.profile, profiles.NONE))
            if row.published.table == name:
                body.append([row.published.title, text.ratio(row.published.ratio),
                             text.ratio(mine and mine.ratio), text.ratio(plain and plain.ratio),
                             "-" if row.error is None else f"{row.error:+.0%}"])
        if body:
            header = [title, "paper", "predicted", "instructions", "off by"]
            lines += ["", *tables.layout(header, body, numeric=range(1, 5))]
    return "\n".join([*lines, "", "ratios are Dune / Linux: below 1 Dune is faster",
                      *text.verdict(run, rows), text.claim(run),
                      *(f"  {problem}" for problem in text.problems(run))])


def _page(run, rows, all_tables, figures):
    out = top(text.TITLE, text.verdict(run, rows), text.claim(run), text.problems(run))
    if figures:
        out += ["<h2>Figures</h2>", *figure_grid(figures)]
    for item in all_tables:
        out += [f"<h2>{escape(item.title)}</h2>", f'<p class="soft">{escape(item.note)}</p>',
                table(item.header, item.body)]
        if item.remarks:
            out += ["<h3>Why they differ</h3>", *definitions(item.remarks)]
    out += ["<h2>How to reproduce</h2>", f"<p>{escape(_again(run))}</p>", "<h2>Files</h2>",
            '<p>In the run’s directory: <a href="../summary.json">summary.json</a>, '
            '<a href="../manifest.json">manifest.json</a>, '
            '<a href="../steps/">steps/</a> with every batch of every figure.</p>']
    return document(text.TITLE, out, figures)


def _markdown(run, rows, all_tables, figures):
    lines = [f"# {text.TITLE}", "", f"> {text.claim(run)}", ""]
    for sentence in [*text.problems(run), *text.verdict(run, rows)]:
        lines += [sentence, ""]
    for item in all_tables:
        lines += [f"## {item.title}", "", item.note, "",
                  *markdown_table(item.header, item.body), ""]
        lines += [f"* **{row}**: {why}" for row, why in item.remarks]
        lines += [""] if item.remarks else []
    lines += ["## Figures", ""]
    for figure in figures:
        lines += [f"![{figure.title}](figures/{figure.name}.svg)", "", f"*{figure.caption}*", ""]
    return "\n".join([*lines, "## How to reproduce", "", _again(run), ""])


def _again(run):
    words = [f"PROFILE={run.plan.profile}", f"SEED={run.plan.seed}"]
    words += ["QUICK=1"] if run.plan.quick else []
    if run.plan.parts != planning.WORKLOADS:
        words.append(f'ONLY="{" ".join(run.plan.parts)}"')
    words += again.make_words(run)
    return (f"At commit {run.manifest['commit'][:12]}: `make paper {' '.join(words)}`. "
            "The same commit gives the same figures, bit for bit, on every host.")


def _summary(run, rows):
    return {
        "schema": "dunelab-paper-summary/1", "claim": text.claim(run), "profile": run.plan.profile,
        "clock_domains": {profiles.NONE: "instr(bochs)", run.plan.profile: profiles.DOMAIN},
        "same_bits": evaluate.same_bits(run), "problems": text.problems(run),
        "rows": [{"key": row.published.key, "published": asdict(row.published),
                  "measured": {name: {"linux": pair.linux, "dune": pair.dune, "ratio": pair.ratio}
                               for name, pair in row.measured.items()},
                  "error": row.error, "within": row.within, "fitted": row.fitted}
                 for row in rows]}
