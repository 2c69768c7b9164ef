# SPDX-License-Identifier: MIT
"""`dune run --gdb`: Debian's gdb on guests: registers, breakpoints, steps, signals; core files."""

import re
import subprocess
from pathlib import Path

import pytest

# debug WAY ARGUMENT SCRIPT...: gdb on a program that waits for it, a session called ARGUMENT.
SHELL = """
insmod /lab/modules/dune.ko
ip link set lo up 2>/dev/null || ifconfig lo 127.0.0.1 up
cd /tmp; export LC_ALL=C
launch() {
    dune run --gdb "$1" gdb-probe "$2" >out.$2 2>said.$2 & pid=$!
    until grep -q waiting said.$2; do sleep 0.1; done
}
gdb_on() { where=$1; shift; timeout 90 gdb -nx -batch -ex "target remote $where" "$@" 2>&1; }
ended() {
    wait $pid; echo "status $?" >>out.$1; cat out.$1 >>gdb.$1
    report file gdb.$1 $1
}
"""

PLAIN = """
cat >over <<'EOF'
tbreak write
continue
while *(unsigned short *)$pc != 0x050f
stepi
end
set $at = $pc
stepi
printf "over SYSCALL: %d bytes, %d\\n", $pc - $at, $rax
stepi
printf "and on: %d\\n", $pc - $at > 2
EOF
launch 4000 plain
gdb_on :4000 /bin/gdb-probe -ex 'info registers rip' -ex 'break inner' -ex continue -ex bt \\
    -ex 'info registers rip cs' -ex 'print n' -ex 'x/i $pc' -ex stepi -ex next -ex finish \\
    -ex 'print marker' -ex 'set var marker = 1000' -ex delete -ex 'print outer(1)' \\
    -ex 'print $xmm0' -x over -ex continue >gdb.plain
ended plain
"""

SESSIONS = PLAIN + """
launch /tmp/socket crash
gdb_on /tmp/socket /bin/gdb-probe -ex continue -ex bt \\
    -ex 'p $_siginfo._sifields._sigfault.si_addr' -ex 'p $_siginfo.si_signo' -ex continue >gdb.crash
ended crash

launch 127.0.0.1:4000 threads
gdb_on 127.0.0.1:4000 /bin/gdb-probe -ex continue -ex 'info threads' -ex 'thread 3' -ex bt \\
    -ex 'thread 1' -ex bt -ex stepi -ex 'break access' -ex continue -ex detach >gdb.threads & gdb=$!
until grep -q outer out.threads; do sleep 0.2; done; sleep 1
kill -INT $(pidof gdb)
wait $gdb; grep TracerPid /proc/$pid/status >>gdb.threads; : >go
ended threads

launch 4000 fork
gdb_on :4000 /bin/gdb-probe -ex 'break inner' -ex continue -ex continue -ex bt -ex continue \\
    >gdb.fork
ended fork

launch 4000 signals
gdb_on :4000 /bin/gdb-probe -ex continue -ex 'p $_siginfo.si_signo' -ex stepi -ex bt -ex finish \\
    -ex 'handle SIGUSR1 nostop' -ex continue >gdb.signals
ended signals

launch 4000 watch
gdb_on :4000 /bin/gdb-probe -ex 'set can-use-hw-watchpoints 0' -ex 'break watch' -ex continue \\
    -ex 'watch watched' -ex continue -ex continue -ex kill >gdb.watch
ended watch
ulimit -c unlimited
dune run gdb-probe cores; echo "status $?" >gdb.core
timeout 90 gdb -nx -batch /bin/gdb-probe core -ex 'info registers rip' -ex 'x/i $pc' \\
    -ex 'p $_siginfo._sifields._sigfault.si_addr' -ex 'thread apply all bt' >>gdb.core 2>&1
report file gdb.core core
gdb-probe threads >native; report file native native
"""


@pytest.fixture(scope="module")
def gdb_probe(tmp_path_factory):
    """{guest path: host path} of a dynamic program; gdb brings the libraries."""
    program = tmp_path_factory.mktemp("gdb") / "gdb-probe"
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-g",
                    "-O0", "-o", program, Path(__file__).parent / "gdb_probe.c", "-pthread"],
                   check=True)
    return {"/bin/gdb-probe": program}


