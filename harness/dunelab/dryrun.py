# SPDX-License-Identifier: MIT
"""What a command would boot: the emulator's own command lines, from the engine that makes them."""

import json
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dunelab import paths
from dunelab.engine import base
from dunelab.errors import UsageError

WORK = "$WORK"          # stands for the directory that a boot is given when it runs


@dataclass(frozen=True)
class Planned:
    """One boot. words: cpus, memory_mib, flavour, cmdline as guestrun.run() takes them; others
    do not reach the emulator's command line and are ignored."""

    title: str
    engine: object          # an Engine
    words: dict


def entry(planned):
    """{title, engine, profile, argv, env, kernel_args} of a boot; nothing is built or started.
    UsageError where the engine or the kernel is not there."""
    words, engine = planned.words, planned.engine
    kernel = paths.kernel(words.get("flavour")) / "vmlinuz"
    if not kernel.exists():
        raise UsageError(f"{kernel} is not there yet: make kernel fetches it (KERNEL, FLAVOUR)")
    with tempfile.TemporaryDirectory(prefix="dunelab-dry-") as work:
        initrd = Path(work) / "initrd"
        initrd.write_bytes(b"")         # built when it is booted; only its name is told here
        launch = engine.launch(base.Boot(
            kernel, initrd, words.get("cmdline", ""), words.get("cpus", base.CPUS),
            words.get("memory_mib", base.MEMORY_MIB), 1.0, Path(work)))
        return {
            "title": planned.title, "engine": engine.name, "profile": engine.profile,
            "argv": [str(word).replace(work, WORK) for word in launch.argv],
            "env": {name: value for name, value in (launch.env or {}).items()
                    if name.startswith("DUNELAB_")},
            # On Bochs they are in memory when the guest starts, not on the command line.
            "kernel_args": engine.kernel_args(words.get("cmdline", ""))
            if hasattr(engine, "kernel_args") else None}


def text(entries):
    """The entries for a person: one line of shell each, and what is not in it as remarks."""
    lines = []
    for item in entries:
        env = "".join(f"{name}={shlex.quote(value)} " for name, value in item["env"].items())
        lines.append(f"# {item['title']}: {item['engine']}, costs {item['profile']}, in {WORK}")
        if item["kernel_args"]:
            lines.append(f"# kernel arguments: {item['kernel_args']}")
        lines.append(env + " ".join(_quote(word) for word in item["argv"]))
    return "\n".join(lines)


def _quote(word):
    # $WORK is to stay a variable.
    return f'"{word}"' if WORK in word and shlex.quote(word) != word else shlex.quote(word)


def show(boots, as_json=False):
    """Print the boots; 0, for a command's status."""
    entries = [entry(planned) for planned in boots]
    print(json.dumps(entries, indent=1) if as_json else text(entries), flush=True)
    return 0
