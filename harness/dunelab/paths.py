# SPDX-License-Identifier: MIT
"""Where things lie: the source tree, the build directory, and the cache outside the clone."""

import os
from pathlib import Path

DEFAULT_SERIES = "6.1"      # Debian 12's own kernel


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


def kernel_name(flavour=None, series=None):
    """What a kernel is called here, as a directory of build/kernel too: cloud, rt, cloud-6.12.

    Without arguments it is the one that the variables FLAVOUR and KERNEL choose, cloud by default.
    """
    flavour = flavour or os.environ.get("FLAVOUR") or "cloud"
    series = series or os.environ.get("KERNEL") or DEFAULT_SERIES
    return flavour if series == DEFAULT_SERIES else f"{flavour}-{series}"


def kernel(name=None):
    """Directory of a fetched kernel, the chosen one by default."""
    return build() / "kernel" / (name or kernel_name())
