# SPDX-License-Identifier: MIT
"""The caches of data that a cost profile describes: two levels and the memory behind them."""

from dataclasses import dataclass

from dunelab.errors import UsageError

LEVELS = ("level_1", "level_2")
LATENCIES = ("level_1_latency", "level_2_latency", "memory_latency")
KEYS = ("line", *LEVELS, *LATENCIES)
KIB = 1024
LINES = (16, 512)           # bytes, least and most
MAX_KIB = 256 * KIB
MAX_WAYS = 64


@dataclass(frozen=True)
class DataCache:
    """line: bytes. levels: ((bytes, ways), ...), each CPU's own first. latencies: cycles from the
    address to the data, exact, of the levels and of memory; they do not fall."""

    line: int
    levels: tuple
    latencies: tuple

    def flat(self, units):
        """Lines for the emulator; units(cycles) -> clock units."""
        *levels, memory = map(units, self.latencies)
        yield f"cache_line {self.line}"
        for n, ((size, ways), latency) in enumerate(zip(self.levels, levels), 1):
            yield f"cache_level {n} {size} {ways} {latency}"
        yield f"cache_memory {memory}"


def parse(fields, cycles):
    """The DataCache of the table data_cache, None without one; cycles(what, value) -> Fraction."""
    if not fields:
        return None
    for key in KEYS:
        if key not in fields:
            raise UsageError(f"data_cache without data_cache.{key}")
    line = fields["line"]
    if not _whole(line) or not LINES[0] <= line <= LINES[1] or line & (line - 1):
        raise UsageError(f"data_cache.line = {line}: want a power of two from {LINES[0]} to "
                         f"{LINES[1]} bytes")
    levels = tuple(_shape(f"data_cache.{key}", fields[key], line) for key in LEVELS)
    if levels[0][0] > levels[1][0]:
        raise UsageError("data_cache.level_2: want at least the size of level_1")
    latencies = tuple(cycles(f"data_cache.{key}", fields[key]) for key in LATENCIES)
    for key, nearer, farther in zip(LATENCIES[1:], latencies, latencies[1:]):
        if farther < nearer:
            raise UsageError(f"data_cache.{key} = {float(farther):g}: less than what is nearer")
    return DataCache(line, levels, latencies)


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _shape(what, value, line):
    """(bytes, ways): sets are a power of two."""
    if not (isinstance(value, list) and len(value) == 2 and all(map(_whole, value))):
        raise UsageError(f"{what} = {value}: want [KiB, ways]")
    kib, ways = value
    if not 1 <= kib <= MAX_KIB or not 1 <= ways <= MAX_WAYS:
        raise UsageError(f"{what} = {value}: want 1 to {MAX_KIB} KiB, 1 to {MAX_WAYS} ways")
    sets, rest = divmod(kib * KIB, line * ways)
    if rest or not sets or sets & (sets - 1):
        raise UsageError(f"{what} = {value}: size / (line * ways) must be a power of two")
    return kib * KIB, ways
