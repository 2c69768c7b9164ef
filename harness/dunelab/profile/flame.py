# SPDX-License-Identifier: MIT
"""A flame graph of folded stacks as SVG: wide is much, up is called; every box says what it is."""

import html

from dunelab.profile.folded import printable
from dunelab.webpage import palette

WIDTH, ROW, PAD, LETTER = 1200, 17, 4, 6.4
LEAST = 0.25        # width below which a box, and all above it, is left out
GAP = 0.4           # between boxes; flame.js has it, too
MODULE = "[dune]"   # ends the names of the module's functions
HEAD = 40           # of a file: its title and claim
# Whose code a box is: (class, title, fill on white, fill on dark paper).
KINDS = (("u", "program, ring 3", "#a9cdf0", "#23517c"),
         ("k", "kernel", "#f3c88f", "#6e4713"),
         ("d", "dune.ko", "#f2a9a2", "#7d2f2a"),
         ("g", "in the VM: guest ring 0 and 3", "#cfb9ec", "#54378a"),
         ("t", "task", "#b9dcc6", "#265a3d"),
         ("b", "change of mode, interrupt", "#d5d8dc", "#44494f"))
STYLE = (".flame text{font:11px ui-monospace,Menlo,Consolas,monospace;fill:var(--ink);"
         "pointer-events:none}.flame g{cursor:pointer}.flame g:hover rect,.flame g:focus rect"
         "{stroke:var(--ink);stroke-width:1.5}.flame g:focus{outline:none}"
         + "".join(f".flame .{key} rect,.of-{key}{{fill:{light};background:{light}}}"
                   for key, _, light, _ in KINDS)
         + "@media screen and (prefers-color-scheme:dark){"
         + "".join(f".flame .{key} rect,.of-{key}{{fill:{dark};background:{dark}}}"
                   for key, _, _, dark in KINDS) + "}")


class Box:
    """A function in its place of the tree, with all it calls. own: what it took itself; total:
    that, and what it called."""

    def __init__(self, name):
        self.name, self.own, self.total, self.children = name, 0, 0, {}


def tree(stacks, name="all"):
    """The root Box of {(frame, ...): count}."""
    root = Box(name)
    for frames, count in stacks.items():
        root.total += count
        box = root
        for frame in frames:
            box = box.children.setdefault(frame, Box(frame))
            box.total += count
        box.own += count
    return root


def inline(stacks, title, unit):
    """An <svg> element for a page that has palette.css() and STYLE. title: in words, also the name
    of the lowest box."""
    body, height = _drawn(stacks, title, unit)
    return (f'<svg class="flame" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{_escape(title)}">{body}</svg>')


def standalone(stacks, title, unit, claim):
    """An SVG file with title, claim and legend, which follows the reader's colours."""
    body, height = _drawn(stacks, title, unit)
    style = palette.css((), "svg") + STYLE
    out = ['<svg class="flame" xmlns="http://www.w3.org/2000/svg" '
           f'viewBox="0 {-HEAD} {WIDTH} {height + HEAD + 24}">', f"<title>{_escape(title)}</title>",
           f'<style>{style}</style><rect y="{-HEAD}" width="{WIDTH}" height="{height + HEAD + 24}" '
           'style="fill:var(--paper)"/>',
           f'<text x="8" y="-24" style="font-weight:600">{_escape(title)}</text>',
           f'<text x="8" y="-8">{_escape(claim)}</text>', body]
    x = 8
    for key, words, _, _ in KINDS:
        out.append(f'<g class="{key}"><rect x="{x}" y="{height + 8}" width="11" height="11"/></g>'
                   f'<text x="{x + 16}" y="{height + 17}">{words}</text>')
        x += 34 + int(LETTER * len(words))
    return "\n".join(out) + "\n</svg>\n"


def legend():
    """What the colours mean, as a line of HTML."""
    return '<div class="legend">' + "".join(
        f'<span><i class="of-{key}" style="width:1rem;height:.8rem;display:inline-block"></i>'
        f"{words}</span>" for key, words, _, _ in KINDS) + "</div>"


def _drawn(stacks, title, unit):
    """(the boxes, height of the picture)."""
    root = tree(stacks, title)
    if not root.total:
        return f'<text x="8" y="14">no {_escape(unit)}</text>', ROW + PAD
    scale = WIDTH / root.total
    # Box, what is left of it, its row from the bottom, whose code the frames below it are in.
    todo, placed = [(root, 0, 0, "u")], []
    while todo:
        box, begin, row, space = todo.pop()
        placed.append((box, begin, row, _kind(box, row, space)))
        space = _within(box, space)
        for child in sorted(box.children.values(), key=lambda c: c.name):
            if child.total * scale >= LEAST:
                todo.append((child, begin, row + 1, space))
            begin += child.total
    top = max(row for _, _, row, _ in placed)
    out = []
    for box, begin, row, kind in sorted(placed, key=lambda p: (p[2], p[1])):
        out.append(_box(box, begin, (top - row) * ROW, kind, scale, unit, root.total))
    return "\n".join(out), (top + 1) * ROW + PAD


def _within(box, space):
    """Whose code a box calls: an interrupt stays where it is delivered."""
    if box.name.startswith("{guest"):
        return "g"
    return "k" if box.name == "{kernel}" else space


def _kind(box, row, space):
    if row <= 1:
        return "t"
    if box.name.startswith("{"):
        return "b"
    return "d" if space == "k" and box.name.endswith(MODULE) else space


def _box(box, begin, y, kind, scale, unit, whole):
    x, width = begin * scale, box.total * scale
    words = f"{printable(box.name)}\n{box.total:,} {unit}, {100 * box.total / whole:.2f} %"
    if box.own != box.total:
        words += f"; itself {box.own:,}, {100 * box.own / whole:.2f} %"
    room = int((width - 6) / LETTER)
    name = printable(box.name)
    if len(name) > room:
        name = name[:room - 2] + ".."
    label = f'<text x="{x + 3:.2f}" y="{y + 12}">{_escape(name)}</text>' if room >= 3 else ""
    # What is drawn is narrower, by a gap: whoever makes a box wider has to know how wide it is.
    return (f'<g class="{kind}" data-begin="{begin}" data-count="{box.total}">'
            f"<title>{_escape(words)}</title>"
            f'<rect x="{x:.2f}" y="{y}" width="{max(width - GAP, 0.2):.2f}" height="{ROW - 1}" '
            f'rx="1"/>{label}</g>')


def _escape(text):
    return html.escape(text)
