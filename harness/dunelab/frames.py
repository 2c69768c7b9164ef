# SPDX-License-Identifier: MIT
"""The byte protocol by which a guest hands files, events and its exit status to the host.

A frame on port 0xe9 is

    \\x02 "DL1 " KIND " " NAME " " LENGTH " " CRC32 "\\n"  PAYLOAD  "\\n"

KIND is file, event or exit; NAME has no white space; LENGTH is the payload's bytes, decimal;
CRC32 is zlib's CRC-32 of the payload, 8 hex digits. The guest's side is vm-images/guest/report.c.
"""

import re
import zlib
from dataclasses import dataclass

MAGIC = b"\x02DL1 "
KINDS = ("file", "event", "exit")
HEADER_MAX = 512                # bytes; a longer header line is damage, not a header
PAYLOAD_MAX = 256 << 20         # bytes; a larger LENGTH is damage: no guest has that much to say

_HEADER = re.compile(rb"\x02DL1 (file|event|exit) ([!-~]+) ([0-9]{1,10}) ([0-9a-f]{8})\n")


@dataclass(frozen=True)
class Frame:
    """One intact frame: `kind` in KINDS, `name` without white space, `payload` as sent."""

    kind: str
    name: str
    payload: bytes

    @property
    def text(self):
        """The payload as text; bytes that are not UTF-8 become U+FFFD."""
        return self.payload.decode("utf-8", "replace")


def encode(kind, name, payload):
    """The bytes of one frame (what report.c sends). ValueError if kind or name cannot be sent."""
    header = b"%s%s %s %d %08x\n" % (MAGIC, kind.encode(), name.encode(), len(payload),
                                     zlib.crc32(payload))
    if not _HEADER.fullmatch(header):
        raise ValueError(f"cannot be sent as a frame: kind {kind!r}, name {name!r}")
    return header + payload + b"\n"


class FrameParser:
    """Incremental parser: feed() it bytes as they arrive, finish() it when no more will come.

    After damage it searches for the next frame, inside the damaged one too, so that one lost byte
    costs one frame. `errors` lists every damage found, as text with the offset in the stream;
    an empty list after finish() means that each byte belonged to an intact frame.
    """

    def __init__(self):
        self.frames = []
        self.errors = []
        self._data = bytearray()    # bytes not yet decided on
        self._offset = 0            # stream offset of self._data[0]
        self._stray = 0             # bytes outside any frame, not yet reported
        self._need = 0              # feed() can do nothing before _data has this many bytes

    def feed(self, data):
        """Take the next bytes of the stream; returns the frames they completed."""
        self._data += data
        if len(self._data) < self._need:
            return []
        return self._parse(final=False)

    def finish(self):
        """The stream has ended: whatever is left is damage. Returns the last frames found in it."""
        return self._parse(final=True)

    def _parse(self, final):
        found = []
        self._need = 0
        while self._data:
            start = self._data.find(MAGIC)
            if start < 0:
                # The end may be the beginning of the next magic.
                keep = 0 if final else _overlap(self._data)
                self._skip(len(self._data) - keep, stray=True)
                break
            self._skip(start, stray=True)
            frame, size, damage = self._one(final)
            if frame:
                self._report_stray()
                found.append(frame)
                self._skip(size)
            elif damage:
                self._report_stray()
                self.errors.append(f"offset {self._offset}: {damage}")
                # Past the magic only: the next frame may lie inside what this one claimed. What is
                # skipped until then belongs to the damage just reported.
                self._skip(len(MAGIC))
                following = self._data.find(MAGIC)
                if following < 0:
                    following = len(self._data) - (0 if final else _overlap(self._data))
                self._skip(following)
            else:
                self._need = size
                break
        if final:
            self._report_stray()
        self.frames += found
        return found

    def _one(self, final):
        """Look at the frame at the start of the buffer: (frame, size, None), or (None, 0, damage),
        or (None, bytes needed, None) when it is not complete yet."""
        end = self._data.find(b"\n", 0, HEADER_MAX)
        if end < 0:
            if len(self._data) >= HEADER_MAX:
                return None, 0, "frame header without an end"
            return (None, 0, "truncated frame header") if final else (None, 0, None)
        header = _HEADER.fullmatch(self._data, 0, end + 1)
        if not header:
            return None, 0, f"bad frame header {bytes(self._data[1:end])!r}"
        kind, name, length, crc = (part.decode() for part in header.groups())
        length = int(length)
        if length > PAYLOAD_MAX:
            return None, 0, f"frame '{name}' claims {length} bytes"
        size = end + 1 + length + 1
        if len(self._data) < size:
            if final:
                have = len(self._data) - end - 1
                return None, 0, f"truncated frame '{name}': {have} of {length} bytes"
            return None, size, None
        payload = bytes(self._data[end + 1:size - 1])
        if zlib.crc32(payload) != int(crc, 16) or self._data[size - 1] != 0x0a:
            return None, 0, f"corrupt frame '{name}': checksum of {length} bytes differs"
        return Frame(kind, name, payload), size, None

    def _skip(self, count, stray=False):
        del self._data[:count]
        self._offset += count
        if stray:
            self._stray += count
        # else: counted as part of a frame or of a reported damage

    def _report_stray(self):
        if self._stray:
            self.errors.append(f"before offset {self._offset}: {self._stray} bytes outside any "
                               "frame")
            self._stray = 0


def _overlap(data):
    """How many bytes at the end of `data` could be the beginning of MAGIC (0..4)."""
    for count in range(len(MAGIC) - 1, 0, -1):
        if data.endswith(MAGIC[:count]):
            return count
    return 0
