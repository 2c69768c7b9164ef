# SPDX-License-Identifier: MIT
"""Debian programs for a guest, where two boots want them at once."""

import shutil
import threading
import time

from dunelab import debs, packages, paths

PACKAGE = debs.Package("dash", "0", "amd64", "0" * 64, "")


def test_boots_that_begin_together_make_a_program_once(tmp_path, monkeypatch):
    made, seen = [], []
    sh = shutil.which("sh")

    def unpack(_, folder):
        made.append(folder)
        (folder / "bin").mkdir(parents=True)
        shutil.copy(sh, folder / "bin/dash")
        time.sleep(0.2)

    def libraries(path):
        time.sleep(0.1)
        return []

    def boot():
        for path in packages.files("dash").values():
            time.sleep(0.1)
            seen.append(path.exists())

    monkeypatch.setattr(paths, "build", lambda: tmp_path / "build")
    monkeypatch.setattr(paths, "cache", lambda: tmp_path)
    monkeypatch.setattr(debs, "obtain", lambda resolve: ([PACKAGE], ["dash.deb"]))
    monkeypatch.setattr(debs, "unpack", unpack)
    monkeypatch.setattr(packages, "_dynamic", libraries)
    boots = [threading.Thread(target=boot) for _ in range(3)]
    for number, one in enumerate(boots):
        one.start()
        time.sleep(0.12 * (number + 1))
    for one in boots:
        one.join()
    assert len(made) == 1 and seen == [True, True, True]
    assert packages.record("dash") == [PACKAGE.record()]
