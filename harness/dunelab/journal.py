# SPDX-License-Identifier: MIT
"""The append-only record of what a run did and when; one JSON object a line."""

import fcntl
import json
import os
import threading
import time

from dunelab.errors import UsageError


class Journal:
    """Appends events to a file; every line reaches the disk before anything depends on it.

    Whoever has it open is the only one that writes its run: UsageError for the next.
    """

    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise UsageError(f"{path.parent} is being written by another process: wait for it, or "
                             "measure into another directory") from None
        self._lock = threading.Lock()

    def write(self, event, **fields):
        """Append {"t": seconds since the epoch, "event": ..., ...}."""
        line = json.dumps({"t": round(time.time(), 3), "event": event, **fields})
        with self._lock:
            if not self._file.closed:
                self._file.write(line + "\n")
                self._file.flush()
                os.fsync(self._file.fileno())

    def close(self):
        """Close the file; later writes are ignored."""
        with self._lock:
            self._file.close()


def read(path):
    """The events of a journal, oldest first.  A last line cut short by a crash is left out."""
    events = []
    try:
        lines = open(path, encoding="utf-8").read().splitlines()
    except FileNotFoundError:
        return events
    for number, line in enumerate(lines, 1):
        try:
            events.append(json.loads(line))
        except ValueError:
            if number < len(lines):
                raise ValueError(f"{path}: line {number} is not JSON") from None
    return events
