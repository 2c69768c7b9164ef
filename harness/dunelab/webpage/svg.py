# SPDX-License-Identifier: MIT
"""Draws a figure as SVG: as part of a page, whose colours it takes, or as a file of its own."""

import html
from itertools import groupby

from dunelab.webpage import palette

_RIGHT, _TOP, _BOTTOM = 12, 10, 40
_ROW, _CHARACTER = 15, 6.3      # of a file's own legend
# Paths of the marks around 0,0.
_MARKS = {"disc": "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z",
          "square": "M-3-3h6v6h-6z", "triangle": "M0-4L3.8 3h-7.6z",
          "diamond": "M0-4.3L3.6 0L0 4.3L-3.6 0z",
          "cross": "M-3.4-1.6L-1.6-3.4L0-1.8L1.6-3.4L3.4-1.6L1.8 0L3.4 1.6L1.6 3.4L0 1.8L-1.6 3.4"
                   "L-3.4 1.6L-1.8 0z", "down": "M0 4L3.8-3h-7.6z"}
STYLE = ("text{font:11.5px system-ui,Helvetica,Arial,sans-serif;fill:var(--ink)}"
         ".of{fill:var(--soft)}.grid{stroke:var(--grid);fill:none}"
         ".frame{stroke:var(--soft);fill:none}.rule{stroke:var(--ink);stroke-dasharray:4 3}"
         ".slo{stroke:var(--slo);stroke-dasharray:8 3}text.slo{fill:var(--slo);stroke:none}"
         ".line{fill:none;stroke:currentColor;stroke-linejoin:round}"
         ".band{fill:currentColor;fill-opacity:.16}.dot{fill:currentColor;stroke:currentColor}"
         ".ring{fill:var(--paper);stroke:currentColor;stroke-width:1.4}"
         + "".join(f".h{n}{{fill:var(--h{n})}}" for n in range(len(palette.HEAT))))


def inline(figure):
    """An <svg> element for a page that has palette.css() and STYLE."""
    head = (f'<svg viewBox="0 0 {figure.width} {figure.height}" role="img" tabindex="0" '
            f'aria-labelledby="t-{figure.name} d-{figure.name}" data-hover="{figure.hover}" '
            f'data-head="{figure.head}" '
            f'data-x="{_scale(figure, figure.x, *_across(figure))}" '
            f'data-y="{_scale(figure, figure.y, *_upwards(figure))}">'
            f'<title id="t-{figure.name}">{html.escape(figure.title)}</title>'
            f'<desc id="d-{figure.name}">{html.escape(figure.caption)}</desc>')
    return head + _body(figure) + "</svg>"


def standalone(figure, claim):
    """An SVG file: title, claim and legend are in it; it follows the reader's colours."""
    rows = _legend_rows(figure)
    above = 44 + _ROW * len(rows)
    style = palette.css(figure.series.values(), "svg") + STYLE
    out = ['<svg xmlns="http://www.w3.org/2000/svg" '
           f'viewBox="0 {-above} {figure.width} {figure.height + above}" '
           f'width="{figure.width * 1.5:g}" height="{(figure.height + above) * 1.5:g}">',
           f"<title>{html.escape(figure.title)}</title>",
           f"<desc>{html.escape(figure.caption)}</desc><style>{style}</style>",
           f'<rect y="{-above}" width="{figure.width}" height="{figure.height + above}" '
           'fill="var(--paper)"/>',
           f'<text x="8" y="{18 - above}" style="font-weight:600">{html.escape(figure.title)}'
           "</text>",
           f'<text x="8" y="{34 - above}" class="of" style="font-size:9.5px">'
           f"{html.escape(claim)}</text>"]
    for number, row in enumerate(rows):
        x = 8
        for name in row:
            y = 50 - above + _ROW * number
            out.append(f'<g transform="translate({x} {y - 4})">{_sample(figure.series[name])}</g>'
                       f'<text x="{x + 36}" y="{y}">{html.escape(name)}</text>')
            x += 50 + len(name) * _CHARACTER
    return "\n".join([*out, _body(figure), "</svg>\n"])


def sample(style):
    """The legend's sample of a series: line and mark."""
    return ('<svg class="key" viewBox="0 -6 32 12" width="32" height="12" aria-hidden="true">'
            f"{_sample(style)}</svg>")


def _sample(style):
    return (f'<g class="s-{palette.css_key(style.key)}"><path class="line" stroke-width="2.2" '
            f'{_dash(style)}d="M0 0H32"/>'
            f'<path class="dot" transform="translate(16 0)" d="{_MARKS[style.mark]}"/></g>')


def _legend_rows(figure):
    rows, used = [[]], 8
    for name in figure.series:
        wide = 50 + len(name) * _CHARACTER
        if rows[-1] and used + wide > figure.width:
            rows.append([])
            used = 8
        rows[-1].append(name)
        used += wide
    return rows


def _across(figure):
    return figure.left, figure.width - _RIGHT


def _upwards(figure):
    bottom, top = figure.height - _BOTTOM, _TOP
    return (top, bottom) if figure.y.down else (bottom, top)


def _scale(figure, axis, begin, end):
    return f"{'log' if axis.log else 'linear'} {axis.low!r} {axis.high!r} {begin} {end}"


