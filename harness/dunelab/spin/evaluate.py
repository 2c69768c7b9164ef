# SPDX-License-Identifier: MIT
"""What the records of a run say: its tables, sentences and histograms."""

from dataclasses import dataclass

from dunelab import claims, hlog, stats, steprun
from dunelab.spin import plan as planning, theory

TOLERANCE, CAPACITY_TOLERANCE = 0.15, 0.05
SLOWDOWN_UNIT = 1000        # slowdowns are counted in thousandths
SHOWN = ("50", "99", "99.9")
SOUND = ("ok", "near")      # states of a row that is a result
JUDGED = (*SOUND, "late")   # and of one that a prediction is held against: it is as late
NEAR = 0.95                 # of the capacity: the queue of a run says little about that of another


@dataclass
class Measured:
    """A cell that has been done. sojourn, slowdown: its histograms; expected: {"sojourn",
    "slowdown"} of the prediction, {} where there is none."""

    step: planning.Step
    cell: planning.Cell
    plan: planning.Plan
    record: dict
    sojourn: object
    slowdown: object
    expected: dict

    @property
    def found(self):
        """What spin counted of the requests."""
        return self.record["cells"][self.cell.key]["measured"]

    @property
    def machine(self):
        """What spin measured of the machine."""
        return self.record["cells"][self.cell.key]["machine"]

    @property
    def predicted(self):
        """What rt-sim says, or None."""
        return self.record["cells"][self.cell.key]["predicted"]

    @property
    def mean_ns(self):
        """Mean service of the law."""
        return self.plan.mean_us(self.step.law) * 1e3

    @property
    def capacity(self):
        """The share of busy cores' time that is service at these costs; None without them."""
        return self.predicted and self.predicted["capacity"]

    @property
    def late(self):
        """p99 of how late requests were made, as a share of the mean service."""
        return self.machine["late_ns"]["p99"] / self.mean_ns

    @property
    def state(self):
        """ok, or why the row is no result: overload, near, late, or overflow."""
        if self.sojourn.total < self.cell.requests:
            return "overflow"
        if self.capacity and self.cell.rho >= self.capacity:
            return "overload"
        if self.late > planning.LATE_SHARE:
            return "late"
        if self.capacity and self.cell.rho >= NEAR * self.capacity:
            return "near"
        return "ok"


def scenes(plan):
    """[(law, noise)] of what is compared with each other, in the order of the tables."""
    return [(law, noise) for noise in plan.noises for law in plan.laws]


def measured(run):
    """[Measured] of all cells that have been done, in the order of the tables."""
    found = []
    for law, noise in scenes(run.plan):
        for name in run.plan.systems:
            step = planning.Step(name, law, noise)
            record, cells = run.record(step), run.plan.cells(step)
            if record and set(record["cells"]) != {cell.key for cell in cells}:
                run.damaged.add(f"{step.key}: its cells are not the plan's "
                                f"({', '.join(record['cells']) or 'none'}): boot it again")
                continue
            found += [_read(run, step, cell, record) for cell in cells if record]
    return found


def _read(run, step, cell, record):
    folder, expected = run.folder(step), {}
    ours = _histograms(folder / f"{cell.key}.hlog")
    if record["cells"][cell.key]["predicted"]:
        expected = _histograms(folder / f"{cell.key}.predicted.hlog")
    return Measured(step, cell, run.plan, record, ours["sojourn"], ours["slowdown"], expected)


def _histograms(path):
    return {item.tag: item.histogram for item in hlog.read(path.read_text("utf-8"))}


def error(got, want):
    """Relative error, None where one of the two is not known."""
    return got / want - 1 if got is not None and want else None


def percent(value):
    """+3.1 %, or a dash."""
    return "-" if value is None else f"{value * 100:+.1f} %"


def figures(item):
    """[(name, measured, predicted)] of the figures that a prediction is held against: those that
    the sample size allows, and that have a relative error: nothing has one of 0."""
    predicted = item.predicted
    found = [("mean", item.found["sojourn_ns"]["mean"], predicted["sojourn_ns"]["mean"]),
             ("mean slowdown", item.found["slowdown"]["mean"], predicted["slowdown"]["mean"])]
    for level in SHOWN:
        if stats.gated(item.sojourn, level).grade == "ok":
            found.append((f"p{level}", item.sojourn.percentile(level),
                          item.expected["sojourn"].percentile(level)))
            found.append((f"p{level} slowdown", item.slowdown.percentile(level),
                          item.expected["slowdown"].percentile(level)))
    return [one for one in found if error(*one[1:]) is not None]


