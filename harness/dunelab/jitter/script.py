# SPDX-License-Identifier: MIT
"""The guest's script of one boot: noise if asked for, our two probes, and rt-tests' beside them.

    file environment    what the kernel says of itself
    file spin.json, wake.json, wake.hlog    ours
    file traced.json, trace     the loop once more, and Linux's events on its CPU meanwhile
    file missing        what `dune rt run` could not have, where it ran them
    file cyclictest.json, oslat.json        theirs, where the system has peers
"""

from dunelab import noise
from dunelab.jitter import plan as planning

TRACED_MS = 2000    # of that loop at most: it is for causes, not for figures

_SCRIPT = """
cd /tmp || exit 3
die() {{
	report event failed "$*"
	echo "dunelab: $*"
	exit 3
}}
{{ uname -a; cat /proc/cmdline; cat /sys/devices/system/cpu/isolated \\
	/sys/devices/system/cpu/nohz_full; }} >environment 2>/dev/null
report file environment environment
# As cyclictest and everybody else does: no throttling of real-time tasks.
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
{module}{noise}{reserved}
{spin} || die "spin ended with $?"
report file spin.json spin.json
{traced}{wake} || die "wake ended with $?"
report file wake.json wake.json
report file wake.hlog wake.hlog
[ ! -e missing ] || report file missing missing
{peers}
{quiet}{unload}exit 0
"""

# The core is Linux's own again between the two probes.
_RESERVED = """
mkdir -p /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup || die "no cgroup2"
reserved() {{
	dune rt run --cores {cpu}-{cpu} --mem 2M --terminal direct -- "$@" 2>missing
	status=$?
	[ "$status" = 0 ] || cat missing
	return "$status"
}}
"""

# What costs an event does only when something interrupts the loop: it makes that longer.
_TRACED = r"""
trace=/sys/kernel/tracing
tracing() {{
	for one in irq_vectors irq nmi exceptions sched/sched_switch dune/dune_vmexit; do
		[ ! -d $trace/events/$one ] || echo $1 >$trace/events/$one/enable
	done
	echo $1 >$trace/tracing_on
}}
echo x86-tsc >$trace/trace_clock && echo 8192 >$trace/per_cpu/cpu{cpu}/buffer_size_kb &&
	echo {mask:x} >$trace/tracing_cpumask && echo >$trace/trace || die "Linux traces nothing"
tracing 1
{spin} || die "spin ended with $?"
tracing 0
sed -n '/_exit: /d; /softirq_raise: /d; s/^.*\] [^ ]* *\([0-9]*\): /\1 /p' \
	$trace/per_cpu/cpu{cpu}/trace >trace
report file traced.json traced.json
report file trace trace
"""

_PEERS = """
cyclictest -q -m -a {cpu} -t 1 -p 95 -i {interval} -l {cycles} -h 10000 --json=cyclictest.json \\
	>/dev/null || die "cyclictest ended with $?"
report file cyclictest.json cyclictest.json
oslat -q -c {cpu} -C 0 -f 95 -D {seconds} -m 64M --json=oslat.json >oslat.txt 2>&1 \\
	|| die "oslat ended with $?: $(tail -n 1 oslat.txt)"
report file oslat.json oslat.json
"""


def script(plan, step):
    """Text of /lab/run; same arguments, same bytes."""
    system = planning.SYSTEMS[step.system]
    noisy = step.noise == noise.NOISE
    dune = bool({"--dune", "--rt"} & set(system.options))
    run = "reserved jitter" if "--rt" in system.options else "jitter"
    common = " ".join(("--cpu", str(planning.PROBE_CPU), *system.options))
    spin = f"{run} spin {common} --threshold {planning.THRESHOLD} --duration-ms"
    return _SCRIPT.format(
        module='insmod /lab/modules/dune.ko || die "dune.ko does not load"\n' if dune else "",
        unload="rmmod dune || exit 3\n" if dune else "",
        reserved=_RESERVED.format(cpu=planning.PROBE_CPU) if "--rt" in system.options else "",
        noise=noise.START if noisy else "", quiet=noise.STOP if noisy else "",
        spin=f"{spin} {plan.spin_ms} --out spin",
        traced=_TRACED.format(
            cpu=planning.PROBE_CPU, mask=1 << planning.PROBE_CPU,
            spin=f"{spin} {min(plan.spin_ms, TRACED_MS)} --out traced"),
        wake=f"{run} wake {common} --interval-us {plan.interval_us} --cycles {plan.cycles} "
             "--out wake",
        peers=_PEERS.format(cpu=planning.PROBE_CPU, interval=plan.interval_us, cycles=plan.cycles,
                            seconds=max(1, plan.spin_ms // 1000)) if system.peers else "")
