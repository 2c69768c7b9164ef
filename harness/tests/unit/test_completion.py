# SPDX-License-Identifier: MIT
"""The shell's completion of `dunelab`: commands, their own options, and paths."""

import subprocess

import pytest

from dunelab import cli, paths

SCRIPT = """
. scripts/dunelab-completion.bash
COMP_WORDS=(scripts/dunelab "$@"); COMP_CWORD=$#
_dunelab
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words):
    done = subprocess.run(["bash", "-c", SCRIPT, "complete", *words], cwd=paths.root(),
                          capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.split()


def test_every_command_is_offered():
    assert set(complete("")) == set(cli.COMMANDS)


@pytest.mark.parametrize("words, found", [
    (("comp",), ["compare", "complete"]), (("compare", "--st"), ["--strict"]),
    (("compare", "--se"), []), (("compare", "READ"), ["README.md"])])
def test_what_fits_is_offered_and_nothing_else(words, found):
    assert complete(*words) == found
