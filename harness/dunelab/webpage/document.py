# SPDX-License-Identifier: MIT
"""A report as one HTML file that asks the network for nothing: frame, tables, figures."""

import html
import re
from pathlib import Path
from urllib.parse import quote

from dunelab.webpage import palette, svg

# Also without our word for it: a browser refuses to load anything for such a page.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_HERE = Path(__file__).parent


def document(title, body, figures=(), script=None):
    """The whole file around a body's lines. figures: those in it, for their colours; script: of
    this directory, where the figures' own is not meant."""
    styles = {item.key: item for item in palette.STYLES.values()}
    styles |= {item.key: item for figure in figures for item in figure.series.values()}
    css = "\n".join([palette.css(styles.values()), _asset("page.css"), svg.STYLE])
    return "\n".join([
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        '<link rel="icon" href="data:,">', f"<title>{escape(title)}</title>",
        f"<style>{css}</style>", "</head><body>", *body,
        *([f"<script>{_asset(script or 'hover.js')}</script>"] if figures or script else []),
        "</body></html>"]) + "\n"


def _asset(name):
    text = (_HERE / name).read_text("utf-8")
    return re.sub(r"\A(?:(?:/\*.*?\*/|//[^\n]*)\n)+", "", text)


def figure_block(figure, beside=True, caption=True):
    """A figure with its legend, and its data to read and to take away.

    beside: whether the page's directory has the files of save(), too; caption: False where it
    stands above several figures.
    """
    legend = "".join(f"<span>{svg.sample(style)}{escape(name)}</span>"
                     for name, style in figure.series.items())
    if figure.hover == "cell":
        legend = ('<span class="heat">few ' + "".join(
            f'<i style="background:var(--h{n})"></i>' for n in range(len(palette.HEAT)))
            + " many requests</span>")
    rows = figure.csv()
    link = f"data:text/csv;charset=utf-8,{quote(rows, safe=',/:;()[] ')}".replace(" ", "%20")
    files = (f'; beside this page: <a href="data/{figure.name}.csv">CSV</a>, '
             f'<a href="figures/{figure.name}.svg">SVG</a>' if beside else "")
    return (f'<figure id="{figure.name}"><figcaption><b>{escape(figure.title)}</b>'
            f"{escape(figure.caption) if caption else ''}</figcaption>"
            f'<div class="legend">{legend}</div>{svg.inline(figure)}'
            f"<details><summary>data: {len(figure.rows):,} rows</summary>"
            f'<p>All: <a download="{figure.name}.csv" href="{link}">{figure.name}.csv</a>{files}. '
            f"Of a long series the table has evenly spaced rows.</p>"
            f"{table(*figure.short())}</details></figure>")


def figure_grid(figures, small=False, beside=True):
    """Lines: figures side by side where there is room; a caption that all have stands once."""
    shared = len(figures) > 1 and len({figure.caption for figure in figures}) == 1
    return [*([f'<p class="soft">{escape(figures[0].caption)}</p>'] if shared else []),
            f'<div class="figures{" small" if small else ""}">',
            *(figure_block(figure, beside, not shared) for figure in figures), "</div>"]


def table(header, body, swatch=False, wrap=False):
    """A table; columns of numbers are aligned right. swatch: a system has its line's sample.
    wrap: long cells have several lines."""
    numeric = [bool(body) and all(re.match(r"[\d\-n]", line[i] or "-") for line in body)
               and not all(line[i] in ("", "-") for line in body) for i in range(len(header))]
    out = [f'<div class="scroll"><table{" class=wrap" if wrap else ""}><thead><tr>']
    out += [f'<th scope="col"{_class(numeric[i])}>{escape(cell)}</th>'
            for i, cell in enumerate(header)]
    out.append("</tr></thead><tbody>")
    for line in body:
        out.append("<tr>")
        for i, cell in enumerate(line):
            text = words(cell)
            if swatch and header[i] == "system" and cell in palette.STYLES:
                text = f"{svg.sample(palette.style(cell))} {text}"
            kind = ' class="n"' if numeric[i] else ' class="w"' if len(cell) > 48 else ""
            out.append(f"<td{kind}>{text}</td>")
        out.append("</tr>")
    return "".join(out) + "</tbody></table></div>"


def words(cell):
    """Escaped text whose last word is coloured when it is a verdict."""
    text, last = escape(cell), cell.rpartition(" ")[2]
    if last in ("lower", "higher", "regressed", "improved", "ok"):
        text = text[:len(text) - len(last)] + f'<span class="{last}">{last}</span>'
    return text


def _class(numeric):
    return ' class="n"' if numeric else ""


def definitions(pairs):
    """A list of names and what they are."""
    return ["<dl>", *(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs),
            "</dl>"]


def top(title, verdict, claim, problems=(), sections=()):
    """Lines at the top of every report: what came out first, then what the numbers are.

    sections: [(id, title)] of what follows.
    """
    lead, *rest = verdict or ["No verdict."]
    out = [f"<h1>{escape(title)}</h1>", '<section class="verdict" aria-label="verdict">',
           f"<p><strong>{words(lead)}</strong></p>"]
    if rest:
        out += ["<ul>", *(f"<li>{words(line)}</li>" for line in rest), "</ul>"]
    out += ["</section>", *(f'<p class="problem">{escape(text)}</p>' for text in problems),
            f'<p class="claim">{escape(claim)}</p>']
    if sections:
        out += ['<nav aria-label="sections">',
                *(f'<a href="#{name}">{escape(text)}</a>' for name, text in sections), "</nav>"]
    return out


def escape(value):
    """Escaped text; `code` in backquotes becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(str(value)))
