# SPDX-License-Identifier: MIT
"""HdrHistogram: log-linear histograms with a bounded relative error, and their V2 wire format.

The whole project uses one shape (LOWEST, HIGHEST, DIGITS), so histograms of any two runs
can be merged without moving a count to another bucket.  Counts are kept sparse.

The wire format is the one the HdrHistogram libraries call V2: big-endian header, then
ZigZag-LEB128 counts in which a negative number is a run of empty buckets; the compressed
form wraps that in zlib and the log form wraps it again in base64.
"""

import base64
import bisect
import math
import struct
import zlib
from fractions import Fraction

LOWEST = 1
HIGHEST = 1 << 40
DIGITS = 3

_COOKIE_V2 = 0x1C849303
_COOKIE_V2_ZLIB = 0x1C849304
_WORD_8_BYTES = 0x10
_HEADER = struct.Struct(">iiiiqqd")
# Far above any histogram of ours (32,768 counters of at most 9 bytes); a bound that keeps a
# corrupt length field from asking zlib for gigabytes.
_PAYLOAD_MAX = 1 << 22


class CodecError(ValueError):
    """The bytes are not a V2 histogram, or are damaged."""


def as_fraction(percentile):
    """A percentile in percent ("99.9", 99, Fraction) as an exact Fraction of 1, in (0, 1]."""
    value = Fraction(str(percentile)) / 100
    if not 0 < value <= 1:
        raise ValueError(f"percentile {percentile} is not in (0, 100]")
    return value


class Histogram:
    """Counts of integer values in [0, highest], relative error at most 10**-digits."""

    def __init__(self, lowest=LOWEST, highest=HIGHEST, digits=DIGITS):
        if lowest < 1 or highest < 2 * lowest or not 1 <= digits <= 5:
            raise ValueError("want lowest >= 1, highest >= 2 * lowest, digits 1..5")
        self.lowest, self.highest, self.digits = lowest, highest, digits
        self._unit = lowest.bit_length() - 1
        # Enough sub-buckets that 2 * 10**digits consecutive values get one bucket each.
        self._half_bits = max((2 * 10 ** digits - 1).bit_length(), 1) - 1
        self._half = 1 << self._half_bits
        self._mask = (2 * self._half - 1) << self._unit
        buckets, limit = 1, 2 * self._half << self._unit
        while limit <= highest:
            limit, buckets = limit << 1, buckets + 1
        self.length = (buckets + 1) * self._half
        self.counts = {}            # bucket -> count; change it by record() and add()
        self.overflow = 0
        self._rows = None           # rows() as long as nothing changes
        self.parts = ()             # what it is the sum of, in order of time, where that is known

    def like(self):
        """An empty histogram of the same shape."""
        return Histogram(self.lowest, self.highest, self.digits)

    @property
    def sub_buckets(self):
        """Buckets of one power of two: 2048 for three digits."""
        return 2 * self._half

    def shape(self):
        """(lowest, highest, digits)."""
        return self.lowest, self.highest, self.digits

    # -- buckets -----------------------------------------------------------------------

    def index(self, value):
        """Bucket number of a value >= 0 (may be >= self.length when out of range)."""
        bucket = (value | self._mask).bit_length() - self._unit - self._half_bits - 1
        sub = value >> (bucket + self._unit)
        return ((bucket + 1) << self._half_bits) + sub - self._half

    def edges(self, index):
        """(lowest, highest) value counted in a bucket, both inclusive."""
        bucket = (index >> self._half_bits) - 1
        sub = (index & (self._half - 1)) + self._half
        if bucket < 0:
            bucket, sub = 0, sub - self._half
        shift = bucket + self._unit
        return sub << shift, ((sub + 1) << shift) - 1

    def record(self, value, count=1):
        """Count a value; False (and overflow += count) when it is out of range."""
        index = self.index(value) if value >= 0 else self.length
        if index >= self.length:
            self.overflow += count
            return False
        self.counts[index] = self.counts.get(index, 0) + count
        self._rows, self.parts = None, ()
        return True

    def add(self, other):
        """Merge another histogram of the same shape into this one."""
        if other.shape() != self.shape():
            raise ValueError(f"shapes differ: {self.shape()} and {other.shape()}")
        for index, count in other.counts.items():
            self.counts[index] = self.counts.get(index, 0) + count
        self.overflow += other.overflow
        self._rows, self.parts = None, ()

    # -- what was measured -------------------------------------------------------------

    @property
    def total(self):
        """Number of recorded values."""
        return self._rows[-1][2] if self._rows else sum(self.counts.values())

    def rows(self):
        """(upper edge, count, cumulative count) of every non-empty bucket, ascending."""
        if self._rows is None:
            running, self._rows = 0, []
            for index in sorted(self.counts):
                if self.counts[index]:
                    running += self.counts[index]
                    self._rows.append((self.edges(index)[1], self.counts[index], running))
        return self._rows

    def value_at_rank(self, rank):
        """Upper edge of the bucket holding the rank-th smallest value (1-based), or None."""
        rows = self.rows()
        place = bisect.bisect_left(rows, rank, key=lambda row: row[2])
        return rows[place][0] if place < len(rows) else None

    def percentile(self, percentile):
        """Upper edge of the smallest bucket with cumulative count >= ceil(p * n), or None."""
        rank = math.ceil(as_fraction(percentile) * self.total)
        return self.value_at_rank(rank) if rank else None

    def max(self):
        """Upper edge of the highest non-empty bucket, 0 when empty."""
        used = [index for index, count in self.counts.items() if count]
        return self.edges(max(used))[1] if used else 0

    def mean_stddev(self):
        """(mean, population standard deviation) from bucket middles, (0.0, 0.0) when empty."""
        total = self.total
        if not total:
            return 0.0, 0.0
        # Middles as HdrHistogram takes them: low + width / 2, rounded down.
        middles = []
        for index, count in self.counts.items():
            low, high = self.edges(index)
            middles.append((low + ((high - low + 1) >> 1), count))
        mean = sum(middle * count for middle, count in middles) / total
        variance = sum((middle - mean) ** 2 * count for middle, count in middles) / total
        return mean, math.sqrt(variance)

    # -- wire format -------------------------------------------------------------------

    def encode(self):
        """The uncompressed V2 bytes."""
        out, following = bytearray(), 0
        for index in sorted(index for index, count in self.counts.items() if count):
            empty = index - following
            if empty:
                _put_zigzag(out, 0 if empty == 1 else -empty)
            _put_zigzag(out, self.counts[index])
            following = index + 1
        if not out:
            _put_zigzag(out, 0)
        return _HEADER.pack(_COOKIE_V2 | _WORD_8_BYTES, len(out), 0, self.digits,
                            self.lowest, self.highest, 1.0) + bytes(out)

    def encode_base64(self):
        """The compressed V2 form in base64, as .hlog files carry it ("HISTFAAA...")."""
        packed = zlib.compress(self.encode())
        return base64.b64encode(
            struct.pack(">ii", _COOKIE_V2_ZLIB | _WORD_8_BYTES, len(packed)) + packed).decode()


