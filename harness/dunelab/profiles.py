# SPDX-License-Identifier: MIT
"""Cost profiles: what a processor charges for events, from vm-images/machines/costs/*.toml,
checked, and as the flat file that the emulator reads. NAME+caches: with its caches of data."""

import math
import tomllib
from dataclasses import dataclass, replace
from fractions import Fraction

from dunelab import datacache, paths
from dunelab.errors import UsageError

NONE = "none"
CACHES_ON = "+caches"
CYCLES = "cycles_per_instruction"
DOMAIN = "cycles(bochs-model)"
# For comparing with published figures: Linux 3.2, which the Dune paper was measured with, knew no
# mitigations; each would cost the native rows hundreds of cycles.
CMDLINE = "mitigations=off"
VENDORS = ("intel", "amd")
MAX_CYCLES = 100_000        # of one event: more is a slip of the pen
MAX_ROW = 10_000_000        # of one published operation
MAX_ENTRIES = 4096          # of one cache of translations
DENOMINATOR = 20_000        # what a tick may be divided into

# What a profile may name, by table. Exits by their names here: reasons in VMX and codes in SVM.
EVENTS = ("entry", "interrupt", "exception", "soft_interrupt", "ipi", "task_switch",
          "string_byte")
WALK = ("start", "reference", "nested_reference")
CACHES = ("tlb_4k", "tlb_2m", "upper_2m", "upper_1g", "upper_512g", "nested_tlb",
          "nested_upper_2m", "nested_upper_1g", "nested_upper_512g")
INSTRUCTIONS = (
    "syscall", "sysret", "iret", "cpuid", "rdtsc", "rdtscp", "rdmsr", "wrmsr", "mov_to_cr0",
    "mov_to_cr3", "mov_to_cr4", "mov_from_cr", "clts", "invlpg", "invpcid", "invept", "invvpid",
    "invlpga", "vmread", "vmwrite", "vmptrld", "vmclear", "vmload", "vmsave", "stgi", "clgi",
    "xsave", "xrstor", "swapgs", "fsgsbase", "popf", "cli", "sti", "stac", "mov_to_sreg", "lgdt",
    "ltr", "pause", "mfence", "lfence", "div")
EXITS = {
    "intel": {"exception": (0,), "interrupt": (1,), "interrupt_window": (7,), "cpuid": (10,),
              "hlt": (12,), "invlpg": (14,), "hypercall": (18,), "cr": (28,), "io": (30,),
              "msr": (31, 32), "pause": (40,), "nested_fault": (48, 49)},
    "amd": {"exception": tuple(range(0x40, 0x60)), "interrupt": (0x60,),
            "interrupt_window": (0x64,), "cpuid": (0x72,), "hlt": (0x78,),
            "invlpg": (0x79, 0x7a), "hypercall": (0x81,), "cr": tuple(range(0x20)),
            "io": (0x7b,), "msr": (0x7c,), "pause": (0x77,), "nested_fault": (0x400,)},
}
TABLES = {"exit": ("default", *EXITS["intel"]), "event": EVENTS, "walk": WALK, "cache": CACHES,
          "instruction": INSTRUCTIONS}
KEYS = ("title", "vendor", "ghz", CYCLES, "fitted", "published", "data_cache", *TABLES)
# What the caches of data decide when they are on.
CACHED = ("walk.reference", "walk.nested_reference")


