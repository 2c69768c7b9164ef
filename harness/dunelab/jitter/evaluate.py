# SPDX-License-Identifier: MIT
"""What the records of a run say: its tables, sentences and histograms."""

import json
import math
from dataclasses import dataclass

from dunelab import claims, hlog, noise as noises, stats, steprun
from dunelab.jitter import named, plan as planning

PERCENTILES = ("50", "99", "99.9", "99.99")
AGREE = 0.25        # our probes and rt-tests': of cyclictest's mean, of oslat's interruptions
OSLAT_US = 2        # oslat's bucket k has k - 1 us to k; the first have turns of its loop in them
TITLES = {noises.IDLE: "nothing else runs", noises.NOISE: "noise on the other CPU"}


@dataclass
class Measured:
    """A step that has been done: its record, and the histogram of wake."""

    step: planning.Step
    record: dict
    late: object
    cyclictest: dict | None
    oslat: dict | None
    missing: tuple      # lines: what `dune rt run` could not have
    spikes: list | None = None      # of named.Spike; None: nothing was traced

    @property
    def spin(self):
        return self.record["spin"]

    @property
    def wake(self):
        return self.record["wake"]

    @property
    def per_billion(self):
        """Interruptions in 10^9 ticks."""
        return self.spin["interruptions"] * 1e9 / self.spin["ticks"]

    @property
    def lost_ppm(self):
        """Parts per million of the time that the program did not have."""
        return self.spin["lost_ticks"] * 1e6 / self.spin["ticks"]


def measured(run):
    """[Measured] of all steps that have been done, in the order of the plan's tables."""
    found = []
    for noise in run.plan.noises:
        for name in run.plan.systems:
            step = planning.Step(name, noise)
            record = run.record(step)
            if record:
                folder = run.folder(step)
                late = hlog.read((folder / "wake.hlog").read_text("utf-8"))[0].histogram
                found.append(Measured(step, record, late, _thread(folder / "cyclictest.json"),
                                      _thread(folder / "oslat.json"), _lines(folder / "missing"),
                                      _spikes(folder)))
    return found


def _spikes(folder):
    """Of the traced loop; runs of before had none."""
    if not (folder / "trace").exists():
        return None
    return named.spikes(json.loads((folder / "traced.json").read_text("utf-8")),
                        (folder / "trace").read_text("utf-8", "replace"))


def _lines(path):
    return tuple(path.read_text("utf-8", "replace").split("\n")[:-1]) if path.exists() else ()


def _thread(path):
    """The one thread of a file of rt-tests', None where there is none."""
    if not path.exists():
        return None
    return json.loads(path.read_text("utf-8"))["thread"]["0"]


def interruptions(items):
    """(header, body): what was taken from the program that spins."""
    header = ["system", "interruptions", "in 10^9 ticks", "lost", "longest", "VM exits",
              "what Linux counted"]
    body = []
    for item in items:
        spin = item.spin
        names = sorted(spin["interrupts"].items(), key=lambda pair: -pair[1])
        body.append([item.step.system, f"{spin['interruptions']:,}", f"{item.per_billion:,.0f}",
                     f"{item.lost_ppm:,.0f} ppm", f"{spin['longest_ticks']:,}",
                     f"{spin['exits']:,}" if spin["exits"] else "-",
                     ", ".join(f"{name} {count:,}" for name, count in names) or "nothing"])
    return header, body


def wakes(items, unit):
    """(header, body): how late the periodic thread woke."""
    header = ["system", "wakes", "min", *(f"p{name}" for name in PERCENTILES),
              f"max ({unit})", "p99.99 / p50", "max / p50", "missed periods"]
    body = []
    for item in items:
        gates = [stats.gated(item.late, name) for name in PERCENTILES]
        middle, tail = max(1, item.late.percentile("50")), gates[-1]
        body.append([item.step.system, f"{item.late.total:,}", f"{item.wake['min_ns']:,}",
                     *(gate.text() for gate in gates), f"{item.wake['max_ns']:,}",
                     "-" if tail.value is None else
                     f"{tail.value / middle:.2f}{'?' if tail.grade == 'weak' else ''}",
                     f"{item.wake['max_ns'] / middle:.2f}",
                     f"{item.wake['overruns']:,}"])
    return header, body


def missing(items):
    """(header, body): what a run of its own was not given, in the words of `dune rt run`."""
    told = {}
    for item in items:
        for line in item.missing:
            told.setdefault(line.removeprefix("dune: "), []).append(item.step.key)
    return ["boots", "not to be had"], [[", ".join(keys), line] for line, keys in told.items()]


def causes(items):
    """(header, body): why the traced loops were interrupted."""
    return named.table({item.step.system: item.spikes for item in items
                        if item.spikes is not None})