def worst(item):
    """(name, relative error) of the figure that is furthest off; only where agrees() says
    something."""
    return max(((name, error(got, want)) for name, got, want in figures(item)),
               key=lambda pair: abs(pair[1]))


def agrees(item):
    """Whether every figure is within the tolerance; None where that cannot be said."""
    if item.cell.saturated or not item.predicted or item.state not in JUDGED:
        return None
    if not figures(item):
        return None
    return abs(worst(item)[1]) <= TOLERANCE


def latency(items):
    """(header, body): every cell below saturation, measured."""
    header = ["system", "policy", "load", "requests", "mean (us)", "p50 (us)", "p99 (us)",
              "p99.9 (us)", "slowdown p50", "slowdown p99", "slowdown p99.9", "made late p99",
              "state"]
    body = []
    for item in items:
        if item.cell.saturated:
            continue
        times = [_micro(stats.gated(item.sojourn, level)) for level in SHOWN]
        slows = [_slow(stats.gated(item.slowdown, level)) for level in SHOWN]
        body.append([item.step.system, item.cell.policy, item.cell.load,
                     f"{item.sojourn.total:,}", f"{item.found['sojourn_ns']['mean'] / 1e3:,.1f}",
                     *times, *slows, f"{item.machine['late_ns']['p99'] / 1e3:,.1f} us",
                     item.state])
    return header, body


def _micro(gate):
    if gate.value is None:
        return gate.text()
    return f"{gate.value / 1e3:,.1f}" + ("?" if gate.grade == "weak" else "")


def _slow(gate):
    if gate.value is None:
        return gate.text()
    return f"{gate.value / SLOWDOWN_UNIT:,.2f}" + ("?" if gate.grade == "weak" else "")


def oracle(items):
    """(header, body): measured against predicted, and the closed form without costs."""
    header = ["system", "policy", "load", "capacity", "mean", "mean slowdown", "p50", "p99",
              "p99 slowdown", "p99.9", f"within {TOLERANCE:.0%}", "theory, no costs (us)",
              "other requests (us)", "predicted (us)", "measured (us)"]
    body = []
    for item in items:
        if item.cell.saturated or not item.predicted:
            continue
        errors = {name: error(got, want) for name, got, want in figures(item)}
        verdict = {True: "yes", False: "NOT", None: item.state}[agrees(item)]
        if verdict == "NOT":
            verdict = f"NOT: {worst(item)[0]}"
        law = planning.LAWS[item.step.law]
        ideal = theory.ideal(item.cell.policy, law, item.plan.cores, item.cell.rho)
        body.append([item.step.system, item.cell.policy, item.cell.load,
                     f"{item.capacity:.3f}",
                     *(percent(errors.get(name)) for name in
                       ("mean", "mean slowdown", "p50", "p99", "p99 slowdown", "p99.9")),
                     verdict,
                     f"{ideal['mean'] * item.mean_ns / 1e3:,.1f}" if ideal else "-",
                     between(item, "mean", 1e3),
                     f"{item.predicted['sojourn_ns']['mean'] / 1e3:,.1f}",
                     f"{item.found['sojourn_ns']['mean'] / 1e3:,.1f}"])
    return header, body


def between(item, name, unit):
    """The interval of a predicted figure for other requests of the law, in `unit`; a dash."""
    found = (item.predicted or {}).get("others", {}).get(name)
    return f"{found[0] / unit:,.1f} to {found[1] / unit:,.1f}" if found else "-"


