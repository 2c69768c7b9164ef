# SPDX-License-Identifier: MIT
"""dune.ko and libdune in a guest: every program of libos/tests and every example, on each engine.

One boot runs them all; after each program the kernel log must be clean and the module's counters
of live objects at zero.
"""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from dunelab import ktap, paths
from dunelab.engine.base import DONE

EXAMPLES = {
    "hello": ["hello from ring 3", "hello from ring 0, process", "hello from ring 3 again"],
    "divide": ["42 / 6 = 7", "42 / 0 = 0, caught 1 divide error"],
    "pagefault": ['read-only page says "before"', 'now it says "after", 1 write fault caught'],
}

# Large pages as on a machine with more memory; the module; then each program, its output, its
# status, what the kernel said meanwhile and what the module still holds.
SCRIPT = """
echo always >/sys/kernel/mm/transparent_hugepage/enabled
dmesg -c >/dev/null
insmod /lab/modules/dune.ko || exit 1
for program in {programs}; do
    timeout {limit} $program >/tmp/out 2>&1 </dev/null
    report event $program.status $?
    report file /tmp/out $program.out
    sleep 0.2
    grep ^live_ /sys/kernel/debug/dune/stats | report stdin $program.live
    dmesg -c | grep -v 'segfault at\\|Code: \\|likely on CPU\\|taint' >/tmp/log
    report file /tmp/log $program.log
done
rmmod dune
"""

BAD_LOG = re.compile(r"BUG|WARNING|Oops|Call Trace|general protection|UBSAN|stall|refcount_t")


def programs():
    """Names of the guest programs that libos/tests and libos/examples build."""
    libos = paths.root() / "libos"
    return sorted([f"test-{p.stem}" for p in (libos / "tests").glob("*.c")]
                  + [f"example-{p.stem}" for p in (libos / "examples").glob("*.c")])


def gaps(engine):
    """{check: reason} of what the engine is known not to pass."""
    listed = tomllib.loads((Path(__file__).parent / "gaps.toml").read_text())["gap"]
    return {gap["check"]: gap["reason"] for gap in listed if gap["engine"] == engine}


def complaints(program, result, known, gone):
    """What is wrong with one program's run; adds the known gaps that it met to `gone`."""
    def text(suffix, kind="file"):
        payload = result.payload(f"{program}.{suffix}", kind)
        return None if payload is None else payload.decode("utf-8", "replace")

    out, live, log = (text(suffix) for suffix in ("out", "live", "log"))
    status = text("status", "event")
    if out is None or status is None or live is None:
        return [f"{program}: no result"]
    found = [f"{program}: left {line}" for line in live.splitlines() if not line.endswith(" 0")]
    found += [f"{program}: kernel log: {line}" for line in (log or "").splitlines()
              if BAD_LOG.search(line)]
    if program.startswith("example-"):
        name = program.removeprefix("example-")
        missing = [want for want in EXAMPLES[name] if want not in out]
        if missing or status.strip() != "0":
            found.append(f"{program}: status {status.strip()}, output {out!r}, missing {missing}")
        return found
    expected_failures = 0
    for failure in ktap.parse(out).failures():
        check = f"{program.removeprefix('test-')}/{failure.split(':')[0]}"
        if check in known:
            gone.add(check)
            expected_failures += 1
        else:
            found.append(f"{program}: {failure}")
    if (status.strip() == "0") == bool(expected_failures):
        found.append(f"{program}: exit status {status.strip()}")
    return found


def check_all(guest, engine, limit, timeout_s):
    """Run all programs on the engine and fail with everything that is wrong."""
    result = guest(SCRIPT.format(programs=" ".join(programs()), limit=limit),
                   engine=engine, cpus=2, memory_mib=512, timeout_s=timeout_s)
    assert result.status == DONE and result.exit_code == 0, result.detail
    known, met = gaps(engine), set()
    found = [line for program in programs() for line in complaints(program, result, known, met)]
    found += [f"gaps.toml lists {check}, which {engine} passes: take it out"
              for check in known if check not in met]
    assert not found, "\n".join(found)


def test_all_programs_on_qemu(guest):
    check_all(guest, "qemu", 60, 240)


@pytest.mark.bochs
@pytest.mark.parametrize("engine", ["bochs", "bochs-vmx"])
def test_all_programs_on_bochs(guest, engine):
    check_all(guest, engine, 60, 540)


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


@pytest.mark.parametrize("engine, vendor", [
    ("qemu", "amd"), pytest.param("bochs-vmx", "intel", marks=pytest.mark.bochs)])
def test_module_and_kvm_exclude_each_other(guest, tmp_path, engine, vendor):
    hold = tmp_path / "hold-kvm"
    subprocess.run(["gcc", "-static", "-O1", "-o", hold, Path(__file__).parent / "hold_kvm.c"],
                   check=True)
    modules = paths.build() / "kernel/cloud/modules/kernel"
    files = {f"/k/{p.name}": p for p in (modules / "virt/lib/irqbypass.ko",
                                         modules / "arch/x86/kvm/kvm.ko",
                                         modules / f"arch/x86/kvm/kvm-{vendor}.ko", hold)}
    result = guest(f"for module in irqbypass kvm kvm-{vendor}; do insmod /k/$module.ko; done" + """
mkfifo /tmp/hold
/k/hold-kvm </tmp/hold & exec 3>/tmp/hold
sleep 1
insmod /lab/modules/dune.ko; echo "load beside a VM of KVM's: $?"
exec 3>&-; wait
insmod /lab/modules/dune.ko; echo "load without: $?"
/k/hold-kvm </dev/null
example-hello
rmmod dune
dmesg | grep 'dune: ' | report stdin said
""", files=files, engine=engine)
    console = result.console_text()
    assert (f"in use, by KVM most likely: rmmod kvm_{vendor} first"
            in result.payload("said").decode())
    assert "kvm vm: made" in console and "load beside a VM of KVM's: 16" in console
    assert "load without: 0" in console and "hello from ring 0" in console
    # The other way round KVM finds the extension in use.
    assert "kvm vm: Device or resource busy" in console


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
example-hello >/dev/null
echo 0 >events/dune/enable
report file trace trace
rmmod dune
""")
    trace = result.payload("trace").decode()
    walk = re.findall(r"dune_(vmentry|vmexit|syscall|tdp_fault): (.*)", trace)
    kinds = ["exit " + re.search(r"reason=(\w+)", text).group(1) if kind == "vmexit" else kind
             for kind, text in walk]
    # getpid is 39: entry, exit by hypercall, system call, entry again.
    at = next(i for i, (kind, text) in enumerate(walk) if kind == "syscall" and "nr=39" in text)
    assert kinds[at - 2:at] == ["vmentry", "exit HYPERCALL"]
    assert kinds[at + 1] == "vmentry"
    at = next(i for i, (kind, _) in enumerate(walk) if kind == "tdp_fault")
    assert kinds[at - 2:at] == ["vmentry", "exit TDP_FAULT"] and kinds[at + 1] == "vmentry"


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
""", timeout_s=120)


def test_power_off_with_a_guest_running(guest):
    result = guest("""
insmod /lab/modules/dune.ko
kv-server --dune --busy-poll --port 11211 --threads 2 >/tmp/server 2>&1 &
while ! grep -q ready /tmp/server; do sleep 0.1; done
report exit 0
poweroff -f
sleep 30
""")
    console = result.console_text()
    assert "Power down" in console or result.status == DONE
    assert not re.search("BUG|Oops|invalid opcode|Call Trace", console), console[-3000:]
