# SPDX-License-Identifier: MIT
"""libdune as somebody else finds it: installed below a directory, linked by pkg-config."""

import os
import subprocess
from pathlib import Path

from dunelab import paths

PREFIX = "/opt/dune"
OUTSIDE = Path(__file__).parent / "outside.c"
# What the compiler and its language are called, and what the program was linked with.
COMPILERS = {"c": ["gcc", "-std=c99", "-D_GNU_SOURCE"], "c++": ["g++", "-std=c++11"]}


def make(target, *variables):
    return subprocess.run(["make", "-s", "-C", paths.root() / "libos", f"BUILD={paths.build()}",
                           target, *variables], capture_output=True, text=True, check=False)


def install(destdir):
    """`make install` into DESTDIR; PREFIX below it."""
    done = make("install", f"DESTDIR={destdir}", f"PREFIX={PREFIX}")
    assert done.returncode == 0, done.stderr
    return Path(f"{destdir}{PREFIX}")


def flags(destdir, *words):
    """What pkg-config says, of the library that lies below `destdir`."""
    env = {**os.environ, "PKG_CONFIG_LIBDIR": f"{destdir}{PREFIX}/lib/pkgconfig",
           "PKG_CONFIG_SYSROOT_DIR": str(destdir)}
    return subprocess.run(["pkg-config", *words, "dune"], env=env, capture_output=True, text=True,
                          check=True).stdout.split()


def compile_outside(destdir, program, language="c", static=False):
    """outside.c with the installed library, as `program`."""
    link = ["-static", *flags(destdir, "--static", "--cflags", "--libs")] if static else \
        flags(destdir, "--cflags", "--libs")
    subprocess.run([*COMPILERS[language], "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2",
                    "-x", language, OUTSIDE, "-x", "none", "-o", program, *link], check=True)
    return program
