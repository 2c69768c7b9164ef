# SPDX-License-Identifier: MIT
"""Debian programs for the guest: resolved and downloaded at build time, cut down to what they need.

The package, those it needs beside it, and the library packages below them (recursively) are
unpacked. Kept are the programs, the files that they read, and the libraries that all of these
really link (DT_NEEDED, recursively), with the loader.
"""

import contextlib
import fcntl
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dunelab import debs, paths
from dunelab.errors import UsageError


@dataclass(frozen=True)
class Wanted:
    """What is kept of a package. All but `packages` are patterns of paths (** is any depth)."""

    programs: tuple
    packages: tuple = ()    # beside the one itself
    files: tuple = ()       # plugins among them are programs, too: their libraries are kept
    without: tuple = ()


_PERL = "/usr/lib/x86_64-linux-gnu/perl-base/"

_GCC = "/usr/lib/gcc/x86_64-linux-gnu/12/"
_C_LIBRARY = (      # what a compiler needs of libc6-dev
    "/usr/include/*", "/usr/include/x86_64-linux-gnu/**/*", "/usr/lib/x86_64-linux-gnu/*crt?.o",
    "/usr/lib/x86_64-linux-gnu/libc.so", "/usr/lib/x86_64-linux-gnu/libc_nonshared.a")
_PYTHON = "/usr/lib/python3.11/"

PROGRAMS = {
    "bc": Wanted(("/usr/bin/bc",)),
    "bzip2": Wanted(("/bin/bzip2",)),
    "coreutils": Wanted(("/bin/*", "/usr/bin/*")),
    "curl": Wanted(("/usr/bin/curl",)),
    "dash": Wanted(("/bin/dash",)),
    "gcc-12": Wanted(
        ("/usr/bin/gcc-12", "/usr/bin/as", "/usr/bin/ld", _GCC + "cc1", _GCC + "collect2"),
        packages=("binutils", "binutils-x86-64-linux-gnu", "cpp-12", "libc6-dev", "libgcc-12-dev",
                  "libgcc-s1"),
        files=_C_LIBRARY + (_GCC + "crt*", _GCC + "libgcc*", _GCC + "include/*",
                            _GCC + "liblto_plugin.so", "/lib/x86_64-linux-gnu/libgcc_s.so.1")),
    "gdb-minimal": Wanted(("/usr/bin/gdb",)),
    "gzip": Wanted(("/bin/gzip",)),
    "lighttpd": Wanted(("/usr/sbin/lighttpd",), files=("/usr/lib/lighttpd/*.so",),
                       without=("/usr/lib/lighttpd/mod_maxminddb.so",)),
    "linux-perf": Wanted(("/usr/bin/perf",), packages=("libpython3.11",)),
    "mawk": Wanted(("/usr/bin/mawk",)),
    "memcached": Wanted(("/usr/bin/memcached",)),
    "perl-base": Wanted(("/usr/bin/perl",), files=(_PERL + "**/*",),
                        without=(_PERL + "unicore/**/*",)),
    "picosat": Wanted(("/usr/bin/picosat",)),
    "python3.11-minimal": Wanted(
        ("/usr/bin/python3.11",),
        packages=("libgcc-s1", "libpython3.11-stdlib", "libpython3.11-testsuite"),
        # The C library loads libgcc for pthread_exit().
        files=("/lib/x86_64-linux-gnu/libgcc_s.so.*",) + tuple(_PYTHON + path for path in (
            "*", "[!t]*/**/*", "t[!ek]*/**/*", "test/__init__.py", "test/support/**/*",
            "test/lock_tests.py", "test/signalinterproctester.py", "test/test_mmap.py",
            "test/test_signal.py", "test/test_socket.py", "test/test_subprocess.py",
            "test/test_threading.py", "test/fd_status.py", "test/sigchild*", "test/input*",
            "test/qcat.py", "test/qgrep.py", "test/subprocessdata/*")),
        without=tuple(_PYTHON + path for path in (
            "config-*/**/*", "idlelib/**/*", "lib2to3/**/*", "pydoc_data/**/*", "*/test/**/*"))),
    "openssl": Wanted(("/usr/bin/openssl",), files=("/etc/ssl/openssl.cnf",)),
    "redis-server": Wanted(("/usr/bin/redis-*",), packages=("redis-tools",)),
    "rt-tests": Wanted(("/usr/bin/cyclictest", "/usr/bin/hackbench", "/usr/bin/oslat")),
    "sqlite3": Wanted(("/usr/bin/sqlite3",)),
    "stress-ng": Wanted(("/usr/bin/stress-ng",)),
    "tcc": Wanted(("/usr/bin/tcc",), packages=("libc6-dev",),
                  files=_C_LIBRARY + ("/usr/lib/x86_64-linux-gnu/tcc/**/*",)),
    "wrk": Wanted(("/usr/bin/wrk",)),
    "xz-utils": Wanted(("/usr/bin/xz",)),
}

