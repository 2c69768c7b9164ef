# SPDX-License-Identifier: MIT
"""Runs one emulator process: starts it, watches its console and frames, and always ends it.

No emulator outlives its boot. It has a process group of its own, so that Ctrl-C reaches only us;
every way out of supervise() kills that group; and if this process dies without a way out (SIGKILL),
the kernel kills the emulator (PR_SET_PDEATHSIG, set by setpriv from util-linux rather than by a
preexec_fn, which is not safe once the harness has threads).
"""

import atexit
import os
import re
import shutil
import signal
import subprocess
import threading
import time

from dunelab.engine.base import DIED, DONE, LOST, PANIC, TIMEOUT, BootResult
from dunelab.errors import UsageError
from dunelab.frames import FrameParser

POLL_S = 0.02               # how often console and channel are looked at
PANIC_LINGER_S = 0.5        # after the first line of a panic, wait for the rest of its trace
DETAIL_LINES = 30           # of the console's end, quoted in a failure
TRACE_LINES = 80            # of it, at most, from the first sign of a crash on
START_EVENT = "start"       # sent by /init right before /lab/run

_PANIC = re.compile(rb"Kernel panic - not syncing[^\r\n]*")
_CRASH = re.compile(r"Kernel panic - |\bBUG: |Oops: |general protection fault")
_READ = 1 << 20

_running = set()            # process groups (= pids) of live emulators
_lock = threading.Lock()
_cancelled = threading.Event()


def cancel_all():
    """End every emulator of this process, from any thread; later boots are refused.

    For Ctrl-C in a program that boots in worker threads: only its main thread is interrupted.
    """
    _cancelled.set()
    with _lock:
        groups = list(_running)
    for group in groups:
        _kill_group(group)


def cancelled():
    """Whether cancel_all() was called: for what runs beside emulators."""
    return _cancelled.is_set()


atexit.register(cancel_all)


class _Tail:
    """Reads what has been appended to a file that may not exist yet."""

    def __init__(self, path):
        self._path = path
        self._file = None

    def read(self):
        """The bytes added since the last call."""
        if self._file is None:
            try:
                self._file = open(self._path, "rb", buffering=0)
            except FileNotFoundError:
                return b""
        parts = []
        while True:
            part = self._file.read(_READ)
            if not part:
                return b"".join(parts)
            parts.append(part)

    def close(self):
        """Give the descriptor back."""
        if self._file is not None:
            self._file.close()


class _Watch:
    """What the guest has said so far: frames, panic, exit status."""

    def __init__(self, launch, on_frame, stop_when, on_console, crash_kernel):
        self._console = _Tail(launch.console)
        self._channel = _Tail(launch.channel)
        self._carry = b""
        self._on = (on_frame, stop_when, on_console)
        self._crash_kernel = crash_kernel
        self.parser = FrameParser()
        self.exit_code = None
        self.bad_exit = None
        self.panic = None
        self.stopped = False
        self.started_at = None
        self.last = None                # (name of the last frame, when it came)

    def poll(self, final=False):
        """Read both files and act on what is new. True when there was something."""
        on_console = self._on[2]
        text = self._console.read()
        if text:
            if on_console:
                on_console(text)
            self._carry += text
            match = _PANIC.search(self._carry)
            if match and not self.panic and not self._crash_kernel:
                self.panic = match.group().decode("utf-8", "replace")
            self._carry = self._carry[-256:]
        data = self._channel.read()
        found = self.parser.feed(data)
        if final:
            found = found + self.parser.finish()
        for frame in found:
            self._frame(frame)
        return bool(text or data)

    def _frame(self, frame):
        on_frame, stop_when, _ = self._on
        self.last = (frame.name or frame.kind, time.monotonic())
        if frame.kind == "exit":
            if frame.text.isdigit() and int(frame.text) < 256:
                self.exit_code = int(frame.text)
            else:
                self.bad_exit = f"bad exit status in frame: {frame.text[:40]!r}"
        elif frame.kind == "event" and frame.name == START_EVENT and self.started_at is None:
            self.started_at = time.monotonic()
        if on_frame:
            on_frame(frame)
        if stop_when and not self.stopped and stop_when(self.parser.frames):
            self.stopped = True

    def close(self):
        """Close both files."""
        self._console.close()
        self._channel.close()


