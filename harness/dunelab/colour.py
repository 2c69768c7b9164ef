# SPDX-License-Identifier: MIT
"""Colours, on terminals alone: what is piped or kept has none, nor what NO_COLOR forbids."""

import os
import re
import sys

_CODES = {"red": "31", "green": "32", "yellow": "33"}
# Words that are verdicts wherever they stand alone, in tables of every command.
WORDS = {"regressed": "red", "REGRESSED": "red", "missing": "red", "failed": "red",
         "improved": "green", "IMPROVED": "green", "ok": "green", "OK": "green",
         "inconclusive": "yellow", "INCONCLUSIVE": "yellow", "note": "yellow"}


def wanted(stream=None):
    """Whether a stream (stdout) takes colours: a terminal that knows them, and NO_COLOR unset or
    empty."""
    stream = stream or sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR") and \
        os.environ.get("TERM") not in (None, "", "dumb")


def paint(text, name, stream=None):
    """The text in a colour, where the stream takes it. Columns do not move."""
    return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if wanted(stream) else text


def verdicts(text, stream=None):
    """The text with its verdicts in their colours."""
    if not wanted(stream):
        return text
    return re.sub(rf"(?<![\w-])({'|'.join(WORDS)})(?![\w-])",
                  lambda found: paint(found[0], WORDS[found[0]], stream), text)