def misses(items):
    """(header, body): every figure that is not as predicted, the furthest off first, and every
    cell that no prediction is held against."""
    header = ["system", "law", "policy", "load", "state", "figure", "predicted", "measured",
              "below the predicted", "error"]
    body = []
    for item in items:
        where = [item.step.system, item.step.scene, item.cell.policy, item.cell.load, item.state]
        if item.cell.saturated:
            off = capacity_error(item)
            if off is not None and abs(off) > CAPACITY_TOLERANCE:
                body.append((off, [*where[:4], "-", "capacity", f"{item.capacity:.3f}",
                                   f"{busy_share(item):.3f}", "-"]))
            continue
        if item.predicted and item.state not in JUDGED:
            body.append((None, [*where, "not held against it", "-", "-", "-"]))
        for name, got, want in figures(item) if agrees(item) is False else ():
            off, unit = error(got, want), _unit(name)
            if abs(off) > TOLERANCE:
                body.append((off, [*where, name, f"{want / unit[0]:,.1f}{unit[1]}",
                                   f"{got / unit[0]:,.1f}{unit[1]}",
                                   below(item, name, want)]))
    body.sort(key=lambda line: -abs(line[0] or 0.0))
    return header, [[*line, percent(off)] for off, line in body]


def below(item, name, value):
    """The share of the measured requests that a predicted percentile is not exceeded by: where few
    requests lie around it, it is close to the percentile's own however far apart the two are. A
    dash for what is none."""
    if not name.startswith("p"):
        return "-"
    histogram = item.slowdown if name.endswith("slowdown") else item.sojourn
    count = sum(count for at, count, _ in histogram.rows() if at <= value)
    return f"{count / histogram.total:.1%}"


def _unit(name):
    """(divisor, suffix) of a figure of figures()."""
    if name == "mean slowdown":
        return 1, ""
    return (SLOWDOWN_UNIT, "") if name.endswith("slowdown") else (1e3, " us")


def capacities(items):
    """(header, body): what saturated cores serve, beside the law of capacity under measured costs,
    which knows no idle core, and beside rt-sim, whose cores are idle until the queue is there."""
    header = ["system", "policy", "of busy time", "the law S/(S + ...)", "error",
              f"within {CAPACITY_TOLERANCE:.0%}", "of all time", "rt-sim", "error"]
    body = []
    for item in items:
        if not item.cell.saturated:
            continue
        busy, every = busy_share(item), item.found["utilisation"]
        off = capacity_error(item)
        simulated = item.predicted and item.predicted["utilisation"]
        body.append([item.step.system, item.cell.policy, f"{busy:.3f}",
                     f"{item.capacity:.3f}" if item.capacity else "-", percent(off),
                     "-" if off is None else "yes" if abs(off) <= CAPACITY_TOLERANCE else "NOT",
                     f"{every:.3f}", f"{simulated:.3f}" if simulated else "-",
                     percent(error(every, simulated))])
    return header, body


def busy_share(item):
    """The share that service had of the cores' time, less what they were idle where that is
    counted: before the queue was there, and at its end."""
    end = item.machine["end_ns"] * item.plan.cores
    return item.machine["service_ns"] / (end - item.machine.get("idle_ns", 0))


def capacity_error(item):
    """Relative error of that share over the law of capacity; None where there is no such."""
    return error(busy_share(item), item.capacity) if item.cell.saturated else None


def costs(items):
    """(header, body): what the machine charges for, as measured before the requests of each cell:
    the least and the largest of a system and policy."""
    names = ("submit", "kick", "reach", "wake", "dispatch", "preempt", "interrupt",
             "resume", "arm", "lapse", "stale", "served")
    header = ["system", "policy", "cells", *(f"{name} (us)" for name in names)]
    groups = {}
    for item in items:
        if item.machine["costs_ns"]["dispatch"]:
            groups.setdefault((item.step.system, item.cell.policy), []).append(
                item.machine["costs_ns"])
    body = []
    for key, cells in groups.items():
        found = ([cell[name] for cell in cells if name in cell] for name in names)
        body.append([*key, f"{len(cells)}", *map(_spread, found)])
    return header, body


def _spread(values):
    """Nanoseconds as 1.20, 1.20 to 1.31, or a dash."""
    ends = [f"{end(values) / 1e3:,.2f}" for end in (min, max)] if values else ["-"]
    return " to ".join(dict.fromkeys(ends))