def in_order(text, *patterns):
    found = re.search(".*?".join(patterns), text, re.S | re.M)
    assert found, f"not in this order: {patterns}\n{text}"


def check_plain(text):
    in_order(text, r"^rip +0x\w+", r"Breakpoint 1, inner \(n=35\)", r"#0 +inner \(n=35\)",
             r"#1 .* outer \(n=35\)", r"#2 .* main \(argc=2", r"^rip .*<inner\+\d+>",
             r"^cs +0x10 ", r"\$1 = 35$", r"=> 0x\w+ <inner\+\d+>:\s+mov", r"^17\s",
             r"Value returned is \$2 = 84", r"\$3 = 42$", r"\$4 = 2003$",
             r"\$5 = {v4_float", r"over SYSCALL: 2 bytes, 9$", r"and on: 1$",
             r"exited with code 03", r"^outer 85$", r"^status 3$")


INTEL = pytest.param("bochs-vmx", marks=[pytest.mark.bochs, pytest.mark.slow])


@pytest.mark.parametrize("engine", [INTEL])
def test_a_session_on_intel(guest, engine, gdb_probe):
    result = guest(SHELL + PLAIN + "rmmod dune && echo unloaded\n", files=gdb_probe, engine=engine,
                   package_names=["gdb-minimal"], timeout_s=300)
    assert "unloaded" in result.console_text(), result.detail
    check_plain(result.payload("plain").decode())


def test_sessions(guest, gdb_probe):
    result = guest(SHELL + SESSIONS + "rmmod dune && echo unloaded\n", files=gdb_probe, cpus=2,
                   package_names=["gdb-minimal"], timeout_s=300)
    assert "unloaded" in result.console_text(), result.detail
    said = {frame.name: frame.text for frame in result.frames}
    check_plain(said["plain"])
    in_order(said["crash"], r"received signal SIGSEGV", r"crash \(\) at", r"#0 +crash \(\)",
             r"#1 .* main \(argc=2", r"= \(void \*\) 0x1238$", r"= 11$",
             r"terminated with signal SIGSEGV", r"^status 139$")
    in_order(said["threads"], r"New Thread", r"New Thread", r"received signal SIGINT",
             r"1 +Thread \d+ \(gdb-probe, in Dune mode\)", r"3 +Thread \d+ \(gdb-probe, in Dune",
             r"#0 .* pause \(\)", r"#1 .* wait_forever \(arg", r"#\d .* threads_spin \(\)",
             r"hit Breakpoint 1, .*access", r"detached\]", r"TracerPid:\s+0$",
             r"^" + said["native"].replace("\n", "$.*^") + "status 3$")
    # A fork's child runs past the breakpoint, and a shell; then the program executes itself.
    in_order(said["fork"], r"Breakpoint 1, inner", r"is executing new program: .*/gdb-probe",
             r"Breakpoint 1, inner", r"#2 .* main \(argc=2", r"exited with code 03",
             r"^outer 85\nchild 5\nshell 9\nouter 85\nstatus 3$")
    in_order(said["signals"], r"received signal SIGUSR1", r"= 10$", r"handler \(signal=",
             r"#1 +<signal handler called>", r"#\d .* signals \(\) at", r"<signal handler called>",
             r"exited with code 03", r"^handled 10\nstatus 3$")
    in_order(said["watch"], r"Old value = 0\nNew value = 5", r"Old value = 5\nNew value = 6",
             r"\[Inferior 1 .* killed\]", r"^written\nstatus 137$")
    # Of all threads, where the guest was.
    in_order(said["core"], r"^status 139$", r"terminated with signal SIGSEGV", r"#0 +crash \(\)",
             r"^rip .*<crash\+\d+>", r"=> .*<crash\+\d+>:\s+mov", r"= \(void \*\) 0x1238$")
    for thread in (r"#0 +crash \(\)[^#]*#1[^#]* threads_crash \(\)[^#]*#2[^#]* main \(",
                   r"#0 +spin_forever \(arg", r"#0[^#]* pause \(\)[^#]*#1[^#]* wait_forever \("):
        assert len(re.findall(r"^Thread \d .*\n" + thread, said["core"], re.M)) == 1, said["core"]
