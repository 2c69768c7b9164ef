# SPDX-License-Identifier: MIT
"""`gate`: measures, compares with results/reference/, fails when something changed unannounced."""

import argparse
import json
import sys
import time
from pathlib import Path

from dunelab import engine as engines, hdr, paths, stats, store
from dunelab.compare import command as comparing, output
from dunelab.compare.sides import Metric, Side, Value
from dunelab.errors import DunelabError, UsageError
from dunelab.gate import measure

REFERENCE = "gate.json"
NAMED = 5               # of what is missing
_EPILOG = """
exit status:
  0  as the reference has it
  1  slower by more than the margin, or a histogram changed: `make gate UPDATE=1` announces it
  2  wrong arguments, no reference, or one that is damaged (--update replaces it)
  3  nothing was compared: the reference is of another kernel, emulator, compiler or plan,
     a boot failed, or not all was measured (--update lists what is gone, and writes)

examples:
  dunelab gate                                 (what `make gate` and `make test` do)
  dunelab gate --only linux --keep now.json    (one boot instead of three)
  dunelab gate --reference old.json --measured now.json
"""


class Incomparable(DunelabError):
    """The reference is of another machine, in the sense of measure.environment()."""

    exit_code = 3


class Unfinished(DunelabError):
    """There is nothing to compare, or not all of it."""

    exit_code = 3


def _parser():
    parser = argparse.ArgumentParser(
        prog="dunelab gate", description="Measure a short fixed plan on the engine bochs and "
        "compare it with the reference.", epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, help=f"default: results/reference/{REFERENCE}")
    parser.add_argument("--update", action="store_true", help="write what was measured as the "
                        "reference, to be committed with the change that it announces")
    parser.add_argument("--measured", type=Path, metavar="FILE", help="compare this record, and "
                        "measure nothing")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write what was measured there")
    parser.add_argument("--only", default="", metavar="WORDS", help="measure and compare only some "
                        f"of {', '.join(measure.PARTS)}")
    parser.add_argument("--jobs", type=int, default=2, help="emulators at once (default 2)")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    return parser


def main(argv):
    """The command."""
    args = _parser().parse_args(argv)
    if not 1 <= args.jobs <= 64:
        raise UsageError(f"--jobs {args.jobs}: want a whole number from 1 to 64")
    parts = _parts(args)
    path = args.reference or paths.root() / "results" / "reference" / REFERENCE
    old = _reference(path, args.update)
    if old is None and not args.update:
        raise UsageError(f"no reference {path}: make gate UPDATE=1 writes it")
    if args.keep and args.keep.exists():
        raise UsageError(f"{args.keep} exists, and nothing is overwritten: name another file")
    if not args.measured and not args.update:
        # Before minutes of measuring.
        require_same(old, measure.environment(engines.get(measure.ENGINE)), path)
    new = _read(args.measured) if args.measured else _measure(args, parts)
    if args.keep:
        store.write_json(args.keep, new)
    status = 0
    if old is not None and (not args.update or old["environment"] == new["environment"]):
        require_same(old, new["environment"], path)
        kept, found = only(old, parts), only(new, parts)
        if not args.update:
            require_all(kept, found)
        made, changed = compare(kept, found, str(path))
        status = 1 if changed or comparing.status(made, False) else 0
        print(json.dumps({**made, "changed": changed}, indent=1) if args.json
              else text(made, changed, rebuilt(old, new)), flush=True)
    if args.update:
        if not new["figures"] or not new["cells"]:
            raise Unfinished("a part without a figure is no reference: nothing was written")
        store.write_json(path, new)
        print(f"written: {path}; commit it with the change that it announces")
        return 0
    return status


def _reference(path, update):
    """The record there, or None; what is to be written anew may be damaged."""
    try:
        return _read(path) if path.exists() else None
    except UsageError as error:
        if not update or not path.is_file():
            raise
        print(f"the old reference says nothing: {error}", file=sys.stderr)
        return None


def _parts(args):
    parts = tuple(args.only.replace(",", " ").split()) or measure.PARTS
    unknown = set(parts) - set(measure.PARTS)
    if unknown:
        raise UsageError(f"--only {' '.join(sorted(unknown))}: want words of "
                         f"{', '.join(measure.PARTS)}")
    if args.update and set(parts) != set(measure.PARTS):
        raise UsageError("--update writes a whole reference: leave --only out")
    return parts


