# SPDX-License-Identifier: MIT
"""The paper's applications: a part of each in short, and all of it where time does not matter."""

import pytest

from dunelab import apps, costs

# name -> the figures measured in short
SHORT = {"sandbox": ("start", "gzip", "awk"), "sthread": ("create", "switch", "http"),
         "gc": ("list", "map")}


def run(guest, name, only=(), **options):
    """Boot once; the application's figures, or those of `only`."""
    needs = apps.needs(name, only)
    result = guest(apps.script(name, quick=True, only=only), files=needs.files,
                   package_names=needs.packages, cpus=needs.cpus, memory_mib=needs.memory_mib,
                   **options)
    assert result.exit_code == 0, f"{result.detail}\n{result.console_text()}"
    return costs.parse(result.payload(apps.FRAME).decode())


@pytest.mark.parametrize("name", SHORT)
def test_a_part_of_an_application(guest, name):
    found = run(guest, name, SHORT[name], timeout_s=300)
    assert {key.split(".")[1] for key in found} == set(SHORT[name])
    for key, figure in found.items():
        assert figure.low > 0, key


@pytest.mark.slow
@pytest.mark.parametrize("name", apps.NAMES)
def test_all_of_an_application_on_bochs(guest, name):
    found = run(guest, name, engine="bochs-vmx", timeout_s=1200)
    names = {key.rsplit(".", 1)[0] for key in found}
    assert all(f"{key}.linux" in found for key in names)