def rates(item):
    """(ours, oslat's, whether they agree): interruptions of OSLAT_US or more in a second."""
    tick_hz, length = item.spin["tick_hz"], item.spin["ticks"] / item.spin["tick_hz"]
    mine = sum(ticks >= OSLAT_US * tick_hz / 1e6 for _, ticks in item.spin["gaps"])
    theirs = sum(count for bucket, count in item.oslat.get("histogram", {}).items()
                 if int(bucket) > OSLAT_US)
    ratio = length / item.oslat["duration"]
    off = abs(mine - theirs * ratio)
    # Few of them are no rate: two counts of the same one differ by their deviations.
    agree = off <= max(AGREE * theirs * ratio, 3 * math.sqrt(mine + theirs * ratio ** 2))
    return mine / length, theirs / item.oslat["duration"], agree


def agreement(items):
    """(header, body): our probes and rt-tests', in the same boot one after the other."""
    header = ["system", "noise", "wake: mean, max (us)", "cyclictest: mean, max (us)",
              "means agree", "spin: longest (us), a second", "oslat: longest (us), a second",
              "rates agree"]
    body = []
    for item in items:
        if not item.cyclictest:
            continue
        mean, theirs = item.wake["mean_ns"] / 1000, item.cyclictest["avg"]
        longest = item.spin["longest_ticks"] / item.spin["tick_hz"] * 1e6
        ours, oslat, agree = rates(item) if item.oslat else (None, None, None)
        body.append([item.step.system, item.step.noise,
                     f"{mean:,.1f}, {item.wake['max_ns'] / 1000:,.1f}",
                     f"{theirs:,.1f}, {item.cyclictest['max']:,}",
                     "yes" if abs(mean - theirs) <= AGREE * theirs else "NO",
                     f"{longest:,.1f}, {ours:,.0f}" if item.oslat else f"{longest:,.1f}",
                     f"{item.oslat['max']:,}, {oslat:,.0f}" if item.oslat else "-",
                     "-" if agree is None else "yes" if agree else "NO"])
    return header, body


def verdict(items):
    """Sentences: the quietest and the soonest system, of each noise; none of a clock that allows no
    conclusion. A boot a system: they say what was, not what is likely."""
    found = []
    if not items or not claims.emulated(items[0].record["engine"]["clock_domain"]):
        return found
    unit = claims.unit(items[0].record["engine"]["clock_domain"])
    for noise in noises.KINDS:
        chosen = [item for item in items if item.step.noise == noise]
        if len(chosen) < 2:
            continue
        quiet = min(chosen, key=lambda item: item.per_billion)
        quietest = [item.step.system for item in chosen
                    if item.spin["interruptions"] == quiet.spin["interruptions"]]
        soon = min(chosen, key=lambda item: item.wake["max_ns"])
        found.append(
            f"With {'nothing else running' if noise == noises.IDLE else TITLES[noise]}: fewest "
            f"interruptions: {', '.join(quietest)} ({quiet.per_billion:,.0f} in 10^9 ticks); the "
            f"least worst wake-up: {soon.step.system} ({soon.wake['max_ns']:,} {unit}).")
    return found


def problems(run, items):
    """What a reader has to know before any figure."""
    found = [*run.manifest.get("failures", []), *sorted(run.damaged), *steprun.mixed(run)]
    missing = len(run.plan.steps()) - len(items)
    if missing:
        found.append(f"{missing} of {len(run.plan.steps())} boots are missing")
    for item in items:
        if not (item.wake["realtime"] and item.wake["memory_locked"]):
            found.append(f"{item.step.key}: without real-time priority or locked memory")
        if item.wake["overflow"] or item.spin["gaps_not_kept"]:
            found.append(f"{item.step.key}: not all of it was kept")
        if item.wake["overruns"]:
            found.append(f"{item.step.key}: {item.wake['overruns']:,} periods had passed before "
                         "the thread slept again; they are in no percentile")
        mine = item.cyclictest and item.wake["mean_ns"] / 1000
        if mine and abs(mine - item.cyclictest["avg"]) > AGREE * item.cyclictest["avg"]:
            found.append(f"{item.step.key}: our mean is {mine:.1f} us, cyclictest's "
                         f"{item.cyclictest['avg']:.1f} us")
        ours, oslat, agree = rates(item) if item.oslat else (0, 0, True)
        if not agree:
            found.append(f"{item.step.key}: our loop was interrupted {ours:,.0f} times a second "
                         f"for {OSLAT_US} us or more, oslat's {oslat:,.0f} times")
    return found


def claim(run, items):
    """The claim line: the clock, the emulator, the commit."""
    if not items:
        return "nothing was measured"
    engine = items[0].record["engine"]
    return (f"{claims.line({'engine': engine})} {planning.CPUS} CPUs; the probes on CPU "
            f"{planning.PROBE_CPU}; commit {run.manifest['commit'][:12]}"
            f"{', changed since' if run.manifest['dirty'] else ''}.")
