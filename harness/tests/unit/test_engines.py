# SPDX-License-Identifier: MIT
"""The engine registry and what the engines hand to their emulators."""

from pathlib import Path

import pytest

from dunelab import engine
from dunelab.engine.base import Boot
from dunelab.errors import UsageError


def boot(cpus=1):
    return Boot(Path("/k"), Path("/i"), "extra=1", cpus, 512, 10.0, Path("/w,x"))


def test_an_unknown_engine_lists_the_known_ones():
    with pytest.raises(UsageError) as caught:
        engine.get("simics")
    assert "simics" in str(caught.value)
    for name in engine.names():
        assert name in str(caught.value)


@pytest.mark.parametrize("name", engine.names())
def test_every_engine_says_what_its_numbers_mean(name):
    chosen = engine.get(name)
    assert chosen.name == name
    assert chosen.clock_domain.split("(")[0] in ("instr", "ns")
    if name != "kvm":           # whose answer takes a boot: tests/guest/test_engines.py
        usable, reason = chosen.available()
        assert isinstance(usable, bool) and reason and "\n" not in reason


def test_qemu_gets_the_boot_and_commas_in_paths_are_escaped():
    argv = engine.get("qemu").launch(boot(2)).argv
    assert argv[argv.index("-smp") + 1] == "2"
    assert argv[argv.index("-append") + 1].endswith(" extra=1")
    assert "file:/w,,x/console.log" in argv


def test_icount_is_set_up_to_repeat():
    chosen = engine.get("qemu-icount")
    assert chosen.deterministic
    argv = " ".join(chosen.launch(boot()).argv)
    for part in ("-icount shift=0,sleep=off", "-seed 1", "-rtc base=2026-01-01,clock=vm",
                 "-rdrand,-rdseed", "nokaslr norandmaps"):
        assert part in argv


def test_icount_refuses_two_cpus():
    with pytest.raises(UsageError, match="1 to 1 CPUs"):
        engine.get("qemu-icount").launch(boot(2))
