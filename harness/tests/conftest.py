# SPDX-License-Identifier: MIT
"""Fixtures of all tests: the build directory, and a guest that is checked after every test."""

import re
import shutil
from pathlib import Path

import pytest

from dunelab import guestrun, ktap, paths


def pytest_addoption(parser):
    parser.addoption("--engine", default="qemu", metavar="NAME",
                     help="engine that the `guest` fixture boots on (default qemu)")


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent / "guest"
    for item in items:
        if here in Path(item.fspath).parents:
            item.add_marker(pytest.mark.guest)


def pytest_make_parametrize_id(val):
    """Short names: pytest puts a test's into the environment, where a megabyte fails each exec."""
    if isinstance(val, (bytes, str)) and len(val) > 100:
        return f"{val[:40]!r}...{len(val)}"
    return None


@pytest.fixture(scope="session")
def build_dir():
    """The build directory (build/, or the variable BUILD)."""
    return paths.build()


@pytest.fixture
def engine_name(request):
    """Name of the engine that guest tests run on; tests marked bochs run on Bochs."""
    if request.node.get_closest_marker("bochs"):
        return "bochs"
    return request.config.getoption("--engine")


class Guests:
    """Boots guests for one test and keeps what they left."""

    def __init__(self, folder, engine):
        self._folder = folder
        self.engine = engine
        self.results = []

    def __call__(self, script, **options):
        """guestrun.run() with a directory of its own; returns the BootResult."""
        workdir = self._folder / f"boot-{len(self.results)}"
        workdir.mkdir(parents=True)
        options.setdefault("engine", self.engine)
        result = guestrun.run(script, workdir=workdir, **options)
        self.results.append(result)
        return result

    def ktap(self, script, **options):
        """Boot, and fail the test unless the console has KTAP in which nothing failed."""
        result = self(script, **options)
        assert result.status == "DONE", result.detail
        report = ktap.parse(result.console_text())
        assert report.ok, "\n".join([*report.failures(), f"console: {result.console}"])
        return result


@pytest.fixture
def guest(request, engine_name):
    """Call it with a shell script to run that in a fresh guest; see Guests.

    Afterwards, unless the test is marked dirty: the kernel log had no warning, and the counters of
    objects alive in dune.ko, where it was still loaded, are zero.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", request.node.nodeid.split("/")[-1])
    folder = paths.build() / "boots" / "tests" / name
    shutil.rmtree(folder, ignore_errors=True)
    guests = Guests(folder, engine_name)
    yield guests
    for result in guests.results:
        (result.console.parent / "initrd").unlink(missing_ok=True)
    if not request.node.get_closest_marker("dirty"):
        complaints = [text for result in guests.results for text in unclean(result)]
        assert not complaints, "\n".join(complaints)


def unclean(result):
    """What a guest left behind that it should not have: a list of texts, empty if it is clean."""
    found = []
    log = result.payload("dmesg")
    if log is not None:
        tail = log.decode("utf-8", "replace").splitlines()[-80:]
        found.append("\n".join(["the kernel log has warnings:", *tail]))
    stats = result.payload("dune-stats")
    for line in (stats or b"").decode("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) == 2 and words[0].startswith("live_") and words[1] != "0":
            found.append(f"dune.ko still counts {words[0]} = {words[1]}")
    return found
