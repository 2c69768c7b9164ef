# SPDX-License-Identifier: MIT
"""What other people's checkers say about our scripts, and what the compiler made of libdune."""

import shutil
import subprocess

import pytest
from sources import ROOT, python_files, shell_files

from dunelab import paths

# What pycodestyle ignores by itself, and tabs: it sees those of shell scripts in strings, too.
IGNORED = ("E121", "E123", "E126", "E226", "E24", "E704", "W503", "W504", "E101", "W191")


def run(*argv):
    """Run a checker in the tree; its whole output is the failure's text."""
    assert shutil.which(argv[0]), f"{argv[0]} is missing: run make deps"
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr


def test_shellcheck_is_content():
    names = shell_files()
    assert len(names) >= 4
    run("shellcheck", *names)


def test_pycodestyle_is_content():
    names = python_files()
    assert len(names) > 30
    run("pycodestyle", "--max-line-length=100", f"--ignore={','.join(IGNORED)}", *names)


def test_python_compiles():
    for name in python_files():
        compile((ROOT / name).read_text("utf-8"), name, "exec")


def test_libdune_calls_no_memcpy():
    """Its host side runs while the vector registers are the guest's: libc's memory functions,
    which the compiler may call by itself, would destroy them."""
    folder = paths.build() / "libos"
    objects = sorted([*folder.glob("*.o"), *folder.glob("signal/*.o")])
    if not objects:
        pytest.skip("libdune is not built: make libos")
    problems = []
    for path in objects:
        symbols = subprocess.run(["nm", "-u", path], capture_output=True, text=True,
                                 check=True).stdout.split()
        problems += [f"{path.name}: {symbol}" for symbol in symbols
                     if symbol.startswith(("mem", "str", "bcopy", "bzero", "__mem"))]
    assert not problems, "\n".join(problems)


def test_policies_call_nothing_but_each_other():
    """They run in ring 0 with nobody's vector registers, and have no variables of their own."""
    archive = paths.build() / "libos" / "policies.a"
    if not archive.exists():
        pytest.skip("policies are not built: make libos")
    lines = subprocess.run(["nm", "-P", archive], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    symbols = [line.split()[:2] for line in lines if " " in line]
    defined = {name for name, kind in symbols if kind != "U"} | {"_GLOBAL_OFFSET_TABLE_"}
    assert len(defined) > 20
    assert [name for name, kind in symbols if kind == "U" and name not in defined] == []
    assert [name for name, kind in symbols if kind in "BbDdC" and not name.startswith("rt_")] == []
