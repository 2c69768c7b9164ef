# SPDX-License-Identifier: MIT
"""A report as one HTML file without references to the network, for screens of any size and colour:
the frame around it, tables, and figures as part of the page."""

import html
import re

from dunelab import drawing

# Small tables of points are shown in the page, large ones only linked.
EMBED_MAX = 24_000

_STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1a1b1c;--soft:#5d6066;--grid:#d3d4d5;
--panel:#f5f6f7;--warn:#fff3d6;--warn-ink:#6b4a00;--good:#00734f;--bad:#b03a00;COLOURS}
@media(prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e4e5e7;--soft:#a0a4ab;
--grid:#383b40;--panel:#1e2125;--warn:#3a2e12;--warn-ink:#f2d591;--good:#3ecf9b;--bad:#ff9a66;
DARK}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1.2rem 1rem 4rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,Helvetica,Arial,sans-serif}
h1{font-size:1.55rem;line-height:1.25;margin:.2rem 0 .8rem}
h2{font-size:1.2rem;margin:2.4rem 0 .6rem;border-bottom:1px solid var(--grid);
padding-bottom:.25rem}
h3{font-size:1rem;margin:1.4rem 0 .4rem}
p{max-width:50rem;margin:.5rem 0}
.claim{border-left:4px solid var(--soft);background:var(--panel);padding:.6rem .9rem;
max-width:none;font-size:.93rem}
.problem{background:var(--warn);color:var(--warn-ink);padding:.5rem .9rem;border-radius:4px;
max-width:none}
.soft{color:var(--soft);font-size:.9rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.28rem .7rem;text-align:left;border-bottom:1px solid var(--grid);
white-space:nowrap;vertical-align:top}
th{font-weight:600;color:var(--soft)}
td.n,th.n{text-align:right}
td.w{white-space:normal;min-width:14rem}
.dot{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.45em}
.lower{color:var(--good);font-weight:600}
.higher{color:var(--bad);font-weight:600}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,34rem),1fr));
gap:1.4rem 1.2rem}
figure{margin:0;min-width:0}
figure svg{display:block;width:100%;min-width:30rem;height:auto;font-family:inherit}
figcaption,details{font-size:.86rem;color:var(--soft)}
details{margin-top:.25rem}
pre{overflow:auto;max-height:16rem;background:var(--panel);padding:.6rem;font-size:.78rem;
color:var(--ink)}
code{font-size:.92em}
a{color:inherit}
dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.2rem 1rem;
font-size:.9rem;margin:.6rem 0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
@media(max-width:40rem){body{padding:.8rem .7rem 3rem}dl{grid-template-columns:1fr}
dd{margin-bottom:.4rem}th,td{padding:.25rem .5rem}}
"""
_BRIGHT = 0.42


def document(title, body):
    """The whole file around a body's lines."""
    style = _style(drawing.colours())
    return "\n".join(["<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
                      '<meta name="viewport" content="width=device-width,initial-scale=1">',
                      f"<title>{escape(title)}</title>", f"<style>{style}</style>",
                      "</head><body>", *body, "</body></html>"]) + "\n"


def _style(colours):
    light = "".join(f"--c-{name}:{value};" for name, value in colours.items())
    dark = "".join(f"--c-{name}:{_brighter(value)};" for name, value in colours.items())
    return _STYLE.replace("COLOURS", light).replace("DARK", dark)


def _brighter(colour):
    """The colour mixed with white, for a dark page."""
    parts = [int(colour[i:i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(p + (255 - p) * _BRIGHT):02x}" for p in parts)


def figure_block(report_dir, figure):
    """A figure with links to its data, script and images."""
    svg = (report_dir / "plots" / f"{figure.name}.svg").read_text("utf-8")
    links = [f'<a href="data/{figure.name}.{system}.tsv">{escape(system)}</a>'
             for system in figure.data]
    body = ""
    if sum(map(len, figure.data.values())) <= EMBED_MAX:
        body = "".join(f"<pre>{escape(system)}\n{escape(text)}</pre>"
                       for system, text in figure.data.items())
    return (f'<figure><div class="scroll">{inline(svg, figure)}</div>'
            f"<details><summary>data, script, image</summary>tables: {', '.join(links)}; "
            f'<a href="plots/{figure.name}.gp">gnuplot script</a>, '
            f'<a href="plots/{figure.name}.png">PNG</a>, '
            f'<a href="plots/{figure.name}.svg">SVG</a>{body}</details></figure>')


def inline(svg, figure):
    """An SVG of ours as part of the page: own ids, the page's colours, no namespace addresses."""
    svg = re.sub(r"^.*?(?=<svg)", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.S)
    head, _, rest = svg.partition(">")
    head = re.sub(r'\s(xmlns(:\w+)?|width|height)="[^"]*"', "", head)
    head += f' role="img" aria-label="{escape(figure.title)}"'
    svg = head + ">" + rest
    svg = re.sub(r"<title>Gnuplot</title>|<desc>.*?</desc>", "", svg, flags=re.S)
    svg = re.sub(r'\s*font-family="[^"]*"', "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"""\b(id=["']|href=["']#)""", rf"\1{figure.name}-", svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{figure.name}-\1)", svg)
    for pattern, name in _palette():
        svg = re.sub(pattern, f"var(--{name})", svg, flags=re.I)
    return svg


def _palette():
    """[(pattern, CSS variable)] of the colours that the page replaces."""
    pairs = [("#1a1b1c", "ink"), ("#d3d4d5", "grid"), ("#ffffff", "paper"), ("white", "paper")]
    pairs += [(colour, f"c-{name}") for name, colour in drawing.colours().items()]
    found = []
    for colour, name in pairs:
        forms = [re.escape(colour)]
        if colour.startswith("#"):
            numbers = [int(colour[i:i + 2], 16) for i in (1, 3, 5)]
            forms.append(r"rgb\(\s*{}\s*,\s*{}\s*,\s*{}\s*\)".format(*numbers))
        found.append((r"(?<![\w-])(?:" + "|".join(forms) + r")(?![\w])", name))
    return found


def table(header, body, swatch=False):
    """A table; columns of numbers are aligned right. swatch: systems have their colour's dot."""
    colours = drawing.colours()
    numeric = [bool(body) and all(re.match(r"[\d\-n]", line[i] or "-") for line in body)
               and not all(line[i] in ("", "-") for line in body) for i in range(len(header))]
    out = ['<div class="scroll"><table>', "<tr>"]
    out += [f"<th{_class(numeric[i])}>{escape(cell)}</th>" for i, cell in enumerate(header)]
    out.append("</tr>")
    for line in body:
        out.append("<tr>")
        for i, cell in enumerate(line):
            text = escape(cell)
            if swatch and header[i] == "system" and cell in colours:
                text = f'<span class="dot" style="background:var(--c-{cell})"></span>{text}'
            word = cell.rpartition(" ")[2]
            if word in ("lower", "higher"):
                text = text[:len(text) - len(word)] + f'<span class="{word}">{word}</span>'
            kind = ' class="n"' if numeric[i] else ' class="w"' if len(cell) > 48 else ""
            out.append(f"<td{kind}>{text}</td>")
        out.append("</tr>")
    return "".join(out) + "</table></div>"


def _class(numeric):
    return ' class="n"' if numeric else ""


def escape(value):
    """Escaped text; `code` in backquotes becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(str(value)))
