# SPDX-License-Identifier: MIT
"""The supervisor, with real processes in the emulator's place: every way a boot can end, and that
none of them leaves a process behind."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from dunelab.engine.base import Boot, Engine, Launch
from dunelab.frames import encode

EXIT0 = encode("exit", "status", b"0")
HARNESS = Path(__file__).resolve().parents[2]


class Shell(Engine):
    """Runs a shell script as if it were an emulator; $C is the console, $F the channel."""

    name = "shell"
    poweroff_grace_s = 0.3

    def __init__(self, script):
        self.script = script

    def launch(self, boot):
        console, channel = boot.workdir / "console.log", boot.workdir / "frames.bin"
        env = {**os.environ, "C": str(console), "F": str(channel), "W": str(boot.workdir)}
        return Launch(["sh", "-c", self.script], console, channel, boot.workdir / "log", env=env)


@pytest.fixture
def run(tmp_path):
    def start(script, timeout_s=10.0, **watch):
        for name, data in (("exit0", EXIT0), ("bad", EXIT0[:-2] + b"1\n"),
                           ("start", encode("event", "start", b"")),
                           ("event", encode("event", "begin", b"")),
                           ("file", encode("file", "data", b"abc"))):
            (tmp_path / name).write_bytes(data)
        boot = Boot(Path("k"), Path("i"), "", 1, 1, timeout_s, tmp_path)
        return Shell(script).run(boot, **watch)
    return start


def alive(pid):
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid, within_s=3.0):
    """Whether a process ends within that time."""
    deadline = time.monotonic() + within_s
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_an_exit_frame_is_done(run):
    result = run("echo hello >$C; cat $W/start $W/file $W/exit0 >$F")
    assert (result.status, result.exit_code, result.ok) == ("DONE", 0, True)
    assert result.payload("data") == b"abc"
    assert result.console_text() == "hello\n"
    assert 0 <= result.time_to_run_s <= result.wall_s


def test_a_guest_that_does_not_power_off_is_done_after_the_grace(run):
    result = run("cat $W/exit0 >$F; exec sleep 60")
    assert result.status == "DONE" and result.wall_s < 3


def test_no_exit_frame_is_lost(run):
    result = run("echo last words >$C; cat $W/file >$F")
    assert (result.status, result.exit_code) == ("LOST", None)
    assert "last words" in result.detail


def test_a_corrupt_frame_is_lost(run):
    result = run("cat $W/bad $W/exit0 >$F")
    assert result.status == "LOST" and not result.ok
    assert "corrupt frame" in result.detail


def test_a_truncated_frame_is_lost(run):
    # In one piece: after the exit frame alone the emulator has only so much time.
    both = "head -c 20 $W/file | cat $W/exit0 - >$W/both"
    assert run(f"{both}; cat $W/both >$F").status == "LOST"


def test_a_crash_is_died_and_the_log_is_quoted(run):
    result = run("echo no such machine >&2; exit 5")
    assert result.status == "DIED"
    assert "status 5" in result.detail and "no such machine" in result.detail


def test_a_killed_emulator_is_died(run):
    result = run("echo here >$C; kill -KILL $$")
    assert result.status == "DIED"
    assert "SIGKILL" in result.detail and "here" in result.detail


def test_a_hang_is_a_timeout_with_the_consoles_end(run):
    result = run("for i in $(seq 100); do echo line $i; done >$C; exec sleep 60", timeout_s=0.5)
    assert result.status == "TIMEOUT"
    assert 0.5 <= result.wall_s < 3
    assert "line 100" in result.detail and "line 50" not in result.detail
    assert "0.5 s" in result.detail and "has reported nothing" in result.detail


def test_a_hang_says_what_was_reported_last(run):
    result = run("cat $W/event >$F; exec sleep 60", timeout_s=2)
    assert re.search(r"the guest hangs; its last report was 'begin', [0-2] s ago", result.detail)


def test_a_panic_ends_the_boot_at_once(run):
    result = run("printf 'a\\nKernel panic - not syncing: Attempted to kill init!\\nb\\n' >$C;"
                 "exec sleep 60")
    assert result.status == "PANIC" and result.wall_s < 3
    assert result.detail.startswith("Kernel panic - not syncing: Attempted to kill init!")


def test_a_panic_written_in_pieces_is_found(run):
    result = run("printf 'x\\nKernel pan' >$C; sleep 0.2; printf 'ic - not syncing: y\\n' >>$C;"
                 "exec sleep 60")
    assert result.status == "PANIC"


def test_a_panic_that_starts_a_crash_kernel_ends_nothing(run):
    result = run("printf 'Kernel panic - not syncing: x\\n' >$C; sleep 1; cat $W/exit0 >$F",
                 crash_kernel=True)
    assert (result.status, result.exit_code) == ("DONE", 0)


def test_frames_arrive_while_the_guest_runs(run):
    seen = []
    run("cat $W/file >$F; sleep 1; cat $W/exit0 >>$F",
        on_frame=lambda frame: seen.append((frame.name, time.monotonic())))
    assert [name for name, _ in seen] == ["data", "status"]
    assert seen[1][1] - seen[0][1] > 0.7


def test_stop_when_ends_the_boot_as_done(run):
    result = run("cat $W/file >$F; head -c 20 $W/file >>$F; exec sleep 60",
                 stop_when=lambda frames: any(f.name == "data" for f in frames))
    assert (result.status, result.exit_code) == ("DONE", None)
    assert result.wall_s < 3


def test_the_console_is_passed_on_live(run):
    parts = []
    run("echo one >$C; sleep 0.3; echo two >>$C; cat $W/exit0 >$F", on_console=parts.append)
    assert parts == [b"one\n", b"two\n"]


def test_children_of_the_emulator_are_ended_too(run, tmp_path):
    run("sleep 60 & echo $! >$W/pid; wait", timeout_s=0.3)
    assert gone(int((tmp_path / "pid").read_text()))


def test_an_exception_in_a_callback_ends_the_emulator(run, tmp_path):
    def broken(frame):
        raise RuntimeError("mine")
    with pytest.raises(RuntimeError, match="mine"):
        run("echo $$ >$W/pid; cat $W/file >$F; exec sleep 60", on_frame=broken)
    assert gone(int((tmp_path / "pid").read_text()))


PROGRAM = textwrap.dedent("""
    import sys
    sys.path[:0] = [{harness!r}, {here!r}]
    from pathlib import Path
    from test_supervise import Shell
    from dunelab.engine.base import Boot
    work = Path({work!r})
    Shell("echo $$ >$W/pid; exec sleep 60").run(Boot(work, work, "", 1, 1, 60.0, work))
