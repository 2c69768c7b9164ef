# SPDX-License-Identifier: MIT
"""Programs of guest tests that more than one file needs."""

import subprocess
from pathlib import Path

import pytest

from dunelab import paths


def _compile(program, *words):
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-static",
                    "-O1", "-o", program, *words], check=True)
    return {f"/lab/bin/{program.name}": program}


@pytest.fixture(scope="session")
def life_probe(tmp_path_factory):
    """{guest path: host path} of life-probe, built against libdune."""
    libos = paths.root() / "libos"
    return _compile(tmp_path_factory.mktemp("life") / "life-probe", f"-I{libos / 'include'}",
                    Path(__file__).parent / "life_probe.c", paths.build() / "libos/libdune.a",
                    "-pthread")


@pytest.fixture(scope="session")
def rt_probe(tmp_path_factory):
    """{guest path: host path} of rt-probe, built against libdune, pty-probe and lock-probe."""
    libos, folder = paths.root() / "libos", tmp_path_factory.mktemp("rt")
    return {**_compile(folder / "rt-probe", f"-I{libos / 'include'}",
                       Path(__file__).parent / "rt_probe.c", paths.build() / "libos/libdune.a",
                       "-pthread"),
            **_compile(folder / "pty-probe", Path(__file__).parent / "pty_probe.c"),
            **_compile(folder / "lock-probe", Path(__file__).parent / "lock_probe.c")}


@pytest.fixture(scope="session")
def rt_badly(tmp_path_factory):
    """{guest path: host path} of rt-badly, built against libdune."""
    libos = paths.root() / "libos"
    return _compile(tmp_path_factory.mktemp("badly") / "rt-badly", f"-I{libos / 'include'}",
                    Path(__file__).parent / "rt_badly.c", paths.build() / "libos/libdune.a",
                    "-pthread")


@pytest.fixture(scope="session")
def wake_soon(tmp_path_factory):
    """{guest path: host path} of wake-soon."""
    return _compile(tmp_path_factory.mktemp("wake") / "wake-soon",
                    Path(__file__).parent / "wake_soon.c")


@pytest.fixture(scope="session")
def msrs(tmp_path_factory):
    """{guest path: host path} of msrs."""
    return _compile(tmp_path_factory.mktemp("msrs") / "msrs", Path(__file__).parent / "msrs.c")


@pytest.fixture(scope="session")
def kexec(tmp_path_factory):
    """{guest path: host path} of kexec."""
    return _compile(tmp_path_factory.mktemp("kexec") / "kexec", Path(__file__).parent / "kexec.c")


@pytest.hookimpl(trylast=True)      # of those that are left by -m and -k
def pytest_collection_modifyitems(items):
    """The longest of all begin at once, one in each of two processes; who waits for them is last.

    pytest-xdist first deals out an eighth of the tests to each of two workers, in order.
    """
    longest = [item for item in items if item.name.startswith("test_every_program[")]
    last = [item for item in items if item.name == "test_machines_agree"]
    rest = [item for item in items if item not in longest + last]
    for place, item in enumerate(longest):
        rest.insert(place * max(len(items) // 8, 2), item)
    items[:] = rest + last
