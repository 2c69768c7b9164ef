# SPDX-License-Identifier: MIT
"""What interrupted the spinning loop, interruption by interruption: events of Linux's own trace of
that CPU, by the same TSC that the loop looks at.
"""

import bisect
import re
from dataclasses import dataclass

UNKNOWN = "no event of Linux's"
CAUSES_SHOWN = 8        # of a system, the most frequent ones
HEADER = ("system", "cause", "spikes", "median ticks", "longest", "longest at (s)")

_LINE = re.compile(r"(\d+) (\w+): ?(.*)")
# Events that say more in their words than by their name.
_WORDS = {
    "irq_handler_entry": (re.compile(r"irq=(\d+) name=(.+)"), "irq {0} {1}"),
    "softirq_entry": (re.compile(r"\[action=(\w+)\]"), "softirq {0}"),
    "sched_switch": (re.compile(r"==> next_comm=([^/:]+).* next_pid="), "to {0}"),
    "dune_vmexit": (re.compile(r"reason=(\w+)"), "exit {0}"),
}
# The probe goes on; each interrupt of a guest's CPU is such an exit, too.
_SILENT = ("to jitter", "exit INTERRUPT")


@dataclass(frozen=True)
class Spike:
    """An interruption: when it began in seconds of the loop, its length, and why it was."""

    at_s: float
    ticks: int
    cause: str


def spikes(spin, trace):
    """[Spike] of a traced loop: its record, and the lines "TSC EVENT: WORDS" of its CPU."""
    events = sorted(_events(trace))
    times = [at for at, _ in events]
    found = []
    for at, ticks in spin["gaps"]:
        begin = spin["begin_ticks"] + at
        low, high = (bisect.bisect_left(times, edge) for edge in (begin, begin + ticks))
        names = dict.fromkeys(name for _, name in events[low:high])
        found.append(Spike(at / spin["tick_hz"], ticks, " + ".join(names) or UNKNOWN))
    return found


def _events(trace):
    for line in trace.splitlines():
        match = _LINE.match(line)
        name = _name(match[2], match[3]) if match else None
        if name:
            yield int(match[1]), name


def _name(event, words):
    """What an event is called here; None: it interrupts nobody."""
    pattern, text = _WORDS.get(event, (None, None))
    match = pattern.search(words) if pattern else None
    name = text.format(*match.groups()) if match else event.removesuffix("_entry").replace("_", " ")
    return None if name in _SILENT else name


def table(systems):
    """(header, body) of {system: [Spike]}: each cause, how often it was, how long it took."""
    body = []
    for system, found in systems.items():
        causes = {}
        for spike in found:
            causes.setdefault(spike.cause, []).append(spike)
        ranked = sorted(causes.items(), key=lambda pair: -len(pair[1]))
        for cause, each in ranked[:CAUSES_SHOWN]:
            longest = max(each, key=lambda spike: spike.ticks)
            middle = sorted(spike.ticks for spike in each)[(len(each) - 1) // 2]
            body.append([system, cause, f"{len(each):,}", f"{middle:,}", f"{longest.ticks:,}",
                         f"{longest.at_s:.4f}"])
        rest = ranked[CAUSES_SHOWN:]
        if rest:
            longest = max((spike for _, each in rest for spike in each), key=lambda s: s.ticks)
            body.append([system, f"{len(rest)} other causes", f"{sum(len(e) for _, e in rest):,}",
                         "-", f"{longest.ticks:,}", f"{longest.at_s:.4f}"])
        if not found:
            body.append([system, "nothing interrupted it", "0", "-", "-", "-"])
    return list(HEADER), body