def _body(figure):
    (left, right), (low, high) = _across(figure), _upwards(figure)
    top, bottom = min(low, high), max(low, high)

    def at_x(value):
        return left + figure.x.share(value) * (right - left)

    def at_y(value):
        return low + figure.y.share(value) * (high - low)

    out = []
    for words, value in figure.y.tics:
        y = at_y(value)
        out.append(f'<path class="grid" d="M{left} {y:.1f}H{right}"/>'
                   f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end">'
                   f"{html.escape(words)}</text>")
    for words, value in figure.x.tics:
        x = at_x(value)
        anchor = "middle" if x < right - 14 else "end"
        out.append(f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>'
                   f'<text x="{x if anchor == "middle" else right:.1f}" y="{bottom + 15}" '
                   f'text-anchor="{anchor}">{html.escape(words)}</text>')
    for layer in figure.layers:
        out.append(_layer(figure, layer, at_x, at_y))
    out.append(f'<path class="frame" d="M{left} {top}V{bottom}H{right}"/>')
    out += [_rule(rule, at_x, at_y, left, right, top, bottom) for rule in figure.rules]
    middle = (top + bottom) / 2
    out.append(f'<text class="of" x="{(left + right) / 2:.1f}" y="{bottom + 32}" '
               f'text-anchor="middle">{html.escape(figure.x.title)}</text>')
    if figure.y.title:
        out.append(f'<text class="of" transform="translate(10 {middle:.1f}) rotate(-90)" '
                   f'text-anchor="middle">{html.escape(figure.y.title)}</text>')
    return "".join(out)


def _rule(rule, at_x, at_y, left, right, top, bottom):
    kind = "slo" if rule.strong else "rule"
    words = html.escape(rule.words)
    if rule.axis == "y":
        y = at_y(rule.at)
        above = y - 4 if y - 4 > top + 10 else y + 13
        return (f'<path class="{kind}" d="M{left} {y:.1f}H{right}"/>'
                f'<text class="{kind if rule.strong else "of"}" x="{left + 5}" y="{above:.1f}">'
                f"{words}</text>")
    x = at_x(rule.at)
    # On the side where there is room.
    at, anchor = (x + 4, "start") if x < (left + right) / 2 else (x - 4, "end")
    return (f'<path class="{kind}" d="M{x:.1f} {top}V{bottom}"/>'
            f'<text class="of" x="{at:.1f}" y="{top + 11}" text-anchor="{anchor}">{words}</text>')


def _layer(figure, layer, at_x, at_y):
    style = figure.series.get(layer.series) or palette.style(layer.series)
    inner = _DRAW[layer.kind](layer, style, at_x, at_y)
    # What a browser shows without a script when the pointer rests on a curve.
    return (f'<g class="s-{palette.css_key(style.key)}" data-series="{html.escape(layer.series)}">'
            f"<title>{html.escape(layer.series)}</title>{inner}</g>")


def _line(layer, style, at_x, at_y):
    # Points that do not move a pixel's fraction change nothing but the size of the page.
    kept = []
    for x, y in layer.points:
        point = f"{at_x(x):.1f} {at_y(y):.1f}"
        if not kept or kept[-1] != point:
            kept.append(point)
    return _path(layer, style, "M" + "L".join(kept))


def _step(layer, style, at_x, at_y):
    path, last = [], None
    for x, y in layer.points:
        here = f"{at_x(x):.1f}", f"{at_y(y):.1f}"
        if last is None:
            path.append(f"M{here[0]} {here[1]}")
        elif here != last:
            path.append((f"V{here[1]}" if here[1] != last[1] else "")
                        + (f"H{here[0]}" if here[0] != last[0] else ""))
        last = here
    return _path(layer, style, "".join(path))


def _path(layer, style, path):
    return f'<path class="line" stroke-width="{layer.weight:g}" {_dash(style)}d="{path}"/>'


def _dash(style):
    return f'stroke-dasharray="{style.dash}" ' if style.dash else ""


def _band(layer, style, at_x, at_y):
    upper = [f"{at_x(x):.1f} {at_y(high):.1f}" for x, _, high in layer.points]
    lower = [f"{at_x(x):.1f} {at_y(low):.1f}" for x, low, _ in reversed(layer.points)]
    return f'<path class="band" d="M{"L".join(upper + lower)}z"/>'


def _bar(layer, style, at_x, at_y):
    path = "".join(f"M{at_x(x) - 3:.1f} {at_y(high):.1f}h6m-3 0V{at_y(low):.1f}m-3 0h6"
                   for x, low, high in layer.points)
    return f'<path class="line" stroke-width="1" d="{path}"/>'


def _marks(kind):
    def draw(layer, style, at_x, at_y):
        small = layer.weight < 2
        path = _MARKS[style.mark]
        size = f" scale({layer.weight / 2.2:.2g})" if small else ""
        return "".join(f'<path class="{kind}" transform="translate({at_x(x):.1f} {at_y(y):.1f})'
                       f'{size}" d="{path}"/>' for x, y in layer.points)
    return draw


def _cells(layer, style, at_x, at_y):
    out = []
    ordered = sorted(layer.points, key=lambda point: point[4])
    for level, points in groupby(ordered, key=lambda point: point[4]):
        path = ""
        for x0, y0, x1, y1, _ in points:
            left, top, width = at_x(x0), at_y(y1), at_x(x1) - at_x(x0)
            path += f"M{left:.1f} {top:.1f}h{width:.1f}v{at_y(y0) - top:.1f}h{-width:.1f}z"
        out.append(f'<path class="h{level}" d="{path}"/>')
    return "".join(out)


_DRAW = {"line": _line, "step": _step, "band": _band, "bar": _bar, "dot": _marks("dot"),
         "ring": _marks("ring"), "cell": _cells}
