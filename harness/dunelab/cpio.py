# SPDX-License-Identifier: MIT
"""Writes cpio archives (newc, what the kernel unpacks into its initramfs), reproducibly.

The same entries give the same bytes: sorted by path, owned by root, dated 1970, inodes numbered in
order. No root is needed, for device nodes neither. Parents of a path are added by themselves.
Format: Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's source.
"""

import stat

BLOCK = 512         # archives end on a multiple, so that they can be concatenated


class Archive:
    """Collects entries; data() gives the archive. Paths are absolute in the guest ("/bin/sh").

    Adding a path again replaces the earlier entry, except that a directory stays one.
    """

    def __init__(self):
        self._entries = {}      # path without leading slash -> (mode, major, minor, data)

    def directory(self, path, mode=0o755):
        """Add a directory."""
        self._add(path, stat.S_IFDIR | mode)

    def file(self, path, data, mode=0o644):
        """Add a regular file with these bytes."""
        self._add(path, stat.S_IFREG | mode, data=bytes(data))

    def symlink(self, path, target):
        """Add a symbolic link to `target`, taken literally."""
        self._add(path, stat.S_IFLNK | 0o777, data=target.encode())

    def character_device(self, path, major, minor, mode=0o600):
        """Add a character device node."""
        self._add(path, stat.S_IFCHR | mode, major, minor)

    def data(self):
        """The archive, with its trailer, padded to BLOCK bytes."""
        parts = []
        for inode, (path, entry) in enumerate(sorted(self._entries.items()), start=1):
            parts.append(_record(inode, path, *entry))
        parts.append(_record(0, "TRAILER!!!", 0, 0, 0, b""))
        whole = b"".join(parts)
        return whole + bytes(-len(whole) % BLOCK)

    def _add(self, path, mode, major=0, minor=0, data=b""):
        parts = [part for part in path.split("/") if part]
        if not path.startswith("/") or not parts or ".." in parts or "." in parts:
            raise ValueError(f"not an absolute path for an archive: {path!r}")
        for depth in range(1, len(parts)):
            parent = "/".join(parts[:depth])
            entry = self._entries.setdefault(parent, (stat.S_IFDIR | 0o755, 0, 0, b""))
            if stat.S_ISREG(entry[0]):
                raise ValueError(f"/{parent} is a file already, {path} cannot be below it")
        name = "/".join(parts)
        there = self._entries.get(name)
        if there and stat.S_ISDIR(there[0]) and not stat.S_ISDIR(mode):
            raise ValueError(f"{path} is a directory already")
        self._entries[name] = (mode, major, minor, data)


def _record(inode, path, mode, major, minor, data):
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, major, minor, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4)
