# SPDX-License-Identifier: MIT
"""The host's MSRs are, on each CPU, what they were before guests that write every one of them."""

from pathlib import Path

import pytest

from dunelab import paths

ENGINES = ["qemu", pytest.param("bochs-vmx", marks=pytest.mark.bochs),
           pytest.param("bochs", marks=[pytest.mark.bochs, pytest.mark.slow])]
ALWAYS = ["APIC_BASE", "SYSENTER", "PAT", "EFER", "STAR", "LSTAR", "CSTAR", "SYSCALL_MASK"]


@pytest.mark.parametrize("engine", ENGINES)
def test_hostile_guests_leave_the_hosts_msrs(guest, msrs, engine):
    driver = paths.kernel() / "modules/kernel/arch/x86/kernel/msr.ko"
    result = guest("""
insmod /lab/modules/msr.ko && insmod /lab/modules/dune.ko || exit 1
msrs >/tmp/before || exit 2
for cpu in 1 2; do
    for program in escape_msrs escape_state escape_system escape_virt host_state; do
        taskset $cpu test-$program >>/tmp/log   # judged by test_matrix.py, with its gaps
    done
done
msrs >/tmp/after
grep -c "^1\\.\\." /tmp/log | report stdin programs
report file /tmp/before before; report file /tmp/after after
rmmod dune
""", files=msrs | {"/lab/modules/msr.ko": Path(driver)}, engine=engine, cpus=2, timeout_s=240)
    assert result.exit_code == 0, result.detail
    assert result.payload("programs") == b"10\n"
    before = result.payload("before").decode().splitlines()
    after = result.payload("after").decode().splitlines()
    for cpu in "01":
        there = {line.split()[1] for line in before if line[0] == cpu and " = " in line}
        assert there >= set(ALWAYS), f"CPU {cpu} shows only {there}"
    assert before == after, set(before) ^ set(after)
