# SPDX-License-Identifier: MIT
"""What a boot of the experiment runs: noise if asked for, and the program spin, once a cell."""

import shlex

from dunelab import noise
from dunelab.spin import plan as planning

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
# No throttling of real-time tasks.
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
{module}{noise}{cells}{quiet}{unload}exit 0
"""

_CELL = """
{command} --hlog {key}.hlog >{key}.json 2>{key}.txt ||
	die "{key}: spin ended with $?: $(tail -n 1 {key}.txt)"
report file {key}.json {key}.json
report file {key}.hlog {key}.hlog
"""


def requests_argv(plan, law, cell):
    """Options that spin and rt-sim share: the same of them, the same requests."""
    argv = ["--policy", cell.policy, "--cores", plan.cores, "--law", law,
            "--stretch", f"{plan.stretch:g}", "--load", f"{cell.rho:g}",
            "--requests", cell.requests, "--warmup", cell.warmup, "--seed", plan.seed, "--json"]
    if cell.policy in planning.RESERVING_POLICIES:
        argv += ["--reserve", 1]
    return [str(word) for word in argv]


def quantum_us(plan):
    """The quantum in the machine's microseconds."""
    return plan.quantum_us * plan.stretch


def _command(plan, system, law, cell):
    argv = ["dune", "run", "--"] if system.wrapped else []
    argv += ["spin", *requests_argv(plan, law, cell), "--cpu", planning.MAKER_CPU]
    if system.runtime or cell.policy not in planning.QUANTUM_POLICIES:
        argv += ["--server", system.server]
    else:
        argv += ["--server", "other", "--threads", planning.POOL * plan.cores]
    if system.runtime and cell.policy in planning.QUANTUM_POLICIES:
        argv += ["--quantum", f"{quantum_us(plan):g}"]
    return shlex.join(map(str, argv))


def script(plan, step):
    """Text of /lab/run; same arguments, same bytes."""
    system, noisy = planning.SYSTEMS[step.system], step.noise == noise.NOISE
    cells = "".join(_CELL.format(command=_command(plan, system, step.law, cell), key=cell.key)
                    for cell in plan.cells(step))
    return _SCRIPT.format(
        noise=noise.START if noisy else "", quiet=noise.STOP if noisy else "",
        module='insmod /lab/modules/dune.ko || die "dune.ko does not load"\n'
               if system.dune else "",
        unload="rmmod dune || exit 3\n" if system.dune else "", cells=cells)
