# SPDX-License-Identifier: MIT
"""The slowest requests of a run, as its load generator kept them, and their times in ticks."""

from dataclasses import dataclass

from dunelab import results
from dunelab.errors import UsageError


@dataclass(frozen=True)
class Request:
    """One slow request. Times are ns of the guest's clock after the start of its cell's load."""

    cell: object            # plan.Cell
    rank: int               # in its cell, from 1
    number: int             # warm-up included
    scheduled: int
    sent: int
    done: int
    before: int             # the last reply to an earlier request; 0: there was none
    busy: int               # scheduled time of the first of those without a pause up to this one
    ahead: int              # earlier ones without a reply at its scheduled time
    pairs: tuple            # ((tsc, ns), (tsc, ns))

    @property
    def latency(self):
        """From its scheduled time, ns."""
        return self.done - self.scheduled

    @property
    def key(self):
        """A name for files."""
        return f"{self.cell.id}-request{self.number}"

    def phases(self):
        """(late, waited, own): ns until it was sent, until the reply to the one before it, and
        from there to its own; they add up to the latency."""
        free = min(max(self.sent, self.before), self.done)
        return self.sent - self.scheduled, free - self.sent, self.done - free

    def ticks(self, ns):
        """The TSC at a time."""
        (tsc, base), (tsc_end, end) = self.pairs
        return tsc + round((ns - base) * (tsc_end - tsc) / (end - base))

    def ns_per_tick(self):
        """How long a tick is."""
        (tsc, base), (tsc_end, end) = self.pairs
        return (end - base) / (tsc_end - tsc)


def of_cell(item):
    """[Request] of a CellResult, the slowest first; [] when the run did not keep them."""
    kept, pairs = item.summary.get("slowest") or [], item.summary.get("tsc_pairs")
    if not kept or not pairs or pairs[1][0] <= pairs[0][0] or pairs[1][1] <= pairs[0][1]:
        return []
    return [Request(item.cell, rank, one["request"], one["scheduled_ns"], one["sent_ns"],
                    one["done_ns"], one["before_ns"], one["busy_ns"], one["ahead"],
                    tuple(map(tuple, pairs)))
            for rank, one in enumerate(kept, 1)]


def of_run(run, cell=None):
    """[Request] of a results.Run, cell by cell, the slowest first in each.

    cell: the id of the only one wanted, or its beginning. UsageError when there is none.
    """
    found = [request for item in run.cells if item.status == results.DONE
             and (not cell or item.cell.id.startswith(cell)) for request in of_cell(item)]
    if not found:
        ids = [item.cell.id for item in run.cells if item.done]
        if cell and not any(name.startswith(cell) for name in ids):
            raise UsageError(f"no measured cell {cell}; there are: {', '.join(ids) or 'none'}")
        raise UsageError("this run kept no slow requests: it was measured before they were, or "
                         "nothing was; measure it again")
    return found


def choose(requests, number=None, slowest=None):
    """Those that are asked for: one by its number, or so many of the slowest of all."""
    if number is None:
        return sorted(requests, key=lambda r: -r.latency)[:slowest]
    found = [request for request in requests if request.number == number]
    if not found:
        raise UsageError(f"request {number} is not among the slowest that were kept; `dunelab "
                         "explain RUN` lists them")
    if len(found) > 1:
        cells = ", ".join(request.cell.id for request in found)
        raise UsageError(f"request {number} is slow in several cells: choose by --cell: {cells}")
    return found
