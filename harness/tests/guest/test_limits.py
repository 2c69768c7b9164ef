# SPDX-License-Identifier: MIT
"""What a process makes dune.ko allocate is its own: in a small memory cgroup it alone is killed."""

import pytest


# The kernel logs how it killed the process.
@pytest.mark.dirty
def test_a_greedy_process_is_killed_alone(guest):
    result = guest("""
insmod /lab/modules/dune.ko
mkdir -p /tmp/cgroups
mount -t cgroup2 none /tmp/cgroups
echo +memory >/tmp/cgroups/cgroup.subtree_control
mkdir /tmp/cgroups/greedy
echo 16M >/tmp/cgroups/greedy/memory.max
(echo 0 >/tmp/cgroups/greedy/cgroup.procs; exec test-limits greedy); echo "greedy: $?"
grep '^oom_kill ' /tmp/cgroups/greedy/memory.events
echo "killed: $(dmesg | grep -c 'Killed process')"
example-hello
grep '^live_' /sys/kernel/debug/dune/stats
rmmod dune && echo unloaded
""", timeout_s=120)
    console = result.console_text()
    assert result.exit_code == 0 and "unloaded" in console
    # 137: SIGKILL. Nobody else was killed, the next Dune process runs, and nothing is left.
    assert "greedy: 137" in console and "oom_kill 1" in console and "killed: 1" in console
    assert "hello from ring 0" in console
    for name in ("vms", "vcpus", "tables", "slots", "notifiers"):
        assert f"live_{name} 0\n" in console
