# SPDX-License-Identifier: MIT
"""dune.ko in a guest, as a shell sees it: loading, refusing, tracing, hotplug, power."""

import re
import subprocess
from pathlib import Path

import pytest

from dunelab import paths
from dunelab.engine.base import DONE


def test_module_unloads_only_when_unused(guest):
    result = guest("""
insmod /lab/modules/dune.ko
kv-server --dune --port 11211 >/tmp/server 2>&1 &
while ! grep -q ready /tmp/server; do sleep 0.1; done
rmmod dune 2>/dev/null && echo "unloaded while in use"
grep -q '^live_vcpus 1$' /sys/kernel/debug/dune/stats || echo "no live vCPU"
kill $!; wait $!
echo "server: $?"
rmmod dune && echo "unloaded"
""")
    console = result.console_text()
    assert result.exit_code == 0 and "unloaded while in use" not in console
    assert "no live vCPU" not in console and "server: 0" in console and "unloaded" in console


def test_an_open_device_holds_the_module_and_only_root_opens_it(guest):
    result = guest("""
insmod /lab/modules/dune.ko
exec 3</dev/dune
rmmod dune 2>/dev/null && echo "unloaded while open"
exec 3<&-
dd if=/dev/dune of=/dev/null count=0 2>/dev/null || echo "root is refused"
su -s /bin/sh nobody -c "cat /dev/dune" 2>&1
rmmod dune && echo "unloaded"
""")
    console = result.console_text()
    assert "unloaded while open" not in console and "root is refused" not in console
    assert "Permission denied" in console and "unloaded" in console, console[-2000:]


@pytest.mark.parametrize("engine, vendor, other", [
    ("qemu", "amd", "intel"), pytest.param("bochs-vmx", "intel", "amd", marks=pytest.mark.bochs)])
def test_module_and_kvm_exclude_each_other(guest, tmp_path, engine, vendor, other):
    hold = tmp_path / "hold-kvm"
    subprocess.run(["gcc", "-static", "-O1", "-o", hold, Path(__file__).parent / "hold_kvm.c"],
                   check=True)
    modules = paths.kernel() / "modules/kernel"
    files = {f"/k/{p.name}": p for p in (modules / "virt/lib/irqbypass.ko",
                                         modules / "arch/x86/kvm/kvm.ko",
                                         modules / "arch/x86/kvm/kvm-amd.ko",
                                         modules / "arch/x86/kvm/kvm-intel.ko", hold)}
    # Newer kernels otherwise keep the extension on while the module is loaded; older ignore this.
    result = guest("insmod /k/irqbypass.ko; insmod /k/kvm.ko enable_virt_at_load=0\n"
                   f"insmod /k/kvm-{vendor}.ko" + """
mkfifo /tmp/hold
/k/hold-kvm </tmp/hold & exec 3>/tmp/hold
sleep 1
insmod /lab/modules/dune.ko; echo "load beside a VM of KVM's: $?"
exec 3>&-; wait
insmod /lab/modules/dune.ko; echo "load without: $?"
/k/hold-kvm </dev/null
example-hello
insmod /k/kvm-OTHER.ko && echo "the other KVM loads"
rmmod kvm_VENDOR
insmod /k/kvm-VENDOR.ko
example-hello
rmmod dune
dmesg | grep 'dune: ' | report stdin said
""".replace("VENDOR", vendor).replace("OTHER", other), files=files, engine=engine)
    console = result.console_text()
    assert (f"in use, by KVM most likely: rmmod kvm_{vendor} first"
            in result.payload("said").decode())
    assert "kvm vm: made" in console and "load beside a VM of KVM's: 16" in console
    assert "load without: 0" in console and console.count("hello from ring 0") == 2
    # The other way round KVM finds the extension in use.
    assert "the other KVM loads" not in console
    assert console.count("kvm vm: ") == 2 and console.count("kvm vm: made") == 1


