# SPDX-License-Identifier: MIT
"""A sweep's plan: a TOML file with axes, decided completely before anything boots.

A point is one value of each axis, beside what is fixed, and one run of the experiment.
"""

import hashlib
import itertools
import json
import math
import re
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass

from dunelab import plan as experiments
from dunelab.errors import UsageError
from dunelab.sweep import figures, parameters

MAX_POINTS = 1000           # as many tasks as an array has where a cluster does not say otherwise
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")


@dataclass(frozen=True)
class Point:
    """One run. values: ((name, text), ...), those of the axes first, in their order."""

    index: int
    key: str                    # name of its directory: 003-dune-0.7-2
    values: tuple
    needs: tuple = ()           # for dunelab.schedule: points need nothing of each other

    def get(self, name):
        """The text of a parameter, or None."""
        return dict(self.values).get(name)


@dataclass(frozen=True)
class Plan:
    """All that decides the bits. axes: ((name, (text, ...)), ...); fixed: ((name, text), ...);
    exclude: tuples of ((name, (text, ...)), ...), each of which leaves points out."""

    workload: str               # "sweep"
    name: str
    experiment: str
    axes: tuple
    fixed: tuple
    exclude: tuple

    def digest(self):
        """Eight hex digits of everything above."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def steps(self):
        """All points, the last axis moving fastest. The number of a point is its place here."""
        names = [name for name, _ in self.axes]
        found = []
        for texts in itertools.product(*(values for _, values in self.axes)):
            values = tuple(zip(names, texts))
            if not any(_matches(rule, values) for rule in self.exclude):
                label = re.sub(r"[^A-Za-z0-9.-]+", "_", "-".join(texts))[:60].strip("_")
                found.append(Point(len(found), f"{len(found):03d}-{label}",
                                   (*values, *self.fixed)))
        return found


def _matches(rule, values):
    chosen = dict(values)
    return all(chosen[name] in texts for name, texts in rule)


def read(path):
    """The Plan in a TOML file; UsageError names the file, what is wrong, and what is known."""
    try:
        with open(path, "rb") as file:
            return make(tomllib.load(file), path.stem)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def make(given, name):
    """The Plan of a file's content; name: the one it has unless the content says another."""
    _known("the file", given, ("sweep", "axes", "fixed", "exclude"))
    head = _table(given, "sweep")
    _known("[sweep]", head, ("name", "workload"))
    name, experiment = head.get("name", name), head.get("workload", "kv")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"[sweep] name = {name!r}: want up to 40 of a-z, 0-9, '.' and '-'")
    if not isinstance(experiment, str) or experiment not in figures.READERS:
        raise UsageError(f"[sweep] workload = {experiment!r}: known: "
                         f"{', '.join(figures.READERS)}")
    known = parameters.of(experiment)
    axes = _axes(_table(given, "axes"), known)
    fixed = _fixed(_table(given, "fixed"), known, [axis for axis, _ in axes])
    made = Plan("sweep", name, experiment, axes, fixed, _exclude(given, axes))
    points = made.steps()
    if not points:
        raise UsageError("[[exclude]] leaves no point")
    if len(points) > MAX_POINTS:
        raise UsageError(f"{len(points):,} points, and {MAX_POINTS:,} are the most: fewer values, "
                         "or several plans")
    return made


def load(text):
    """The Plan of a plan.json; ValueError when it is none."""
    try:
        fields = json.loads(text)["plan"]
        axes, fixed, exclude = (fields[key] for key in ("axes", "fixed", "exclude"))
        return Plan(**fields | {
            "axes": tuple((name, tuple(texts)) for name, texts in axes),
            "fixed": tuple((name, value) for name, value in fixed),
            "exclude": tuple(tuple((name, tuple(texts)) for name, texts in rule)
                             for rule in exclude)})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a plan of a sweep: {error}") from None


def _known(where, table, known):
    unknown = [key for key in table if key not in known]
    if unknown:
        raise UsageError(f"unknown key '{unknown[0]}' in {where}; known: {', '.join(known)}")


def _table(given, name):
    table = given.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{name}: want a table, [{name}]")
    return table


def _axes(table, known):
    _known("[axes]", table, known)
    if not table:
        raise UsageError("no axes: want [axes] with lists, such as load = [0.3, 0.7]")
    axes = []
    for name, values in table.items():
        if name == "seed" and isinstance(values, str):
            values = experiments.seeds(values)      # "1-10"
        if not isinstance(values, list):
            raise UsageError(f"[axes] {name} = {values!r}: want a list of values; one value alone "
                             "belongs into [fixed]")
        if not values:
            raise UsageError(f"[axes] {name} = []: an axis without values has no points")
        texts = [parameters.text(f"[axes] {name}", value, known[name]) for value in values]
        twice = [value for value, times in Counter(texts).items() if times > 1]
        if twice:
            raise UsageError(f"[axes] {name}: {twice[0]} is there twice: the same points again")
        axes.append((name, tuple(texts)))
    if math.prod(len(texts) for _, texts in axes) > 100 * MAX_POINTS:
        raise UsageError(f"{math.prod(len(t) for _, t in axes):,} combinations, and "
                         f"{MAX_POINTS:,} points are the most: fewer values, or several plans")
    return tuple(axes)


def _fixed(table, known, axes):
    """What is fixed, with what would otherwise depend on the day: the kernel, the profile."""
    _known("[fixed]", table, known)
    both = [name for name in table if name in axes]
    if both:
        raise UsageError(f"{both[0]} is in [axes] and in [fixed]: choose one")
    given = {name: parameters.text(f"[fixed] {name}", value, known[name])
             for name, value in table.items()}
    for name, default in parameters.defaults().items():
        if name in known and name not in axes:
            given.setdefault(name, default)
    return tuple(given.items())


def _exclude(given, axes):
    rules = given.get("exclude", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise UsageError("exclude: want tables, [[exclude]]")
    values, found = dict(axes), []
    for number, rule in enumerate(rules, 1):
        where = f"[[exclude]] number {number}"
        if not rule:
            raise UsageError(f"{where} is empty: it would leave every point out")
        _known(where, rule, tuple(values))
        made = []
        for name, wanted in rule.items():
            texts = tuple(parameters.text(f"{where}, {name}", value)
                          for value in (wanted if isinstance(wanted, list) else [wanted]))
            missing = [value for value in texts if value not in values[name]]
            if missing or not texts:
                raise UsageError(f"{where}: {name} has no value {missing[0] if missing else '[]'}; "
                                 f"it has {', '.join(values[name])}")
            made.append((name, texts))
        found.append(tuple(made))
    return tuple(found)