def supervise(engine, boot, launch, on_frame=None, stop_when=None, on_console=None,
              crash_kernel=False):
    """Run `launch` for `boot` until it ends or has to be ended; returns a BootResult."""
    begin = time.monotonic()
    for path in (launch.console, launch.channel):
        path.unlink(missing_ok=True)
    process = _start(launch, boot)
    watch = _Watch(launch, on_frame, stop_when, on_console, crash_kernel)
    status = None
    try:
        status = _wait(process, watch, begin + boot.timeout_s, engine.poweroff_grace_s)
    finally:
        _kill_group(process.pid)
        process.wait()
        with _lock:
            _running.discard(process.pid)
        if status is None:          # an exception is on its way: nothing more will be reported
            watch.close()
    wall = time.monotonic() - begin
    try:
        # What a stopped guest had half sent is no damage.
        watch.poll(final=not watch.stopped)
    finally:
        watch.close()
    if _cancelled.is_set():
        raise KeyboardInterrupt
    status, reason = _judge(status, process.returncode, watch, boot)
    return BootResult(
        status=status, exit_code=watch.exit_code,
        detail=reason if status == DONE else _detail(reason, launch),
        frames=watch.parser.frames, console=launch.console, wall_s=wall,
        argv=[str(word) for word in launch.argv],
        time_to_run_s=watch.started_at - begin if watch.started_at else None,
        errors=watch.parser.errors)


def _start(launch, boot):
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise UsageError("setpriv is missing: apt-get install util-linux")
    argv = [setpriv, "--pdeathsig", "KILL", "--", *map(str, launch.argv)]
    with open(launch.log, "wb") as log, _lock:
        if _cancelled.is_set():
            raise KeyboardInterrupt
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            cwd=launch.cwd or boot.workdir, env=launch.env, process_group=0)
        _running.add(process.pid)
    return process


def _wait(process, watch, deadline, grace):
    """Watch until something decides the boot; returns TIMEOUT or '' (to be judged)."""
    linger = None                   # when to stop waiting for a clean end
    while True:
        ended = process.poll() is not None
        watch.poll()
        now = time.monotonic()
        if ended or watch.stopped:
            return ""
        if watch.panic and linger is None:
            linger = now + PANIC_LINGER_S
        elif watch.exit_code is not None and linger is None:
            linger = now + grace
        if linger is not None and now >= linger:
            return ""
        if now >= deadline:
            return "" if watch.exit_code is not None else TIMEOUT
        try:
            process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            pass


def _judge(status, returncode, watch, boot):
    """(status, reason) of a boot that is over."""
    errors = watch.parser.errors
    if watch.stopped:
        if errors:
            return LOST, f"lost output: {errors[0]}"
        return DONE, "stopped by the host as planned"
    if watch.panic:
        return PANIC, watch.panic
    if status == TIMEOUT:
        late = f"no exit status within {boot.timeout_s:g} s"
        return TIMEOUT, f"{late}: the guest hangs{_since(watch)}"
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return LOST, f"lost output: {errors[0]}{more}"
    if watch.bad_exit:
        return LOST, watch.bad_exit
    if watch.exit_code is not None:
        return DONE, f"exit status {watch.exit_code}"
    if returncode < 0:
        return DIED, f"the emulator was killed by {_signal_name(-returncode)}"
    if returncode > 0:
        return DIED, f"the emulator ended with status {returncode}"
    return LOST, "the emulator ended without an exit status from the guest"


def _since(watch):
    """What a guest that hangs said last: where in its script it is."""
    if not watch.last:
        return ", and has reported nothing"
    name, at = watch.last
    return f"; its last report was '{name}', {time.monotonic() - at:.0f} s ago"


def _detail(reason, launch):
    """The reason, then the end of the console, or of the emulator's log where that is empty."""
    for title, path in (("console", launch.console), ("emulator's log", launch.log)):
        lines = _last_lines(path)
        if lines:
            head = f"{reason}\n--- end of the {title} ({path})"
            return "\n".join([head, *lines, "---"])
    return f"{reason}\n(the console {launch.console} is empty)"


def _last_lines(path):
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 16384))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    lines = [line.rstrip() for line in text.replace("\r", "\n").split("\n")]
    lines = [line for line in lines if line]
    crash = next((n for n, line in enumerate(lines) if _CRASH.search(line)), len(lines))
    first = min(max(crash - 5, len(lines) - TRACE_LINES), len(lines) - DETAIL_LINES)
    return lines[max(first, 0):]


def _kill_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
