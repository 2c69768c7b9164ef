# SPDX-License-Identifier: MIT
"""Intel machines other than the usual one: older ones, ones without what dune.ko needs."""

import dataclasses

import pytest

from dunelab.engine.bochs import BochsVmx, load_machine

pytestmark = pytest.mark.bochs

LOAD = """
insmod /lab/modules/dune.ko; echo "status $?"
dmesg | grep 'dune: ' | report stdin said
"""


def intel(model):
    """The Intel machine with another processor."""
    return BochsVmx(dataclasses.replace(load_machine("bochs-vmx"), model=model))


@pytest.mark.parametrize("model, cmdline, reason", [
    ("p4_prescott_celeron_336", "", 'this CPU has no Intel VMX (no "vmx" in /proc/cpuinfo)'),
    ("core2_penryn_t9600", "", "Intel VMX lacks secondary controls 0x2: not supported"),
    ("corei7_haswell_4770", "clearcpuid=vmx",
     "Intel VMX is disabled by the firmware or the kernel's arguments"),
])
def test_a_cpu_without_what_is_needed_is_refused_in_one_line(guest, model, cmdline, reason):
    result = guest(LOAD, engine=intel(model), cmdline=cmdline)
    assert "status 95" in result.console_text()
    # insmod tries twice, each way of loading a module that there is.
    said = {line.partition("dune: ")[2] for line in result.payload("said").decode().splitlines()
            if "taint" not in line}
    assert said == {reason}


def test_memory_without_accessed_bits_in_the_ept(guest):
    # Sandy Bridge's EPT has none: aging takes entries away instead.
    result = guest.ktap("""
echo always >/sys/kernel/mm/transparent_hugepage/enabled
grep -q ept_ad /proc/cpuinfo && echo "this CPU has accessed bits"
insmod /lab/modules/dune.ko
test-memory
status=$?
rmmod dune
exit $status
""", engine=intel("corei7_sandy_bridge_2600k"), cpus=2)
    assert "this CPU has accessed bits" not in result.console_text()


def test_cpu_hotplug_while_guests_run(guest):
    guest.ktap("""
insmod /lab/modules/dune.ko
(while :; do
    echo 0 >/sys/devices/system/cpu/cpu1/online; sleep 0.1
    echo 1 >/sys/devices/system/cpu/cpu1/online; sleep 0.1
done) &
toggler=$!
test-threads
status=$?
kill $toggler; wait $toggler 2>/dev/null
echo 1 >/sys/devices/system/cpu/cpu1/online 2>/dev/null
rmmod dune
exit $status
""", engine="bochs-vmx", cpus=2)
