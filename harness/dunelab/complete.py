# SPDX-License-Identifier: MIT
"""`complete WORDS...`: what fits as the last of a command line's words, for the shell."""

from dunelab import arguments, cli


def main(argv):
    """One word a line; nothing where a path or a value of one's own belongs."""
    parser = arguments.Parser(prog="dunelab complete", description="Words that fit as the last of "
                              "these, one a line: for the completion of shells.",
                              examples=["dunelab complete com", "dunelab complete sweep --e"])
    parser.add_argument("words", nargs="*", metavar="WORD", help="of the line, without `dunelab`")
    # Options among the words are not ours.
    words = parser.parse_args(["--", *argv] if argv not in (["-h"], ["--help"]) else argv).words
    for word in fitting(words or [""]):
        print(word)
    return 0


def fitting(words):
    """The completions of the last word."""
    *before, last = words
    if not before:
        found = sorted(cli.COMMANDS)
    elif before[0] not in cli.COMMANDS:
        return []
    else:
        nested = tuple(before[:2]) if tuple(before[:2]) in arguments.NESTED else before[:1]
        parser = arguments.of(*nested)
        found = _after(parser, before, last)
        if len(before) == 1:
            found += [name for command, name in arguments.NESTED if command == before[0]]
    return [word for word in found if word.startswith(last)]


def _after(parser, before, last):
    for names, action in arguments.options(parser):
        if before[-1] in names and action.nargs != 0:
            return list(map(str, action.choices or []))
    if last.startswith("-"):
        return [name for names, _ in arguments.options(parser) for name in names
                if name.startswith("--")]
    return [str(choice) for action in arguments.positionals(parser)
            for choice in action.choices or []]
