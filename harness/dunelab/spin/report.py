# SPDX-License-Identifier: MIT
"""The report of a run: index.html, report.md, summary.json, the figures, the terminal's tables."""

from dunelab import again, noise, stepreport
from dunelab.spin import charts, evaluate, plan as planning, slowest

TITLE = "Spin: requests under a scheduling policy, beside what theory predicts"
LATENCY = ("Time from when a request was due to its end; the slowdown is that over its service. A "
           "percentile has 20 samples beyond it, with ? at least 5. State: overload, more than can "
           "be served at the measured costs; near, above 95 % of that; late, the maker of requests "
           "was too late for a result.")
ORACLE = ("Errors of the measured figure against rt-sim's, which serves the same requests under "
          "the same policy's code in virtual time, charged what the machine was measured to cost "
          "before, by itself (last table). Other requests: rt-sim's mean of as many of "
          "39 other seeds, the least and the largest, between which one more simulated run, of the "
          "same model and costs, lies in 95 of 100: how much a run of this length says of the law, "
          "and nothing of the model's errors. Capacity: of the law below. The closed "
          "form knows no cost and has no end: M/M/k, Pollaczek-Khinchine, or processor sharing; a "
          "run of a dispersed law is too short to come near it.")
MISSES = ("Each figure of a cell whose error is beyond the tolerance, the furthest off first; then "
          "cells that the prediction is not held against, with their state. Below the predicted: "
          "the share of the measured requests that are. A median between those that found the core "
          "idle and those that did not jumps, though the shares hardly differ.")
CAPACITY = ("Twice as many requests as fit. The law: S / (S + d + n (d + c)), S the service of "
            "these requests, d the dispatch, c the preemption, n the ends of quanta within a "
            "request; it leaves out timers that ring for a quantum that an end cut short, which "
            "cost the more the nearer requests are to a quantum. Of busy time: service over the "
            "cores' time, less what they were idle before the queue was there and at its end. Of "
            "all time, that not taken off: what rt-sim says is of that, too.")
SLOWEST = ("Of each cell the request with the largest slowdown, and what was there that most of "
           "its time beside its service may have gone to: one long request, many, or, where all "
           "their service is less than half of it, the system itself (a wake-up, an interrupt).")
COSTS = ("The least and the largest of the cells, each of which measures its own. submit: "
         "whoever makes a request; kick: more of that when a core is interrupted for it; "
         "reach: until that is there, the core serving on; wake: an idle core, more than dispatch; "
         "dispatch: from one request's end to the next's beginning; preempt: more, when a quantum "
         "is over; interrupt: more, for an arrival; "
         "resume: and when who went for it goes on; arm: before a quantum, when no timer is to "
         "ring; lapse: a quantum ends and nobody waits; stale: a timer rings for one that an end "
         "cut short; served: service within a quantum that follows another.")


def make(run):
    """Make every form of it from the steps' records; the path of index.html."""
    items = evaluate.measured(run)
    figures = charts.plan(run, items) if items else []
    return stepreport.make(run, _content(run, items), figures, items[0].record if items else None)


def _content(run, items):
    return stepreport.Content(
        title=TITLE, schema="dunelab-spin-summary/1", verdict=evaluate.verdict(items),
        claim=evaluate.claim(run, items), problems=evaluate.problems(run, items),
        systems=[(name, planning.SYSTEMS[name].title) for name in run.plan.systems],
        tables=_tables(run, items), rows=[_row(item) for item in items], again=_again(run),
        steps="what each cell printed and its histograms, measured and predicted, as .hlog")


def _tables(run, items):
    """[(title, note, header, body)] in the order to show them."""
    found = []
    for law, what in evaluate.scenes(run.plan):
        chosen = [item for item in items if (item.step.law, item.step.noise) == (law, what)]
        title = f"{law} ({planning.LAWS[law]})" + (", noise" if what == noise.NOISE else "")
        for name, note, make_one in (("latency", LATENCY, evaluate.latency),
                                     ("oracle", ORACLE, evaluate.oracle),
                                     ("capacity", CAPACITY, evaluate.capacities),
                                     ("slowest requests", SLOWEST, slowest.table)):
            header, body = make_one(chosen)
            if body:
                found.append((f"{title}: {name}", note, header, body))
    header, body = evaluate.misses(items)
    if body:
        found.insert(0, ("What is not as predicted", MISSES, header, body))
    header, body = evaluate.costs(items)
    if body:
        found.append(("Measured costs", COSTS, header, body))
    return found


def terminal(run):
    """What the command prints at its end."""
    return stepreport.terminal(_content(run, evaluate.measured(run)),
                               lambda header: range(2, len(header)))


def _again(run):
    plan = run.plan
    words = [f"ENGINE={plan.engine}", f"PROFILE={plan.profile}",
             f'SYSTEMS="{" ".join(plan.systems)}"', f'W="{" ".join(plan.laws)}"',
             f'POLICIES="{" ".join(plan.policies)}"', f'LOADS="{" ".join(plan.loads)}"',
             f"QUANTUM={plan.quantum_us:g}", f"STRETCH={plan.stretch:g}", f"CORES={plan.cores}",
             f"SEED={plan.seed}", f"REQUESTS={plan.requests}",
             f'NOISE="{" ".join(plan.noises)}"']
    words += ["QUICK=1"] if plan.limit_ms == planning.QUICK[1] else []
    words += ["FULL=1"] if plan.limit_ms == planning.FULL[1] else []
    words += again.make_words(run)
    return (f"At commit {run.manifest['commit'][:12]}: `make experiment WORKLOAD=spin "
            f"{' '.join(words)}`.")


def _row(item):
    return {"system": item.step.system, "law": item.step.law,
            "noise": item.step.noise, "policy": item.cell.policy,
            "load": item.cell.load, "engine": item.record["engine"], "state": item.state,
            "measured": item.found, "machine": item.machine, "predicted": item.predicted,
            "busy_share": round(evaluate.busy_share(item), 6) if item.cell.saturated else None,
            "agrees": evaluate.agrees(item),
            "worst": evaluate.worst(item) if evaluate.agrees(item) is not None else None}
