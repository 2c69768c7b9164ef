# SPDX-License-Identifier: MIT
"""The machine goes down or gets another kernel while a guest runs on each of its CPUs."""

import re

import pytest

from dunelab import guestrun, image

ENGINES = ["qemu", pytest.param("bochs-vmx", marks=pytest.mark.bochs)]
# What the other tests show of this vendor, once more.
MOSTLY_QEMU = ["qemu", pytest.param("bochs-vmx", marks=[pytest.mark.bochs, pytest.mark.slow])]

# Guests in ring 0 that spin, on both CPUs.
SPIN = """
insmod /lab/modules/dune.ko
life-probe spin 2 /tmp/count &
while [ ! -s /tmp/count ]; do sleep 0.1; done
"""

# In the second kernel. A CPU that is still in the extension takes no INIT, which starts it here
# (Intel), or makes dune.ko say that somebody else has it (AMD).
EACH_CPU = """
for online in /sys/devices/system/cpu/cpu*/online; do echo 1 >$online; done
insmod /lab/modules/dune.ko
for cpu in 0 1; do
    taskset $((1 << cpu)) example-hello >/dev/null && echo "a guest on cpu$cpu"
done
"""


@pytest.fixture
def second(kexec, life_probe, tmp_path):
    """Files with which a guest can start a second kernel that runs EACH_CPU."""
    initrd = tmp_path / "second"
    initrd.write_bytes(image.build({"/lab/run": f"#!/bin/sh\necho second kernel{EACH_CPU}"},
                                   image.kernel_release(), only=("example-hello",)))
    return {**kexec, **life_probe, "/second/vmlinuz": guestrun.find_kernel(),
            "/second/initrd": initrd}


def assert_second_kernel(result):
    console = result.console_text()
    assert result.ok, result.detail
    first, mark, later = console.partition("second kernel")
    assert mark and not re.search("BUG|Oops|WARNING", first), console[-3000:]
    assert "a guest on cpu0" in later and "a guest on cpu1" in later, console[-3000:]


@pytest.mark.parametrize("engine", MOSTLY_QEMU)
def test_another_kernel_starts_over_running_guests(guest, second, engine):
    result = guest(SPIN + 'kexec now /second/vmlinuz /second/initrd "$(cat /proc/cmdline)"',
                   files=second, engine=engine, cpus=2, memory_mib=640)
    assert_second_kernel(result)


@pytest.mark.parametrize("engine", MOSTLY_QEMU)
def test_another_kernel_starts_while_the_module_comes_and_goes(guest, second, engine):
    """Loaded too late to be told that the machine goes down."""
    result = guest("""
while insmod /lab/modules/dune.ko && rmmod dune; do :; done &
sleep 0.3
kexec now /second/vmlinuz /second/initrd "$(cat /proc/cmdline)"
""", files=second, engine=engine, cpus=2, memory_mib=640)
    assert_second_kernel(result)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_crash_kernel_starts_over_running_guests(guest, second, engine):
    """From an NMI on the other CPU, without what an orderly end does before. On the first CPU:
    started elsewhere, newer crash kernels leave that one alone."""
    result = guest(SPIN + """
kexec crash /second/vmlinuz /second/initrd "$(sed s/crashkernel=160M/maxcpus=1/ /proc/cmdline)"
taskset 1 sh -c "echo c >/proc/sysrq-trigger"
""", files=second, engine=engine, cpus=2, memory_mib=640, cmdline="crashkernel=160M",
                   crash_kernel=True)
    assert_second_kernel(result)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", ["echo b >/proc/sysrq-trigger", "reboot -f"], ids=["b", "reboot"])
def test_a_reboot_ends_running_guests(guest, life_probe, engine, how):
    """The machine resets itself, which ends QEMU with status 0; Bochs says so and has another."""
    result = guest(f"{SPIN} echo reset; {how}; sleep 60; echo still here", files=life_probe,
                   engine=engine, cpus=2)
    console = result.console_text()
    assert "reset" in console and not re.search("still here|BUG|Oops|WARNING", console), console
    if engine == "qemu":
        assert result.status == "LOST", result.detail
    else:
        log = (result.console.parent / "emulator.log").read_text("utf-8", "replace")
        assert result.status == "DIED" and "the guest has reset the machine" in log, result.detail
