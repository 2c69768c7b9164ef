# SPDX-License-Identifier: MIT
"""The module's and its processes' lives as a shell sees them: CPUs that go, memory that runs out,
core files."""

import re

import pytest

# Of Linux rather than of a vendor: on the other one now and then.
MOSTLY_QEMU = ["qemu", pytest.param("bochs-vmx", marks=[pytest.mark.bochs, pytest.mark.slow])]

# moves FILE: whether the number in it grows, after whatever has just been done to the process.
MOVES = """
insmod /lab/modules/dune.ko
moves() {
    before=$(cat "$1"); for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sleep 0.2; [ "$(cat "$1")" -gt "$before" ] && return 0
    done
    return 1
}
started() { while [ ! -s "$1" ]; do sleep 0.1; done; }
"""


def test_load_and_unload_a_hundred_times(guest):
    result = guest("""
for i in $(seq 100); do
    insmod /lab/modules/dune.ko || exit 1
    [ $((i % 25)) = 0 ] && { example-hello >/dev/null || exit 2; }
    rmmod dune || exit 3
done
echo "loaded and unloaded: $i"
""")
    assert result.exit_code == 0 and "loaded and unloaded: 100" in result.console_text()


@pytest.mark.parametrize("engine", MOSTLY_QEMU)
def test_vcpus_move_as_cpus_go_and_come(guest, life_probe, engine):
    """Each CPU but the first goes and comes; then the threads are sent around by hand. Their timers
    count: they have to come along."""
    result = guest(MOVES + """
life-probe tick 3 /tmp/count & pid=$!
started /tmp/count
for round in 1 2; do
    for cpu in 1 2; do
        echo 0 >/sys/devices/system/cpu/cpu$cpu/online || echo "cpu$cpu stays"
        moves /tmp/count || echo "stands still without cpu$cpu"
        echo 1 >/sys/devices/system/cpu/cpu$cpu/online || echo "cpu$cpu does not come back"
        moves /tmp/count || echo "stands still with cpu$cpu"
    done
done
for mask in 1 2 4 3 6 7; do
    taskset -ap $mask $pid >/dev/null
    moves /tmp/count || echo "stands still on CPUs $mask"
done
kill -9 $pid; wait $pid; echo "ended: $?"
rmmod dune && echo unloaded
""", files=life_probe, engine=engine, cpus=3)
    console = result.console_text()
    assert not re.search("still|stays|does not", console), console[-2000:]
    assert "ended: 137" in console and "unloaded" in console, result.detail


# The clock's alarm wakes QEMU's machine from RAM only, an ACPI interrupt from idle only.
SLEEPS = {"mem": "echo 0 >/sys/class/rtc/rtc0/wakealarm; echo +2 >/sys/class/rtc/rtc0/wakealarm",
          "freeze": "wake-soon || echo 'no alarm'"}


@pytest.mark.parametrize("state", SLEEPS)
def test_spinning_guests_outlive_suspend(guest, life_probe, wake_soon, state):
    """To RAM, where each CPU loses the extension and gets it back, and to idle, where it keeps it.
    The guests' timers go on.
    """
    result = guest(MOVES + f"""
life-probe tick 2 /tmp/count & pid=$!
started /tmp/count
for round in 1 2; do
    {SLEEPS[state]}
    echo {state} >/sys/power/state && echo "back $round"
    moves /tmp/count || echo "stands still"
done
cat /sys/power/mem_sleep
dmesg | grep -c 'PM: suspend exit'
example-hello >/dev/null || echo "no new guests"
kill -9 $pid; wait $pid; echo "ended: $?"
rmmod dune && echo unloaded
""", files=life_probe | wake_soon, cpus=2, timeout_s=120)
    console = result.console_text()
    assert "back 1" in console and "back 2" in console, console[-2000:]
    assert "[deep]" in console, "mem was not suspend to RAM"
    assert re.search("^2$", console, re.M), "it did not sleep"
    assert not re.search("stands still|no new guests|no alarm", console), console[-2000:]
    assert "ended: 137" in console and "unloaded" in console, result.detail


