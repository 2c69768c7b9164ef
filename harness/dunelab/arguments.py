# SPDX-License-Identifier: MIT
"""The parser of a command's arguments: its help ends with examples, and others can look at it."""

import argparse
import importlib

from dunelab import cli
from dunelab.errors import UsageError

# Commands within commands, which have options of their own.
NESTED = (("experiment", "jitter"), ("experiment", "spin"))


class _Formatter(argparse.HelpFormatter):
    """Fills the description, and leaves what comes after the options as it is."""

    def _fill_text(self, text, width, indent):
        if text.startswith("examples:"):
            return text
        return super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser with examples: lines of shell, with a `#` and a remark where one is due."""

    def __init__(self, *args, examples=(), **words):
        super().__init__(*args, **words)
        with_examples(self, examples)


def with_examples(parser, examples):
    """An ordinary ArgumentParser, with examples at the end of its help."""
    parser.formatter_class = _Formatter
    parser.epilog = "\n".join(["examples:", *(f"  {line}" for line in examples)])
    return parser


def jobs(text):
    """The number of emulators at once, from 1 to 64; UsageError."""
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise UsageError(f"JOBS={text}: want a whole number from 1 to 64")
    return int(text)


class _Found(Exception):
    """Stops a command where it would parse its arguments."""


def of(*words):
    """The parser of a command, such as of("experiment", "jitter"), from the command itself: so
    nothing that is made from it can be out of date. UsageError for unknown commands."""
    found = []

    def stop(self, *_args, **_words):
        found.append(self)
        raise _Found

    main = importlib.import_module(cli.command(words[0])[0]).main
    real = argparse.ArgumentParser.parse_args
    argparse.ArgumentParser.parse_args = stop
    try:
        main(list(words[1:]))
    except _Found:
        return found[0]
    finally:
        argparse.ArgumentParser.parse_args = real
    raise AssertionError(f"{' '.join(words)} parses no arguments")


def options(parser):
    """[(option strings, Action)] of a parser, without its positional arguments."""
    return [(action.option_strings, action) for action in parser._actions if action.option_strings]


def positionals(parser):
    """Its positional arguments' Actions."""
    return [action for action in parser._actions if not action.option_strings]
