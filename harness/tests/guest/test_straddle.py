# SPDX-License-Identifier: MIT
"""A program that lies across a boundary of 1 GiB, where libdune's page tables have another slot."""

import subprocess

import pytest

from dunelab import paths

GIB = 1 << 30
PROGRAM = r"""
#include <dune.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	if (dune_init(NULL) || dune_enter())
		return 1;
	printf("ring 0\n");
	fflush(stdout);
	return dune_leave();
}
"""


def link(program, source, first):
    """Link at an address; the addresses of what it consists of."""
    libos = paths.root() / "libos"
    subprocess.run(["gcc", "-std=gnu11", "-static", "-no-pie", f"-Wl,-Ttext-segment={first:#x}",
                    f"-I{libos / 'include'}", "-o", program, source,
                    paths.build() / "libos/libdune.a", "-pthread"], check=True)
    lines = subprocess.run(["nm", program], check=True, capture_output=True, text=True).stdout
    return {line.split()[2]: int(line.split()[0], 16) for line in lines.splitlines()
            if len(line.split()) == 3}


@pytest.mark.parametrize("name", ["paging", "dune_process", "trap_stubs"])
def test_an_image_across_two_slots(guest, tmp_path, name):
    source, program = tmp_path / "program.c", tmp_path / "straddle"
    source.write_text(PROGRAM)
    there = GIB // 2
    at = link(program, source, there)
    # The boundary is where this begins, or as near before it as pages allow.
    moved = link(program, source, there + GIB // 2 - (at[name] & -4096) + there)
    assert GIB <= moved[name] < GIB + 4096
    result = guest("insmod /lab/modules/dune.ko; for n in 1 2 3; do timeout 20 straddle; done; "
                   "rmmod dune", files={"/lab/bin/straddle": program}, timeout_s=100)
    assert result.exit_code == 0, result.detail
    assert result.console_text().count("ring 0") == 3