@dataclass(frozen=True)
class Profile:
    """A checked profile. Costs are cycles, exact: {"exit.cpuid": Fraction(70), ...}.

    cycles: of an instruction. caches: {"tlb_4k": (entries, ways), ...}. fitted: {constant: the row
    it was fitted on}; every other constant has its source in the file. ghz: the processor's, > 0,
    for people. published: cycles of micro's rows there, {"linux.getpid": Fraction(138), ...}.
    The profile "none" has no vendor and charges nothing. data_cache: the DataCache, if it is on.
    """

    name: str
    title: str
    vendor: str | None
    ghz: float | None
    cycles: Fraction
    costs: dict
    caches: dict
    fitted: dict
    published: dict
    data_cache: datacache.DataCache | None = None

    @property
    def charges(self):
        """Whether it changes the clock at all."""
        return self.name != NONE

    def flat(self):
        """The text that the emulator reads: everything in units, the clock's smallest part."""
        den = self._denominator()
        lines = [f"clock {self.cycles * den} {den}"]
        exits = {key: cost for key, cost in self.costs.items() if key.startswith("exit.")}
        # the default first: it is overwritten
        lines.append(f"exit_default {_units(exits.pop('exit.default', Fraction(0)), den)}")
        for key, cost in exits.items():
            lines += [f"exit {number} {_units(cost, den)}"
                      for number in EXITS[self.vendor][key.removeprefix("exit.")]]
        for key, cost in self.costs.items():
            table, name = key.split(".")
            if table == "instruction":
                lines.append(f"instruction {name} {_units(cost, den)}")
            elif table == "event":
                lines.append(f"{name} {_units(cost, den)}")
            elif table == "walk":
                word = "walk" if name == "start" else f"walk_{name}"
                lines.append(f"{word.replace('walk_nested', 'nested')} {_units(cost, den)}")
        lines += [f"{name} {entries} {ways}" for name, (entries, ways) in self.caches.items()]
        if self.data_cache:
            lines += self.data_cache.flat(lambda cost: _units(cost, den))
        return "\n".join(lines) + "\n"

    def _denominator(self):
        """Units in a tick: such that all costs are whole."""
        latencies = self.data_cache.latencies if self.data_cache else ()
        return math.lcm(self.cycles.denominator,
                        *(cost.denominator for cost in (*self.costs.values(), *latencies)))


def _units(cost, den):
    return round(cost * den)


def folder():
    """Where the profiles are."""
    return paths.root() / "vm-images" / "machines" / "costs"


def names():
    """All profiles, `none` first."""
    found = sorted(path.stem for path in folder().glob("*.toml"))
    return [NONE, *(name for name in found if name != NONE)]


def load(name):
    """The Profile of that name, of a file's or with CACHES_ON behind it; UsageError names what is
    wrong with it."""
    base = name.removesuffix(CACHES_ON)
    path = folder() / f"{base}.toml"
    if base not in names():
        raise UsageError(f"no cost profile '{name}'; there are: {', '.join(names())}; those of a "
                         f"processor with {CACHES_ON} behind the name, too")
    try:
        return parse(name, path.read_text("utf-8"))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def parse(name, text):
    """The Profile of a file's text; the caches of data are on if the name says so."""
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(str(error)) from error
    for key in fields:
        if key not in KEYS:
            raise UsageError(f"unknown key '{key}'; known: {', '.join(KEYS)}")
    title = fields.get("title")
    if not isinstance(title, str) or not title:
        raise UsageError("title: want one line of text")
    caches_on = name.endswith(CACHES_ON)
    if name.removesuffix(CACHES_ON) == NONE:
        if caches_on:
            raise UsageError("the profile none has no caches of data")
        if set(fields) != {"title"}:
            raise UsageError("the profile none charges nothing: it has a title only")
        return Profile(name, title, None, None, Fraction(1), {}, {}, {}, {})
    if fields.get("vendor") not in VENDORS:
        raise UsageError(f"vendor: want one of {', '.join(VENDORS)}")
    ghz = fields.get("ghz")
    if not isinstance(ghz, (int, float)) or isinstance(ghz, bool) or not 0.1 <= ghz <= 20:
        raise UsageError(f"ghz = {ghz}: want a number from 0.1 to 20")
    costs, caches = {}, {}
    for table, known in TABLES.items():
        for key, value in _table(fields, table, known).items():
            if table == "cache":
                caches[key] = _shape(f"cache.{key}", value)
            else:
                costs[f"{table}.{key}"] = _cycles(f"{table}.{key}", value)
    cycles = _cycles(CYCLES, fields.get(CYCLES))
    if not Fraction(1, 20) <= cycles <= 20:
        raise UsageError(f"{CYCLES} = {float(cycles):g}: want 0.05 to 20")
    published = _published(fields)
    profile = Profile(name, title, fields["vendor"], float(ghz), cycles, costs, caches,
                      _fitted(fields, costs, published), published)
    _check_caches(profile)
    data_cache = datacache.parse(_table(fields, "data_cache", datacache.KEYS), _cycles)
    return _with_caches(profile, data_cache) if caches_on else profile


