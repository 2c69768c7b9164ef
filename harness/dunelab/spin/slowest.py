# SPDX-License-Identifier: MIT
"""The slowest request of each stretch of a cell, and what it was slow for."""

from dataclasses import dataclass

OWN = "its own service"
HEADER = ("system", "policy", "load", "due at (s)", "slowdown", "in the system (us)",
          "service (us)", "because of")


@dataclass(frozen=True)
class Slowest:
    """When it was due in seconds of the run; its time in the system and its service in ns."""

    at_s: float
    sojourn_ns: int
    size_ns: int
    cause: str

    @property
    def slowdown(self):
        """Its time in the system over its service."""
        return self.sojourn_ns / self.size_ns


def of(item):
    """[Slowest] of an evaluate.Measured, in the order in which they were due; [] of a run that was
    made when nobody asked."""
    return [Slowest(found["arrival_ns"] * 1e-9, found["sojourn_ns"], found["size_ns"],
                    cause(found, item.plan.cores)) for found in item.machine.get("slowest", [])]


def cause(found, cores=1):
    """What most of its time may have gone to that was not its service: one long request that was
    there meanwhile, many, or the system, if all their service together is less than half of it."""
    waited = found["sojourn_ns"] - found["size_ns"]
    longest, others = found["longest_other_ns"], found["others"]
    if waited <= found["size_ns"]:
        return OWN
    if others and cores * waited > 2 * found["others_ns"]:
        return f"the system, beside {others:,} others"
    if longest * 2 >= waited:
        return f"one of {longest / 1e3:,.1f} us"
    return f"{others:,} others" if others else "the system: nothing else was there"


def table(items):
    """(header, body): the slowest request of each cell below saturation."""
    body = []
    for item in items:
        found = [] if item.cell.saturated else of(item)
        if found:
            one = max(found, key=lambda slow: slow.slowdown)
            body.append([item.step.system, item.cell.policy, item.cell.load, f"{one.at_s:.4f}",
                         f"{one.slowdown:,.2f}", f"{one.sojourn_ns / 1e3:,.1f}",
                         f"{one.size_ns / 1e3:,.1f}", one.cause])
    return list(HEADER), body
