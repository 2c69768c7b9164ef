# SPDX-License-Identifier: MIT
"""The doctor and scripts/deps on this very host, and the command table's manners."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dunelab import cli, doctor, paths

DEPS = paths.root() / "scripts" / "deps"


def dunelab(*argv):
    """Run `python3 -m dunelab` as a user would."""
    return subprocess.run([sys.executable, "-m", "dunelab", *argv], capture_output=True, text=True,
                          timeout=60, check=False,
                          env={**os.environ, "PYTHONPATH": str(paths.root() / "harness")})


def test_the_host_checks_find_this_host():
    found = {f.what: f for check in (doctor.check_python, doctor.check_host) for f in check()}
    assert found["python"].state == doctor.OK
    assert found["cpus"].text.startswith(str(len(os.sched_getaffinity(0))))
    assert "GiB free" in found["memory"].text


def test_a_cache_on_a_full_disk_is_pointed_out(monkeypatch):
    monkeypatch.setattr(doctor, "DISK_NEEDED", 1 << 60)
    finding = next(f for f in doctor.check_host() if f.what == "disk, cache")
    assert finding.state == doctor.NOTE and "DUNELAB_CACHE" in finding.text


def test_an_unknown_kernel_directory_is_not_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("BUILD", str(tmp_path))
    assert [f.state for f in doctor.check_kernels()] == [doctor.NOTE]


@pytest.mark.parametrize("argv, status, word", [
    ([], 2, "usage"), (["--help"], 0, "doctor"), (["nonsense"], 2, "unknown command"),
    (["boot", "--engine", "simics", "--", "true"], 2, "known engines"),
    (["boot"], 2, "nothing to run"),
    (["boot", "--file", "nowhere", "--", "true"], 2, "HOST:GUEST"),
    (["boot", "--package", "nginx", "--", "true"], 2, "memcached"),
])
def test_bad_use_is_answered_without_a_traceback(argv, status, word):
    done = dunelab(*argv)
    assert done.returncode == status
    assert word in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_of_the_table_has_a_module():
    for module, text in cli.COMMANDS.values():
        path = paths.root() / "harness" / (module.replace(".", "/") + ".py")
        assert path.exists() and text


@pytest.fixture
def deps():
    """A copy of scripts/deps with one package more, which does not exist; readable by anyone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(DEPS, folder / "deps")
        text = DEPS.with_suffix(".txt").read_text()
        (folder / "deps.txt").write_text(text + "test\tno-such-package\tno reason\n")
        yield folder / "deps"


def call(*argv, **options):
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=60,
                          check=False, **options)


def test_deps_says_what_is_missing(deps):
    done = call(deps, "--check")
    assert (done.returncode, done.stdout) == (1, "missing: no-such-package\tno reason\n")
    assert call(deps, "--check", "base").returncode == 0


def test_deps_prints_the_one_line_when_it_may_not_install(deps):
    if os.getuid():
        pytest.skip("has to be root to become nobody")
    done = call("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", deps)
    assert done.returncode == 2
    assert done.stdout == "sudo apt-get install -y --no-install-recommends no-such-package\n"


@pytest.mark.parametrize("word", ["--what", "nogroup"])
def test_deps_refuses_what_it_does_not_know(word):
    done = call(DEPS, word)
    assert done.returncode == 2 and "usage" in done.stderr


def test_every_package_has_a_group_and_a_reason():
    for line in DEPS.with_suffix(".txt").read_text().splitlines():
        if not line.startswith("#"):
            group, package, reason = line.split("\t")
            assert group in ("base", "test", "kernel", "rust", "slurm")
            assert package and len(reason) > 5


def test_what_every_record_needs_is_a_package_of_base():
    """A node of a cluster has these alone, and holds its commit against the sweep's."""
    lines = DEPS.with_suffix(".txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines if "\tgit\t" in line] == ["base"]
