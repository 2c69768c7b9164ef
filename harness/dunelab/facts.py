# SPDX-License-Identifier: MIT
"""The contents of the written report, independent of whether it becomes Markdown or HTML."""

import json
import shlex

from dunelab import again, claims, kvscript, noise, plan as planning, results, stats, store, tables
from dunelab.errors import UsageError

WORDS = {"lower": "lower", "higher": "higher", "inconclusive": "inconclusive",
         "flagged": "flagged"}


def title(run):
    """Heading of the report."""
    loads = ", ".join(f"{float(load) * 100:g} %" for load in run.plan.loads)
    noisy = ", other programs on CPU 0" if run.plan.noise != noise.IDLE else ""
    systems = _counted(len(run.plan.systems), "system")
    return (f"Key-value server: latency of {systems} at {loads} load{noisy}, "
            f"on {run.plan.engine}")


def problems(run):
    """Sentences that have to stand at the top because they limit everything below."""
    found = []
    status = run.manifest["status"]
    total, done = len(run.cells), sum(item.done for item in run.cells)
    if status != "complete":
        status = "not finished (it was killed, or it still runs)" if status == "running" else status
        found.append(f"This run is {status}: {done} of {total} planned cells were measured.")
    found += run.manifest.get("failures") or []
    if run.deterministic is False:
        found.append("The same seed gave different bits: " + claims.same_seed(run)[0] + ".")
    missing = [item for item in run.cells if item.status in ("FAIL", "ERROR", "MISS")]
    for item in missing:
        found.append(f"{item.cell.id}: {item.status}: {item.detail}")
    if all(_transports(run)):
        found.append("Some systems take requests through memory, others from sockets, with other "
                     "CPUs: a ratio between the two compares the transports, too.")
    return found


def _transports(run):
    """(the Systems with rings, those with sockets) of a plan; one that is no longer known is in
    neither."""
    known = [planning.SYSTEMS[name] for name in run.plan.systems if name in planning.SYSTEMS]
    return [s for s in known if s.ring], [s for s in known if not s.ring]


def _placement(run):
    """What runs on which CPU; with a sentence for each transport where there are both."""
    parts = []
    for group in _transports(run):
        for cpus in sorted({system.cpus for system in group}):
            own = cpus > 2
            text = f"{cpus} CPUs: " + (
                "everything else on CPU 0, the server on CPU 1, the generator on CPU 2" if own else
                "the generator and everything else on CPU 0, the server on CPU 1")
            parts.append((text, [s.name for s in group if s.cpus == cpus]))
    if len(parts) == 1:
        return parts[0][0]
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in parts) or "-"


def _workload(run):
    """What was asked of the servers, and by which way."""
    plan, (rings, sockets) = run.plan, _transports(run)
    ways = [*([f"{plan.connections} connections"] if sockets or not rings else []),
            *(["rings in shared memory"] if rings else [])]
    noisy = "" if plan.noise == noise.IDLE else f", {plan.noise} on CPU 0"
    return (f"law {plan.law}, {plan.arrival} arrivals, {' or '.join(ways)}, {plan.records:,} "
            f"records, {plan.requests:,} requests a point after {plan.warmup:,} of warm-up{noisy}")


def verdict(run):
    """The answer in a few sentences, or why there is none."""
    base = run.plan.baseline
    if not any(item.done for item in run.cells):
        return ["Nothing was measured, so there is nothing to compare."]
    if not run.conclusive:
        return ["No latency conclusion is drawn from this run: its times are those of the host "
                "that ran the emulator. It shows that every system works. Use ENGINE=bochs to "
                "compare."]
    return [*_beside(run), f"Same seed: {claims.same_seed(run)[0]}.",
            f"One run, seed {run.plan.seed}: intervals are those within it. Whether a change of "
            "the code made a difference, `dunelab compare` says, from several seeds."]


def _beside(run):
    """How each system stands to the baseline: in a few words of all, then a sentence each.

    The words are of the same rates, where there are any: only there both do the same work.
    """
    base, words, lines = run.plan.baseline, [], []
    same = "equal" if any(kind == "equal" for kind, _ in tables.groups(run)) else "own"
    for system in run.plan.systems:
        mine, theirs = run.capacity(system), run.capacity(base)
        rows = [row for row in tables.rows(run)
                if row.system == system != base and row.ratios.get("99")]
        verdicts = list(dict.fromkeys(row.ratios["99"].verdict for row in rows
                                      if row.group == same))
        parts = [_span(kind, [row.ratios["99"] for row in rows if row.group == kind], base)
                 for kind in ("equal", "own")]
        parts = [part for part in parts if part]
        if mine and theirs and system != base:
            parts.append(f"capacity {mine / theirs:.2f} times")
        if verdicts:
            words.append(f"{system} {verdicts[0] if len(verdicts) == 1 else 'mixed'}")
        if parts:
            lines.append(f"{system}: {'; '.join(parts)}.")
    where = "at the same rate" if same == "equal" else "at equal shares of their capacities"
    return [f"p99 latency {where}, beside {base}: {', '.join(words)}.", *lines] if words else lines


