# SPDX-License-Identifier: MIT
"""What there is to say about a slow request: a record to keep, text for a terminal, a page."""

from dunelab import claims, kvring, plan as planning
from dunelab.explain import cause, lanes, timeline
from dunelab.profile import counts
from dunelab.webpage.document import document, escape, table

SCHEMA = "dunelab-explain/1"
SHOWN = 12          # rows of a table of sums
LINES = 60          # rows of a timeline; what is shorter is summed up between them


def make(run, request, told):
    """The record of one request, from a replay.Replay; JSON-ready. Its times are ticks."""
    system = planning.SYSTEMS[request.cell.system]
    comm = system.server[:15]
    generator = kvring.GENERATOR_CPU if system.ring else cause.GENERATOR_CPU
    busy, end = request.ticks(request.busy), request.ticks(request.done)
    spans = timeline.spans(told.events, busy, end, told.vendor)
    sums = timeline.attribution(spans, cause.SERVER_CPU, busy, end)
    due, sent = request.ticks(request.scheduled), request.ticks(request.sent)
    late_sums = timeline.attribution(spans, generator, due, sent)
    window = next(w for w in told.windows if w.begin <= end <= w.end)
    functions = sorted(((n, *key) for key, n in counts.flat(window, told.names).items()),
                       key=lambda row: (-row[0], row[1:]))
    late, waited, own = request.phases()
    return {
        "schema": SCHEMA, "cell": request.cell.id, "request": request.number,
        "rank": request.rank, "clock_domain": run.domain,
        "profile": run.manifest["engine"]["profile"], "unit": run.unit,
        "ns_per_tick": request.ns_per_tick(),
        "latency": request.latency, "late": late, "waited": waited, "own": own,
        "ahead": request.ahead, "busy": request.scheduled - request.busy,
        "sentence": cause.sentence(request, sums, late_sums, comm),
        "ticks": {"busy": busy, "scheduled": due, "sent": sent,
                  "before": request.ticks(request.before), "done": end},
        "server_cpu": cause.SERVER_CPU, "sums": _rows(sums), "late_sums": _rows(late_sums),
        "window": {"begin": window.begin, "end": window.end, "instructions": window.total},
        "functions": [{"instructions": n, "task": task, "mode": mode, "function": function}
                      for n, task, mode, function in functions[:100]],
        "spans": [{"begin": s.begin, "end": s.end, "cpu": s.cpu, "kind": s.kind, "what": s.what,
                   "comm": s.comm} for s in spans]}


def _rows(sums):
    return [{"ticks": ticks, "kind": kind, "what": what} for ticks, kind, what in sums]


def text(record):
    """For a terminal."""
    scale, unit = record["ns_per_tick"], record["unit"]
    out = [f"{record['cell']}: request {record['request']}, number {record['rank']} of its slowest",
           "", f"  {record['sentence']}", "",
           f"  latency {record['latency']:>12,} {unit}   from its scheduled time",
           f"  late    {record['late']:>12,} {unit}   until it was sent",
           f"  waited  {record['waited']:>12,} {unit}   for the {record['ahead']} ahead of it",
           f"  served  {record['own']:>12,} {unit}   from the reply before its own", "",
           f"The server's CPU {record['server_cpu']}, from the start of its busy time "
           f"({record['busy']:,} {unit} before the request was due) to the reply:", ""]
    out += _sum_lines(record["sums"], scale, unit)
    if record["late_sums"]:
        out += ["", "The load generator's CPU, from the moment the request was due until it was "
                "sent:", "", *_sum_lines(record["late_sums"], scale, unit)]
    out += ["", f"Functions, of the {record['window']['instructions']:,} instructions that all "
            "CPUs executed meanwhile:", ""]
    for row in record["functions"][:SHOWN]:
        out.append(f"  {row['instructions']:>12,}  {row['task']:<15} {row['mode']:<12} "
                   f"{row['function']}")
    out += ["", f"Timeline of CPU {record['server_cpu']}, {unit} after the request was due:", ""]
    out += timeline_lines(record)
    return "\n".join(out) + "\n"


