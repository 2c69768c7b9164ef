# SPDX-License-Identifier: MIT
"""Somebody else's programs with the installed library, in Dune mode."""

from pathlib import Path

import installed
import pytest

LOADER = Path("/lib64/ld-linux-x86-64.so.2")
LIBC = Path("/lib/x86_64-linux-gnu/libc.so.6")
SAID = "traps 1, faults 1, signals 1, parent 4711, thread 1.0, names 6\n"


@pytest.mark.parametrize("engine", ["qemu", pytest.param("bochs-vmx", marks=pytest.mark.bochs)])
def test_outside_programs(guest, tmp_path, engine):
    prefix = installed.install(tmp_path)
    programs = {f"/lab/bin/outside-{name}": installed.compile_outside(
        tmp_path, tmp_path / f"outside-{name}", static=name == "static")
        for name in ("shared", "static")}
    libraries = {str(LOADER): LOADER, str(LIBC): LIBC,
                 "/usr/lib/libdune.so.0": prefix / "lib/libdune.so.0"}
    result = guest("""
outside-shared >/tmp/none; report event none $?
insmod /lab/modules/dune.ko
for how in shared static; do
    LD_LIBRARY_PATH=/usr/lib outside-$how >/tmp/$how; report event $how.status $?
    report file /tmp/$how $how
done
dune run outside-shared >/tmp/twice; report event twice $?
rmmod dune
""", files={**programs, **libraries}, engine=engine)
    assert result.payload("none", "event").decode().strip() == "3"
    for how in ("shared", "static"):
        assert result.payload(f"{how}.status", "event").decode().strip() == "0"
        assert result.payload(how).decode() == SAID
    # The loader's libdune has made the process one of Dune mode: nobody enters twice.
    assert result.payload("twice", "event").decode().strip() == "4"
    assert result.exit_code == 0