def _span(kind, ratios, base):
    """The ratios of a kind of load points in a few words, "" for none."""
    if not ratios:
        return ""
    where = "at the same rate" if kind == "equal" else "at equal shares of capacity"
    if len(ratios) == 1:
        return f"p99 {where} {tables.ratio_text(ratios[0])} times {base}'s"
    low, high = min(r.value for r in ratios), max(r.value for r in ratios)
    return f"p99 {where} {low:.2f} to {high:.2f} times {base}'s"


def overview(run):
    """(header, body) of the comparison in one table, or None where nothing may be concluded."""
    groups, base = tables.groups(run), run.plan.baseline
    others = [system for system in run.plan.systems if system != base]
    if not run.conclusive or not others or not any(item.done for item in run.cells):
        return None
    header = ["system", "capacity"]
    for kind, load in groups:
        percent = f"{float(load) * 100:g} %"
        header.append(f"p99, same rate ({percent})" if kind == "equal" else
                      f"p99, own {percent}")
    body = []
    for system in others:
        mine, theirs = run.capacity(system), run.capacity(base)
        line = [system, f"{mine / theirs:.2f}" if mine and theirs else "-"]
        for kind, load in groups:
            row = next((row for row in tables.rows(run) if (row.system, row.group, row.load)
                        == (system, kind, load)), None)
            ratio = row.ratios.get("99") if row else None
            if ratio:
                line.append(f"{ratio.value:.2f} {WORDS[ratio.verdict]}")
            else:
                line.append(row.result.status if row and not row.result.done else "-")
        body.append(line)
    return header, body


def how_to_read(run):
    """One paragraph under the heading of the tables."""
    text = (f"Latency is counted from the intended send time, in {run.unit}. [a, b] is a 95 % "
            "interval from order statistics within this run (one seed; wider where requests depend "
            f"on each other). `?`: fewer than {stats.USABLE} samples lie beyond the percentile; "
            "`n/a`: too few to say anything, with the number of requests that would do. An "
            "interval is `n/a`, too, where the run's parts cannot show how requests depend on each "
            "other.")
    if run.conclusive:
        text += (f" Ratios are to {run.plan.baseline} at the same load point; their interval "
                 "divides two 97.5 % intervals, and a verdict is given when it excludes 1.")
    return text


def grouped(run):
    """[(title, [Row])] of the latency tables."""
    result = {}
    for row in tables.rows(run):
        result.setdefault((row.group, row.load), []).append(row)
    return [(tables.group_title(run, *key), rows) for key, rows in result.items()]


def latency(run, rows):
    """(header, body) of one latency table."""
    names = tables.shown(run)
    header = ["system", run.rate_unit, *(f"p{name}" for name in names), "p99 95 % interval",
              "max", "n"]
    if run.conclusive:
        header += [f"p50 / {run.plan.baseline}", f"p99 / {run.plan.baseline}"]
    body = []
    for row in rows:
        rate = row.result.cell.rate
        line = [row.system, f"{rate:,.0f}" if rate else "-"]
        if not row.result.done:
            line += [row.result.status] + ["-"] * (len(header) - 3)
        else:
            line += [tables.percentile_text(row.percentiles[name]) for name in names]
            ci = row.percentiles["99"].ci
            line.append(f"{ci[0]:,} .. {ci[1]:,}" if ci else "n/a")
            given = (row.result.summary.get("intended") or {}).get("max")
            line += [f"{given or row.result.intended.max():,}", f"{row.result.intended.total:,}"]
            if run.conclusive:
                ratio = row.ratios.get("99")
                line += [tables.ratio_text(row.ratios.get("50")),
                         f"{tables.ratio_text(ratio)} {WORDS[ratio.verdict]}" if ratio else
                         "- baseline" if row.system == run.plan.baseline else "-"]
        body.append(line)
    return header, body


