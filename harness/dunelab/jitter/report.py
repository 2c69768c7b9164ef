# SPDX-License-Identifier: MIT
"""The report of a run: index.html, report.md, summary.json, the figures, the terminal's tables."""

from dunelab import again, claims, noise, stats, stepreport
from dunelab.jitter import charts, evaluate, plan as planning

TITLE = "Jitter: what a system takes from a program, and how late it wakes one"
SPINNING = ("A loop that looks at the clock and does nothing else: each gap of more than "
            f"{planning.THRESHOLD} ticks is an interruption. It counts after 100 ms, "
            "in which the core settles. What Linux counted, from the program's start to its end: "
            "rows of /proc/interrupts of that CPU, and the thread's context switches.")
WAKING = ("A thread sleeps until the next period, over and over, with locked memory, under "
          "SCHED_FIFO 95 (of dune-rt: as the one task of its core); how late it wakes. A "
          "percentile has 20 samples beyond it, with ? at least 5.")
AGREEING = ("cyclictest and oslat of rt-tests in the same boot, after ours. Interruptions a "
            f"second: of {evaluate.OSLAT_US} us or more; rates agree within {evaluate.AGREE:.0%}, "
            "or three standard deviations of their counts. Longest interruptions are not of the "
            "same seconds, and differ by what happened in them.")
CAUSING = ("The loop once more, with Linux's events on that CPU traced by the same clock: all that "
           "fell into one interruption, in their order. Tracing makes each of them longer. An "
           "interruption without an event is none of Linux's: one of the emulator or the firmware.")
MISSING = "In its words, with what would give it. The core is the program's all the same."


def make(run):
    """Make every form of it from the steps' records; the path of index.html."""
    items = evaluate.measured(run)
    figures = charts.plan(run, items, _unit(items)) if items else []
    return stepreport.make(run, _content(run, items), figures, items[0].record if items else None)


def _content(run, items):
    return stepreport.Content(
        title=TITLE, schema="dunelab-jitter-summary/1", verdict=evaluate.verdict(items),
        claim=evaluate.claim(run, items), problems=evaluate.problems(run, items),
        systems=[(name, planning.SYSTEMS[name].title) for name in run.plan.systems],
        tables=_tables(run, items), rows=[row(item) for item in items], again=_again(run),
        steps="the probes’ own files: each interruption, the histograms as .hlog, and what "
        "cyclictest and oslat wrote")


def _unit(items):
    return claims.unit(items[0].record["engine"]["clock_domain"]) if items else "ns"


def _tables(run, items):
    """[(title, note, header, body)] in the order to show them."""
    def wakes(chosen):
        return evaluate.wakes(chosen, _unit(items))

    found = []
    for title, note, make_one in (("Interruptions", SPINNING, evaluate.interruptions),
                                  ("Wake-ups", WAKING, wakes)):
        for noise in run.plan.noises:
            chosen = [item for item in items if item.step.noise == noise]
            if chosen:
                found.append((f"{title}: {evaluate.TITLES[noise]}", note, *make_one(chosen)))
    for noise in run.plan.noises:
        header, body = evaluate.causes([item for item in items if item.step.noise == noise])
        if body:
            found.append((f"Spikes by cause: {evaluate.TITLES[noise]}", CAUSING, header, body))
    header, body = evaluate.agreement(items)
    if body:
        found.append(("Beside rt-tests", AGREEING, header, body))
    header, body = evaluate.missing(items)
    if body:
        found.append(("What `dune rt run` could not have", MISSING, header, body))
    return found


def terminal(run):
    """What the command prints at its end."""
    return stepreport.terminal(_content(run, evaluate.measured(run)),
                               lambda header: range(1, len(header) - 1))


def _again(run):
    plan = run.plan
    words = [f"ENGINE={plan.engine}", f"PROFILE={plan.profile}",
             f'SYSTEMS="{" ".join(plan.systems)}"']
    size = (plan.spin_ms, plan.interval_us, plan.cycles)
    words += ["QUICK=1"] if size == planning.QUICK else ["FULL=1"] if size == planning.FULL else []
    if plan.noises != noise.KINDS:
        words.append(f'NOISE="{" ".join(plan.noises)}"')
    words += again.make_words(run)
    return (f"At commit {run.manifest['commit'][:12]}: `make experiment WORKLOAD=jitter "
            f"{' '.join(words)}`.")


def row(item):
    """What summary.json has of a step that has been done."""
    return {"system": item.step.system, "noise": item.step.noise,
            "release": item.record["release"], "cmdline": item.record["cmdline"],
            "engine": item.record["engine"],
            "interruptions": item.spin["interruptions"], "ticks": item.spin["ticks"],
            "lost_ppm": round(item.lost_ppm, 3),
            "longest_ticks": item.spin["longest_ticks"], "exits": item.spin["exits"],
            "interrupts": item.spin["interrupts"], "wakes": item.late.total,
            "wake_ns": {name: stats.gated(item.late, name).value
                        for name in evaluate.PERCENTILES},
            "wake_max_ns": item.wake["max_ns"]}