def verdict(items):
    """Sentences: how many predictions hold, and capacities; none of a clock that allows none."""
    if not items or not claims.emulated(items[0].record["engine"]["clock_domain"]):
        return []
    found = goals(items)
    said = [(agrees(item), item.state == "late") for item in items]
    sound, late = ([held for held, flag in said if held is not None and flag == wanted]
                   for wanted in (False, True))
    if sound or late:
        text = f"; and {sum(late)} of {len(late)} whose requests were made late" if late else ""
        found.append(f"{sum(sound)} of {len(sound)} predicted cells are within {TOLERANCE:.0%} of "
                     f"what was measured, in every figure that their samples allow{text}.")
    offs = [abs(off) for off in map(capacity_error, items) if off is not None]
    if offs:
        held = sum(off <= CAPACITY_TOLERANCE for off in offs)
        found.append(f"{held} of {len(offs)} capacities are within {CAPACITY_TOLERANCE:.0%} of "
                     f"the law with the costs measured (the worst is {max(offs):.1%} off).")
    return found


# What is to be reached: the law, policy, load and quantum of the first one.
GOAL = ("w5", "rr", "0.8", 5.0)


def goals(items):
    """Sentences: whether dune-rt reaches what it is to, of what was measured."""
    law, policy, load, quantum = GOAL
    found = []
    for item in items:
        if item.step.system != "dune-rt" or item.plan.cores > 1:
            continue
        where = f"{item.step.scene}, {item.cell.policy}"
        if (item.step.law, item.cell.policy, item.cell.load,
                item.plan.quantum_us) == (law, policy, load, quantum):
            found.insert(0, f"{where}, a quantum of {quantum:g} us, load {load}: within "
                         f"{TOLERANCE:.0%} of the oracle {_reached(item)}.")
        off = capacity_error(item)
        if policy == item.cell.policy and off is not None:
            every = item.found["utilisation"]
            simulated = item.predicted["utilisation"]
            reached = "reached" if abs(off) <= CAPACITY_TOLERANCE else "NOT reached"
            found.append(f"{where}, saturated: within {CAPACITY_TOLERANCE:.0%} of what the "
                         f"measured cost of a preemption predicts is {reached}: "
                         f"{busy_share(item):.3f} of {item.capacity:.3f}, {percent(off)}. Idle "
                         f"time counted, it is {every:.3f} of rt-sim's {simulated:.3f}, "
                         f"{percent(error(every, simulated))}, which charges for timers that ring "
                         "for nothing as well.")
    return found


def _reached(item):
    """The end of a sentence about a cell's prediction."""
    said = agrees(item)
    if said is None:
        return f"was not measured ({item.state if item.predicted else 'there is no prediction'})"
    late = ", with requests made late" if item.state == "late" else ""
    name, off = worst(item)
    return (f"is {'reached' if said else 'NOT reached'}{late}; the furthest off is its {name}, "
            f"{percent(off)}")


def problems(run, items):
    """What a reader has to know before any figure."""
    found = [*run.manifest.get("failures", []), *sorted(run.damaged), *steprun.mixed(run)]
    missing = [step.key for step in run.plan.steps() if not run.record(step)]
    if missing:
        found.append(f"{len(missing)} of {len(run.plan.steps())} boots are missing: "
                     f"{', '.join(missing)}")
    why = {"late": "requests were made too late to compare systems or policies by (p99 above "
                   f"{planning.LATE_SHARE:.0%} of the mean service); a prediction's are as late",
           "overload": "more than can be served at these costs: figures grow with the run",
           "overflow": "requests took longer than a histogram can hold"}
    for state, text in why.items():
        keys = [f"{item.step.key} {item.cell.key}" for item in items
                if item.state == state and not item.cell.saturated]
        if keys:
            found.append(f"{len(keys)} cell{'s' if len(keys) > 1 else ''}: {text}: "
                         f"{', '.join(keys[:8])}"
                         f"{', ...' if len(keys) > 8 else ''}")
    return found


def claim(run, items):
    """The claim line: the clock, the emulator, the commit."""
    if not items:
        return "nothing was measured"
    plan, engine = run.plan, items[0].record["engine"]
    return (f"{claims.line({'engine': engine})} {plan.cpus} CPUs: requests are made on CPU "
            f"{planning.MAKER_CPU} and served on {plan.serving}; a microsecond of a law is "
            f"{plan.stretch:g} of this clock, the quantum {plan.quantum_us:g} of the law's; "
            f"commit {run.manifest['commit'][:12]}"
            f"{', changed since' if run.manifest['dirty'] else ''}.")
