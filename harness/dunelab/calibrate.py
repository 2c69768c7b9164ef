# SPDX-License-Identifier: MIT
"""`calibrate`: fits a cost profile's constants on Linux's own rows, predicts Dune's, and compares
both with the published figures."""

import dataclasses
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from dunelab import (arguments, costs, engine as engines, guestrun, hostenv, paths, profiles, store,
                     validation)
from dunelab.engine import bochs
from dunelab.errors import UsageError

DEFAULT = "ivybridge-2012"
TIMEOUT_S = 600.0
OPTIONS = "--batches 5 --iterations 100"
# By which a fitted constant is moved to see what its row does.
STEP = Fraction(1, 5)
ROUNDS = 3
TOLERANCE = 0.01        # of a fitted row: what ran before it moves it by more
SCALE = 1000            # fitted constants are whole thousandths of a cycle

SCRIPT = """
set -e
echo 0 >/proc/sys/kernel/printk
{commands}
report file /tmp/costs costs
"""


def boot(profile, script):
    """{"linux.getpid": Figure, ...} of one boot that charges by the Profile."""
    engine = engines.get(bochs.MACHINES[profile.vendor], profile)
    with tempfile.TemporaryDirectory(prefix="dunelab-calibrate-") as workdir:
        result = guestrun.run(SCRIPT.format(commands=script), engine, cmdline=profiles.CMDLINE,
                              timeout_s=TIMEOUT_S, workdir=Path(workdir))
        guestrun.passed(result, engine.name)
        return costs.parse((result.payload("costs") or b"").decode())


def commands(published, system):
    """All published rows of a system. What ran before moves a row by a few per cent: the fit
    measures all of Linux's, too."""
    rows = [row for row in published if row.startswith(f"{system}.")]
    return "\n".join(f"micro {row.split('.')[0]} {OPTIONS} --all --only {row} >>/tmp/costs"
                     for row in rows)


def all_commands(published):
    """The published rows of Linux, then those of Dune."""
    return "\n".join([commands(published, "linux"), "insmod /lab/modules/dune.ko",
                      commands(published, "dune"), "rmmod dune"])


def with_constants(profile, values):
    """The profile with other values of some constants."""
    charged = dict(profile.costs)
    cycles = profile.cycles
    for key, value in values.items():
        if key == profiles.CYCLES:
            cycles = value
        else:
            charged[key] = value
    return dataclasses.replace(profile, cycles=cycles, costs=charged)


def constant(profile, key):
    """The value of a constant."""
    return profile.cycles if key == profiles.CYCLES else profile.costs[key]


def _rounded(value):
    return Fraction(round(value * SCALE), SCALE)


def solve(matrix, right):
    """x of matrix x = right, by elimination with pivots; UsageError where a row does not depend on
    its constant."""
    size = len(right)
    rows = [list(line) + [value] for line, value in zip(matrix, right)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda n: abs(rows[n][column]))
        if abs(rows[pivot][column]) < 1e-9:
            raise UsageError("the fitted rows do not tell the constants apart")
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for n in range(size):
            if n != column:
                factor = rows[n][column] / rows[column][column]
                rows[n] = [a - factor * b for a, b in zip(rows[n], rows[column])]
    return [rows[n][size] / rows[n][n] for n in range(size)]


def fit(profile, measure, say):
    """The fitted constants {key: Fraction}: each row is brought to its published figure.

    measure(profile) -> {row: cycles}. Costs are linear in the constants but for what timers do in
    between: one boot a constant says how its row moves, and a few rounds settle.
    """
    keys = list(profile.fitted)
    rows = [profile.fitted[key] for key in keys]
    wanted = [float(profile.published[row]) for row in rows]
    values = {key: constant(profile, key) for key in keys}
    base = measure(with_constants(profile, values))
    matrix = None
    for _ in range(ROUNDS):
        errors = [want - base[row] for want, row in zip(wanted, rows)]
        if all(abs(error) <= TOLERANCE * want for error, want in zip(errors, wanted)):
            break
        matrix = matrix or _slopes(profile, values, base, measure, say)
        for key, change in zip(keys, solve(matrix, errors)):
            # a price cannot be negative: its row is then not reached, which the report shows
            values[key] = max(_rounded(values[key] + Fraction(change)), Fraction(0))
        base = measure(with_constants(profile, values))
        say("  " + ", ".join(f"{key} = {float(value):g}" for key, value in values.items()))
    return values


def _slopes(profile, values, base, measure, say):
    """By how much each row moves with each constant: a line a row."""
    columns = []
    for key, value in values.items():
        step = max(abs(value) * STEP, Fraction(1, 20))
        say(f"  how the rows move with {key}")
        moved = measure(with_constants(profile, values | {key: value + step}))
        columns.append([(moved[row] - base[row]) / float(step)
                        for row in profile.fitted.values()])
    return [list(line) for line in zip(*columns)]


def _medians(figures):
    return {name: figure.median for name, figure in figures.items()}


def calibrate(profile, refit, say):
    """The record of a calibration: constants, rows, their errors."""
    fitted = {key: constant(profile, key) for key in profile.fitted}
    found = fitted
    if refit and fitted:
        say(f"fitting {', '.join(fitted)}")
        linux = commands(profile.published, "linux")
        found = fit(profile, lambda p: _medians(boot(p, linux)), say)
    say("measuring and predicting all rows")
    used = with_constants(profile, found)
    modelled = _medians(boot(used, all_commands(profile.published)))
    say("counting their instructions")
    none = dataclasses.replace(profiles.load(profiles.NONE), vendor=profile.vendor)
    counted = _medians(boot(none, all_commands(profile.published)))
    commit, dirty = hostenv.commit()
    return {
        "schema": "dunelab-calibration/1", "profile": profile.name, "title": profile.title,
        "clock_domain": profiles.DOMAIN, "commit": commit, "dirty": dirty,
        "cmdline": profiles.CMDLINE,
        "engine": engines.get(bochs.MACHINES[profile.vendor]).version(),
        "fitted": {key: {"row": profile.fitted[key], "file": float(constant(profile, key)),
                         "found": float(value)} for key, value in found.items()},
        "rows": validation.rows(profile, modelled, counted),
    }


def _arguments(argv):
    parser = arguments.Parser(
        prog="dunelab calibrate", examples=[
            "dunelab calibrate", "dunelab calibrate ivybridge-2012 --check"],
        description="Fit a cost profile's constants that are marked so "
        "on Linux's own rows, predict Dune's rows, and compare with the published figures.")
    parser.add_argument("profile", nargs="?", default=DEFAULT,
                        help=f"one that says what is to be fitted (default {DEFAULT})")
    parser.add_argument("--check", action="store_true", dest="no_fit",
                        help="take the constants of the file as they are")
    parser.add_argument("--out", type=Path, help="directory of results (default: results)")
    return parser.parse_args(argv)


def main(argv):
    """The command; 0 whatever the errors are: they are the result."""
    args = _arguments(argv)
    profile = profiles.load(args.profile)
    if not profile.published:
        raise UsageError(f"profile {profile.name} has no published rows to compare with")
    engines.get("bochs-vmx").ensure()
    kept = calibrate(profile, not args.no_fit, lambda text: print(text, flush=True))
    folder = (args.out or paths.root() / "results") / "calibration"
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name = f"{stamp}-{kept['commit'][:8]}-{profile.name}"
    store.write_json(folder / f"{name}.json", kept)
    text = validation.text(kept)
    store.write_text(folder / f"{name}.md", text)
    print(f"\n{text}\nkept in {folder / name}.json and .md")
    return 0
