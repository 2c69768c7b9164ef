# SPDX-License-Identifier: MIT
"""Builds initrds: a concatenation of layers, each a cpio archive, later ones over earlier ones.

base: busybox with a link per applet, /init, empty mount points. lab: /lab/bin (our programs) and
/lab/modules/dune.ko. packages: a Debian program with its libraries. overlay: the files of one boot.
The same inputs give the same bytes.
"""

import gzip
import hashlib
import json
import lzma
import os
import shutil
import stat
import subprocess
from pathlib import Path

from dunelab import arguments, packages, paths
from dunelab.cpio import Archive
from dunelab.errors import UsageError

COMPRESSIONS = ("none", "gzip", "xz", "zstd")


def base_layer():
    """The layer that every guest has: busybox, /init, mount points, /dev/console."""
    busybox = _busybox()
    archive = Archive()
    archive.file("/bin/busybox", busybox.read_bytes(), 0o755)
    listing = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    for applet in listing.stdout.split():
        if applet != "busybox":
            archive.symlink(f"/bin/{applet}", "busybox")
    for path in ("/dev", "/proc", "/sys", "/run", "/lab", "/etc", "/sbin", "/usr/bin"):
        archive.directory(path)
    archive.directory("/root", 0o700)
    archive.directory("/tmp", 0o1777)
    archive.character_device("/dev/console", 5, 1)
    archive.file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
                                b"nobody:x:65534:65534:nobody:/:/bin/false\n")
    archive.file("/etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    archive.file("/etc/hosts", b"127.0.0.1 localhost lab\n")
    archive.file("/init", (paths.root() / "vm-images/guest/init").read_bytes(), 0o755)
    return archive.data()


def lab_layer(release=None, only=None):
    """The programs of build/bin, and build/modules/<release>/dune.ko where it exists.

    only: names of programs to take, None = all. /lab/bin/report is always there.
    """
    binaries = paths.build() / "bin"
    if not (binaries / "report").exists():
        raise UsageError(f"{binaries}/report is missing: run make (or make -C vm-images/guest)")
    archive = Archive()
    for path in sorted(binaries.iterdir()):
        wanted = only is None or path.name in only or path.name == "report"
        if wanted and path.is_file() and os.access(path, os.X_OK):
            archive.file(f"/lab/bin/{path.name}", path.read_bytes(), 0o755)
    module = paths.build() / "modules" / (release or "") / "dune.ko"
    if release and module.exists():
        archive.file("/lab/modules/dune.ko", module.read_bytes())
    return archive.data()


def package_layer(name):
    """A Debian program with the libraries it needs; the versions are in packages.record(name)."""
    archive = Archive()
    for path, source in packages.files(name).items():
        archive.file(path, source.read_bytes(), 0o755)
    return archive.data()


def overlay_layer(files):
    """The files of one boot: {guest path: bytes, str, or Path of a host file}.

    A host file keeps its execute permission; the rest is 0644, except below /lab, where everything
    is executable (/lab/run has to be).
    """
    archive = Archive()
    for path, source in files.items():
        if isinstance(source, (str, bytes)):
            data, mode = source.encode() if isinstance(source, str) else source, 0o644
        else:
            try:
                data, mode = source.read_bytes(), stat.S_IMODE(source.stat().st_mode) & 0o755
            except OSError as error:
                raise UsageError(f"cannot read {source}: {error.strerror}") from error
        archive.file(path, data, mode | (0o111 if path.startswith("/lab/") else 0))
    return archive.data()


def compose(layers, compression="none"):
    """The initrd made of these layers (bytes each), compressed as a whole."""
    return compress(b"".join(layers), compression)


def compress(data, compression):
    """`data` in one of COMPRESSIONS, in a form the kernel's initramfs code takes, reproducibly."""
    if compression == "none":
        return data
    if compression == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if compression == "xz":
        return lzma.compress(data, check=lzma.CHECK_CRC32, preset=6)
    if compression == "zstd":
        if not shutil.which("zstd"):
            raise UsageError("zstd is missing: apt-get install zstd, or choose another compression")
        return subprocess.run(["zstd", "-q", "-10", "-T1", "-c"], input=data, capture_output=True,
                              check=True).stdout
    raise UsageError(f"unknown compression '{compression}'; known: {', '.join(COMPRESSIONS)}")


def build(files, release=None, package_names=(), compression="none", only=None, lab=True):
    """All layers of a guest: base, lab (unless lab=False: then just report), packages, overlay."""
    layers = [base_layer(), lab_layer(release, only if lab else ())]
    layers += [package_layer(name) for name in package_names]
    layers.append(overlay_layer(files))
    return compose(layers, compression)


def kernel_release(flavour=None):
    """Release of the fetched kernel (6.1.0-...), None when that one has not been fetched."""
    try:
        return json.loads((paths.kernel(flavour) / "version").read_text())["release"]
    except (OSError, ValueError, KeyError):
        return None


def _busybox():
    for path in map(Path, ("/bin/busybox", "/usr/bin/busybox")):
        if path.exists():
            # The dynamic flavour would need libraries that the guest does not have.
            if b"ld-linux" in path.read_bytes()[:4096]:
                break
            return path
    raise UsageError("a static busybox is missing: apt-get install busybox-static (or: make deps)")


def main(argv):
    """`python3 -m dunelab image OUT`: build one by hand."""
    parser = arguments.Parser(
        prog="dunelab image", description="Build a guest image.", examples=[
            "dunelab image /tmp/initrd --file run.sh:/lab/run",
            "dunelab image /tmp/initrd --package bc --compression zstd"])
    parser.add_argument("out", type=Path, help="the file to write")
    parser.add_argument("--flavour", metavar="NAME", help="kernel whose dune.ko goes in")
    parser.add_argument("--package", action="append", default=[], metavar="NAME",
                        help=f"add a Debian program: {', '.join(packages.PROGRAMS)}")
    parser.add_argument("--file", action="append", default=[], metavar="HOST:GUEST",
                        help="add a file; /lab/run is what the guest runs")
    parser.add_argument("--compression", choices=COMPRESSIONS, default="none",
                        help="of the image (default none)")
    args = parser.parse_args(argv)
    if args.flavour and kernel_release(args.flavour) is None:
        raise UsageError(f"no kernel '{args.flavour}' with a dune.ko yet: vm-images/kernel/fetch "
                         f"{args.flavour} {paths.kernel(args.flavour)}, or leave --flavour out")
    data = build(parse_files(args.file), kernel_release(args.flavour), args.package,
                 args.compression)
    try:
        args.out.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {args.out}: {error.strerror}") from error
    print(f"{args.out}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
    return 0


def parse_files(pairs):
    """["HOST:GUEST", ...] as {guest path: Path}; UsageError for anything else."""
    files = {}
    for pair in pairs:
        host, colon, guest = pair.rpartition(":")
        if not colon or not host or not guest.startswith("/"):
            raise UsageError(f"not HOST:GUEST with an absolute guest path: '{pair}'")
        files[guest] = Path(host)
    return files
