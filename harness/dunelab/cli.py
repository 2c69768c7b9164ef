# SPDX-License-Identifier: MIT
"""The command table of `python3 -m dunelab` and what happens when a command fails."""

import errno
import importlib
import signal
import sys
import traceback

from dunelab.errors import DunelabError, UsageError

# name -> (module with main(argv: list[str]) -> int, one line for the help). Modules are imported
# only when chosen, so that a broken or heavy command does not slow down or disable the others.
COMMANDS = {
    "ab": ("dunelab.ab", "measure two source trees by turns and compare them"),
    "bench": ("dunelab.bench", "what exits and faults cost: Linux, KVM, dune.ko in one boot"),
    "boot": ("dunelab.guestrun", "run a shell command in a fresh guest with a live console"),
    "calibrate": ("dunelab.calibrate", "fit a cost profile, predict Dune's published rows"),
    "compare": ("dunelab.compare.command", "two sets of runs, metric by metric, a verdict each"),
    "complete": ("dunelab.complete", "words that fit, for the completion of shells"),
    "convert": ("dunelab.formats.convert", "runs, histograms and comparisons in other formats"),
    "doctor": ("dunelab.doctor", "say what works on this host and what to do about the rest"),
    "experiment": ("dunelab.experiment", "measure a workload on several systems, write a report"),
    "explain": ("dunelab.explain.command", "why the slowest requests of a run were slow"),
    "fuzz": ("dunelab.fuzz", "random calls and hostile guests on dune.ko; keeps reproducers"),
    "gate": ("dunelab.gate.command", "a short fixed plan against the reference in the tree"),
    "image": ("dunelab.image", "build a guest image by hand"),
    "man": ("dunelab.manual", "the manual page of all commands"),
    "sweep": ("dunelab.sweep.command", "an experiment at every point of a plan; also by Slurm"),
    "paper": ("dunelab.paper.command", "the Dune paper's evaluation again, beside its figures"),
    "profile": ("dunelab.profile.command", "where instructions go: a flame graph of a workload"),
    "report": ("dunelab.report", "make the report of a run again from its data"),
    "serve": ("dunelab.serve.command", "all runs in a browser here; two over each other"),
}

# What the system refuses, and what a user can do about it; other OSErrors are bugs of ours.
_ROOM = "make room, or set BUILD and DUNELAB_CACHE to directories on a larger disk"
REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EROFS: "set BUILD and DUNELAB_CACHE to directories that can be written",
    errno.EACCES: "set BUILD and DUNELAB_CACHE to directories that you may write",
}


def usage():
    """The help text: one line per command."""
    width = max(map(len, COMMANDS))
    lines = ["usage: python3 -m dunelab COMMAND [ARGUMENTS...]", ""]
    lines += [f"  {name:<{width}}  {text}" for name, (_, text) in sorted(COMMANDS.items())]
    return "\n".join(lines + ["", "Each command explains itself with --help; `man` shows all."])


def command(name):
    """(module, one line) of a command; UsageError for one that is not known."""
    if name not in COMMANDS:
        raise UsageError(f"unknown command '{name}'\n\n{usage()}")
    return COMMANDS[name]


def main(argv):
    """Run one command; returns the exit status (0 ok, 2 usage, 3 guest failure or a bug of ours,
    130 Ctrl-C); 1 is a verdict, which a traceback must not be taken for."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        print(f"dunelab: unknown command '{argv[0]}'\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        return importlib.import_module(COMMANDS[argv[0]][0]).main(argv[1:]) or 0
    except DunelabError as error:
        print(f"dunelab {argv[0]}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing left to say, and nowhere to say it.
        sys.stderr.close()
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.errno not in REMEDIES:
            return _bug(argv[0])
        print(f"dunelab {argv[0]}: {error.strerror}: {error.filename or 'while writing'}; "
              f"{REMEDIES[error.errno]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\ndunelab {argv[0]}: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception:   # pylint: disable=broad-except
        return _bug(argv[0])


def _bug(command):
    """Something that nobody expected: the whole traceback, and no verdict."""
    traceback.print_exc()
    print(f"dunelab {command}: this is a bug of dunelab", file=sys.stderr)
    return 3
