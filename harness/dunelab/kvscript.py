# SPDX-License-Identifier: MIT
"""The shell script that one boot of the kv experiment runs as /lab/run, and what it sends back.

CPU 0 has the load generator and everything else, CPU 1 the server alone; dunelab.kvring has what
differs where there are no sockets.  The script sends
    file  env                 `== name` sections of what the guest is
    file  capacity.json       (calibrate)
    file  check.{json,hlog}, event checked      the start of a measuring boot, booted twice
    event cell-start N, file cell-N.{json,hlog,hgrm,service.hgrm,dune}, event cell-done N
    event cell-failed N TEXT  the generator's own words
    event failed TEXT         the boot cannot go on
The script is a function of its arguments alone: same arguments, same bytes, same guest.
"""

import shlex

from dunelab import kvring, noise, plan as planning

PORT = 11211
CAPACITY_REQUESTS = 4_000
# Requests of the same-seed check: everything before them, the boot itself, is part of it. They
# warm the server up, too.
CHECK_REQUESTS = 1_500

_HEAD = r"""#!/bin/sh
# One boot of the kv experiment: {title}; phase {phase}.
PATH=/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
cd /tmp || exit 3
die() {{
	report event failed "$*"
	echo "dunelab: $*"
	exit 3
}}
section() {{
	echo "== $1"
	shift
	"$@" 2>/dev/null
}}
environment() {{
	section uname uname -a
	section cmdline cat /proc/cmdline
	section clocksource cat /sys/devices/system/clocksource/clocksource0/current_clocksource
	section isolated cat /sys/devices/system/cpu/isolated
	section nohz_full cat /sys/devices/system/cpu/nohz_full
	section thp cat /sys/kernel/mm/transparent_hugepage/enabled
	section aslr cat /proc/sys/kernel/randomize_va_space
	section rt_runtime cat /proc/sys/kernel/sched_rt_runtime_us
	section vulnerabilities grep . -r /sys/devices/system/cpu/vulnerabilities
	section modules cat /proc/modules
	section cpuinfo cat /proc/cpuinfo
}}
dune_stats() {{
	for file in $(find /sys/kernel/debug/dune -type f 2>/dev/null | sort); do
		section "$1 ${{file#/sys/kernel/debug/dune/}}" cat "$file"
	done
}}
"""

_START = r"""
{server} >/tmp/server.log 2>&1 &
server=$!
{wait}report event serving
{preload} >/tmp/load.log 2>&1 || die "preload: $(tail -n 3 /tmp/load.log)"
report event preloaded
"""

_WAIT = r"""tries=0
# 0A is LISTEN: seen in the kernel's table, so that the server is not disturbed by a probe.
until grep -qi ':{port:04X} 00000000:0000 0A' /proc/net/tcp; do
	kill -0 $server 2>/dev/null || die "the server did not start: $(tail -n 3 /tmp/server.log)"
	tries=$((tries + 1))
	[ $tries -lt 200 ] || die "the server does not listen: $(tail -n 3 /tmp/server.log)"
	sleep 0.02
done
"""

_CHECK = r"""
{run} >/tmp/load.log 2>&1 || die "check: $(tail -n 3 /tmp/load.log)"
report file check.json check.json
report file check.hlog check.hlog
report event checked
rm -f check.*
"""

_CELL = r"""
{before}report event cell-start {number}
{run} >/tmp/load.log 2>&1
code=$?
if [ $code -eq 0 ]; then
	for kind in json hlog hgrm service.hgrm; do
		[ ! -e cell-{number}.$kind ] || report file cell-{number}.$kind cell-{number}.$kind
	done
	{after}report event cell-done {number}
else
	status=3
	report event cell-failed {number} "kv-load ended with $code: $(tail -n 3 /tmp/load.log)"
	kill -0 $server 2>/dev/null || die "the server died: $(tail -n 3 /tmp/server.log)"
fi
rm -f cell-{number}.*
"""

_TAIL = r"""
kill $server 2>/dev/null
wait $server 2>/dev/null
exit $status
"""


def server_argv(system, plan):
    """The server's command line in the guest."""
    if system.ring:
        return kvring.server_argv(system, plan)
    pin = ["taskset", "0x2"]
    if system.server == "memcached":
        return pin + ["memcached", "-u", "root", "-l", "127.0.0.1", "-p", str(PORT),
                      "-t", "1", "-U", "0", "-m", str(plan.memory_mib)]
    argv = ["kv-server", "--listen", "127.0.0.1", "--port", str(PORT), "--threads", "1",
            "--cpus", "1", "--memory", str(plan.memory_mib)]
    return pin + argv + (["--dune"] if system.dune else [])


