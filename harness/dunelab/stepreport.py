# SPDX-License-Identifier: MIT
"""The frame of a report of steps: the same page, markdown, summary and words for the terminal
around each experiment's own tables and figures.
"""

from dataclasses import dataclass

from dunelab import claims, store, tables
from dunelab.markdown import table as markdown_table
from dunelab.webpage.document import definitions, document, escape, figure_grid, table, top
from dunelab.webpage.save import save

_PARTS = (("figures", "Figures"), ("tables", "Tables"), ("reproduce", "How to reproduce"))


@dataclass(frozen=True)
class Content:
    """What an experiment says of a run."""

    title: str
    schema: str         # of summary.json
    verdict: list       # sentences
    claim: str
    problems: list      # sentences
    systems: list       # (name, title)
    tables: list        # (title, note, header, body) in the order to show them
    rows: list          # of summary.json
    again: str          # how to measure it again, one sentence
    steps: str          # what lies in steps/, after "with"


def make(run, content, figures, record):
    """Write every form of it; the path of index.html. record: of a step, for the claim in the
    figures, where there are any."""
    if figures:
        save(figures, claims.short(record), run.store.report)
    store.write_json(run.store.path / "summary.json", {
        "schema": content.schema, "claim": content.claim, "problems": content.problems,
        "verdict": content.verdict, "rows": content.rows})
    store.write_text(run.store.report / "report.md", _markdown(content, figures))
    index = run.store.report / "index.html"
    store.write_text(index, _page(content, figures))
    return index


def terminal(content, numeric):
    """What the command prints at its end. numeric: header -> columns that hold numbers."""
    lines = []
    for title, _, header, body in content.tables:
        lines += ["", title, *tables.layout(header, body, numeric=numeric(header))]
    return "\n".join([*lines, "", *content.verdict, content.claim,
                      *(f"  {problem}" for problem in content.problems)])


def _page(content, figures):
    out = top(content.title, content.verdict, content.claim, content.problems, _PARTS)
    out += definitions(content.systems)
    out += ['<h2 id="figures">Figures</h2>', *figure_grid(figures), '<span id="tables"></span>']
    for title, note, header, body in content.tables:
        out += [f"<h2>{escape(title)}</h2>", f'<p class="soft">{escape(note)}</p>',
                table(header, body, swatch=True)]
    out += ['<h2 id="reproduce">How to reproduce</h2>',
            f"<p>{escape(content.again)}</p>", "<h2>Files</h2>",
            '<p>In the run’s directory: <a href="../summary.json">summary.json</a>, '
            '<a href="../manifest.json">manifest.json</a>, '
            f'<a href="../steps/">steps/</a> with {escape(content.steps)}.</p>']
    return document(content.title, out, figures)


def _markdown(content, figures):
    lines = [f"# {content.title}", "", f"> {content.claim}", ""]
    for sentence in [*content.problems, *content.verdict]:
        lines += [sentence, ""]
    for title, note, header, body in content.tables:
        lines += [f"## {title}", "", note, "", *markdown_table(header, body), ""]
    for figure in figures:
        lines += [f"![{figure.title}](figures/{figure.name}.svg)", "", f"*{figure.caption}*", ""]
    return "\n".join([*lines, "## How to reproduce", "", content.again, ""])