""")


@pytest.fixture
def harness_process(tmp_path):
    """(a Python process that is supervising an emulator, the emulator's pid)."""
    text = PROGRAM.format(harness=str(HARNESS), here=str(Path(__file__).parent), work=str(tmp_path))
    # Tests in the background of a shell have SIGINT ignored, and would hand that down.
    process = subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.PIPE,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    deadline = time.monotonic() + 10
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    yield process, int((tmp_path / "pid").read_text())
    process.kill()
    process.communicate()


def test_ctrl_c_leaves_no_emulator(harness_process):
    process, emulator = harness_process
    assert alive(emulator)
    process.send_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in process.communicate(timeout=5)[1]
    assert gone(emulator)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_harness_leaves_no_emulator(harness_process, number):
    process, emulator = harness_process
    process.send_signal(number)
    process.wait(timeout=5)
    assert gone(emulator)


def test_cancel_all_ends_boots_of_other_threads(tmp_path):
    # In a process of its own: a cancelled harness refuses all later boots.
    text = PROGRAM.format(harness=str(HARNESS), here=str(Path(__file__).parent), work=str(tmp_path))
    text = text.replace("Shell(", "boot = lambda: Shell(") + textwrap.dedent("""
        import threading, time
        from dunelab.engine.supervise import cancel_all
        ended = []
        def worker():
            try:
                boot()
            except KeyboardInterrupt:
                ended.append(1)
        threads = [threading.Thread(target=worker)]
        threads[0].start()
        while not (work / "pid").exists():
            time.sleep(0.02)
        cancel_all()
        threads[0].join(5)
        worker()
        print(len(ended), flush=True)
    """)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=20,
                          check=True)
    assert done.stdout == "2\n"
    assert gone(int((tmp_path / "pid").read_text()))


def test_two_boots_at_once_do_not_disturb_each_other(tmp_path):
    results = {}

    def boot(name):
        work = tmp_path / name
        work.mkdir()
        (work / "frames").write_bytes(encode("file", name, b"") + EXIT0)
        results[name] = Shell("sleep 0.2; cat $W/frames >$F").run(
            Boot(work, work, "", 1, 1, 10.0, work))
    threads = [threading.Thread(target=boot, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("a", "b"):
        assert results[name].ok and results[name].payload(name) == b""
