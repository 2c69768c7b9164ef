# SPDX-License-Identifier: MIT
"""How a ratio depends on what an exit costs, and where the conclusion flips.

Two boots differ in nothing but the price of an exit and its entry, 0 and 4,000 cycles. What Dune's
figure grows by between them, over the price, is its number of exits; so its cost at any price lies
on a line. The boot under the profile itself is a third point, which must lie on it.
"""

from dataclasses import dataclass

from dunelab import profiles
from dunelab.paper import evaluate, plan as planning, published

LINEAR = 0.05       # so far may the third point be off the line


@dataclass(frozen=True)
class Line:
    """Dune / Linux of one row against the price of an exit and its entry, in cycles."""

    published: published.Published
    free: float             # the ratio at 0
    slope: float            # and its growth a cycle
    exits: float            # of one operation of Dune's
    off: float | None       # how far the profile's own boot is from the line, relatively

    def at(self, price):
        """The ratio at a price."""
        return self.free + self.slope * price

    @property
    def flips(self):
        """The price at which Dune is as slow as Linux; None where that is outside 0 to 4,000."""
        if self.slope <= 0:
            return None
        price = (1 - self.free) / self.slope
        return price if 0 <= price <= planning.EXITS[1] else None

    def verdict(self):
        """In words."""
        most = planning.EXITS[1]
        if self.flips is not None:
            return f"Dune is faster below {self.flips:,.0f} cycles"
        return (f"Dune is faster at every price up to {most:,}" if self.at(most) < 1
                else "Linux is faster even with free exits")


def price(profile):
    """What an exit by a hypercall and its entry cost in a profile, in cycles."""
    found = profile.costs
    left = found.get("exit.hypercall", found.get("exit.default", 0))
    return float(left + found.get("event.entry", 0))


def lines(run):
    """The Line of each row of `micro` that all three boots have."""
    profile = run.plan.profile
    low, high = (evaluate.figures(run, planning.MICRO, profile, exits=exits)
                 for exits in planning.EXITS)
    middle, at = evaluate.figures(run, planning.MICRO, profile), price(profiles.load(profile))
    found = []
    for row in published.rows():
        pairs = [evaluate.pair(boot, row.mine) for boot in (low, high, middle)]
        if None in pairs or not pairs[0].ratio:
            continue
        first, last, own = pairs
        exits = (last.dune - first.dune) / (planning.EXITS[1] - planning.EXITS[0])
        line = Line(row, first.ratio, exits / first.linux, exits, None)
        off = own.dune / (first.dune + exits * at) - 1 if first.dune + exits * at else None
        found.append(Line(row, line.free, line.slope, exits, off))
    return found