def load_argv(mode, plan, system, **options):
    """A command line of kv-load; options become --name value."""
    through = kvring.load_options(mode) if system.ring else [
        "--target", f"127.0.0.1:{PORT}", "--transport", "tcp"]
    argv = ["taskset", "0x1", "kv-load", mode, *through, "--law", plan.law, "--seed", plan.seed,
            "--records", plan.records]
    if not system.ring:
        argv += ["--connections", plan.connections]
        if mode != "preload":
            argv += ["--cpu", 0]
    for name, value in options.items():
        argv += ["--" + name.replace("_", "-"), value]
    return [str(word) for word in argv]


def cell_argv(plan, cell, out, requests=None):
    """The kv-load command line of one cell; its files are called OUT.*."""
    requests = requests or plan.requests
    # Intervals of a whole number of milliseconds, about INTERVALS of them.
    interval = max(1, round(1000 * requests / cell.rate / planning.INTERVALS))
    return load_argv("run", plan, planning.SYSTEMS[cell.system], arrival=plan.arrival,
                     rate=f"{cell.rate:.3f}", requests=requests,
                     warmup=min(plan.warmup, requests // 10), interval_ms=interval, out=out)


def script(plan, system, phase, cells=(), body=""):
    """Text of /lab/run.  phase: calibrate, measure or another word; cells: Cells to run, in order;
    body: shell to run before them, once the server has its records."""
    parts = [_HEAD.format(title=system.title, phase=phase)]
    if system.ring:
        parts.append(kvring.SETUP)
    elif system.dune:
        parts.append('insmod /lab/modules/dune.ko || '
                     'die "dune.ko does not load: $(dmesg | grep -i dune | tail -n 1)"\n')
    parts.append("environment | report stdin env\nstatus=0\n")
    parts.append(_START.format(server=shlex.join(server_argv(system, plan)),
                               wait=kvring.WAIT if system.ring else _WAIT.format(port=PORT),
                               preload=shlex.join(load_argv("preload", plan, system))))
    if phase == "calibrate":
        count = kvring.CAPACITY_REQUESTS if system.ring else CAPACITY_REQUESTS
        run = shlex.join(load_argv("capacity", plan, system, requests=count, out="capacity"))
        parts.append(f'{run} >/tmp/load.log 2>&1 || die "capacity: $(tail -n 3 /tmp/load.log)"\n'
                     "report file capacity.json capacity.json\n")
    parts.append(body)
    noisy = cells and plan.noise == noise.NOISE
    if noisy:
        parts.append(noise.START)
    if cells:
        check = cell_argv(plan, cells[0], "check", min(CHECK_REQUESTS, plan.requests))
        parts.append(_CHECK.format(run=shlex.join(check)))
    for number, cell in enumerate(cells):
        counters = f"cell-{number}.counters"
        parts.append(_CELL.format(
            number=number, run=shlex.join(cell_argv(plan, cell, f"cell-{number}")),
            before=f"dune_stats before >{counters}\n" if system.dune else "",
            after=f"dune_stats after >>{counters}\n\treport file {counters} cell-{number}.dune\n\t"
            if system.dune else ""))
    if noisy:
        parts.append(noise.STOP)
    parts.append(kvring.TAIL if system.ring else _TAIL)
    return "".join(parts)


def parse_sections(text):
    """{name: text} of a file of `== name` sections."""
    sections, name = {}, None
    for line in text.splitlines():
        if line.startswith("== "):
            name = line[3:].strip()
            sections[name] = []
        elif name is not None:
            sections[name].append(line)
    return {key: "\n".join(lines).strip() for key, lines in sections.items()}


def dune_counters(text):
    """{event: count} of one cell, from the module's counters before and after it."""
    counts = {}
    for name, lines in parse_sections(text).items():
        when, _, source = name.partition(" ")
        if not source.startswith("vm-"):
            continue
        for line in lines.splitlines():
            key, _, value = line.partition(" ")
            if value.isdigit() and key not in ("vcpus", "slots", "tables"):
                sign = 1 if when == "after" else -1
                counts[key] = counts.get(key, 0) + sign * int(value)
    return counts
