# SPDX-License-Identifier: MIT
"""Why the spikes of a kv run were slow, as far as something of it was kept."""

from dunelab import overtime

HEADER = ("load", "system", "second", "slowest", "times the usual", "requests", "cause")
UNKNOWN = "not recorded"


def table(run):
    """(note, header, body): the largest spikes of each cell, and what is known of each."""
    body, cells, found = [], 0, 0
    for item in run.cells:
        if not item.done:
            continue
        cells += 1
        spikes = overtime.spikes(item)
        found += len(spikes)
        for spike in spikes[:overtime.SPIKES_SHOWN]:
            body.append([f"{item.cell.kind} {item.cell.load}", item.cell.system,
                         f"{spike.at:.3f}", f"{spike.value:,}", f"{spike.times:.1f}",
                         f"{_requests(item, spike):,}", cause(run, item, spike)])
    if not body:
        return (f"None: in none of {cells} cells has an interval whose slowest request stands out "
                f"from the others (Tukey's outer fence, {overtime.FENCE} interquartile ranges).",
                HEADER, [])
    return (f"{found} intervals in {cells} cells, at most {overtime.SPIKES_SHOWN} of each cell; "
            f"slowest in {run.unit}, beside the median of the intervals' maxima. A cause is what "
            "was recorded in the guest or the engine at that time, not a guess.", HEADER, body)


def _requests(item, spike):
    start = item.log["intended"][0].start
    return next(part.histogram.total for part in item.log["intended"]
                if part.start - start == spike.at)


def cause(run, item, spike):
    """What is known of a spike, in a few words."""
    return UNKNOWN
