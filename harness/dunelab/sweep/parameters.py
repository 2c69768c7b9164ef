# SPDX-License-Identifier: MIT
"""What an axis may be: the options of the experiment itself, and the kernel that it boots."""

import os
import re

from dunelab import arguments, paths, profiles
from dunelab.errors import UsageError

# Of the experiment's options those that are about one run's place and course, not its bits.
_COURSE = ("help", "workload", "seeds", "out", "jobs", "resume", "check", "report", "alone", "json",
           "dry_run")
_PLURALS = {"systems": "system", "loads": "load", "policies": "policy"}
# Variables that choose the kernel -> what they may be.
KERNELS = {"kernel": ("6.1", "6.12"), "flavour": ("cloud", "generic", "rt", "debug")}
# Parameters whose values are names, though some look like numbers.
NAMES = (*KERNELS, "w", "policy", "profile")


def of(experiment):
    """{parameter: Action of the experiment's parser; None: a variable of the environment}."""
    found = {_PLURALS.get(action.dest, action.dest): action
             for _, action in arguments.options(parser(experiment)) if action.dest not in _COURSE}
    return found | dict.fromkeys(KERNELS)


def parser(experiment):
    """The parser of `dunelab experiment NAME`."""
    nested = ("experiment", experiment)
    return arguments.of(*(nested if nested in arguments.NESTED else nested[:1]))


def defaults():
    """What a plan fixes when it does not say: what would depend on variables, or boot twice."""
    return {"kernel": os.environ.get("KERNEL") or paths.DEFAULT_SERIES,
            "flavour": os.environ.get("FLAVOUR") or "cloud", "profile": profiles.NONE}


def text(where, value, action=None):
    """A value of the plan as a command has it; 0.30 and "0.3" are the same. UsageError."""
    switch = action is not None and action.nargs == 0
    if isinstance(value, bool) != switch and (switch or isinstance(value, bool)):
        raise UsageError(f"{where}: {value!r}: want {'true or false' if switch else 'a value'}")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str) or not value.split():
        raise UsageError(f"{where}: {value!r}: want a number or text")
    return " ".join(f"{float(word):g}" if re.fullmatch(r"[0-9]*\.[0-9]+", word) else word
                    for word in value.split())


def words(experiment, values):
    """The arguments of `dunelab` that run a point, given as {parameter: text}."""
    known, found = of(experiment), ["experiment", experiment]
    for name, value in values.items():
        action = known[name]
        if action is None:
            continue
        option = action.option_strings[0]
        if action.nargs != 0:
            found.append(f"{option}={value}")
        elif value == "true":
            found.append(option)
    if any(action.dest == "alone" for _, action in arguments.options(parser(experiment))):
        found.append("--alone")
    return found


def environment(values):
    """The variables of a point."""
    for name, allowed in KERNELS.items():
        if values.get(name) not in allowed:
            raise UsageError(f"{name} = {values.get(name)}: known: {', '.join(allowed)}")
    if values["flavour"] == "debug" and values["kernel"] != paths.DEFAULT_SERIES:
        raise UsageError(f"flavour = debug: it is a {paths.DEFAULT_SERIES}, not a "
                         f"{values['kernel']}")
    return {name.upper(): values[name] for name in KERNELS}