def _measure(args, parts):
    engines.get(measure.ENGINE).ensure()
    begin = time.monotonic()
    return measure.measure(args.jobs, lambda line: None if args.json else print(
        f"[{time.monotonic() - begin:5.0f} s] {line}", flush=True), parts)


def _read(path):
    try:
        kept = store.read_record(path, "dunelab-gate/1")
        for cell in kept["cells"].values():
            hdr.decode_base64(cell["hist"])
        return kept
    except (OSError, ValueError) as error:
        where = "" if str(path) in str(error) else f"{path}: "
        raise UsageError(f"not a record of the gate: {where}{error}") from None


def require_same(reference, environment, path):
    """Incomparable unless the reference was made with the same kernel, emulator, tools, plan."""
    before = reference["environment"]
    different = [f"  {name}: {before.get(name)}; here {environment.get(name)}"
                 for name in sorted(before | environment)
                 if before.get(name) != environment.get(name)]
    if different:
        raise Incomparable("\n".join([
            f"not comparable: {path} was made with", *different,
            "nothing was compared: `make gate UPDATE=1`, on a commit that is known to be good, "
            "makes a reference for this machine; results/reference/ is to be committed"]))


def require_all(old, new):
    """Unfinished unless all that the reference has was measured."""
    missing = [name for part in ("figures", "cells") for name in old[part] if name not in new[part]]
    if missing or not old["figures"] and not old["cells"]:
        raise Unfinished("nothing was compared: " + (
            f"not measured: {', '.join(missing[:NAMED])}"
            + (f" and {len(missing) - NAMED} more" if missing[NAMED:] else "") if missing else
            "the reference has no figure"))


def only(kept, parts):
    """A record with what some of measure.PARTS gave."""
    figures = kept["figures"] if "bench" in parts else {}
    return {**kept, "figures": figures, "cells": {
        name: cell for name, cell in kept["cells"].items() if name.split()[0] in parts}}


def rebuilt(old, new):
    """Names of what guests are made of that are not the same bytes in both records."""
    names = old.get("artifacts", {}) | new.get("artifacts", {})
    return sorted(name for name in names
                  if old.get("artifacts", {}).get(name) != new.get("artifacts", {}).get(name))


def compare(old, new, name):
    """(the JSON of a comparison, names of the cells of both whose histograms differ)."""
    made = comparing.compare(_side(name, old), _side("measured", new))
    changed = [cell for cell, kept in old["cells"].items()
               if cell in new["cells"] and kept["hist"] != new["cells"][cell]["hist"]]
    return made, changed


def _side(name, kept):
    values = {}
    for figure, found in kept["figures"].items():
        values[Metric(tuple(figure.split(".")), "ticks", exact=True)] = \
            {(0, 0): Value(found["median"])}
    for cell, found in kept["cells"].items():
        points = {f"p{name}": value for name, value in found["percentile"].items()}
        for word, value in (points | {"service mean": found["mean"]}).items():
            if value is not None:
                values[Metric((*cell.split(), *word.split()), "vns", exact=True)] = \
                    {(0, 0): Value(value)}
    return Side([name], kept["clock_domain"], kept["profile"], kept["environment"], values,
                [kept["commit"][:12] + ("+" if kept["dirty"] else "")])


def text(made, changed, differ=()):
    """The comparison as a table, without what is exactly as before.

    differ: what was built otherwise, of which changes may come.
    """
    moved = [row for row in made["metrics"] if row["ratio"] != 1.0]
    same = len(made["metrics"]) - len(moved)
    lines = [output.text({**made, "metrics": moved}) if moved or made["missing"] else
             f"{made['verdict'].upper()}: nothing moved",
             f"{same} of {len(made['metrics'])} figures exactly as before"]
    lines += [f"histogram changed: {cell}" for cell in changed]
    if moved or changed:
        lines.append(f"not the bytes that the reference was made of: {', '.join(differ)}" if differ
                     else "THE SAME PROGRAMS GAVE OTHER BITS: what decides is not known here")
    if changed and made["verdict"] != stats.REGRESSED:
        lines.append("CHANGED: not slower, but not announced: if it is meant, make gate UPDATE=1 "
                     "and commit results/reference/ with the change")
    return "\n".join(lines)