def _sum_lines(rows, scale, unit):
    whole = sum(row["ticks"] for row in rows) or 1
    return [f"  {row['ticks'] * scale:>12,.0f} {unit} {100 * row['ticks'] / whole:5.1f} %"
            f"  {row['kind']:<11}  {row['what']}" for row in rows[:SHOWN]]


def timeline_lines(record):
    """The spans of the server's CPU from the request's scheduled time to its reply, the shortest
    ones left out until LINES are left."""
    spans = [s for s in record["spans"] if s["cpu"] == record["server_cpu"]
             and s["end"] > record["ticks"]["scheduled"]]
    due, scale = record["ticks"]["scheduled"], record["ns_per_tick"]
    least = 0
    if len(spans) > LINES:
        least = sorted((s["end"] - s["begin"] for s in spans), reverse=True)[LINES - 1]
    out, left_out, ticks = [], 0, 0
    for span in [*spans, None]:
        if span and span["end"] - span["begin"] < least:
            left_out, ticks = left_out + 1, ticks + span["end"] - span["begin"]
            continue
        if left_out:
            out.append(f"  {'':>12}  {ticks * scale:>10,.0f}  ({left_out} shorter ones)")
            left_out = ticks = 0
        if span:
            out.append(f"  {(span['begin'] - due) * scale:>+12,.0f}  "
                       f"{(span['end'] - span['begin']) * scale:>10,.0f}  {span['what']}")
    return out


def svg(record):
    """The lanes of all CPUs."""
    at = record["ticks"]
    marks = [(at["scheduled"], "due"), (at["sent"], "sent")]
    if at["before"] > at["sent"]:
        marks.append((at["before"], "its turn"))
    marks.append((at["done"], "reply"))
    spans = [timeline.Span(**span) for span in record["spans"]]
    return lanes.draw(spans, at["busy"], at["done"], marks, record["ns_per_tick"], record["unit"])


def page(run, record):
    """One self-contained HTML file."""
    unit, scale = record["unit"], record["ns_per_tick"]
    whole = sum(row["ticks"] for row in record["sums"]) or 1
    title = f"{record['cell']}: why request {record['request']} was slow"
    sums = [[f"{row['ticks'] * scale:,.0f}", f"{100 * row['ticks'] / whole:.1f}", row["kind"],
             row["what"]] for row in record["sums"]]
    functions = [[f"{row['instructions']:,}", row["task"], row["mode"], row["function"]]
                 for row in record["functions"]]
    body = [f"<h1>{escape(title)}</h1>",
            f'<p class="claim">{escape(record["sentence"])}</p>',
            f'<p class="soft">{escape(claims.line(run.manifest))}</p>',
            "<h2>When</h2>",
            table(["", unit, "until"], [
                ["late", f"{record['late']:,}", "it was sent"],
                ["waited", f"{record['waited']:,}", f"the reply to the last of {record['ahead']} "
                 "ahead of it"],
                ["served", f"{record['own']:,}", "its reply"],
                ["latency", f"{record['latency']:,}", "from its scheduled time to its reply"]]),
            "<h2>What the CPUs did</h2>", f'<div class="scroll">{svg(record)}</div>',
            f"<h2>Where the time of CPU {record['server_cpu']} went</h2>",
            table([unit, "%", "kind", "what"], sums),
            "<h2>Functions</h2>",
            f"<p>Of the {record['window']['instructions']:,} instructions that all CPUs executed "
            "meanwhile, counted exactly.</p>",
            table(["instructions", "task", "mode", "function"], functions),
            "<h2>Timeline</h2>", "<pre>" + escape("\n".join(timeline_lines(record)))
            + "</pre>"]
    return document(title, body)
