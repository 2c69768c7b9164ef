# SPDX-License-Identifier: MIT
"""Colours, dashes and marks of every series in every figure, on white and on dark paper.

A series is told apart by colour, by dash and by mark, so that a page printed in black or read with
a colour-vision deficiency loses nothing.  The colours are Okabe and Ito's, moved until they have
the contrast that the tests ask for on either paper.
"""

import re
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Style:
    """How a series is drawn.  key: of its CSS class; dash: an SVG dash array, "" for solid; mark:
    of MARKS."""

    key: str
    light: str
    dark: str
    dash: str
    mark: str


MARKS = ("disc", "square", "triangle", "diamond", "cross", "down")
_STYLES = (
    ("linux", "#0068a3", "#5ab4f0", "", "disc"),
    ("memcached", "#b03f86", "#e58fc4", "7 3", "square"),
    ("linux-tuned", "#007d5f", "#3fc79d", "2 2.5", "triangle"),
    ("dune", "#c24f00", "#ff9950", "11 3 2 3", "diamond"),
    ("dune-tuned", "#8a6a00", "#dcb53c", "5 2 1.5 2 1.5 2", "cross"),
    ("rt", "#6d45a8", "#b99af0", "9 2", "down"),
    ("rt-tuned", "#5b5f66", "#aeb3bb", "3 3", "disc"),
    ("dune-rt", "#a3195b", "#ff7fae", "6 2 2 2 2 2", "square"),
    ("dune-rt-stock", "#007d8f", "#4fc8dc", "3 1.5", "triangle"),
    ("linux-ring", "#0068a3", "#5ab4f0", "4 2", "square"),
    ("linux-tuned-ring", "#007d5f", "#3fc79d", "7 2 2 2", "disc"),
    ("linux-tuned-sleep", "#8a6a00", "#dcb53c", "2 2", "down"),
    ("rt-tuned-ring", "#5b5f66", "#aeb3bb", "8 3", "diamond"),
    ("rt-tuned-sleep", "#6d45a8", "#b99af0", "3 2", "cross"),
    # The paper's evaluation: its own figures, ours under the profile, ours in instructions; rows.
    ("paper", "#5b5f66", "#aeb3bb", "3 3", "disc"),
    ("predicted", "#c24f00", "#ff9950", "11 3 2 3", "diamond"),
    ("instructions", "#0068a3", "#5ab4f0", "", "square"),
    ("getpid", "#0068a3", "#5ab4f0", "", "disc"),
    ("page-fault", "#b03f86", "#e58fc4", "7 3", "square"),
    ("page-walk", "#8a6a00", "#dcb53c", "5 2 1.5 2 1.5 2", "cross"),
    ("ptrace", "#007d5f", "#3fc79d", "2 2.5", "triangle"),
    ("trap", "#c24f00", "#ff9950", "11 3 2 3", "diamond"),
    ("appel1", "#6d45a8", "#b99af0", "9 2", "down"),
    ("appel2", "#5b5f66", "#aeb3bb", "3 3", "disc"),
)
STYLES = {fields[0]: Style(*fields) for fields in _STYLES}

# Paper, text, rules... {name: (light, dark)}; the page's and the figures' own.
INK = {"paper": ("#ffffff", "#15171a"), "ink": ("#1a1b1c", "#e6e7e9"),
       "soft": ("#5a5d63", "#a5a9b0"), "grid": ("#dfe1e3", "#33363b"),
       "panel": ("#f4f5f7", "#1e2125"), "warn": ("#fff1cf", "#3a2e12"),
       "warn-ink": ("#664700", "#f2d591"), "good": ("#00694a", "#45cf9d"),
       "bad": ("#a93700", "#ff9a66"), "slo": ("#b00020", "#ff7b86")}
# Levels of a heat map, from few to many: of one hue, and monotonous in luminance.
HEAT = (("#d7e6f5", "#17304a"), ("#b3d0ea", "#1d4468"), ("#86b4db", "#265c8a"),
        ("#5795c8", "#3678ae"), ("#3273ad", "#5a9bd0"), ("#1c5187", "#93c3ea"),
        ("#0b2d54", "#e2f1ff"))


def style(name, key=None, dash=None):
    """The Style of a series; one that is not known gets one by its name, always the same.

    key: the name whose colour it has; dash: another dash than that one's.
    """
    wanted = key or name
    found = STYLES.get(wanted)
    if found is None:
        order = list(STYLES.values())[:8]
        found = replace(order[sum(map(ord, wanted)) % len(order)], key=slug(wanted))
    return found if dash is None else replace(found, dash=dash)


def slug(name):
    """Any text as a word that is safe in a CSS class, an id and a file name."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "x"


def css(styles, prefix=""):
    """The rules that colour series and ink, light and dark."""
    light = {**{name: pair[0] for name, pair in INK.items()},
             **{f"h{n}": pair[0] for n, pair in enumerate(HEAT)},
             **{f"c-{item.key}": item.light for item in styles}}
    dark = {**{name: pair[1] for name, pair in INK.items()},
            **{f"h{n}": pair[1] for n, pair in enumerate(HEAT)},
            **{f"c-{item.key}": item.dark for item in styles}}
    root = prefix or ":root"
    lines = [f"{root}{{{_variables(light)}}}",
             f"@media screen and (prefers-color-scheme:dark){{{root}{{{_variables(dark)}}}}}"]
    lines += [f".s-{css_key(item.key)}{{color:var(--c-{css_key(item.key)})}}" for item in styles]
    return "\n".join(lines)


def css_key(key):
    """A key as part of a CSS name, where a dot would begin a class."""
    return key.replace(".", "-")


def _variables(values):
    return "".join(f"--{css_key(name)}:{value};" for name, value in values.items())


def contrast(one, other):
    """WCAG contrast ratio of two colours, 1 to 21."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
