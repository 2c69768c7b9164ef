# SPDX-License-Identifier: MIT
"""A distribution as other tools count it: bins of their own unit, and what they lost."""

from dataclasses import dataclass, field

from dunelab import hdr

NS = {"ns": 1, "us": 1000}


class FormatError(ValueError):
    """A file is not in the format, or contradicts itself; the message says where."""


@dataclass
class Series:
    """One CPU's or job's distribution.

    bins: {value in `unit`: count}, values whole.  overflow: samples that are in no bin.  low, high:
    smallest and largest sample, None if the tool does not say.  notes: what a reader has to know.
    """

    name: str
    unit: str
    bins: dict
    overflow: int = 0
    low: int | None = None
    high: int | None = None
    mean: float | None = None
    notes: list = field(default_factory=list)

    @property
    def counted(self):
        """Samples in bins."""
        return sum(self.bins.values())

    def histogram(self):
        """A Histogram in ns.  A bin of 1 us holds what is below its upper edge, so it goes there;
        samples without a bin are its overflow."""
        result, step = hdr.Histogram(), NS[self.unit]
        for value, count in self.bins.items():
            result.record(value * step + step - 1, count)
        result.overflow += self.overflow
        return result


def of_histogram(name, histogram):
    """The Series of a Histogram in ns: a bin for each bucket, at its upper edge."""
    rows = histogram.rows()
    return Series(name, "ns", {edge: count for edge, count, _ in rows}, histogram.overflow,
                  histogram.edges(min(histogram.counts))[0] if rows else None,
                  histogram.max() if rows else None,
                  histogram.mean_stddev()[0] if rows else None)


def whole(value, what):
    """A count or a bin as a whole number >= 0; FormatError for anything else, NaN too."""
    try:
        number = int(value)
        if number < 0 or float(value) != number:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise FormatError(f"{what}: '{value}' is no whole number from 0 on") from None
    return number
