# SPDX-License-Identifier: MIT
"""A disk without room, a real one of 256 KiB: the command says so, and what was there stays."""

import os
import subprocess
import sys

import pytest

import test_gate
from dunelab import paths, store

# A file system in a mount namespace of its own. In a chroot the root is no mount point whose
# propagation could be changed: so the mount goes as it came.
SCRIPT = """
mount -t tmpfs -o size=256k none "$1" || exit 77
cp "$2" "$1/reference.json"
dd if=/dev/zero of="$1/filler" bs=1k 2>/dev/null
shift 2
"$@"
status=$?
cmp -s "$REFERENCE" "$TINY/reference.json" || status="$status, and the reference is another"
echo "status $status, files: $(ls -A "$TINY" | tr '\\n' ' ')"
umount "$TINY"
"""


@pytest.mark.parametrize("options", [("--keep", "kept.json"), ("--update",)])
def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path, options):
    tiny, reference, measured = (tmp_path / name for name in ("tiny", "old.json", "new.json"))
    tiny.mkdir()
    store.write_json(reference, test_gate.record())
    store.write_json(measured, test_gate.record(slower=1.5))
    words = [tiny / word if word.endswith(".json") else word for word in options]
    done = subprocess.run(
        ["unshare", "--propagation", "unchanged", "-m" if os.getuid() == 0 else "-rm", "sh", "-c",
         SCRIPT, "sh", tiny, reference, sys.executable, "-m", "dunelab", "gate", "--reference",
         tiny / "reference.json", "--measured", measured, *words],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(paths.root() / "harness"), "TINY": str(tiny),
             "REFERENCE": str(reference)})
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no file system may be mounted here")
    assert "status 2, files: filler reference.json \n" in done.stdout, done.stdout + done.stderr
    assert "No space left on device" in done.stderr and "make room" in done.stderr
    assert "Traceback" not in done.stderr
