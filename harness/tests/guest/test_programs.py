# SPDX-License-Identifier: MIT
"""Programs as they are, by `dune run`: the output and the status that they have without it."""

import difflib
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPTS = HERE / "programs"
LISTED = tomllib.loads((HERE / "programs.toml").read_text())["program"]
QUICK = {"qemu": 90, "bochs": 180, "bochs-vmx": 180}    # seconds for all rows that are not long
LONG = {"qemu": 900, "bochs": 1800, "bochs-vmx": 1800}  # for one that is
MARKS = {"qemu": [], "bochs": [pytest.mark.bochs], "bochs-vmx": [pytest.mark.bochs]}

# Standard output and error, as one, of both ways; and what the shell says of each end.
ONE = """
mkdir -p /tmp/run/{way}/{nr}; cd /tmp/run/{way}/{nr}
timeout -s KILL {limit} {command} sh /programs/{nr} >/tmp/{way}.{nr} 2>&1 </dev/null
echo "status $?" >>/tmp/{way}.{nr}
report file /tmp/{way}.{nr} {way}.{nr}
"""


def rows(engine, long=False, tiny=None):
    """Of an engine: those with a boot of their own, or the others (tiny: which of them)."""
    return [row for row in LISTED if engine in row.get("machines", LONG)
            and row.get("long", False) == long and tiny in (None, row.get("tiny", False))]


def run_both(guest, engine, programs, **options):
    """Run rows natively and by `dune run`: {name: both outputs} of those that are different."""
    files = {f"/programs/{nr}": row["script"] for nr, row in enumerate(programs)}
    files |= {f"/programs/{path.name}": path for path in SCRIPTS.iterdir()}
    script = "insmod /lab/modules/dune.ko\n" + "".join(
        ONE.format(way=way, nr=nr, command=command, limit=options["timeout_s"] // 2)
        for nr in range(len(programs))
        for way, command in (("native", ""), ("dune", "dune run")))
    packages = sorted({name for row in programs for name in row.get("packages", ())})
    result = guest(script + "rmmod dune\n", files=files, engine=engine, cpus=2,
                   package_names=packages, **options)
    assert result.exit_code == 0, result.detail
    different = {}
    for nr, row in enumerate(programs):
        native, dune = (result.payload(f"{way}.{nr}").decode("utf-8", "replace")
                        for way in ("native", "dune"))
        # A row that fails alike has shown nothing.
        end = f"\nstatus {row.get('status', 0)}\n"
        assert f"\n{native}".endswith(end), f"{row['name']}:\n{native}"
        if native != dune:
            different[row["name"]] = "\n".join([f"{row['name']}:", *difflib.unified_diff(
                native.splitlines(), dune.splitlines(), "native", "dune run", lineterm="")])
    return different


@pytest.mark.parametrize("engine", [pytest.param(name, marks=marks)
                                    for name, marks in MARKS.items()])
def test_quick_programs_are_the_same(guest, engine):
    quick = rows(engine, tiny=None if engine == "qemu" else True)
    different = run_both(guest, engine, quick, timeout_s=QUICK[engine])
    assert not different, "\n".join(different.values())


@pytest.mark.programs
@pytest.mark.bochs
@pytest.mark.parametrize("engine", ["bochs", "bochs-vmx"])
def test_other_programs_are_the_same_in_bochs(guest, engine):
    different = run_both(guest, engine, rows(engine, tiny=False), timeout_s=LONG[engine])
    assert not different, "\n".join(different.values())


@pytest.mark.programs
@pytest.mark.parametrize("engine,row", [
    pytest.param(engine, row, marks=marks, id=f"{engine}-{row['name'].replace(' ', '-')}")
    for engine, marks in MARKS.items() for row in rows(engine, long=True)])
def test_a_program_is_the_same(guest, engine, row):
    different = run_both(guest, engine, [row], timeout_s=LONG[engine],
                         memory_mib=row.get("memory", 512))
    assert not different, "\n".join(different.values())
