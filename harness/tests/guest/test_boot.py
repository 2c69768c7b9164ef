# SPDX-License-Identifier: MIT
"""A whole guest: its output and exit status reach the harness, and each way to fail is told."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from dunelab import engine, guestrun, image, paths
from dunelab.engine.base import Boot


def test_a_clean_guest_that_succeeds(guest):
    result = guest("echo from inside; exit 0")
    assert (result.status, result.exit_code) == ("DONE", 0), result.detail
    assert result.console_text().startswith("from inside\n")
    assert result.payload("dmesg") is None
    # The goal is 4 s on an idle host; here others may be working.
    assert result.time_to_run_s < 8 * max(1.0, os.getloadavg()[0] / os.cpu_count())


def test_exit_status_reaches_the_harness(guest):
    assert guest("exit 7").exit_code == 7


def test_a_script_that_is_killed_has_the_shells_status(guest):
    assert guest("kill -TERM $$").exit_code == 128 + signal.SIGTERM


def test_files_events_and_standard_input_are_reported_intact(guest, tmp_path):
    (tmp_path / "data").write_bytes(bytes(range(256)))
    result = guest("""
        dd if=/dev/urandom of=/tmp/random bs=1k count=1500 2>/dev/null
        report file /tmp/random
        report event sum $(sha256sum </tmp/random)
        seq 100000 | report stdin numbers
        report file /proc/version version
        report event empty
        : | report stdin nothing
        report file /srv/deep/data
    """, files={"/srv/deep/data": tmp_path / "data"})
    assert result.ok, result.detail
    random = result.payload("random")
    assert len(random) == 1500 * 1024
    assert result.payload("sum", "event").split()[0].decode() == hashlib.sha256(random).hexdigest()
    assert result.payload("numbers").split()[-1] == b"100000"
    assert result.payload("version").startswith(b"Linux version")
    assert result.payload("empty", "event") == b"" and result.payload("nothing") == b""
    assert result.payload("data") == bytes(range(256))


def test_reports_of_several_processes_do_not_mix(guest):
    result = guest("""
        seq 20000 >/tmp/data
        for i in 1 2 3 4 5 6; do report file /tmp/data d$i & done
        wait
    """, cpus=2)
    assert result.ok, result.detail
    expected = "".join(f"{n}\n" for n in range(1, 20001)).encode()
    for i in range(1, 7):
        assert result.payload(f"d{i}") == expected


def test_the_guest_is_furnished_and_report_refuses_bad_use(guest):
    result = guest("""
        check() { "$@" || { echo "failed: $*"; exit 1; }; }
        for d in /proc /sys /dev/pts /dev/shm /tmp /run /sys/kernel/debug /sys/kernel/tracing; do
            check grep -q " $d " /proc/mounts
        done
        check [ "$(hostname)" = lab ]
        check grep -qw svm /proc/cpuinfo
        check [ -x /lab/bin/report ]
        nc -l -p 99 >/tmp/heard &
        for i in $(seq 50); do echo hello | nc 127.0.0.1 99 && break; sleep 0.1; done
        wait
        check grep -q hello /tmp/heard
        try() { report "$@" 2>/dev/null; echo "$?"; }
        check [ "$(try)" = 2 ]
        check [ "$(try nonsense x)" = 2 ]
        check [ "$(try exit 256)" = 2 ]
        check [ "$(try exit seven)" = 2 ]
        check [ "$(try event 'two words')" = 2 ]
        check [ "$(try file /no/such/file)" = 3 ]
    """)
    assert result.ok, result.console_text()


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_compressed_image_boots(guest, compression):
    assert guest("exit 0", compression=compression).ok


def test_memcached_runs_in_the_guest(guest):
    result = guest(r"""
        memcached -u root -l 127.0.0.1 -p 11211 -t 1 &
        for i in $(seq 50); do nc -z 127.0.0.1 11211 && break; sleep 0.1; done
        printf 'set k 0 0 5\r\nhello\r\nget k\r\nquit\r\n' | nc 127.0.0.1 11211 | report stdin said
    """, package_names=["memcached"])
    assert result.ok, result.detail
    assert result.payload("said") == b"STORED\r\nVALUE k 0 5\r\nhello\r\nEND\r\n"


@pytest.mark.dirty
def test_a_panic_is_told_with_the_consoles_end(guest):
    result = guest("echo before; echo c >/proc/sysrq-trigger; sleep 60")
    assert (result.status, result.exit_code) == ("PANIC", None)
    assert result.detail.startswith("Kernel panic - not syncing: sysrq triggered crash")
    assert "Call Trace" in result.detail
    assert result.wall_s < 30


def test_a_hang_is_a_timeout_with_the_consoles_end(guest):
    result = guest("echo going to sleep; sleep 1000", timeout_s=20)
    assert (result.status, result.exit_code) == ("TIMEOUT", None)
    assert "going to sleep" in result.detail and "20 s" in result.detail


def test_a_guest_that_powers_off_by_itself_is_lost(guest):
    result = guest("echo bye; poweroff -f")
    assert result.status == "LOST"
    assert "bye" in result.detail


def test_a_killed_emulator_is_died(guest):
    def kill(frame):
        if frame.name == "now":
            os.kill(emulator(), signal.SIGKILL)
    result = guest("echo alive; report event now; sleep 100", on_frame=kill)
    assert result.status == "DIED"
    assert "SIGKILL" in result.detail and "alive" in result.detail


def emulator():
    """The pid of the child process that is the emulator."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        pids = [int(pid) for pid in file.read().split()]
    assert len(pids) == 1, pids
    return pids[0]


