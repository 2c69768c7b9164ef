# SPDX-License-Identifier: MIT
"""Which words make a run once more: those it was begun with, and the kernel that it was of."""

import os
import re
import shlex

from dunelab import paths

_DEFAULTS = {"KERNEL": paths.DEFAULT_SERIES, "FLAVOUR": "cloud"}


def variables():
    """{KERNEL, FLAVOUR: value} as they are now, those that are not what they are anyway."""
    return {name: os.environ[name] for name, usual in _DEFAULTS.items()
            if os.environ.get(name, usual) not in ("", usual)}


def make_words(run):
    """The same of a run of steps, as `make` takes them; of an old one only what its plan knows."""
    found = run.manifest.get("variables") or {}
    series = getattr(run.plan, "series", paths.DEFAULT_SERIES)
    if series != paths.DEFAULT_SERIES:
        found = {"KERNEL": series} | found
    return [f"{name}={shlex.quote(value)}" for name, value in found.items()]


def elsewhere(argv):
    """argv without --out: what is made again does not belong among the results it is beside."""
    kept, skip = [], False
    for word in argv:
        found = not skip and re.fullmatch(r"--o(?:u|ut)?(=.*)?", word, re.S)
        if not skip and not found:
            kept.append(word)
        skip = bool(found) and found[1] is None
    return kept