def test_module_refuses_a_cpu_without_svm(guest):
    result = guest("insmod /lab/modules/dune.ko; echo \"status $?\"; dmesg | grep 'dune: ' "
                   "| report stdin said", cmdline="clearcpuid=svm")
    assert "status 95" in result.console_text()
    assert 'this CPU has no AMD SVM (no "svm" in /proc/cpuinfo)' in result.payload("said").decode()


def test_system_call_takes_the_documented_walk(guest):
    result = guest("""
insmod /lab/modules/dune.ko
cd /sys/kernel/tracing
echo 1 >events/dune/enable
example-sandbox >/dev/null
echo 0 >events/dune/enable
report file trace trace
rmmod dune
""")
    trace = result.payload("trace").decode()
    walk = re.findall(r"dune_(vmentry|vmexit|syscall|tdp_fault): (.*)", trace)
    kinds = ["exit " + re.search(r"reason=(\w+)", text).group(1) if kind == "vmexit" else kind
             for kind, text in walk]
    # write is 1: entry, exit by hypercall, system call, entry again.
    at = next(i for i, step in enumerate(walk)
              if step[0] == "syscall" and " nr=1 args=0x1," in step[1])
    assert kinds[at - 2:at] == ["vmentry", "exit HYPERCALL"]
    assert kinds[at + 1] == "vmentry"
    at = next(i for i, (kind, _) in enumerate(walk) if kind == "tdp_fault")
    assert kinds[at - 2:at] == ["vmentry", "exit TDP_FAULT"] and kinds[at + 1] == "vmentry"


def test_cpu_hotplug_while_guests_run(guest):
    guest.ktap("""
insmod /lab/modules/dune.ko
(while :; do
    echo 0 >/sys/devices/system/cpu/cpu1/online || echo off >/tmp/failed; sleep 0.1
    echo 1 >/sys/devices/system/cpu/cpu1/online || echo on >/tmp/failed; sleep 0.1
done) &
toggler=$!
test-threads
status=$?
kill $toggler; wait $toggler 2>/dev/null
echo 1 >/sys/devices/system/cpu/cpu1/online 2>/dev/null
rmmod dune
[ ! -e /tmp/failed ] || exit 1
exit $status
""", cpus=2, timeout_s=120)


@pytest.mark.parametrize("engine", [
    "qemu", pytest.param("bochs-vmx", marks=[pytest.mark.bochs, pytest.mark.slow])])
def test_power_off_with_a_guest_running(guest, engine):
    result = guest("""
insmod /lab/modules/dune.ko
kv-server --dune --busy-poll --port 11211 --threads 2 >/tmp/server 2>&1 &
while ! grep -q ready /tmp/server; do sleep 0.1; done
report exit 0
poweroff -f
sleep 30
""", engine=engine)
    console = result.console_text()
    assert "Power down" in console or result.status == DONE
    assert not re.search("BUG|Oops|invalid opcode|Call Trace", console), console[-3000:]


@pytest.mark.dirty
@pytest.mark.parametrize("engine", [
    "qemu", pytest.param("bochs", marks=[pytest.mark.bochs, pytest.mark.slow]),
    pytest.param("bochs-vmx", marks=pytest.mark.bochs)])
def test_an_nmi_ends_a_guest_and_the_guest_goes_on(guest, engine):
    """sysrq-l sends an NMI to every CPU; one of them is in a guest that never leaves by itself."""
    result = guest("""
insmod /lab/modules/dune.ko
dmesg -c >/dev/null
taskset 2 kv-server --dune --busy-poll --port 11211 >/tmp/server 2>&1 &
server=$!
while ! grep -q ready /tmp/server; do sleep 0.1; done
for i in 1 2 3; do echo l >/proc/sysrq-trigger; sleep 0.2; done
kill -0 $server && echo "the guest goes on"
kill $server; wait $server; echo "server: $?"
dmesg | report stdin log
rmmod dune && echo unloaded
""", engine=engine, cpus=2)
    console, log = result.console_text(), result.payload("log").decode()
    assert "the guest goes on" in console and "server: 0" in console and "unloaded" in console
    assert len(re.findall("NMI backtrace for cpu 1", log)) >= 3, log[-3000:]
    assert not re.search("BUG|Oops|WARNING", log), log[-3000:]
