# SPDX-License-Identifier: MIT
"""`dune run` as a command: its options, what it refuses, and threads of what it loads."""

import re
import struct
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_threads_of_a_program_keep_their_tls(guest, tmp_path):
    probe = tmp_path / "tls-probe"
    subprocess.run(["gcc", "-static", "-O1", "-pthread", "-o", probe, HERE / "tls_probe.c"],
                   check=True)
    result = guest("insmod /lab/modules/dune.ko; dune run /bin/tls-probe; dune run /bin/tls-probe",
                   files={"/bin/tls-probe": probe}, cpus=2)
    assert result.exit_code == 0 and result.console_text().count("its own") == 8, \
        result.console_text()


RING_3 = """
insmod /lab/modules/dune.ko
ring-probe >/tmp/native; echo "status $?" >>/tmp/native
dune run --monitor ring-probe >/tmp/ring3; echo "status $?" >>/tmp/ring3
dune run --monitor --strace ring-probe >/tmp/traced 2>/tmp/trace; echo "status $?" >>/tmp/traced
dune run --monitor ring-probe mappings >/tmp/mappings
for name in native ring3 traced trace mappings; do report file /tmp/$name $name; done
"""


@pytest.mark.parametrize("engine", ["qemu", pytest.param("bochs-vmx", marks=pytest.mark.bochs)])
def test_a_program_in_ring_3(guest, tmp_path, engine):
    probe = tmp_path / "ring-probe"
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-static",
                    "-O1", "-pthread", "-o", probe, HERE / "ring_probe.c"], check=True)
    result = guest(RING_3, files={"/bin/ring-probe": probe}, engine=engine, cpus=2, timeout_s=240)
    assert result.exit_code == 0, result.detail
    said = {name: result.payload(name).decode()
            for name in ("native", "ring3", "traced", "trace", "mappings")}
    assert "ring: 3\n" in said["native"] and said["native"].endswith("status 0\n")
    assert said["ring3"] == said["native"] and said["traced"] == said["native"]
    # The read that a signal interrupted is traced when it is through, once.
    assert len(re.findall(r'^read\(\d+, "x", 1\) = 1$', said["trace"], re.M)) == 1
    assert said["mappings"] == "".join(f"{call}: 1\n" for call in (
        "munmap", "munmap from below", "mprotect", "mmap", "mremap", "madvise"))


# What each says, or how it ends.
ATTACKS = {"request-iret": "held\n0", "request-leave": "held\n0", "frame-there": "139",
           "lock-signals": "held\n0", "map-run-page": "held\n0", "move-heap": "held\n0",
           "suspend": "held\n0", "vectors": "held\n0"}


@pytest.mark.parametrize("engine", ["qemu", pytest.param("bochs-vmx", marks=pytest.mark.bochs)])
def test_ring_3_stays_in_ring_3(guest, tmp_path, engine):
    probe = tmp_path / "ring-attack"
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-static",
                    "-O1", "-pthread", "-o", probe, HERE / "ring_attack.c"], check=True)
    script = "insmod /lab/modules/dune.ko\n" + "".join(
        f"timeout -s KILL 30 dune run {options} ring-attack {name} >/tmp/said 2>/dev/null\n"
        f"echo $? >>/tmp/said; report file /tmp/said {name}.{options.count('-t')}\n"
        for name in ATTACKS for options in ("--monitor", "--monitor -t")) + (
        "timeout -s KILL 30 dune run --monitor --stats true 2>/tmp/stats; report event stats $?\n"
        "report file /tmp/stats stats\n")
    result = guest(script, files={"/bin/ring-attack": probe}, engine=engine, cpus=2,
                   timeout_s=400)
    assert result.exit_code == 0, result.detail
    said = {name: [result.payload(f"{name}.{traced}").decode().strip() for traced in (0, 1)]
            for name in ATTACKS}
    assert said == {name: [expected] * 2 for name, expected in ATTACKS.items()}
    assert b"VM entries" in result.payload("stats")


def test_strace_stats_and_too_few_vms(guest):
    result = guest("""
insmod /lab/modules/dune.ko
cd /tmp
dune run --strace sh -c 'cat /etc/hosts; exec 2>/dev/null; sh -c "exit 4"; kill -9 $$' \\
    >out 2>trace; report event status $?
report file trace trace
report file out out
dune run --stats sh -c 'for i in 1 2 3; do echo $i; done; (exit 1); :' >/dev/null 2>stats
report file stats stats
echo 2 >/sys/module/dune/parameters/vms_per_user
dune run sh -c '(sh -c "echo never"; echo $?); sh -c "echo fits"; echo $?' >few 2>&1
report file few few
""")
    few = result.payload("few").decode()
    assert few == "dune: a forked child cannot get a VM of its own\n134\nfits\n0\n"
    trace, stats = result.payload("trace").decode(), result.payload("stats").decode()
    assert result.payload("status", "event").decode().strip() == "137"
    assert result.payload("out").decode() == "127.0.0.1 localhost lab\n"
    for line in (r'execve\("/proc/self/exe", .*\) = \?', r'rseq\(.*\) = -1 ENOSYS',
                 r'openat\(AT_FDCWD, "/etc/hosts", 0x0, 0\) = 3', r'exit_group\(0\) = \?',
                 r'fcntl\(2, 1030, 0xa\) = 10', r'wait4\(-1, .*\) = -1 ECHILD'):
        assert re.search(line, trace), f"{line}\n{trace}"
    # The copy of standard error was made before the shell closed its own; its children have that.
    assert "exit_group(4)" not in trace
    assert len(re.findall(r"^dune: /bin/sh\[\d+\]: \d+ VM entries, \d+ system calls, \d+ nested",
                          stats, re.M)) == 2, stats
    assert re.search(r"^dune:   3 write$", stats, re.M), stats


