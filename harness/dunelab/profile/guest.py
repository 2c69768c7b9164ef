# SPDX-License-Identifier: MIT
"""What a profiled guest runs: a system of kv under one load, and what records it meanwhile.

Beside what dunelab.kvscript sends: file profiled.json (kv-load's of the profiled load), file perf
(what perf script printed, gzipped), file perf.log where perf failed.
"""

import shlex

from dunelab import kvring, kvscript
from dunelab.profile import perf

MAX = "max"             # the load of a closed loop

_RATE = r"""rate=$(sed -n 's/.*"capacity_rps": *\([0-9.]*\).*/\1/p' capacity.json |
	awk '{{ printf "%.3f", $1 * {load} }}')
[ -n "$rate" ] || die "no capacity was measured"
"""
_LOAD = r"""{begin}{run} >/tmp/load.log 2>&1 || die "load: $(tail -n 3 /tmp/load.log)"
{end}report file profiled.json profiled.json
"""
# perf is elsewhere than the server. The guest's tracepoint exists only with dune.ko.
_PERF = "taskset 0x1 perf record -q {events} -a -g -o /tmp/perf.data -- "
_PERF_SCRIPT = r"""perf script -i /tmp/perf.data --no-inline -F {fields} \
	>/tmp/perf.txt 2>/tmp/perf.log ||
	die "perf script: $(tail -n 3 /tmp/perf.log)"
gzip -c /tmp/perf.txt | report stdin perf
"""


def script(plan, system, load, sampled):
    """Text of /lab/run. load: a share of the system's capacity as text, or MAX; sampled: by perf
    in the guest, instead of by the engine between two marks."""
    closed = load == MAX
    count = kvring.CAPACITY_REQUESTS if system.ring else kvscript.CAPACITY_REQUESTS
    parts = []
    if closed:
        run = shlex.join(kvscript.load_argv("capacity", plan, system, requests=plan.requests,
                                            warmup=0, out="profiled"))
    else:
        first = kvscript.load_argv("capacity", plan, system, requests=count, out="capacity")
        parts = [shlex.join(first), ' >/tmp/load.log 2>&1 || die "capacity: $(tail -n 3 '
                 '/tmp/load.log)"\n', _RATE.format(load=load)]
        run = shlex.join(kvscript.load_argv(
            "run", plan, system, arrival=plan.arrival, rate="RATE", requests=plan.requests,
            warmup=0, interval_ms=1000, out="profiled"))
        run = run.replace("--rate RATE", '--rate "$rate"')
    if sampled:
        events = f"-e {perf.CLOCK}/freq={perf.RATE_HZ}/"
        begin = _PERF.format(events=events + (f" -e {perf.GUEST}" if system.dune else ""))
        end = _PERF_SCRIPT.format(fields=perf.FIELDS)
    else:
        begin, end = "report mark 1\n", "report mark 0\n"
    parts.append(_LOAD.format(begin=begin, run=run, end=end))
    return kvscript.script(plan, system, "profile", body="".join(parts))
