# SPDX-License-Identifier: MIT
"""The paper's figures, from published.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from dunelab import profiles

PROFILE = "ivybridge-2012"      # the processor of the paper
# The tables of the evaluation, in their order.
TABLES = {
    "slower": "Operations that Dune makes slower",
    "faster": "Operations that Dune makes faster",
    "sandbox": "A server in the sandbox",
    "separation": "Privilege separation",
    "collection": "Garbage collection",
}


@dataclass(frozen=True)
class Published:
    """One row. linux, dune: the paper's figures, in `unit`, rates or costs; mine: names of our two
    figures, which are costs and which `scale` multiplies; differs: what is not the same."""

    key: str
    title: str
    table: str
    unit: str
    linux: float
    dune: float
    mine: tuple
    differs: str
    scale: float = 1
    rate: bool = False

    @property
    def ratio(self):
        """Dune's cost / Linux's: below 1 Dune is faster."""
        return self.linux / self.dune if self.rate else self.dune / self.linux


def _read():
    return tomllib.loads((Path(__file__).parent / "published.toml").read_text("utf-8"))


def rows():
    """All rows, in the order of the tables."""
    found = [_row(fields) for fields in _read()["row"]]
    return sorted(found, key=lambda row: list(TABLES).index(row.table))


def _row(fields):
    """A Published; figures of `micro` are the ones beside the constants that are fitted on them."""
    fields["mine"] = tuple(fields["mine"])
    if "linux" not in fields:
        known, scale = profiles.load(PROFILE).published, fields.get("scale", 1)
        fields |= {system: float(known[name]) * scale
                   for system, name in zip(("linux", "dune"), fields["mine"])}
    return Published(**fields)


def sandbox():
    """{"mean": slow-down of SPEC, "worst": ..., "worst_name": ...}."""
    return _read()["sandbox"]
