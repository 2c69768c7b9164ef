# SPDX-License-Identifier: MIT
"""The Rust crate in Dune mode: its example, and its own checks."""

from dunelab import paths

TOUR = """in ring 0: true
an invalid opcode, stepped over
the parent is 42
the page was protected, and is written
in ring 0: false
"""


def test_the_crate(guest):
    built = paths.build() / "rust/debug/examples"
    files = {f"/lab/bin/{name}": built / name for name in ("tour", "dune-checks")}
    assert all(path.exists() for path in files.values()), "run make rust"
    result = guest.ktap("""
tour 2>/tmp/refused; report event without $?; report file /tmp/refused refused
insmod /lab/modules/dune.ko
tour >/tmp/tour; report event tour $?; report file /tmp/tour tour
dune-checks; status=$?
exit $status
""", files=files, cpus=2, timeout_s=120)
    assert result.exit_code == 0
    assert result.payload("without", "event").decode().strip() == "1"
    assert "insmod dune.ko" in result.payload("refused").decode()
    assert result.payload("tour", "event").decode().strip() == "0"
    assert result.payload("tour").decode() == TOUR
