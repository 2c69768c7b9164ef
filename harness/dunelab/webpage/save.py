# SPDX-License-Identifier: MIT
"""Files beside a page: each figure as SVG, and its table as CSV.

    report/figures/NAME.svg    report/data/NAME.csv
"""

from dunelab import store
from dunelab.webpage import svg


def save(figures, claim, report_dir):
    """Write them all; the claim stands in each SVG, which may go its own way."""
    for figure in figures:
        store.write_text(report_dir / "data" / f"{figure.name}.csv", figure.csv())
        store.write_text(report_dir / "figures" / f"{figure.name}.svg",
                         svg.standalone(figure, claim))