def _with_caches(profile, data_cache):
    """The Profile with the caches on: what they decide has no price."""
    if not data_cache:
        raise UsageError("the profile has no table data_cache")
    for name in ("tlb_4k", "tlb_2m"):
        if name not in profile.caches:
            raise UsageError(f"data_cache without cache.{name}: every access would walk")
    costs = {key: cost for key, cost in profile.costs.items() if key not in CACHED}
    fitted = {key: row for key, row in profile.fitted.items() if key not in CACHED}
    return replace(profile, costs=costs, fitted=fitted, data_cache=data_cache)


def _table(fields, table, known):
    value = fields.get(table, {})
    if not isinstance(value, dict):
        raise UsageError(f"{table}: want a table")
    for key in value:
        if key not in known:
            raise UsageError(f"unknown key '{table}.{key}'; known: {', '.join(known)}")
    return value


def _cycles(what, value, most=MAX_CYCLES):
    """A cost in cycles: a number, or "a/b"; exact."""
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        cost = Fraction(str(value))
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError(f'{what} = {value!r}: want a number of cycles, or "a/b"') from error
    if not 0 <= cost <= most:
        raise UsageError(f"{what} = {value}: want 0 to {most:,} cycles")
    if DENOMINATOR % cost.denominator:
        raise UsageError(f"{what} = {value}: its denominator must divide {DENOMINATOR}")
    return cost


def _shape(what, value):
    """(entries, ways): sets are a power of two."""
    if not (isinstance(value, list) and len(value) == 2
            and all(isinstance(n, int) and not isinstance(n, bool) for n in value)):
        raise UsageError(f"{what} = {value}: want [entries, ways]")
    entries, ways = value
    if not 1 <= ways <= entries <= MAX_ENTRIES:
        raise UsageError(f"{what} = {value}: want 1 to {MAX_ENTRIES} entries, as many ways at most")
    sets = entries // ways
    if sets * ways != entries or sets & (sets - 1):
        raise UsageError(f"{what} = {value}: entries / ways must be a power of two")
    return entries, ways


def _published(fields):
    rows = fields.get("published", {})
    if not isinstance(rows, dict):
        raise UsageError("published: want a table of micro's rows and their cycles")
    for row in rows:
        if row.partition(".")[0] not in ("linux", "dune"):
            raise UsageError(f"published: '{row}' is no row: want linux.NAME or dune.NAME")
    return {row: _cycles(f"published.{row}", value, MAX_ROW) for row, value in rows.items()}


def _fitted(fields, costs, published):
    fitted = fields.get("fitted", {})
    if not isinstance(fitted, dict):
        raise UsageError("fitted: want a table of constants and the rows they were fitted on")
    for key, row in fitted.items():
        if key not in costs and key != CYCLES:
            raise UsageError(f"fitted: the profile has no constant '{key}'")
        # a row of Dune's is what the profile predicts
        if not isinstance(row, str) or not row.startswith("linux.") or row not in published:
            raise UsageError(f"fitted.{key} = {row!r}: want a published row of Linux's own, "
                             "linux.NAME")
    if len(set(fitted.values())) < len(fitted):
        raise UsageError("fitted: want a row of its own for every constant")
    return dict(fitted)


def _check_caches(profile):
    walks = [key for key, cost in profile.costs.items() if key.startswith("walk.") and cost]
    missing = [name for name in ("tlb_4k", "tlb_2m") if name not in profile.caches]
    if walks and missing:
        raise UsageError(f"{walks[0]} without cache.{missing[0]}: every access would be charged")