def extra_tables(run):
    """[(title, (header, body), note)] of the tables after the latencies."""
    return [table for table in (_profiles(run), _capacity(run), _service(run), _validity(run),
                                _exits(run), _boots(run), _same_seed(run)) if table]


def _capacity(run):
    base, body = run.capacity(run.plan.baseline), []
    for system in run.plan.systems:
        capacity = run.capacity(system)
        line = [system, f"{capacity:,.0f}" if capacity else "not measured"]
        if run.conclusive:
            line.append(f"{capacity / base:.3f}" if capacity and base else "-")
        body.append(line)
    header = ["system", run.rate_unit] + ([f"/ {run.plan.baseline}"] if run.conclusive else [])
    note = ("Requests served with the server always busy; what the shares of a system's own "
            "capacity refer to.")
    remembered = run.manifest.get("remembered") or {}
    if remembered:
        note += (f" Remembered from an earlier boot of the same bits: {', '.join(remembered)}.")
    return "Capacity", (header, body), note


def _service(run):
    body = []
    for row in tables.rows(run):
        item = row.result
        if not item.done or not item.service or not item.service.total:
            continue
        cells = [stats.gated(item.service, name) for name in ("50", "99")]
        late = item.summary.get("late") or {}
        body.append([f"{row.group} {row.load}", row.system,
                     *(tables.percentile_text(cell) for cell in cells),
                     f"{late['p99']:,}" if late.get("p99") is not None else "-",
                     f"{item.validity.late_share:.1%}" if item.validity.late_share is not None
                     else "-"])
    if not body:
        return None
    return "Service time and the generator", (
        ["load", "system", "service p50", "service p99", "late p99", "late / latency"],
        body), (
        f"Service time runs from the actual send; lateness is how much later than intended the "
        f"generator sent, on the same schedule for every system; its last column compares the "
        f"means. All in {run.unit}.")


def _validity(run):
    body = []
    for row in tables.rows(run):
        item = row.result
        if not item.done:
            body.append([f"{row.group} {row.load}", row.system, "-", "-", "-",
                         "; ".join(row.flags)])
            continue
        share = stats.achieved_share(item.summary)
        halves = item.validity.halves
        body.append([
            f"{row.group} {row.load}", row.system,
            f"{share:.4f}" if share is not None else "-",
            f"{item.intended.total:,}",
            f"{halves[0]:,} / {halves[1]:,}" if halves else "-", "; ".join(row.flags) or "ok"])
    return "Validity", (["load", "system", "achieved / scheduled", "n", "p50 by half", "flags"],
                        body), (
        f"A cell is flagged when the achieved load is off by more than "
        f"{stats.LOAD_TOLERANCE:.0%}, requests were lost, or the medians of its halves differ by "
        f"more than {stats.DRIFT:.0%} and three standard errors of {stats.BATCHES} batches; "
        f"then it gets no verdict. "
        f"Lateness above {stats.LATE_SHARE:.0%} of the mean latency is noted. Rates above "
        "95 % of a system's own capacity are skipped: an open-loop queue has no steady state "
        "there.")


def _exits(run):
    rows = [item for item in run.cells if item.done and item.dune]
    if not rows:
        return None
    names = [name for name in sorted(
        {name for item in rows for name in item.dune},
        key=lambda name: -max(item.dune.get(name, 0) for item in rows))
        if any(item.dune.get(name) for item in rows)]
    header = ["system", "load", *names]
    body = []
    for item in rows:
        requests = item.intended.total + (item.summary.get("warmup_discarded") or 0)
        body.append([item.cell.system, f"{item.cell.kind} {item.cell.load}",
                     *(f"{item.dune.get(name, 0) / requests:.4f}" for name in names)])
    return "Dune events per request", (header, body), (
        "Counted by the module over a cell, warm-up included.")


def _boots(run):
    boots = run.manifest.get("boots") or {}
    body = [[key, boot["status"], f"{boot['wall_s']:.1f}",
             f"{boot['time_to_run_s']:.1f}" if boot.get("time_to_run_s") else "-",
             boot["detail"]] for key, boot in boots.items()]
    return "Boots", (["boot", "status", "wall s", "s to program", "how it ended"], body), ""


