# SPDX-License-Identifier: MIT
"""Every record of a result names its schema, and is held against it when written and when read."""

import functools
import json
from pathlib import Path

FILE = Path(__file__).with_name("results.schema.json")
_SHOWN = 3


class SchemaError(ValueError):
    """A record is not what its schema says, or names one that is not known."""


@functools.cache
def _whole():
    return json.loads(FILE.read_text("utf-8"))


@functools.cache
def _validator(name):
    # A tenth of a second that commands without results need not spend.
    import jsonschema
    known = [word for word in _whole()["$defs"] if "/" in word]
    if name not in known:
        raise SchemaError(f"unknown schema '{name}'; known: {', '.join(known)}")
    pointer = name.replace("~", "~0").replace("/", "~1")
    return jsonschema.Draft202012Validator({"$defs": _whole()["$defs"],
                                            "$ref": f"#/$defs/{pointer}"})


def check(record, wanted=None):
    """The record itself; SchemaError says what is wrong with it, and where.

    wanted: the schema that the reader is for; without it, any that is known.
    """
    name = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(name, str):
        raise SchemaError("no record of a result: it names no schema")
    if wanted and name != wanted:
        raise SchemaError(f"schema {name}, where {wanted} belongs")
    wrong = sorted(_validator(name).iter_errors(record), key=lambda e: list(map(str, e.path)))
    if wrong:
        found = "; ".join(f"{'.'.join(map(str, error.absolute_path)) or 'the record'}: "
                          f"{error.message[:120]}" for error in wrong[:_SHOWN])
        raise SchemaError(f"not as {name} has it: {found}")
    return record
