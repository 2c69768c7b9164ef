# SPDX-License-Identifier: MIT
"""The Bochs engine without booting: configuration, boot parameters, boot ROM, build key."""

import dataclasses
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from dunelab import linuxboot, paths
from dunelab.engine import bochs
from dunelab.engine.base import Boot
from dunelab.errors import UsageError

SETUP_SECTORS = 39
ENTRY, INIT_SIZE = 0x1000000, 0x3000000


def kernel_image():
    """The first sectors of a bzImage, as far as a boot loader looks at them."""
    image = bytearray(4096)
    image[0x1f1] = SETUP_SECTORS
    image[0x201] = 0x6a
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", image, 0x206, 0x20f)
    image[0x211] = 1
    struct.pack_into("<I", image, 0x238, 2047)
    struct.pack_into("<Q", image, 0x258, ENTRY)
    struct.pack_into("<I", image, 0x260, INIT_SIZE)
    return bytes(image)


def boot(tmp_path, **changes):
    """A Boot of made-up files; good enough for everything but running it."""
    kernel, initrd = tmp_path / "vmlinuz", tmp_path / "initrd"
    kernel.write_bytes(kernel_image())
    initrd.write_bytes(b"i" * 5000)
    return Boot(**{**dict(kernel=kernel, initrd=initrd, cmdline="a=1", cpus=2, memory_mib=512,
                          timeout_s=10.0, workdir=tmp_path), **changes})


def test_machine_file_and_kernel_arguments():
    engine = bochs.Bochs()
    words = engine.kernel_args("x=1 y=2").split()
    assert engine.machine.ips == 200_000_000 and engine.machine.model == "ryzen"
    assert "tsc_early_khz=200000" in words and "idle=halt" in words
    assert words[-2:] == ["x=1", "y=2"]


def test_unknown_machine_lists_the_known_ones():
    with pytest.raises(UsageError, match="bochs-svm"):
        bochs.load_machine("nosuch")


def test_bochsrc_holds_no_absolute_path_and_nothing_of_the_host(tmp_path):
    engine = bochs.Bochs()
    layout = linuxboot.plan(kernel_image(), 5000, "a=1", 512)
    text = engine.bochsrc(boot(tmp_path), layout)
    assert "=/" not in text and str(tmp_path) not in text
    assert "count=2, ips=200000000, quantum=32" in text
    assert "sync=none, time0=1767225600" in text
    assert "host=512" in text and text == engine.bochsrc(boot(tmp_path), layout)
    other = bochs.Bochs(dataclasses.replace(engine.machine, model="corei7_haswell_4770"))
    assert "model=corei7_haswell_4770," in other.bochsrc(boot(tmp_path), layout)


def test_boot_parameters():
    layout = linuxboot.plan(kernel_image(), 5000, "quiet x=1", 512)
    params = layout.params
    initrd, size = struct.unpack_from("<II", params, 0x218)
    where, = struct.unpack_from("<I", params, 0x228)
    assert (initrd, size) == (layout.initrd_address, 5000)
    assert initrd % 4096 == 0 and initrd >= ENTRY + INIT_SIZE
    assert layout.entry == ENTRY
    assert layout.image_address + (SETUP_SECTORS + 1) * 512 == ENTRY
    assert params[where - linuxboot.PARAMS_BASE:].startswith(b"quiet x=1\0")
    entries = [struct.unpack_from("<QQI", params, 0x2d0 + 20 * i) for i in range(params[0x1e8])]
    assert entries == sorted(entries)
    for (start, length, _), (following, _, _) in zip(entries, entries[1:]):
        assert start + length <= following
    assert any(kind == 1 and start <= initrd and initrd + size <= start + length
               for start, length, kind in entries)
    assert layout == linuxboot.plan(kernel_image(), 5000, "quiet x=1", 512)


def test_boot_rom_is_what_firmware_accepts():
    rom = linuxboot.boot_rom(ENTRY)
    assert rom[:2] == b"\x55\xaa" and rom[2] * 512 == len(rom)
    assert sum(rom) & 0xff == 0
    target, selector = struct.unpack_from("<IH", rom, rom.index(b"\x66\xea") + 2)
    assert selector == 0x10 and rom[target - linuxboot.ROM_BASE] == 0xb8
    limit, base = struct.unpack_from("<HI", rom, 0x70)
    descriptors = rom[base - linuxboot.ROM_BASE:][:limit + 1]
    assert descriptors[0x10:0x18].hex() == "ffff0000009acf00"


@pytest.mark.parametrize("change, reason", [
    (dict(image=b"\x7fELF" + bytes(4092)), "not a bzImage"),
    (dict(memory_mib=4096), "64 to 2048"),
    (dict(memory_mib=64), "do not fit"),
    (dict(cmdline="x" * 3000), "too long"),
])
def test_what_cannot_be_booted_is_refused(change, reason):
    arguments = {"image": kernel_image(), "initrd_size": 5000, "cmdline": "", "memory_mib": 512,
                 **change}
    with pytest.raises(UsageError, match=reason):
        linuxboot.plan(**arguments)


def test_launch_refuses_too_many_cpus(tmp_path):
    with pytest.raises(UsageError, match="1 to 8 CPUs"):
        bochs.Bochs().launch(boot(tmp_path, cpus=9))


def build_path(folder, **env):
    """What `build --path` prints for the scripts and patches in `folder`."""
    done = subprocess.run([folder / "build", "--path"], capture_output=True, text=True, check=True,
                          env={**os.environ, **env}, timeout=20)
    return Path(done.stdout.strip())


def test_build_key_follows_patches_and_cache(tmp_path):
    here = paths.root() / "vm-images/emulators/bochs"
    copy = tmp_path / "bochs"
    shutil.copytree(here, copy)
    cache = {"DUNELAB_CACHE": str(tmp_path / "cache")}
    before = build_path(copy, **cache)
    assert before.parent == tmp_path / "cache"
    assert before.name == build_path(here, **cache).name
    patch = sorted(copy.glob("*.patch"))[0]
    patch.write_text(patch.read_text() + "\n")
    patched = build_path(copy, **cache).name
    assert patched != before.name
    source = copy / "instrument/walk.cc"
    source.write_text(source.read_text() + "\n")
    assert build_path(copy, **cache).name not in (before.name, patched)


def test_every_patch_says_why_and_under_which_licence():
    patches = sorted((paths.root() / "vm-images/emulators/bochs").glob("*.patch"))
    assert len(patches) >= 5
    for patch in patches:
        head = patch.read_text(encoding="latin-1").split("\n--- a/")[0].splitlines()
        assert head[0] == "SPDX-License-Identifier: LGPL-2.1-or-later", patch.name
        assert len(head) >= 3, patch.name


def test_build_refuses_a_damaged_source(tmp_path):
    cache = tmp_path / "cache"
    (cache / "downloads").mkdir(parents=True)
    (cache / "downloads/bochs_3.0+dfsg.orig.tar.xz").write_bytes(b"not the tarball")
    done = subprocess.run([paths.root() / "vm-images/emulators/bochs/build"], capture_output=True,
                          text=True, env={**os.environ, "DUNELAB_CACHE": str(cache)}, timeout=60)
    assert done.returncode == 2
    assert "delete it and try again" in done.stderr
    assert not list(cache.glob("bochs-build.*/")), "no scratch directory stays behind"
