# SPDX-License-Identifier: MIT
"""The applications: what they need exists, and their scripts say what was asked for."""

import pytest

from dunelab import apps, packages
from dunelab.errors import UsageError


@pytest.mark.parametrize("name", apps.NAMES)
def test_what_is_needed_exists(name):
    needs = apps.needs(name)
    assert set(needs.packages) <= set(packages.PROGRAMS)
    assert all(path.is_file() for path in needs.files.values())


def test_a_part_needs_less():
    assert apps.needs("sandbox", ["awk", "network"]).packages == ("mawk",)


@pytest.mark.parametrize("name", apps.NAMES)
def test_scripts(name):
    short = apps.script(name, quick=True, only=["this", "that"], seed=7, batches=3)
    for only in ("this", "that"):
        assert f"app-{name} --quick --batches 3 --seed 7 --only {only} >" in short
    assert f"app-{name} --seed 1 >" in apps.script(name)


def test_an_unknown_application_is_named():
    with pytest.raises(UsageError, match="'fly'"):
        apps.needs("fly")
    with pytest.raises(UsageError, match="'fly'"):
        apps.script("fly")
