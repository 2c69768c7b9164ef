# SPDX-License-Identifier: MIT
"""The two ways a command fails for reasons a user can act on; anything else is a bug of ours."""


class DunelabError(Exception):
    """Shown to the user as one message, without a traceback; `exit_code` is the process's."""

    exit_code = 1


class UsageError(DunelabError):
    """Wrong arguments, bad input, or a missing tool: the message says what to do next."""

    exit_code = 2


class GuestError(DunelabError):
    """A guest or a measurement failed (panic, hang, lost output); the console has been kept."""

    exit_code = 3
