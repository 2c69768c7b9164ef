# SPDX-License-Identifier: MIT
"""What a person sees while an experiment runs: finished steps as lines, and one live line."""

import os
import shutil
import sys
import threading
import time

REDRAW_S = 0.5


def duration(seconds):
    """5 s, 2 min 05 s, 1 h 03 min."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


class Progress:
    """Counts work in expected seconds and says what runs and how long it will take.

    total: expected seconds of work in all.  jobs: how many steps run at once.  On a terminal
    the last line is redrawn; elsewhere only finished steps are printed.
    """

    def __init__(self, total, jobs, stream=None, clock=time.monotonic):
        self._stream = stream or sys.stderr
        self._clock, self._begin = clock, clock()
        self._total, self._jobs = total, jobs
        self._done, self._running = 0.0, {}
        self._last = 0.0            # when work was last done, seconds after the beginning
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._tty = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._thread = threading.Thread(target=self._redraw, daemon=True)
        if self._tty:
            self._thread.start()

    def start(self, step, text):
        """A step (any key) began or moved on; text says what it does now."""
        with self._lock:
            self._running[step] = text

    def advance(self, seconds):
        """Work worth this many expected seconds is done."""
        with self._lock:
            self._done += seconds
            self._last = self._clock() - self._begin

    def finish(self, step, line=None):
        """A step ended; `line` is what stays on the screen."""
        with self._lock:
            self._running.pop(step, None)
        if line:
            self.say(line)

    def say(self, line):
        """Print a line that stays."""
        with self._lock:
            spent = duration(self._clock() - self._begin)
            self._write(f"[{spent:>12}] {line}\n")

    def eta(self):
        """Seconds left, judged by how the finished work compared with what was expected."""
        left = max(self._total - self._done, 0) / self._jobs
        # Until a tenth is done its pace says little: lean on the expectation.
        weight = self._total * 0.1 / self._jobs
        pace = (self._last + weight) / (self._done / self._jobs + weight) if weight else 1
        since = self._clock() - self._begin - self._last
        return max(left * pace - since, left * pace * 0.2)

    def close(self):
        """Take the live line away."""
        self._stop.set()
        if self._tty:
            self._thread.join(timeout=2)
            self._write("")

    def _redraw(self):
        while not self._stop.wait(REDRAW_S):
            with self._lock:
                spent, left = self._clock() - self._begin, self.eta()
                share = min(spent / (spent + left), 0.99) if spent + left else 0
                what = " | ".join(self._running.values())
                line = f"{share:4.0%} about {duration(left)} left: {what}"
                width = shutil.get_terminal_size().columns - 1
                self._stream.write("\r\x1b[K" + line[:width])
                self._stream.flush()

    def _write(self, text):
        self._stream.write(("\r\x1b[K" if self._tty else "") + text)
        self._stream.flush()