def _profiles(run):
    """The comparison under `none` beside the same under the run's profile."""
    path = (run.manifest.get("beside") or {}).get("run")
    if not path:
        return None
    try:
        other = results.load(run.store.path / path)
    except UsageError:
        return None
    tables_of = [(item.manifest["engine"]["profile"], overview(item)) for item in (other, run)]
    if not all(table for _, table in tables_of):
        return None
    header = ["profile", *tables_of[0][1][0]]
    body = [[name, *line] for name, (_, lines) in tables_of for line in lines]
    return "Cost profiles side by side", (header, body), (
        f"Ratios to {run.plan.baseline}, all that may be compared across clock domains. A cost "
        "profile says what a processor charges for events: VM exits and entries, TLB misses, "
        "interrupts, privileged instructions. `none` charges nothing: a tick is an instruction. "
        f"Under `{run.manifest['engine']['profile']}` ({run.domain}) a tick is a modelled cycle. "
        "Each run is loaded relative to the capacities that were measured under its own profile.")


def _same_seed(run):
    headline, lines = claims.same_seed(run)
    return "Same seed twice", (["check"], [[line] for line in lines or [headline]]), (
        f"Every system's measuring image is booted a second time, up to the end of a check of "
        f"{kvscript.CHECK_REQUESTS:,} requests at its highest rate, and all that it sent is "
        f"compared byte by byte; result: {headline}.")


def environment(run):
    """[(what, value)] of what the run ran on and with."""
    manifest, host = run.manifest, {}
    path = run.store.host
    if path.exists():
        host = store.read_json(path)
    guests = {}
    for boot in sorted((run.store.path / "boots").glob("measure-*/env.guest.json")):
        guests[boot.parent.name[8:]] = store.read_json(boot)
    plan = run.plan
    pairs = [
        ("engine", manifest["engine"]["version"]),
        ("clock domain", run.domain),
        ("cost profile", manifest["engine"]["profile"]),
        ("guest kernel", manifest.get("kernel") or "-"),
        ("commit", manifest["commit"] + (" with changes" if manifest["dirty"] else "")),
        ("seed", str(plan.seed)),
        ("workload", _workload(run)), ("placement", _placement(run)),
        ("started, ended", f"{manifest['started']}, {manifest.get('ended') or '-'}"),
        ("host", f"{host.get('os')}, {host.get('cpus_usable')} CPUs, {host.get('cpu_model')}"),
    ]
    for name, value in (manifest.get("artifacts") or {}).items():
        if isinstance(value, str):
            pairs.append((f"sha256 of {name}", value))
        elif value:
            pairs.append((f"packages of {name}", ", ".join(
                f"{item['name']} {item['version']}" for item in value)))
    for system, guest in guests.items():
        pairs.append((f"arguments of {system}", guest.get("cmdline", "-")))
    return pairs


def _counted(number, word):
    return f"{number} {word}{'' if number == 1 else 's'}"


def environment_difference(run):
    """(header, body): a row for each thing that is not the same for all systems."""
    guests = {name: store.read_json(
        run.store.boot("measure", name) / "env.guest.json", {}) for name in run.plan.systems}
    known = {name: {"what it is": planning.SYSTEMS[name].title,
                    "server": planning.SYSTEMS[name].server,
                    "tuning": planning.SYSTEMS[name].kernel_args or "none",
                    **{key: _flat(value) for key, value in guests[name].items()}}
             for name in run.plan.systems}
    keys = dict.fromkeys(key for values in known.values() for key in values)
    body = []
    for key in keys:
        values = [known[name].get(key) for name in run.plan.systems]
        if len(set(values)) > 1:
            body.append([key, *_different(values)])
    return ["", *run.plan.systems], body


def _different(values):
    """Of texts of many lines, such as cpuinfo, the lines that not all have; "-" for None."""
    lines = [(value or "").split("\n") for value in values]
    if max(map(len, lines)) > 1:
        common = set.intersection(*map(set, lines))
        values = [value and "\n".join(dict.fromkeys(line for line in mine if line not in common))
                  for value, mine in zip(values, lines)]
    return ["-" if value is None else value for value in values]


def _flat(value):
    return value if isinstance(value, str) else json.dumps(value)


def reproduce(run):
    """Markdown lines that say how to get the same bits again."""
    words = shlex.join(again.elsewhere(run.manifest["argv"]))
    chosen = "".join(f"`{name}={value}`, " for name, value in
                     (run.manifest.get("variables") or {}).items())
    return [f"`./reproduce.sh` in the run's directory, or `python3 -m dunelab {words}` with "
            f"{chosen}`PYTHONPATH=harness` at commit "
            f"{run.manifest['commit'][:12]}{' (plus changes)' if run.manifest['dirty'] else ''}."
            f" The report alone: `python3 -m dunelab report` with the run's directory.", "",
            *(f"* {name}: {value}" for name, value in environment(run))]