@pytest.mark.dirty
@pytest.mark.parametrize("engine", MOSTLY_QEMU)
def test_the_oom_killer_ends_a_process_in_ring_0(guest, life_probe, engine):
    """Memory of the guest is charged to the process's group as any other process's."""
    result = guest(MOVES + """
mkdir /tmp/cg; mount -t cgroup2 none /tmp/cg
echo +memory >/tmp/cg/cgroup.subtree_control
mkdir /tmp/cg/small; echo 48M >/tmp/cg/small/memory.max
dmesg -c >/dev/null
sh -c 'echo $$ >/tmp/cg/small/cgroup.procs; exec life-probe hog'; echo "hog: $?"
grep oom_kill /tmp/cg/small/memory.events
dmesg | report stdin log; dmesg -c >/dev/null
grep -v ' 0$' /sys/kernel/debug/dune/stats | grep ^live_
example-hello && rmmod dune && echo unloaded
""", files=life_probe, engine=engine)
    console, log = result.console_text(), result.payload("log").decode()
    assert "hog: 137" in console and "oom_kill 1" in console, console[-2000:]
    assert "live_" not in console and "unloaded" in console
    assert "Memory cgroup out of memory" in log and not re.search("BUG|WARNING|Oops", log), log


@pytest.mark.parametrize("engine", MOSTLY_QEMU)
def test_a_core_file_has_the_threads_and_the_memory(guest, life_probe, engine):
    result = guest(MOVES + """
ulimit -c unlimited; cd /tmp
life-probe core; echo "status: $?"
head -c 4 core | grep -q ELF && echo "an ELF file"
life-probe find core
grep -v ' 0$' /sys/kernel/debug/dune/stats | grep ^live_
rmmod dune && echo unloaded
""", files=life_probe, engine=engine)
    console = result.console_text()
    assert "status: 134" in console and "an ELF file" in console, console[-2000:]
    assert "the marker is in it" in console, console[-2000:]
    assert "live_" not in console and "unloaded" in console


@pytest.mark.slow
def test_ten_thousand_forks(guest):
    guest.ktap("insmod /lab/modules/dune.ko; test-life 10000; s=$?; rmmod dune; exit $s",
               cpus=2, timeout_s=900)


@pytest.mark.dirty
@pytest.mark.bochs
@pytest.mark.slow
def test_an_nmi_goes_through_the_shield(guest, life_probe):
    """Interrupts wait for up to a tenth of a second there; each of these backtraces comes at once.
    """
    result = guest("""
insmod /lab/modules/dune.ko shield_max_us=100000
dmesg -c >/dev/null
taskset -p 1 $$ >/dev/null
taskset 2 life-probe shield >/tmp/out & pid=$!
while [ ! -s /tmp/out ]; do sleep 0.1; done
for i in 1 2 3 4; do echo l >/proc/sysrq-trigger; sleep 0.13; done
grep ^shields /sys/kernel/debug/dune/vm-*
kill -9 $pid; wait $pid; echo "ended: $?"
dmesg | report stdin log
rmmod dune && echo unloaded
""", files=life_probe, engine="bochs-vmx", cpus=2)
    console, log = result.console_text(), result.payload("log").decode()
    assert "ended: 137" in console and "unloaded" in console, result.detail
    assert int(re.search(r"shields (\d+)", console).group(1)) >= 4
    times = [[float(t) for t in re.findall(rf"\[ *(\d+\.\d+)\] {line}", log)]
             for line in ("Sending NMI from CPU 0 to CPUs 1", "NMI backtrace for cpu 1")]
    assert len(times[0]) == len(times[1]) == 4, log[-3000:]
    assert all(came - sent < 0.01 for sent, came in zip(*times)), times
    assert not re.search("BUG|Oops|WARNING", log), log[-3000:]
