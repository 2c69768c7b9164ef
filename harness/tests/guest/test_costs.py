# SPDX-License-Identifier: MIT
"""Cost profiles in Bochs: what is charged arrives in the guest's clock, and nothing else does."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import pytest

from dunelab import costs, datacache, guestrun, paths, profiles
from dunelab.engine.bochs import Bochs, BochsVmx

pytestmark = pytest.mark.bochs

# In a guest of each machine: Linux's own, and of a guest of dune.ko a CPUID, which exits, and a
# write of CR3, which does not.
ROWS = ("linux.getpid", "linux.signal", "linux.trap", "linux.switch",
        "dune.exit_kernel", "dune.cr3")
SCRIPT = "\n".join([
    "echo 0 >/proc/sys/kernel/printk",
    *(f"micro linux --batches 3 --iterations 40 --all --only {row} >>/tmp/costs"
      for row in ROWS[:4]),
    "insmod /lab/modules/dune.ko",
    *(f"micro dune --batches 3 --iterations 40 --all --only {row} >>/tmp/costs"
      for row in ROWS[4:]),
    "report file /tmp/costs costs"])
EXIT, ENTRY, TASK_SWITCH = 1000, 300, 5000
# Caches whose sets are chosen by the offset in a page: wherever the pages lie, so many fit.
LINE, PAGE = 64, 4096
IN_FIRST, IN_SECOND, BEYOND = 1, 8, 48      # pages that a chase goes over
LATENCIES = (4, 30, 205)
DATA_CACHE = datacache.DataCache(LINE, ((2 * PAGE, 2), (16 * PAGE, 16)),
                                 tuple(map(Fraction, LATENCIES)))
CHASE = f"chase-probe {IN_FIRST} {IN_SECOND} {BEYOND} >/tmp/o\nreport file /tmp/o chase"
QUANTUM, TRACE = 32, 31         # how far apart the CPUs may get: see the emulator's README


def made_up(vendor, **charged):
    """A profile in which an instruction is a cycle, with a TLB; it charges what is given."""
    return profiles.Profile(
        "made-up", "made up", vendor, 1.0, Fraction(1),
        {key.replace("__", "."): Fraction(value) for key, value in charged.items()},
        {"tlb_4k": (64, 4), "tlb_2m": (32, 4), "upper_2m": (16, 4)}, {}, {})


def with_caches(**charged):
    """A made-up profile with caches of data, and a TLB that holds what a chase goes over."""
    return replace(made_up("intel", **charged), data_cache=DATA_CACHE,
                   caches={"tlb_4k": (4096, 8), "tlb_2m": (32, 4)})


def probe(name, folder):
    """The file of a probe of this directory, compiled."""
    program = folder / name
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static",
                    paths.root() / f"harness/tests/guest/{name.replace('-', '_')}.c", "-o",
                    program], check=True, timeout=60)
    return {f"/lab/bin/{name}": program}


@pytest.fixture(scope="module")
def boots(tmp_path_factory):
    """{name: (figures, everything that the guest sent, what it says of a chase)}"""
    charged = {"exit__default": 7, "exit__cpuid": EXIT, "event__entry": ENTRY,
               "event__task_switch": TASK_SWITCH}
    wanted = {
        "intel plain": BochsVmx(),
        "intel charged": BochsVmx(profile=made_up("intel", **charged)),
        "intel cached": BochsVmx(profile=with_caches(**charged)),
        "intel cached again": BochsVmx(profile=with_caches(**charged)),
        "amd plain": Bochs(),
        "amd charged": Bochs(profile=made_up("amd", **charged)),
    }
    next(iter(wanted.values())).ensure()
    files = probe("chase-probe", tmp_path_factory.mktemp("probe"))

    def boot(name):
        folder = tmp_path_factory.mktemp("costs")
        script = CHASE if "cached" in name else SCRIPT
        result = guestrun.run(script, wanted[name], files, workdir=folder, timeout_s=300.0)
        assert result.ok, f"{name}: {result.detail}\n{result.console_text()[-500:]}"
        figures = costs.parse((result.payload("costs") or b"").decode())
        return (figures, result.console.with_name("frames.bin").read_bytes(),
                (result.payload("chase") or b"").decode())

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(wanted, pool.map(boot, wanted)))


@pytest.mark.parametrize("vendor", ["intel", "amd"])
def test_what_is_not_charged_counts_as_without_a_model(boots, vendor):
    """The model's TLB, its hooks and a clock in units leave no trace of their own."""
    plain, charged = (boots[f"{vendor} {kind}"][0] for kind in ("plain", "charged"))
    for row in ROWS[:3]:
        assert min(plain[row].batches) == min(charged[row].batches), row
        assert plain[row].empty == charged[row].empty, row


@pytest.mark.parametrize("vendor", ["intel", "amd"])
def test_an_exit_and_an_entry_cost_what_the_profile_says(boots, vendor):
    plain, charged = (boots[f"{vendor} {kind}"][0]["dune.exit_kernel"]
                      for kind in ("plain", "charged"))
    assert charged.median - plain.median == EXIT + ENTRY


@pytest.mark.parametrize("vendor", ["intel", "amd"])
def test_a_task_switch_is_linuxs_another_root_in_a_guest_is_none(boots, vendor):
    plain, charged = (boots[f"{vendor} {kind}"][0] for kind in ("plain", "charged"))
    switch = charged["linux.switch"].median - plain["linux.switch"].median
    assert switch == pytest.approx(TASK_SWITCH, rel=0.02)
    assert charged["dune.cr3"].median == plain["dune.cr3"].median


def test_two_runs_of_a_profile_are_equal(boots):
    assert boots["intel cached"][1] == boots["intel cached again"][1]


def test_a_chase_takes_what_the_level_says_that_it_fits_into(boots):
    """A step is three instructions and what its line takes beyond the first level's latency."""
    found = {}
    for line in boots["intel cached"][2].splitlines():
        pages, steps, ticks = map(int, line.split()[1:])
        assert steps == pages * PAGE // LINE
        found[pages] = Fraction(ticks, steps)
    first, second, memory = LATENCIES
    for pages, latency in ((IN_FIRST, first), (IN_SECOND, second), (BEYOND, memory)):
        # the time stamps around a round are a few instructions
        assert found[pages] == pytest.approx(3 + latency - first, abs=0.2), pages


def test_a_cpu_that_is_charged_for_many_rounds_stays_in_step(tmp_path):
    """50,000 cycles are 1,560 rounds: the other CPU runs meanwhile, and sees nothing of them before
    its own clock has got there; when it sleeps in between, too."""
    result = guestrun.run("lockstep-probe >/tmp/o; lockstep-probe sleepy >>/tmp/o\n"
                          "report file /tmp/o bounds",
                          BochsVmx(profile=made_up("intel", instruction__cpuid=50_000)),
                          probe("lockstep-probe", tmp_path), cpus=2, workdir=tmp_path,
                          timeout_s=300.0)
    assert result.ok, result.detail
    lines = result.payload("bounds").decode().splitlines()
    assert len(lines) == 2
    for line in lines:
        seen, ahead, cpu0, cpu1 = map(int, line.split()[1:])
        assert seen == 500 and ahead <= QUANTUM + TRACE
        assert cpu1 > 499 * 50_000 and abs(cpu0 - cpu1) < 2000
