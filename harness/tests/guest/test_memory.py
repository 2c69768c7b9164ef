# SPDX-License-Identifier: MIT
"""The memory programs where the machine has all they ask for: swap, huge pages, and many rounds."""

import matrix
import pytest

from dunelab import ktap

RICH = matrix.SWAP + """
echo always >/sys/kernel/mm/transparent_hugepage/enabled
insmod /lab/modules/dune.ko
out() { grep '^pswp' /proc/vmstat; }
"""


def boot(guest, script, **options):
    return guest(RICH + script, files=matrix.swap_files(), cpus=2, **options)


@pytest.mark.parametrize("engine", [
    "qemu", pytest.param("bochs-vmx", marks=[pytest.mark.bochs, pytest.mark.slow])])
def test_pages_go_to_swap_and_come_back(guest, engine):
    result = boot(guest, "test-memory_keep; s=$?; out; rmmod dune; exit $s", engine=engine,
                  timeout_s=120)
    console = result.console_text()
    assert result.status == "DONE", result.detail
    report = ktap.parse(console)
    assert report.ok, report.failures()
    assert "# SKIP" not in console
    counts = dict(line.split() for line in console.splitlines() if line.startswith("pswp"))
    assert int(counts["pswpout"]) >= 24 and int(counts["pswpin"]) >= 24, counts


@pytest.mark.slow
@pytest.mark.bochs
@pytest.mark.parametrize("engine", ["bochs", "bochs-vmx"])
def test_many_rounds(guest, engine):
    result = boot(guest, "for i in replace keep lazy; do test-memory_$i 30; done; rmmod dune",
                  engine=engine, timeout_s=900)
    assert "not ok" not in result.console_text(), result.console_text()[-3000:]
    assert result.console_text().count("ok ") == 50