BAD = [
    ("dune", 2, "no command"),
    ("dune walk", 2, "no such command"),
    ("dune run", 2, "no program"),
    ("dune run --nonsense true", 2, "unknown option"),
    ("dune run nosuch", 127, "nosuch: not found in PATH"),
    ("dune run ./nosuch", 127, "./nosuch: No such file or directory"),
    ("dune run /etc", 126, "/etc: Is a directory"),
    ("dune run /bin/busybox/x", 127, "Not a directory"),
    ("dune run /etc/passwd", 126, "/etc/passwd: Permission denied"),
    ("dune run ./junk", 126, "./junk: not an ELF file"),
    ("dune run ./empty", 126, "./empty: not an ELF file"),
    ("dune run ./short", 126, "./short: "),
    ("dune run ./arm", 126, "./arm: not a program for x86-64"),
    ("dune run ./loop", 126, "./loop: Too many levels of symbolic links"),
    ("dune run ./cut", 126, "./cut: the file is shorter than its segments"),
    ("dune run --gdb 0 true", 2, "0: want PORT"),
    ("dune run --gdb host:1 true", 2, "host:1: want PORT"),
    ("dune run --gdb 4000 --monitor true", 2, "--gdb shows ring 0"),
    ("dune run --gdb /nosuch/x true", 125, "/nosuch/x: No such file"),
    ("nc -l -p 4000 & sleep 1; dune run --gdb 4000 true", 125, "4000: Address already in use"),
    ("rmmod dune; dune run true", 125, "/dev/dune: not there"),
]


def test_bad_commands_are_refused(guest):
    script = """
insmod /lab/modules/dune.ko
cd /tmp; echo junk >junk; : >empty
head -c 60 /bin/busybox >short
head -c 18 /bin/busybox >arm; printf '\\267\\0' >>arm; tail -c +21 /bin/busybox >>arm
head -c 5000 /bin/busybox >cut
printf '#!./loop\\n' >loop
chmod +x junk empty short arm cut loop
""" + "".join(f"{command} >/tmp/said 2>&1; report event status.{nr} $?\n"
              f"report file /tmp/said said.{nr}\n" for nr, (command, _, _) in enumerate(BAD))
    result = guest(script)
    frames = {frame.name: frame.text for frame in result.frames}
    found = []
    for nr, (command, status, said) in enumerate(BAD):
        text = frames[f"said.{nr}"]
        if frames[f"status.{nr}"].strip() != str(status) or said not in text \
                or text.count("\n") != 1:
            found.append(f"{command}: status {frames[f'status.{nr}']}: {text}")
    assert not found, "\n".join(found)


READ, WRITE, EXEC = 4, 2, 1
ONE, TEXT = 0x401000, (READ | EXEC, 0, 0x400000, 0x1100, 0x1100)


def elf(*segments):
    """A program that adds up bytes of its second page; segments: flags, offset, address, sizes."""
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, segments[0][2] + 0x200, 64, 0, 0, 64, 56, len(segments), 0, 0,
        0)
    head += b"".join(struct.pack("<IIQQQQQQ", 1, flags, offset, at, at, size, memory, 4096)
                     for flags, offset, at, size, memory in segments)
    code = b"\xc6\x04\x25" + struct.pack("<IB", ONE + 0x7f0, 7)     # a byte that may be written
    for at in (0xf0, 0x200, 0x210, 0x7f0, 0xff0):
        code += b"\x40\x02\x3c\x25" + struct.pack("<I", ONE + at)    # add dil, [at]
    code = b"\x31\xff" + code + b"\xb8\xe7\0\0\0\x0f\x05"          # exit_group(edi)
    text = bytearray(b"\x80" * 0x2000)      # what is not to be seen makes another sum
    text[:len(head)], text[0x200:0x200 + len(code)] = head, code
    text[0x10f0], text[0x1200] = 3, 20
    return bytes(text)


SHARED = {
    "data": (TEXT, (READ | WRITE, 0x1200, ONE + 0x200, 0x10, 0x2000)),
    "zeroes": (TEXT, (READ | WRITE, 0x1200, ONE + 0x200, 0, 0x2000)),
    "bytes": (TEXT, (READ | WRITE, 0x1080, ONE + 0x080, 0x10, 0x2000)),
    "zero": ((READ | EXEC, 0, 0, 0x1000, 0x1000), (READ | WRITE, 0x1000, ONE, 0x400, 0x1000)),
}


def test_segments_may_meet_in_a_page_but_not_overlap(guest):
    script = "insmod /lab/modules/dune.ko; cd /lab/odd\n" + "".join(
        f"{way} ./{name} 2>>said; echo $? >>{name}.{nr}; report file {name}.{nr}\n"
        for name in SHARED for nr, way in enumerate(("", "dune run", "dune run --monitor")))
    result = guest(script + "report file said\n",
                   files={f"/lab/odd/{name}": elf(*segments) for name, segments in SHARED.items()})
    ends = {name: [result.payload(f"{name}.{nr}").decode().strip() for nr in range(3)]
            for name in SHARED}
    assert ends["data"] == ["30"] * 3 and ends["zeroes"] == ["7"] * 3, ends
    assert ends["bytes"][1:] == ["126"] * 2 and ends["zero"][1:] == ["126"] * 2, ends
    said = result.payload("said").decode()
    assert said.count("./bytes: its segments overlap\n") == 2, said
    assert said.count("./zero: its place is page 0, which catches null pointers\n") == 2, said
