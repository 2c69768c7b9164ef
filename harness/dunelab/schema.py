# SPDX-License-Identifier: MIT
"""Every record of a result names its schema, and is held against it when written and when read."""

import functools
import json
from pathlib import Path

# results.json lists all; what it refers to lies beside it.
FOLDER = Path(__file__).with_name("schemas")
_SHOWN = 3


class SchemaError(ValueError):
    """A record is not what its schema says, or names one that is not known."""


@functools.cache
def known():
    """{name of a schema: where it is, as a reference from within FOLDER}."""
    listed = json.loads((FOLDER / "results.json").read_text("utf-8"))["oneOf"]
    return {entry["$ref"].rpartition("/")[2].replace("~1", "/"): entry["$ref"] for entry in listed}


@functools.cache
def _resolver():
    import jsonschema
    base = f"{FOLDER.as_uri()}/"
    files = {base + path.name: json.loads(path.read_text("utf-8"))
             for path in FOLDER.glob("*.json")}
    return jsonschema.RefResolver(base, {}, store=files)


@functools.cache
def _validator(name):
    # A tenth of a second that commands without results need not spend.
    import jsonschema
    if name not in known():
        raise SchemaError(f"unknown schema '{name}'; known: {', '.join(known())}")
    return jsonschema.Draft202012Validator({"$ref": known()[name]}, resolver=_resolver())


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
