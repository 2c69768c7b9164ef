# SPDX-License-Identifier: MIT
"""The archive writer: cpio(1) agrees with it, and the same entries give the same bytes."""

import subprocess

import pytest

from dunelab.cpio import BLOCK, Archive


def sample(order=1):
    archive = Archive()
    entries = [lambda: archive.file("/b/prog", b"#!/bin/sh\n", 0o755),
               lambda: archive.file("/a", b"x" * 1001),
               lambda: archive.symlink("/b/link", "prog"),
               lambda: archive.directory("/empty", 0o700),
               lambda: archive.character_device("/dev/console", 5, 1)]
    for entry in entries[::order]:
        entry()
    return archive.data()


def test_the_same_entries_give_the_same_bytes_in_any_order():
    assert sample() == sample(-1)
    assert len(sample()) % BLOCK == 0


def test_cpio_lists_what_was_added():
    listing = subprocess.run(["cpio", "-itv", "--numeric-uid-gid"], input=sample(),
                             capture_output=True, check=True, timeout=20,
                             env={"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    lines = [line.split() for line in listing.stdout.decode().splitlines()]
    assert [(words[0], words[2], words[3]) for words in lines] == [
        ("-rw-r--r--", "0", "0"), ("drwxr-xr-x", "0", "0"), ("lrwxrwxrwx", "0", "0"),
        ("-rwxr-xr-x", "0", "0"), ("drwxr-xr-x", "0", "0"), ("crw-------", "0", "0"),
        ("drwx------", "0", "0")]
    assert [words[-1] for words in lines] == ["a", "b", "prog", "b/prog", "dev", "dev/console",
                                              "empty"]
    assert all("1970" in words for words in lines)


def test_cpio_extracts_what_was_added(tmp_path):
    archive = Archive()
    archive.file("/d/file", bytes(range(256)) * 3, 0o755)
    archive.symlink("/d/link", "file")
    subprocess.run(["cpio", "-id", "--quiet"], input=archive.data(), cwd=tmp_path, check=True,
                   timeout=20)
    assert (tmp_path / "d/link").read_bytes() == bytes(range(256)) * 3
    assert (tmp_path / "d/file").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("path", ["relative", "/", "/a/../b", ""])
def test_paths_that_are_not_absolute_are_refused(path):
    with pytest.raises(ValueError):
        Archive().file(path, b"")


def test_a_file_cannot_be_a_directory_as_well():
    archive = Archive()
    archive.file("/a", b"")
    with pytest.raises(ValueError):
        archive.file("/a/b", b"")
    archive.file("/d/e", b"")
    with pytest.raises(ValueError):
        archive.file("/d", b"")