def decode(data):
    """Histogram from uncompressed V2 bytes; CodecError when they are damaged."""
    if len(data) < _HEADER.size:
        raise CodecError("shorter than a V2 header")
    cookie, size, offset, digits, lowest, highest, _ = _HEADER.unpack_from(data)
    if cookie & ~0xF0 != _COOKIE_V2:
        raise CodecError(f"not a V2 histogram (cookie {cookie & 0xFFFFFFFF:#x})")
    if offset:
        raise CodecError("normalizing index offset is not supported")
    payload = data[_HEADER.size:_HEADER.size + size]
    if size < 0 or len(payload) != size:
        raise CodecError(f"payload has {len(payload)} bytes, header says {size}")
    try:
        histogram = Histogram(lowest, highest, digits)
    except ValueError as error:
        raise CodecError(str(error)) from None
    position = index = 0
    while position < size:
        # Nearly all counts fit into one byte.
        value = payload[position]
        if value < 0x80:
            value, position = (value >> 1) ^ -(value & 1), position + 1
        else:
            value, position = _get_zigzag(payload, position)
        if value < 0:
            index -= value
        else:
            if value:
                histogram.counts[index] = value
            index += 1
        if index > histogram.length:
            raise CodecError("more counters than the histogram has buckets")
    return histogram


def decode_base64(text):
    """Histogram from the compressed base64 form; CodecError when it is damaged."""
    try:
        data = base64.b64decode(text, validate=True)
        cookie, size = struct.unpack_from(">ii", data)
        if cookie & ~0xF0 != _COOKIE_V2_ZLIB:
            raise CodecError(f"not a compressed V2 histogram (cookie {cookie & 0xFFFFFFFF:#x})")
        if len(data) - 8 != size:
            raise CodecError(f"{len(data) - 8} compressed bytes, header says {size}")
        unpack = zlib.decompressobj()
        raw = unpack.decompress(data[8:], _PAYLOAD_MAX)
        if not unpack.eof:
            raise CodecError("compressed payload is cut short or too large")
    except CodecError:
        raise
    except (ValueError, struct.error, zlib.error) as error:
        raise CodecError(f"not a compressed histogram: {error}") from None
    return decode(raw)


def merge(histograms):
    """Sum of histograms of one shape; an empty one of the project's shape for none."""
    result = None
    for histogram in histograms:
        if result is None:
            result = histogram.like()
        result.add(histogram)
    return result if result is not None else Histogram()


def _put_zigzag(out, value):
    """Append one signed 64-bit number; the ninth byte, if any, carries eight bits."""
    value = ((value << 1) ^ (value >> 63)) & 0xFFFFFFFFFFFFFFFF
    for _ in range(8):
        if value < 0x80:
            out.append(value)
            return
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _get_zigzag(data, position):
    """(value, next position) of the number at position."""
    value = shift = 0
    for number in range(9):
        if position >= len(data):
            raise CodecError("a counter is cut short")
        byte = data[position]
        position += 1
        if number == 8:
            value |= byte << shift
            break
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return (value >> 1) ^ -(value & 1), position
