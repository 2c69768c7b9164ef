# SPDX-License-Identifier: MIT
"""make install: what lies there, what it exports, and that others can build with it."""

import errno
import os
import re
import subprocess

import pytest

import installed
from dunelab import paths


@pytest.fixture(scope="module")
def destdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dest")
    installed.install(folder)
    return folder


@pytest.fixture
def prefix(destdir):
    return destdir / installed.PREFIX.lstrip("/")


def public():
    """The functions that <dune.h> declares, as the compiler sees it."""
    include = paths.root() / "libos/include"
    code = subprocess.run(["gcc", "-E", "-P", f"-I{include}", include / "dune.h"],
                          capture_output=True, text=True, check=True).stdout
    # A type that has the name of its function in parentheses is none.
    return set(re.findall(r"^\s*(?!typedef)\w[\w *]*?\b(dune_\w+)\([^;]*\);", code, re.M))


def symbols(*words):
    """{name: type} of nm."""
    lines = subprocess.run(["nm", *words], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return {line.split()[-1]: line.split()[-2] for line in lines if len(line.split()) > 1}


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def test_headers_versions_and_libraries_have_the_same_functions(prefix):
    functions = public()
    script = (paths.root() / "libos/libdune.map").read_text()
    version, listed = re.search(r"^([\w.]+) \{\nglobal:\n(.*)^local:\n\t\*;\n\};", script,
                                re.M | re.S).groups()
    assert len(functions) > 8
    assert sorted(re.findall(r"(\w+);", listed)) == sorted(functions), "libos/libdune.map"
    shared = symbols("-D", "--defined-only", prefix / "lib/libdune.so.0")
    assert shared == {version: "A", **{f"{name}@@{version}": "T" for name in functions}}
    archive = symbols("-g", "--defined-only", prefix / "lib/libdune.a")
    assert archive == {name: "T" for name in functions}


def test_the_shared_library_is_fit_for_its_place(prefix):
    """No relocations in its text, nothing bound later, no stack that executes, no unloading."""
    said = subprocess.run(["readelf", "-dlW", prefix / "lib/libdune.so.0"], capture_output=True,
                          text=True, check=True).stdout
    assert "TEXTREL" not in said
    assert re.search(r"\(SONAME\).*\[libdune\.so\.0\]", said)
    assert re.search(r"\(FLAGS_1\).* NOW NODELETE", said)
    assert re.search(r"GNU_STACK .* RW  ", said)
    assert re.findall(r"\(NEEDED\).*\[(.+)\]", said) == ["libc.so.6"]


def test_every_page_and_header_is_there(prefix):
    found = files(prefix)
    source = paths.root() / "libos"
    for page in (source / "man").iterdir():
        assert f"share/man/man{page.suffix[1:]}/{page.name}" in found
    for name in public():
        assert f"share/man/man3/{name}.3" in found
    assert "bin/dune" in found and "include/dune.h" in found
    assert {f"include/dune/{h.name}" for h in (source / "include/dune").iterdir()} <= set(found)
    assert (prefix / "share/man/man3/dune_leave.3").read_text() == ".so man3/dune_enter.3\n"


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
@pytest.mark.parametrize("language", installed.COMPILERS)
def test_an_outside_program_builds_by_pkg_config_alone(destdir, prefix, tmp_path, language, static):
    program = installed.compile_outside(destdir, tmp_path / "outside", language, static)
    needed = subprocess.run(["readelf", "-d", program], capture_output=True, text=True,
                            check=True).stdout
    assert ("libdune.so.0" in needed) != static
    if os.path.exists("/dev/dune"):
        return
    done = subprocess.run([program], env={"LD_LIBRARY_PATH": str(prefix / "lib")}, timeout=20,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stdout == f"dune_init: {-errno.ENOENT}, No such file or directory\n"


@pytest.mark.parametrize("standard", ["c99", "c11", "c++98", "c++11", "c++20"])
def test_headers_alone(prefix, tmp_path, standard):
    compiler, language = ("g++", "c++") if "++" in standard else ("gcc", "c")
    for header in ["dune.h", *(f"dune/{h.name}" for h in (prefix / "include/dune").iterdir())]:
        source = tmp_path / "alone.c"
        source.write_text(f"#include <{header}>\n#include <{header}>\n")
        # The standard of 1998 has no long long and no comma at the end of an enum.
        words = ["-Wno-long-long"] if standard == "c++98" else ["-pedantic"]
        done = subprocess.run([compiler, f"-std={standard}", "-x", language, "-Wall", "-Wextra",
                               *words, "-fsyntax-only", f"-I{prefix / 'include'}", source],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0 and not done.stderr, f"{header}: {done.stderr}"


def test_directories_of_ones_own_and_uninstall(tmp_path):
    where = [f"DESTDIR={tmp_path}", "PREFIX=/usr", "LIBDIR=/usr/lib/x86_64-linux-gnu",
             "MANDIR=/usr/man"]
    assert installed.make("install", *where).returncode == 0
    found = files(tmp_path)
    assert "usr/lib/x86_64-linux-gnu/pkgconfig/dune.pc" in found and "usr/man/man7/dune.7" in found
    text = (tmp_path / "usr/lib/x86_64-linux-gnu/pkgconfig/dune.pc").read_text()
    assert "\nlibdir=/usr/lib/x86_64-linux-gnu\n" in text and "@" not in text
    other = tmp_path / "usr/include/dune/other.h"
    other.write_text("")
    assert installed.make("uninstall", *where).returncode == 0
    assert files(tmp_path) == ["usr/include/dune/other.h"], "more or less than its own is gone"


@pytest.mark.parametrize("variable", ["PREFIX=", "PREFIX=here", "LIBDIR=lib", "MANDIR=/a b"])
def test_wrong_directories_are_refused(tmp_path, variable):
    for target in ("install", "uninstall"):
        done = installed.make(target, f"DESTDIR={tmp_path}", variable)
        assert done.returncode == 2 and "want an absolute path" in done.stderr
    assert not files(tmp_path)
