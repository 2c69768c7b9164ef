# SPDX-License-Identifier: MIT
"""What the scripts of tests of `dune rt` begin with, and what a guest that ran one has said."""

START = r"""
insmod /lab/modules/dune.ko
mkdir -p /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
cd /tmp
taskset 8 sleep 1000 &
taskset c sleep 1000 &
# Tasks that Linux lets be bound (its own bindings move, as those of rescuers of workqueues).
kept=$(awk '{ sub(/.*\) /, ""); if (int($7 / 67108864) % 2 == 0) print FILENAME }' \
    /proc/[0-9]*/stat | sed 's/stat$/status/' | xargs grep -HE '^Name:' |
    grep -vE 'kworker|awk|sed|xargs|grep|sh$' | sed 's/:Name.*//')
# A test that hangs says where each process is.
mkfifo never
(
    read -t 280 forever <>never
    echo "hangs: process, what it waits in, its call, its command line"
    for p in /proc/[0-9]*; do
        line=$(tr '\0' ' ' <$p/cmdline)
        [ -z "$line" ] || echo "$p $(cat $p/wchan) $(cut -d ' ' -f 1-4 $p/syscall) $line"
    done
) >/dev/console 2>&1 &
snap() {
    {
        grep . /proc/irq/*/smp_affinity /proc/irq/default_smp_affinity /proc/sys/vm/stat_interval \
            /sys/devices/virtual/workqueue/cpumask /proc/sys/kernel/watchdog_cpumask \
            /proc/sys/vm/nr_hugepages /sys/class/net/*/queues/?x-*/?ps_cpus 2>/dev/null
        find /sys/fs/cgroup -type d
        grep . /sys/fs/cgroup/cgroup.subtree_control /sys/fs/cgroup/cpuset.cpus.effective
        ls /run/dune/rt 2>/dev/null | grep -v lock
        grep -E '^(Name|Cpus_allowed):' $kept
    } >snap; report file snap snap.$1
}
status() { report event status.$1 $2; }
said() { report file said said.$1; }
# Until a command succeeds; that it never did is for said_all() below.
until_is() {
    n=0
    until eval "$1"; do
        n=$((n + 1)); [ $n -lt 600 ] || { report event never "$1"; break; }
        sleep 0.1
    done
}
gone() { until_is "! [ -d /run/dune/rt/$1 ]"; }
program() { sed -n 's/^program=//p' /run/dune/rt/$1/run; }
quiet="dune rt run --terminal direct"
snap before
"""


def said_all(result):
    """{name: text} of the frames of a guest that came to its end and waited in vain for nothing."""
    never = [frame.text for frame in result.frames if frame.name == "never"]
    assert not never, f"waited in vain for {never}: {result.detail}"
    assert result.exit_code is not None, result.detail
    return {frame.name: frame.text for frame in result.frames}