LIBRARY_DIRS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")


def files(name):
    """{guest path: host Path} of the program and everything it loads."""
    folder = _ensure(name)
    return {"/" + str(path.relative_to(folder)): path
            for path in sorted(folder.rglob("*")) if path.is_file() and path.parent != folder}


def record(name):
    """[{name, version, sha256}] of the packages the program was taken from."""
    return json.loads((_ensure(name) / "record.json").read_text())


def _ensure(name):
    """Directory with the cut-down tree of a package, made if need be and remade when apt offers
    another version; without network the one that is there is kept."""
    if name not in PROGRAMS:
        raise UsageError(f"unknown package '{name}'; known: {', '.join(PROGRAMS)}")
    folder = paths.build() / "packages" / name
    memory = paths.cache() / "packages" / f"{name}.json"
    try:
        wanted, files_ = debs.obtain(lambda: _closure(name))
        memory.parent.mkdir(exist_ok=True)
        memory.write_text(json.dumps([vars(p) for p in wanted], indent=1) + "\n")
    except debs.AptError:
        if (folder / "record.json").exists():
            return folder
        wanted = _remembered(memory)
        if not wanted:
            raise
        files_ = debs.download(wanted)
    with _alone(folder):
        _make(name, folder, wanted, files_)
    return folder


@contextlib.contextmanager
def _alone(folder):
    """Boots that begin together need the same programs: who comes second finds them made, and does
    not make them again under the eyes of the first."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f".{folder.name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(name, folder, wanted, debs_):
    """Make the directory from its packages, unless it is what they and the recipe say."""
    content = json.dumps([p.record() for p in wanted], indent=1) + "\n"
    recipe = f"{PROGRAMS[name]}\n"
    try:
        if (folder / "record.json").read_text() == content and \
                (folder / "recipe").read_text() == recipe:
            return
    except FileNotFoundError:
        pass
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    try:
        for deb in debs_:
            debs.unpack(deb, scratch / "all")
        for path, source in _needed(scratch / "all", PROGRAMS[name]).items():
            target = scratch / "kept" / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        (scratch / "kept" / "record.json").write_text(content)
        (scratch / "kept" / "recipe").write_text(recipe)
        shutil.rmtree(folder, ignore_errors=True)
        (scratch / "kept").rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _remembered(memory):
    try:
        found = [debs.Package(**fields) for fields in json.loads(memory.read_text())]
    except (OSError, ValueError, TypeError):
        return []
    return found if all(map(debs.cached, found)) else []


def _closure(name):
    """The package and the library packages below it, sorted by name."""
    found = {}
    wave = [name, *PROGRAMS[name].packages]
    while wave:
        found.update(debs.lookup(wave))
        wave = sorted({d for n in wave for d in debs.dependencies(found[n])
                       if d.startswith(("lib", "zlib")) and d not in found})
    return [found[n] for n in sorted(found)]


def _needed(tree, wanted):
    """{guest path: host Path}: what is wanted, the loader, and the libraries, by DT_NEEDED."""
    left_out = set(_matching(tree, wanted.without))
    files_ = {path: source for path, source in _matching(tree, wanted.files).items()
              if path not in left_out}
    queue = list(_matching(tree, wanted.programs).items())
    if not queue:
        raise UsageError(f"none of the packages contains {' or '.join(wanted.programs)}")
    plugins = {path for path, source in files_.items()
               if path.endswith(".so") and source.read_bytes()[:4] == b"\x7fELF"}
    queue += [(path, files_[path]) for path in sorted(plugins)]
    keep = {path: source for path, source in files_.items() if path not in plugins}
    while queue:
        path, source = queue.pop()
        if path in keep:
            continue
        keep[path] = source
        for library in _dynamic(source):
            found = next((tree / d / library for d in LIBRARY_DIRS
                          if (tree / d / library).exists()), None)
            if found is None:
                raise UsageError(f"{path} needs {library}, which none of its packages contains")
            where = "/lib64/" if library.startswith("ld-linux") else "/lib/x86_64-linux-gnu/"
            queue.append((where + library, found.resolve()))
    return keep


def _matching(tree, patterns):
    """{guest path: host Path} of the files that match one of the patterns. Absolute links are left
    out: they point to this host's files."""
    return {"/" + str(path.relative_to(tree)): path for pattern in patterns
            for path in sorted(tree.glob(pattern.lstrip("/")))
            if path.is_file() and not (path.is_symlink() and path.readlink().is_absolute())}


def _dynamic(path):
    """Names of the libraries and the loader that an ELF file asks for."""
    output = subprocess.run(["readelf", "-dlW", path], capture_output=True, text=True,
                            check=True).stdout
    names = re.findall(r"\(NEEDED\).*\[(.+)\]", output)
    return names + [Path(p).name for p in re.findall(r"program interpreter: (.+)\]", output)]
