# SPDX-License-Identifier: MIT
"""What a profile has to say: text for a terminal, and a page with a flame graph for each CPU."""

from dunelab import claims
from dunelab.profile import flame, folded, host
from dunelab.webpage.document import definitions, document, escape, table, top

SHOWN, LISTED, CALLED = 20, 200, 30     # functions for a terminal, in a page; with what they call
_MODES = (("user", "host, CPL 3"), ("kernel", "host, CPL 0"),
          ("guest ring 0", "VM, CPL 0"), ("guest ring 3", "VM, CPL 3"))


def title(record):
    """What was profiled, in a few words."""
    load = record["load"]
    return (f"kv on {record['system']}, "
            + ("closed loop" if load == "max" else f"load {load} of its capacity"))


def headline(record):
    """What was counted, in a sentence."""
    if record["exact"]:
        return (f"{record['total']:,} instructions of all CPUs, each counted by the engine, for "
                f"{record['requests']:,} requests")
    return (f"{record['total']:,} samples, {record['rate_hz']} a second on each CPU by the guest's "
            f"own clock, during {record['requests']:,} requests")


def text(record):
    """For a terminal."""
    out = [f"{title(record)}: {headline(record)}", ""]
    for item in record["cpus"]:
        out.append(f"  {cpu_line(record, item)}")
    out += ["", f"CPU {record['cpus'][0]['cpu']}, by function:", ""]
    rows = [row for row in record["functions"] if row["cpu"] == record["cpus"][0]["cpu"]]
    whole = record["cpus"][0]["count"] or 1
    for row in rows[:SHOWN]:
        out.append(f"  {row['count']:>14,} {100 * row['count'] / whole:6.2f} %  {row['task']:<15} "
                   f"{row['mode']:<12} {row['object']:<9} {row['function']}")
    out += ["", "The emulator on this host (perf stat):"]
    out += [f"  {name:<18} {value:>16}" for name, value in host.rows(record["host"]["events"])]
    out += [f"  {record['host']['missing']}"] if record["host"]["missing"] else []
    return "\n".join(out)


def cpu_line(record, item):
    """What a CPU did, in a line."""
    words = f"CPU {item['cpu']} ({item['role']}): {item['count']:,} {record['unit']}"
    if record["exact"]:
        words += (f", as many as the engine's clock says; {item['count'] / record['requests']:,.0f}"
                  " a request")
    elif item["asleep"]:
        words += f", and {item['asleep']:,} while it slept, which are left out below"
    return words


def graphs(record, stacks):
    """[(file name, title, stacks)] of its flame graphs, the server's CPU first."""
    return [(f"flame-cpu{item['cpu']}", f"CPU {item['cpu']}: {item['role']}",
             folded.below(stacks, f"CPU {item['cpu']}")) for item in record["cpus"]]


def page(record, stacks):
    """One self-contained HTML file."""
    unit, name = record["unit"], f"Profile: {title(record)}"
    drawn = graphs(record, stacks)
    sections = [(key, words) for key, words, _ in drawn] + [
        ("spaces", "By mode"), ("functions", "By function"), ("called", "With what they call"),
        ("host", "The emulator"), ("about", "About")]
    body = top(name, [headline(record), *(cpu_line(record, item) for item in record["cpus"])],
               claims.line(record), (), sections)
    body.append(f"<style>{flame.STYLE}</style>")
    body.append(flame.legend())
    for key, words, mine in drawn:
        body += [f'<h2 id="{key}">{escape(words)}</h2>',
                 f'<p class="soft">As wide as its {unit}, callers below, those whom they call '
                 "above. Pointing at a box tells the rest, a click makes it the whole width, one "
                 f"on the lowest all again. A box below {100 * flame.LEAST / flame.WIDTH:.2f} % of "
                 "the width is left out with all above it; the folded stacks have every one. "
                 f'<a href="{key}.svg">SVG</a>, <a href="folded.txt.gz">folded stacks</a>.</p>',
                 f'<div class="scroll">{flame.inline(mine, words, unit)}</div>',
                 '<p class="soft flame-said" role="status">&nbsp;</p>']
    body += _spaces(record) + _functions(record) + _called(record, drawn) + _about(record)
    return document(name, body, script="flame.js")


def _spaces(record):
    rows = []
    for item in record["cpus"]:
        mine = [row for row in record["functions"] if row["cpu"] == item["cpu"]]
        sums = {}
        for row in mine:
            key = (row["mode"], row["object"])
            sums[key] = sums.get(key, 0) + row["count"]
        for (mode, owner), count in sorted(sums.items(), key=lambda i: -i[1]):
            rows.append([f"CPU {item['cpu']}", dict(_MODES).get(mode, "-"), owner, f"{count:,}",
                         _share(count, item["count"])])
    return ['<h2 id="spaces">By mode</h2>', "<p>Host is VMX root or outside of SVM's guest; the VM "
            "is a process in Dune mode.</p>",
            table(["CPU", "mode", "code of", record["unit"], "%"], rows)]


def _functions(record):
    whole = {item["cpu"]: item["count"] for item in record["cpus"]}
    rows = [[f"{row['count']:,}", _share(row["count"], whole[row["cpu"]]), f"CPU {row['cpu']}",
             row["task"], dict(_MODES).get(row["mode"], "-"), row["object"], row["function"]]
            for row in record["functions"][:LISTED]]
    left = len(record["functions"]) - len(rows)
    return ['<h2 id="functions">By function</h2>', "<p>Itself, without what it calls; % of its CPU."
            + (f" {left:,} more are in <a href=\"../manifest.json\">manifest.json</a>." if left > 0
               else "") + "</p>",
            table([record["unit"], "%", "CPU", "task", "mode", "code of", "function"], rows)]


def _called(record, drawn):
    rows = []
    for item, (_, _, stacks) in zip(record["cpus"][:1], drawn):
        found = folded.inclusive(stacks)
        for frame, count in sorted(found.items(), key=lambda i: (-i[1], i[0]))[:CALLED]:
            rows.append([f"{count:,}", _share(count, item["count"]), frame])
    return ['<h2 id="called">With what they call</h2>',
            f"<p>Of CPU {record['cpus'][0]['cpu']}: stacks in which a frame is, each once.</p>",
            table([record["unit"], "%", "frame"], rows)]


def _about(record):
    kept = record["host"]
    rows = [list(row) for row in host.rows(kept["events"])]
    emulator = [table(["of the emulator's process", "count"], rows)] if rows else []
    if kept["missing"]:
        emulator.append(f"<p>{escape(kept['missing'])}</p>")
    boot = record["boot"]
    return ['<h2 id="host">The emulator</h2>', "<p>What running it cost this host, boot and all, "
            "by <code>perf stat</code>: of interest for the emulator's own speed, and for nothing "
            "about the guest.</p>", *emulator, '<h2 id="about">About</h2>', *definitions([
                ("commit", record["commit"] + (" and changes" if record["dirty"] else "")),
                ("started", record["started"]), ("engine", record["engine"]["version"]),
                ("kernel", record["kernel"]), ("kernel arguments", boot["cmdline"] or "-"),
                ("plan", f"{record['plan']['requests']:,} requests, law {record['plan']['law']}, "
                 f"arrival {record['plan']['arrival']}, seed {record['plan']['seed']}"),
                ("boot", f"{boot['wall_s']} s"), ("again", " ".join(record["argv"]))])]


def _share(count, whole):
    return f"{100 * count / whole:.2f}" if whole else "-"
