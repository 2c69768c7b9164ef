# SPDX-License-Identifier: MIT
"""index.html of a kv run."""

from dunelab import claims, facts
from dunelab.htmlpage import document, escape, figure_block, table

SECTIONS = {"load": "Latency against load", "spectrum": "Percentile spectra",
            "ccdf": "Complementary distributions"}


def html(run, figures):
    """The whole page."""
    out = [f"<h1>{escape(facts.title(run))}</h1>",
           f'<p class="claim">{escape(claims.line(run.manifest))}</p>']
    out += [f'<p class="problem">{escape(text)}</p>' for text in facts.problems(run)]
    out += [f"<p>{escape(text)}</p>" for text in facts.verdict(run)]
    overview = facts.overview(run)
    if overview:
        out += [f"<h2>Compared with {escape(run.plan.baseline)}</h2>",
                '<p class="soft">Ratios to it: capacity, and p99 latency at each load point; '
                'below 1 is less.</p>', table(*overview, swatch=True)]
    out += ["<h2>Latency</h2>", f'<p class="soft">{escape(facts.how_to_read(run))}</p>']
    for title, rows in facts.grouped(run):
        out += [f"<h3>{escape(title[0].upper() + title[1:])}</h3>",
                table(*facts.latency(run, rows), swatch=True)]
    extra = facts.extra_tables(run)
    out += _extra(extra[:1])
    out += _figures(run, figures)
    out += _extra(extra[1:])
    out += ["<h2>How to reproduce</h2>", f"<p>{escape(facts.reproduce(run)[0])}</p>",
            "<h2>Environment</h2>", "<dl>"]
    out += [f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
            for name, value in facts.environment(run)]
    out += ["</dl>", "<h2>Files</h2>",
            '<p>In the run’s directory: <a href="../summary.json">summary.json</a>, '
            '<a href="../summary.csv">summary.csv</a>, '
            '<a href="../manifest.json">manifest.json</a>, '
            '<a href="../journal.ndjson">journal.ndjson</a>, '
            '<a href="../cells/">cells/</a> with the histograms of every cell, and '
            '<a href="../boots/">boots/</a> with the consoles.</p>']
    return document(facts.title(run), out)


def _figures(run, figures):
    out = []
    for script, title in SECTIONS.items():
        chosen = [figure for figure in figures if figure.script == script]
        if not chosen:
            continue
        out += [f"<h2>{title}</h2>", f'<p class="soft">{escape(chosen[0].caption)}</p>',
                '<div class="figures">']
        out += [figure_block(run.store.report, figure) for figure in chosen]
        out.append("</div>")
    if not figures:
        out.append('<h2>Figures</h2><p class="problem">None: nothing was measured.</p>')
    return out


def _extra(tables):
    out = []
    for title, (header, body), note in tables:
        out += [f"<h2>{escape(title)}</h2>", f'<p class="soft">{escape(note)}</p>' if note else "",
                table(header, body, swatch=True)]
    return out