@pytest.mark.parametrize("text, reason", [
    ("rubbish", "7 bytes outside any frame"),
    (r"\002DL1 event x 1 00000000\na\n", "corrupt frame 'x'"),
    (r"\002DL1 event x 1000 00000000\na\n", "truncated frame 'x'"),
])
def test_damaged_output_is_lost(guest, text, reason):
    result = guest(f"printf '{text}' >/tmp/bad; report raw /tmp/bad; exit 0")
    assert result.status == "LOST" and not result.ok
    assert reason in result.detail


@pytest.mark.dirty
def test_a_warning_in_the_kernel_log_is_reported(guest):
    result = guest("echo '<4>WARNING: CPU: 0 PID: 1 at nowhere' >/dev/kmsg; exit 0")
    assert b"at nowhere" in result.payload("dmesg")


def test_an_image_is_reproducible():
    files = {"/lab/run": b"#!/bin/sh\n", "/x": b"y"}
    assert image.build(files) == image.build(files)


def test_a_full_disk_is_said_without_a_traceback(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(paths.root() / "harness")}
    tiny = tmp_path / "tiny"
    tiny.mkdir()
    command = [sys.executable, "-m", "dunelab", "boot", "--keep", str(tiny / "boot"), "--", "true"]
    # A file system with room for less than an image, in a mount namespace of its own. In a chroot
    # the root is no mount point whose propagation could be changed: so the mount goes as it came.
    mounted = ["unshare", "--propagation", "unchanged", "-m" if os.getuid() == 0 else "-rm",
               "sh", "-c", f"mount -t tmpfs -o size=256k none {tiny} || exit 1; \"$@\"; status=$?; "
               f"umount {tiny}; exit $status", "sh", *command]
    done = subprocess.run(mounted, capture_output=True, text=True, timeout=60, check=False,
                          env=environment)
    assert done.returncode == 2, done.stderr
    assert "No space left on device" in done.stderr and "make room" in done.stderr
    assert "Traceback" not in done.stderr


def test_icount_repeats_bit_for_bit(tmp_path):
    script = """#!/bin/sh
        cat /proc/uptime /proc/stat
        dd if=/dev/urandom bs=16 count=1 2>/dev/null | hexdump
        cat /proc/sys/kernel/random/boot_id
        dmesg | report stdin log
    """
    # One image for both: others may be building programs that go into a new one.
    initrd = guestrun.build_initrd(tmp_path, {"/lab/run": script.encode()}, automatic=False)
    chosen = engine.get("qemu-icount")

    def boot(name):
        work = tmp_path / name
        work.mkdir()
        return chosen.run(Boot(guestrun.find_kernel(), initrd, "", 1, 512, 120.0, work))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(boot, ("first", "second"))
    assert first.ok and second.ok, first.detail + second.detail
    assert first.frames == second.frames
    assert first.console_text() == second.console_text()
    assert len(first.console_text()) > 300


def test_kvm_is_offered_only_with_a_reason(build_dir):
    usable, reason = engine.get("kvm").available()
    assert reason and "\n" not in reason
    if usable:
        kernel = guestrun.find_kernel()
        work = build_dir / "boots" / "tests" / "kvm"
        work.mkdir(parents=True, exist_ok=True)
        initrd = guestrun.build_initrd(work, {"/lab/run": b"#!/bin/sh\nexit 5\n"})
        assert engine.get("kvm").run(Boot(kernel, initrd, "", 1, 512, 30.0, work)).exit_code == 5


def test_the_kernels_version_is_recorded():
    version = json.loads((paths.kernel() / "version").read_text())
    assert image.kernel_release() == version["release"]
    assert version["flavour"] == paths.kernel_name()
    assert image.kernel_release("no-such-flavour") is None
    assert (paths.kernel() / "headers/Makefile").exists()
