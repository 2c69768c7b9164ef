# SPDX-License-Identifier: MIT
"""Engines: the emulators that a guest can be booted on, behind one interface."""

from dunelab.engine.base import Boot, BootResult, Engine, get, names

__all__ = ["Boot", "BootResult", "Engine", "get", "names"]
