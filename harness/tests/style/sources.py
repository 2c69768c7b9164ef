# SPDX-License-Identifier: MIT
"""The files that the style tests look at: those of the repository, by kind."""

import functools
import re
import subprocess

from dunelab import paths

ROOT = paths.root()
# Licence texts are not ours to style; a patch's lines are those of what it patches; a reference is
# what a program measured.
FOREIGN = re.compile(r"LICENSES/|.*\.patch$|results/reference/")


@functools.lru_cache(maxsize=None)
def tracked():
    """Paths (str, relative to the tree) of all files under version control that exist."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    if done.returncode == 0:
        names = done.stdout.split("\0")
    else:           # an unpacked archive: everything that is not made by builds or runs
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
        names = [n for n in names if not re.match(r"(build|results|\.git)/|.*__pycache__", n)]
    found = sorted(n for n in names if n and (ROOT / n).is_file())
    assert len(found) > 100, "the list of files is not what it should be"
    return tuple(found)


def ours():
    """tracked() without what is not ours to style."""
    return [name for name in tracked() if not FOREIGN.match(name)]


@functools.lru_cache(maxsize=None)
def text(name):
    """A file's content; AssertionError names a file that is not UTF-8."""
    try:
        return (ROOT / name).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise AssertionError(f"{name} is not UTF-8: {error}") from None


def shebang(name):
    """The first line if it is a shebang, else ''."""
    line = text(name).split("\n", 1)[0]
    return line if line.startswith("#!") else ""


def c_files():
    """C sources and headers."""
    return [name for name in ours() if name.endswith((".c", ".h"))]


def python_files():
    """Python modules and scripts."""
    return [n for n in ours() if n.endswith(".py") or "python" in shebang(n)]


def shell_files():
    """Shell scripts, recognised by their first line."""
    return [n for n in ours() if re.search(r"[/ ](ba|da)?sh\b", shebang(n))]


def markdown_files():
    """Documentation."""
    return [name for name in ours() if name.endswith(".md")]


def report(problems):
    """Fail with one problem a line."""
    problems = list(problems)
    assert not problems, f"{len(problems)} problems:\n" + "\n".join(problems)
