# SPDX-License-Identifier: MIT
"""Programs as they are, by `dune run`, in ring 0 and in ring 3: output and status as without it."""

import difflib
import json
import tomllib
from pathlib import Path

import pytest

from dunelab import packages, paths

HERE = Path(__file__).parent
SCRIPTS = HERE / "programs"
LISTED = tomllib.loads((HERE / "programs.toml").read_text())["program"]
# Seconds for all rows that are not long, and for one that is: for what hangs, not for what is slow.
QUICK = {"qemu": 1800, "bochs": 2400, "bochs-vmx": 2400}
LONG = {"qemu": 3600, "bochs": 5400, "bochs-vmx": 5400}
MARKS = {"qemu": [], "bochs": [pytest.mark.bochs], "bochs-vmx": [pytest.mark.bochs]}

MACHINES = {"qemu": "qemu-svm", "bochs": "bochs-svm", "bochs-vmx": "bochs-vmx"}

WAYS = {"native": "", "dune": "dune run", "monitor": "dune run --monitor"}
# Standard output and error, as one, of each way; and what the shell says of its end. What a row
# writes to a file `errors` is not compared, and quoted when there is a difference.
ONE = """
mkdir -p /tmp/run/{way}/{nr}; cd /tmp/run/{way}/{nr}
timeout -s KILL {limit} {command} sh /programs/{nr} >/tmp/{way}.{nr} 2>&1 </dev/null
echo "status $?" >>/tmp/{way}.{nr}
report file /tmp/{way}.{nr} {way}.{nr}
[ ! -e errors ] || report file errors errors.{way}.{nr}
"""


def rows(engine, long=False, tiny=None):
    """Of an engine: those with a boot of their own, or the others (tiny: which of them)."""
    return [row for row in LISTED if engine in row.get("machines", LONG)
            and row.get("long", False) == long and tiny in (None, row.get("tiny", False))]


def script(engine, row):
    """What sh runs there."""
    return row["bochs"] if "bochs" in row and engine.startswith("bochs") else row["script"]


def kept(engine, row):
    """The file of what became of a row, for scripts/gen-programs."""
    return (paths.build() / "programs" / paths.kernel_name() / MACHINES[engine] /
            f"{row['name'].replace(' ', '-')}.json")


def run_all(guest, engine, programs, **options):
    """Run rows in every way: {name: what differs} of those that are not as natively."""
    for row in programs:
        kept(engine, row).unlink(missing_ok=True)
    files = {f"/programs/{nr}": script(engine, row) for nr, row in enumerate(programs)}
    files |= {f"/programs/{path.name}": path for path in SCRIPTS.iterdir()}
    text = "insmod /lab/modules/dune.ko\n" + "".join(
        ONE.format(way=way, nr=nr, command=command, limit=options["timeout_s"] // 3)
        for nr in range(len(programs)) for way, command in WAYS.items())
    wanted = sorted({name for row in programs for name in row.get("packages", ())})
    result = guest(text + "rmmod dune\n", files=files, engine=engine, cpus=2,
                   package_names=wanted, **options)
    assert result.status == "DONE", result.detail
    different = {}
    for nr, row in enumerate(programs):
        said = {way: result.payload(f"{way}.{nr}").decode("utf-8", "replace") for way in WAYS}
        native = said.pop("native")
        # A row that fails alike has shown nothing.
        end = f"\nstatus {row.get('status', 0)}\n"
        assert f"\n{native}".endswith(end), f"{row['name']}:\n{native}"
        wrong = {way: text for way, text in said.items() if text != native}
        for way, text in wrong.items():
            errors = (result.payload(f"errors.{way}.{nr}") or b"").decode("utf-8", "replace")
            different[f"{row['name']}, {WAYS[way]}"] = "\n".join([*difflib.unified_diff(
                native.splitlines(), text.splitlines(), row["name"], WAYS[way], lineterm=""),
                *errors.splitlines()[-40:]])
        keep(engine, row, not wrong, native)
    assert different or result.exit_code == 0, result.detail
    return different


def keep(engine, row, same, native):
    """Write down what became of a row, and of which versions."""
    path = kept(engine, row)
    path.parent.mkdir(parents=True, exist_ok=True)
    versions = {name: next(entry["version"] for entry in packages.record(name)
                           if entry["name"] == name) for name in row.get("packages", ())}
    path.write_text(json.dumps({"same": same, "lines": native.count("\n"),
                                "packages": versions}, indent=1) + "\n")


def test_what_bochs_skips_has_reasons_and_only_shrinks():
    skips = [line.split(maxsplit=1) for line in (SCRIPTS / "bochs-skips").read_text().splitlines()
             if not line.startswith("#")]
    assert all(len(words) == 2 for words in skips) and len(skips) <= 25


@pytest.mark.parametrize("engine", [pytest.param(name, marks=marks)
                                    for name, marks in MARKS.items()])
def test_quick_programs_are_the_same(guest, engine):
    quick = rows(engine, tiny=None if engine == "qemu" else True)
    different = run_all(guest, engine, quick, timeout_s=QUICK[engine])
    assert not different, "\n".join(different.values())


@pytest.mark.programs
@pytest.mark.bochs
@pytest.mark.parametrize("engine", ["bochs", "bochs-vmx"])
def test_other_programs_are_the_same_in_bochs(guest, engine):
    different = run_all(guest, engine, rows(engine, tiny=False), timeout_s=LONG[engine])
    assert not different, "\n".join(different.values())


@pytest.mark.programs
@pytest.mark.parametrize("engine,row", [
    pytest.param(engine, row, marks=marks, id=f"{engine}-{row['name'].replace(' ', '-')}")
    for engine, marks in MARKS.items() for row in rows(engine, long=True)])
def test_a_program_is_the_same(guest, engine, row):
    different = run_all(guest, engine, [row], timeout_s=LONG[engine],
                        memory_mib=row.get("memory", 512))
    assert not different, "\n".join(different.values())
