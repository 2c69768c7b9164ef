# SPDX-License-Identifier: MIT
"""`man`: the manual page dunelab(1), made from the commands' own parsers."""

import subprocess
import sys

from dunelab import arguments, cli, hostenv

_STATUS = (
    ("0", "what was asked for was done; of a comparison: nothing regressed"),
    ("1", "something regressed; of the gate: or changed, and nobody announced it"),
    ("2", "wrong arguments, bad input, or something is missing: the message says what to do"),
    ("3", "a guest or a measurement failed, and its console is kept; nothing to report or to "
     "compare; or a bug, with a traceback"),
    ("4", "of a comparison: inconclusive"),
    ("130", "stopped by Ctrl-C, by a signal or by a closed terminal; --resume goes on"),
)
_VARIABLES = (
    ("BUILD", "directory of what is built (build in the tree)"),
    ("DUNELAB_CACHE", "directory of downloads and emulators (~/.cache/dunelab)"),
    ("KERNEL, FLAVOUR", "the kernel that guests boot: 6.1 or 6.12; cloud, generic, rt or debug"),
    ("NO_COLOR", "no colours, on terminals neither"),
)

_MANY = 6       # so many choices do not stand beside an option


def main(argv):
    """On a terminal by man(1), elsewhere the page's source."""
    parser = arguments.Parser(
        prog="dunelab man", description="Show the manual page of all commands; without a terminal, "
        "its source.", examples=["dunelab man", "dunelab man >~/.local/share/man/man1/dunelab.1"])
    parser.parse_args(argv)
    text = page()
    if not sys.stdout.isatty():
        print(text, end="")
        return 0
    try:
        return subprocess.run(["man", "-l", "-"], input=text, text=True, check=False).returncode
    except FileNotFoundError:
        print(text, end="")
        return 0


def page():
    """The page's source, for troff's man macros."""
    out = ['.\\" SPDX-License-Identifier: MIT', '.\\" Made by dunelab man.',
           f'.TH dunelab 1 "" "dunelab {hostenv.commit()[0][:12]}"',
           ".SH NAME", "dunelab \\- measures Linux, tuned Linux and ring 0 in emulated guests",
           ".SH SYNOPSIS", ".B scripts/dunelab", ".I COMMAND", ".RI [ ARGUMENTS ...]",
           ".SH DESCRIPTION",
           "Boots guests in emulators, measures in them, and reports; each number with the clock "
           "that it was counted by. Colours are on terminals alone. Each command has",
           ".BR \\-\\-help .", ".SH COMMANDS"]
    for name in sorted(cli.COMMANDS):
        out += _command(arguments.of(name), name)
        for words in (words for words in arguments.NESTED if words[0] == name):
            out += _command(arguments.of(*words), " ".join(words))
    out += [".SH EXIT STATUS", *_items(_STATUS), ".SH ENVIRONMENT", *_items(_VARIABLES),
            ".SH SEE ALSO", ".BR dune (1),", ".BR dune (7),", "docs/overview.md"]
    return "\n".join(out) + "\n"


def _command(parser, name):
    words = [text for action in arguments.positionals(parser)
             for text in [_value(action)] if text]
    out = [f".SS {_plain(' '.join(['dunelab', name, *words]))}", _plain(parser.description or "")]
    for action in arguments.positionals(parser):
        if action.help:
            out += [".TP", f".I {_plain(_value(action))}", _plain(_help(parser, action))]
    for names, action in arguments.options(parser):
        if action.dest == "help":
            continue
        value = f" \\fI{_plain(_value(action))}\\fR" if action.nargs != 0 else ""
        out += [".TP", ", ".join(f"\\fB{_plain(option)}\\fR" for option in names) + value,
                _plain(_help(parser, action))]
    if parser.epilog:
        out += [".PP", ".nf", *(_plain(line) for line in parser.epilog.splitlines()), ".fi"]
    return out


def _value(action):
    if action.choices and len(action.choices) < _MANY:
        return "|".join(map(str, action.choices))
    metavar = action.metavar or action.dest.upper()
    return f"{metavar}..." if action.nargs in ("*", "+") else metavar


def _help(parser, action):
    # As argparse has it: % followed by (default)s and the like, and %% for one.
    text = (action.help or "") % {**vars(action), "prog": parser.prog}
    if action.choices and len(action.choices) >= _MANY:
        text += f": {', '.join(map(str, action.choices))}"
    return text


def _items(pairs):
    return [line for name, text in pairs for line in (".TP", f".B {_plain(name)}", _plain(text))]


def _plain(text):
    """Text that troff shows as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{text}" if text.startswith((".", "\\(aq")) else text
