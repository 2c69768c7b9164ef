# SPDX-License-Identifier: MIT
"""Fetching kernels: headers that build a module which loads, and no network, with and without a
cache to fall back on."""

import json
import os
import subprocess

import pytest

from dunelab import paths

NAME = paths.kernel_name()
FETCH = paths.root() / "vm-images" / "kernel" / "fetch"

MODULE = """
#include <linux/module.h>
static int __init probe_init(void)
{
	pr_info("probe: loaded\\n");
	return 0;
}
static void __exit probe_exit(void)
{
	pr_info("probe: unloaded\\n");
}
module_init(probe_init);
module_exit(probe_exit);
MODULE_LICENSE("GPL");
"""


def fetch(*argv, offline=None, **env):
    """Run vm-images/kernel/fetch; offline: directory for empty package lists, with no network."""
    command = [str(FETCH), *map(str, argv)]
    if offline:
        (offline / "lists/partial").mkdir(parents=True)
        (offline / "apt.conf").write_text(f'Dir::State::lists "{offline}/lists";\n')
        env["APT_CONFIG"] = str(offline / "apt.conf")
        command = ["unshare", "-n" if os.getuid() == 0 else "-rn", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, **env})


def test_a_second_fetch_changes_nothing():
    outdir = paths.kernel()
    before = (outdir / "version").stat().st_mtime_ns, (outdir / "vmlinuz").stat().st_ino
    done = fetch(NAME, outdir)
    assert done.returncode == 0, done.stderr
    after = (outdir / "version").stat().st_mtime_ns, (outdir / "vmlinuz").stat().st_ino
    assert before == after


def test_the_version_names_every_package_and_its_checksum():
    version = json.loads((paths.kernel() / "version").read_text())
    assert version["flavour"] == NAME
    names = [package["name"] for package in version["packages"]]
    assert names[:2] == [f"linux-image-{version['release']}", f"linux-headers-{version['release']}"]
    assert len(names) == 4
    for package in version["packages"]:
        assert len(package["sha256"]) == 64 and package["version"]


def test_without_network_the_newest_cached_kernel_is_used(tmp_path):
    cache = tmp_path / "cache"
    (cache / "kernel").mkdir(parents=True)
    (cache / "debs").symlink_to(paths.cache() / "debs")
    memory = (paths.cache() / "kernel" / f"{NAME}.json").read_text()
    (cache / "kernel" / f"{NAME}.json").write_text(memory)
    done = fetch(NAME, paths.kernel(), offline=tmp_path, DUNELAB_CACHE=str(cache))
    assert done.returncode == 0, done.stderr
    assert "using the newest kernel in the cache" in done.stderr


def test_without_network_and_cache_it_says_what_to_do(tmp_path):
    done = fetch(NAME, tmp_path / "out", offline=tmp_path, DUNELAB_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2
    assert "network" in done.stderr and "apt-get update" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("argv", [[], ["cloud"], ["microkernel", "/tmp/x"]])
def test_bad_use_lists_the_flavours(argv):
    done = fetch(*argv)
    assert done.returncode == 2
    assert "cloud|generic|rt" in done.stderr


def test_the_headers_build_a_module_that_loads(guest, tmp_path):
    (tmp_path / "probe.c").write_text(MODULE)
    (tmp_path / "Makefile").write_text("obj-m := probe.o\n")
    done = subprocess.run(["make", "-C", paths.kernel() / "headers", f"M={tmp_path}"],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result = guest("""
        insmod /lab/modules/probe.ko && rmmod probe && dmesg | tail -n 2 | report stdin log
    """, files={"/lab/modules/probe.ko": tmp_path / "probe.ko"})
    assert result.ok, result.console_text()
    log = result.payload("log")
    assert b"probe: loaded" in log and b"probe: unloaded" in log
