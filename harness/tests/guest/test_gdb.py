# SPDX-License-Identifier: MIT
"""Debian's gdb on processes in Dune mode: it sees their memory, and the host's side of each thread.
"""

import re

import pytest

ENGINES = ["qemu",
           pytest.param("bochs-vmx", marks=[pytest.mark.bochs, pytest.mark.slow])]


@pytest.mark.parametrize("engine", ENGINES)
def test_gdb_on_a_process_in_ring_0(guest, life_probe, engine):
    """Attached to guests that spin: they stand in the loop that runs a vCPU, then they go on."""
    result = guest("""
insmod /lab/modules/dune.ko
life-probe spin 2 /tmp/count & pid=$!
while [ ! -s /tmp/count ]; do sleep 0.1; done
gdb -nx -batch -p $pid -ex 'info threads' -ex 'thread apply all bt 4' \\
    -ex 'thread apply all info registers rip cs' -ex 'x/dw &marker' \\
    -ex 'set var *(int *)&marker = 1234' -ex 'x/dw &marker' -ex detach; echo "gdb: $?"
before=$(cat /tmp/count); sleep 1
[ "$(cat /tmp/count)" -gt "$before" ] && echo "it counts"
kill $pid; wait $pid; echo "ended: $?"
rmmod dune && echo unloaded
""", files=life_probe, engine=engine, cpus=2, package_names=["gdb-minimal"], timeout_s=120)
    console = result.console_text()
    assert "gdb: 0" in console, result.detail
    assert len(re.findall(r'LWP \d+ "life-probe" +host_\w+ \(\)', console)) == 3, console[-3000:]
    assert len(re.findall(r"#0 +host_\w+ \(\)", console)) == 3, console[-3000:]
    assert len(re.findall(r"^rip .*<host_\w+(?:\+\d+)?>", console, re.M)) == 3, console[-3000:]
    assert len(re.findall(r"^cs +0x33 ", console, re.M)) == 3, console[-3000:]
    assert re.search(r"<marker>:\s+0$.*<marker>:\s+1234$", console, re.M | re.S), console[-3000:]
    assert re.search(r"\[Inferior 1 .* detached\]", console)
    assert "it counts" in console and "ended: 143" in console and "unloaded" in console


@pytest.mark.parametrize("engine", ENGINES)
def test_gdb_starts_a_program_that_enters(guest, engine):
    """With a breakpoint before it does; from there it runs in ring 0 and to its end."""
    result = guest("""
insmod /lab/modules/dune.ko
gdb -nx -batch -ex 'break dune_enter' -ex run -ex bt -ex continue --args /lab/bin/example-hello
echo "gdb: $?"
rmmod dune && echo unloaded
""", engine=engine, package_names=["gdb-minimal"], timeout_s=120)
    console = result.console_text()
    order = ["hello from ring 3", "Breakpoint 1, dune_enter", "#0 +dune_enter", "#1 .*main",
             "hello from ring 0", "hello from ring 3 again", "exited normally", "gdb: 0",
             "unloaded"]
    assert re.search(".*".join(order), console, re.S), console[-3000:]
