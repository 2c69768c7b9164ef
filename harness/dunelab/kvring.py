# SPDX-License-Identifier: MIT
"""What differs in a boot of the kv experiment whose requests go through shared memory.

CPU 0 has everything that is neither server nor generator, CPU 1 the server, CPU 2 the generator:
a task of libdune's runtime in every row, since its own interruptions would be measured as the
server's. So dune.ko is loaded in every row, and the server of a Linux row does not know of it.
"""

from dunelab import plan as planning

PATH = "/dev/shm/kv"
PROGRAMS = ("dune",)
SERVER_CPU, GENERATOR_CPU = 1, 2
PRIORITY = 95           # of SCHED_FIFO, on tuned systems
WINDOW = 8              # requests that the closed loop keeps outstanding
CAPACITY_REQUESTS = 40_000
# Beside the store's memory: its size is rounded to large pages.
SPARE_MIB = 2

SETUP = """
insmod /lab/modules/dune.ko || die "dune.ko does not load: $(dmesg | grep -i dune | tail -n 1)"
mkdir -p /dev/shm /sys/fs/cgroup
mountpoint -q /dev/shm || mount -t tmpfs none /dev/shm || die "no /dev/shm"
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup || die "no cgroup2"
# No throttling of real-time tasks, as everybody has it who spins in one.
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
"""

WAIT = """tries=0
until grep -q '^ready' /tmp/server.log; do
	kill -0 $server 2>/dev/null || die "the server did not start: $(tail -n 3 /tmp/server.log)"
	tries=$((tries + 1))
	[ $tries -lt 200 ] || die "the server does not serve: $(tail -n 3 /tmp/server.log)"
	sleep 0.02
done
"""

# The server's last line says what it has served, and what left its VM meanwhile.
TAIL = """
kill $server 2>/dev/null
wait $server 2>/dev/null || { status=3; echo "the server ended with $?"; }
report file /tmp/server.log server.log
exit $status
"""


def server_argv(system, plan):
    """The server's command line in the guest."""
    argv = ["kv-server", "--ring", PATH, "--threads", "1", "--memory", str(plan.memory_mib),
            "--prefault", "--lock"]
    if system.ring == "rt":
        return ["dune", "rt", "run", "--terminal", "direct", "--cores",
                f"{SERVER_CPU}-{SERVER_CPU}", "--mem", f"{plan.memory_mib + SPARE_MIB}M", "--",
                *argv, "--rt"]
    argv += ["--cpus", str(SERVER_CPU), "--ring-wait", system.ring]
    tuned = "nohz_full=1" in system.kernel_args
    # The main thread is elsewhere: beside one that spins in SCHED_FIFO it would never run.
    return ["taskset", "0x1", *argv, *(["--fifo", str(PRIORITY)] if tuned else [])]


def load_options(mode):
    """Options of kv-load that take the place of a socket's."""
    options = ["--ring", PATH]
    if mode == "capacity":
        options += ["--window", WINDOW]
    return options + (["--cpu", GENERATOR_CPU, "--rt"] if mode != "preload" else [])
