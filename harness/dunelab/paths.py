# SPDX-License-Identifier: MIT
"""Where things lie: the source tree, the build directory, and the cache outside the clone."""

import os
from pathlib import Path


def root():
    """The source tree this package belongs to."""
    return Path(__file__).resolve().parents[2]


def build():
    """Everything generated; the variable BUILD (absolute or relative to the tree) overrides."""
    return root() / os.environ.get("BUILD", "build")


def cache():
    """Downloads and emulator builds, shared by all clones; DUNELAB_CACHE overrides. Created."""
    chosen = os.environ.get("DUNELAB_CACHE")
    if chosen:
        path = Path(chosen).absolute()
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        path = Path(base) / "dunelab"
    path.mkdir(parents=True, exist_ok=True)
    return path
