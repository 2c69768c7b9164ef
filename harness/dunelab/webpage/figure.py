# SPDX-License-Identifier: MIT
"""A figure as data: axes, layers of marks, reference lines, and the table that it is drawn from.

Everything that has to be computed is computed before; drawing only places points.  The table is
what a reader downloads and what hovering shows: its first columns are the series, x and y.
"""

import csv
import io
from dataclasses import dataclass, field

from dunelab.webpage import palette
from dunelab.webpage.axes import Axis

SHOWN_ROWS = 24         # of a series in the page; the CSV has all


@dataclass(frozen=True)
class Layer:
    """Marks of one kind of one series, in plot order.

    kind: line (x, y), step (x, y: y holds from the point before), band (x, low, high), bar (the
    same as an error bar), dot or ring (x, y), cell (x0, y0, x1, y1, level of palette.HEAT).
    weight: 2.2 is a curve, less recedes.
    """

    kind: str
    series: str
    points: tuple
    weight: float = 2.2


@dataclass(frozen=True)
class Rule:
    """A line across at a value of an axis ("x" or "y"), with words on it.  strong: a limit."""

    axis: str
    at: float
    words: str = ""
    strong: bool = False


@dataclass
class Figure:
    """One figure.  name: of its files; series: {label: Style} in the legend's order.

    columns: header of the table: series, x, y, then what else is known of a point.
    hover: x: the point of each series next to the pointer; near: the nearest point; cell.
    head: the column that hovering takes its heading from.
    """

    name: str
    section: str
    title: str
    caption: str
    x: Axis
    y: Axis
    layers: list
    columns: tuple
    rows: list
    series: dict = field(default_factory=dict)
    rules: tuple = ()
    hover: str = "x"
    head: int = 1
    width: int = 480
    height: int = 300
    left: int = 56

    def __post_init__(self):
        # Of ids, links and files, and made of names that come out of a run's directory.
        self.name = palette.slug(self.name)
        # A phone's letters are larger, and the axis' title stands left of the tics.
        longest = max((len(words) for words, _ in self.y.tics), default=0)
        if self.y.title:
            self.left = max(self.left, 20 + 9 * longest)
        if not self.series:
            names = dict.fromkeys(row[0] for row in self.rows)
            self.series = {name: palette.style(name) for name in names}

    def csv(self):
        """The table as CSV: all of it."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([cell if cell is not None else "" for cell in row] for row in self.rows)
        return out.getvalue()

    def short(self):
        """(header, rows) to read in the page: of a long series evenly spaced rows, its ends among
        them."""
        kept = []
        for name in self.series:
            mine = [row for row in self.rows if row[0] == name]
            if len(mine) > SHOWN_ROWS:
                step = (len(mine) - 1) / (SHOWN_ROWS - 1)
                mine = [mine[round(n * step)] for n in range(SHOWN_ROWS)]
            kept += mine
        return self.columns, [[_text(cell) for cell in row] for row in kept]


def _text(cell):
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1e4 else f"{cell:.5g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
