# SPDX-License-Identifier: MIT
"""Why the spikes of a kv run were slow, as far as something of it was kept."""

from dunelab import overtime, store

HEADER = ("load", "system", "second", "slowest", "times the usual", "requests", "cause")
UNKNOWN = "not recorded"
# Seconds: the log's times are written in milliseconds.
_ROUNDED = 0.0005


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
    """What is known of a spike, in a few words: where the time of its request went, as the
    generator kept it of its slowest, and what `dunelab explain` found, where that was asked.

    Its request has the spike's latency and its reply came in the spike's interval: the log is
    binned by the time of the reply."""
    origin = _origin_ns(item)
    for one in item.summary.get("slowest") or [] if origin is not None else []:
        latency, done = one["done_ns"] - one["scheduled_ns"], (one["done_ns"] - origin) / 1e9
        if (item.intended.index(latency) != item.intended.index(spike.value)
                or not -_ROUNDED <= done - spike.at <= spike.length + _ROUNDED):
            continue
        free = min(max(one["sent_ns"], one["before_ns"]), one["done_ns"])
        said = (f"request {one['request']:,}: sent {one['sent_ns'] - one['scheduled_ns']:,} late, "
                f"waited {free - one['sent_ns']:,} for {one['ahead']:,} ahead, served in "
                f"{one['done_ns'] - free:,}")
        return f"{said}. {_explained(run, item, one['request'])}".strip()
    return UNKNOWN


def _origin_ns(item):
    """When the log begins, in the time of the slowest requests: theirs has the warm-up in it.

    The generator ends with the last reply, and its duration runs from the log's beginning to
    there; where replies are lost it waits for them, and nobody knows: None."""
    pairs, duration = item.summary.get("tsc_pairs"), item.summary.get("duration_ns")
    if not pairs or duration is None or item.summary.get("lost"):
        return None
    return pairs[1][1] - duration


def _explained(run, item, number):
    path = run.store.path / "explain" / f"{item.cell.id}-request{number}" / "explain.json"
    try:
        found = (store.read_json(path) or {}).get("sentence")
    except (OSError, ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""
