# SPDX-License-Identifier: MIT
"""The benchmark of exits and faults: all of it runs, and it repeats bit for bit."""

import pytest

from dunelab import bench, costs

SHORT = bench.SCRIPT.format(options="--batches 2 --iterations 20")
NAMES = {"linux.fault_fresh", "linux.fault_present",
         "kvm.exit_kernel", "kvm.exit_user", "kvm.fault_present", "kvm.fault_fresh",
         "dune.exit_kernel", "dune.exit_user", "dune.exit_user_ioctl", "dune.fault_present",
         "dune.fault_fresh", "dune.exception", "dune.ring3", "dune.getpid_forwarded",
         "dune.fault_fresh_libdune", "dune.interpose_pass", "dune.interpose_answer",
         "linux.ptrace"} | {
             f"{who}.{what}" for who in ("linux", "dune")
             for what in ("syscall", "getpid", "clock", "signal", "start", "trap", "trap_round",
                          "appel1", "appel2")}
MORE = {"linux.ptrace_answer", "dune.hook_pass", "dune.hook_answer"} | {
    f"{who}.{what}" for who in ("linux", "dune")
    for what in ("timer", "fork", "thread", "switch", "walk_32pages", "walk_256pages",
                 "walk_1024pages", "walk_4096pages", "walk_16384pages",
                 "walk_16384pages_large")} | {
    f"{who}.{what}" for who in ("kvm", "dune")
    for what in ("fault_present_large", "fault_fresh_large", "fault_pte", "cr3", "exit_msr",
                 "exit_io")} | {
    "linux.fault_fresh_large"}


def test_two_boots_give_the_same_ticks(guest):
    results = [guest(SHORT, engine="qemu-icount", files=bench.guest_files(), timeout_s=120)
               for _ in range(2)]
    for result in results:
        assert result.ok, result.detail
    first, second = (result.payload("costs") for result in results)
    assert set(costs.parse(first.decode())) == NAMES
    assert first == second


def test_all_rows_are_measured_where_they_are_asked_for(guest):
    script = bench.SCRIPT.format(options="--batches 1 --iterations 2 --all")
    result = guest(script, engine="qemu-icount", files=bench.guest_files(), timeout_s=120)
    assert result.ok, result.detail
    assert set(costs.parse(result.payload("costs").decode())) == NAMES | MORE


def test_waking_another_cpu_is_measured_where_there_is_one(guest):
    result = guest("""
insmod /lab/modules/dune.ko
for who in linux dune; do
	for what in wake ipi; do
		micro $who --all --only $who.$what --batches 1 --iterations 2 >>/tmp/costs || exit 1
	done
done
report file /tmp/costs costs
rmmod dune
""", cpus=2)
    assert result.ok, result.detail
    found = costs.parse(result.payload("costs").decode())
    assert set(found) == {"linux.wake", "dune.wake", "linux.ipi", "dune.ipi"}
    assert found["linux.wake"].iterations == 4 and found["dune.ipi"].iterations == 2


@pytest.mark.bochs
def test_every_line_is_measured_on_bochs(guest):
    result = guest(SHORT, files=bench.guest_files(), timeout_s=200)
    assert result.ok, result.detail
    figures = costs.parse(result.payload("costs").decode())
    assert set(figures) == NAMES
    assert all(0 < value.low <= value.median for value in figures.values())


def test_program_says_what_is_missing(guest):
    result = guest("""
micro dune; echo "without dune.ko: $?"
micro kvm; echo "without kvm.ko: $?"
micro vax; echo "no such group: $?"
micro --batches 0 linux; echo "no batches: $?"
""")
    console = result.console_text()
    assert "micro: /dev/dune: No such file or directory" in console
    for line in ("without dune.ko: 3", "without kvm.ko: 3", "no such group: 2", "no batches: 2"):
        assert line in console
