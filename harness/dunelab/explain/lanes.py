# SPDX-License-Identifier: MIT
"""A timeline as SVG: a lane for each CPU, time to the right, a colour for each kind of work."""

import html

from dunelab.explain.timeline import KINDS

WIDTH, LANE, GAP, LEFT, RIGHT = 1000, 34, 26, 70, 14
TOP, AXIS, LEGEND = 34, 30, 26
# By kind; strong enough for light and dark pages, told apart in grey by their order in lightness.
COLOURS = dict(zip(KINDS, ("#3b7dd8", "#7fb0ea", "#8e5bb5", "#d39a1e", "#c8432b", "#9aa0a6")))


def draw(spans, begin, end, marks, scale, unit):
    """The SVG's text. spans: of all CPUs. begin, end: ticks. marks: [(ticks, words)] of moments
    to name. scale: units to a tick, from `begin` on. Each span has its words as a tooltip."""
    cpus = sorted({span.cpu for span in spans}, reverse=True)
    height = TOP + len(cpus) * (LANE + GAP) + AXIS + LEGEND
    width = WIDTH - LEFT - RIGHT

    def x(ticks):
        return LEFT + width * (ticks - begin) / max(end - begin, 1)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
           f'aria-label="what the CPUs did" font-family="system-ui,sans-serif" font-size="12">']
    for row, cpu in enumerate(cpus):
        top = TOP + row * (LANE + GAP)
        out.append(f'<text x="4" y="{top + LANE / 2 + 4}" fill="currentColor">CPU {cpu}</text>')
        for span in spans:
            if span.cpu != cpu:
                continue
            left, right = x(max(span.begin, begin)), x(min(span.end, end))
            words = f"{span.what}: {(span.end - span.begin) * scale:,.0f} {unit}"
            out.append(f'<rect x="{left:.2f}" y="{top}" width="{max(right - left, 0.15):.2f}" '
                       f'height="{LANE}" fill="{COLOURS[span.kind]}"><title>'
                       f"{_escape(words)}</title></rect>")
            if right - left > 7 * len(span.what) + 8:
                out.append(f'<text x="{left + 4:.1f}" y="{top + LANE / 2 + 4}" fill="#fff" '
                           f'pointer-events="none">{_escape(span.what)}</text>')
    bottom = TOP + len(cpus) * (LANE + GAP) - GAP / 2
    for number, (ticks, words) in enumerate(marks):
        place = x(ticks)
        anchor = "end" if place > WIDTH * 0.8 else "start"
        out.append(f'<path d="M{place:.1f} {TOP - 8}V{bottom}" stroke="currentColor" '
                   'stroke-dasharray="3 3" fill="none"/>')
        out.append(f'<text x="{place:.1f}" y="{10 + 13 * (number % 2)}" text-anchor="{anchor}" '
                   f'fill="currentColor">{_escape(words)}</text>')
    for n in range(6):
        ticks = begin + (end - begin) * n / 5
        anchor = "start" if n == 0 else "end" if n == 5 else "middle"
        out.append(f'<text x="{x(ticks):.1f}" y="{bottom + 16}" text-anchor="{anchor}" '
                   f'fill="currentColor">{(ticks - begin) * scale:,.0f}</text>')
    out.append(f'<text x="{WIDTH - RIGHT}" y="{bottom + 30}" text-anchor="end" '
               f'fill="currentColor">{_escape(unit)}</text>')
    left = LEFT
    for kind in KINDS:
        out.append(f'<rect x="{left}" y="{height - 14}" width="11" height="11" '
                   f'fill="{COLOURS[kind]}"/><text x="{left + 15}" y="{height - 4}" '
                   f'fill="currentColor">{kind}</text>')
        left += 30 + 7 * len(kind)
    return "\n".join(out) + "\n</svg>\n"


def _escape(text):
    # A task's name may hold anything, and XML knows no control characters.
    return html.escape("".join(c if c.isprintable() else "?" for c in text))
