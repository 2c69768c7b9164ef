# SPDX-License-Identifier: MIT
"""Runs something in a fresh guest: builds the image, boots it on an engine, returns the result."""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dunelab import arguments, dryrun, engine as engines
from dunelab import image, packages, paths
from dunelab.engine import base
from dunelab.engine.base import DONE
from dunelab.errors import GuestError, UsageError

DEFAULT_TIMEOUT_S = {"qemu": 60.0, "qemu-icount": 120.0, "kvm": 60.0, "bochs": 240.0,
                     "bochs-vmx": 240.0}
MEMORY_LIMITS = 64, 1 << 20     # MiB: a kernel with its image, and what nobody has


def find_kernel(flavour=None):
    """The fetched kernel of that name (see paths.kernel_name), the chosen one by default; or None.
    """
    path = paths.kernel(flavour) / "vmlinuz"
    return path if path.exists() else None


def fetch_kernels(names):
    """Fetch those kernels that are not there; GuestError when one cannot be had."""
    for name in dict.fromkeys(names):
        if find_kernel(name) is None:
            fetch = paths.root() / "vm-images/kernel/fetch"
            if subprocess.run([fetch, name, paths.kernel(name)], check=False).returncode:
                raise GuestError(f"the kernel {name} cannot be fetched; to leave its systems "
                                 "out, name the others in SYSTEMS")


def build_initrd(workdir, files, automatic=True, package_names=(), flavour=None,
                 compression="none", only=None):
    """Write workdir/initrd and return its path.

    files: {guest path: bytes, str or host Path}; "/lab/run" is what the guest runs.
    automatic: put everything from build/bin, and dune.ko where built, into /lab.
    only: names of the programs of build/bin to take, None = all.
    """
    release = image.kernel_release(flavour) if automatic else None
    path = workdir / "initrd"
    path.write_bytes(image.build(files, release, package_names, compression, only, automatic))
    return path


def run(script, engine="qemu", files=None, cmdline="", cpus=base.CPUS, memory_mib=base.MEMORY_MIB,
        timeout_s=None, workdir=None, package_names=(), flavour=None, compression="none", only=None,
        **watch):
    """Run a shell script in a fresh guest and return the BootResult.

    script: the text of /lab/run, without its first line; or None when `files` has /lab/run.
    engine: a name, or an Engine made for the occasion.
    workdir: an existing directory that keeps console and frames; None = a new one under build/.
    only: names of the programs of build/bin that the guest has, None = all.
    watch: on_frame, stop_when, on_console, crash_kernel of Engine.run().
    """
    chosen = engines.get(engine) if isinstance(engine, str) else engine
    chosen.ensure()
    kernel = find_kernel(flavour)
    if kernel is None:
        wanted = flavour or paths.kernel_name()
        raise UsageError(f"no {wanted} kernel yet: run vm-images/kernel/fetch {wanted} "
                         f"{paths.kernel(flavour)} (or: make kernel)")
    if workdir is None:
        (paths.build() / "boots").mkdir(parents=True, exist_ok=True)
        workdir = Path(tempfile.mkdtemp(prefix="boot-", dir=paths.build() / "boots"))
    content = dict(files or {})
    if script is not None:
        content["/lab/run"] = f"#!/bin/sh\n{script}\n"
    initrd = build_initrd(workdir, content, True, package_names, flavour, compression, only)
    boot = engines.Boot(kernel, initrd, cmdline, cpus, memory_mib,
                        timeout_s or DEFAULT_TIMEOUT_S.get(chosen.name, 60.0),
                        Path(workdir))
    return chosen.run(boot, **watch)


def passed(result, name, output="", lines=10):
    """The BootResult, if the guest got to its end; otherwise GuestError, with the last lines of its
    output, or of the console where it left none."""
    if result.ok:
        return result
    said = (output or result.console_text()).splitlines()[-lines:]
    raise GuestError("\n".join([f"{name}: {result.detail}", *said]))


def main(argv):
    """`python3 -m dunelab boot ... -- COMMAND`: the guest's console live, its status as ours."""
    args = _arguments(argv)
    if not MEMORY_LIMITS[0] <= args.memory <= MEMORY_LIMITS[1]:
        raise UsageError(f"--memory {args.memory}: want MiB from {MEMORY_LIMITS[0]} to "
                         f"{MEMORY_LIMITS[1]}")
    if args.timeout is not None and not 0 < args.timeout < float("inf"):
        raise UsageError(f"--timeout {args.timeout}: want seconds, more than 0")
    files = image.parse_files(args.file)
    script = None
    if args.command:
        # One word is a line of shell; several are a command with its arguments.
        script = args.command[0] if len(args.command) == 1 else shlex.join(args.command)
    elif "/lab/run" not in files:
        raise UsageError("nothing to run: give a command after --, or --file HOST:/lab/run")
    if args.dry_run:
        return dryrun.show([dryrun.Planned("boot", engines.get(args.engine, args.profile), {
            "cmdline": args.cmdline, "cpus": args.cpus, "memory_mib": args.memory,
            "flavour": args.flavour})])
    if args.keep:
        workdir = args.keep.absolute()
        workdir.mkdir(parents=True, exist_ok=True)
    else:
        workdir = Path(tempfile.mkdtemp(prefix="dunelab-boot-"))
    try:
        result = run(script, engines.get(args.engine, args.profile), files, args.cmdline,
                     args.cpus, args.memory, args.timeout, workdir, args.package, args.flavour,
                     args.compression, on_console=_show)
        if args.frames:
            _save_frames(result, args.frames)
        return _conclude(result, args.verbose)
    finally:
        if not args.keep:
            shutil.rmtree(workdir, ignore_errors=True)


_EXAMPLES = (
    "dunelab boot -- uname -a",
    "dunelab boot --engine bochs --cpus 2 -- 'insmod /lab/modules/dune.ko; test-traps'",
    "dunelab boot --package python3.11-minimal -- python3.11 -c 'print(6 * 7)'",
    "dunelab boot --engine bochs --dry-run -- true      # the emulator's command line",
)


def _arguments(argv):
    parser = arguments.Parser(
        prog="dunelab boot", examples=_EXAMPLES,
        description="Run a shell command in a fresh guest. build/bin/* and "
        "dune.ko are in /lab/bin (on PATH) and /lab/modules. The exit status is the command's; "
        "3 if the guest fails otherwise.")
    parser.add_argument("--engine", default="qemu", metavar="NAME",
                        help=f"one of {', '.join(engines.names())} (default qemu)")
    parser.add_argument("--profile", metavar="NAME", help="cost profile of Bochs: what events "
                        "are charged for (default none)")
    parser.add_argument("--cmdline", default="", help="additional kernel arguments")
    parser.add_argument("--cpus", type=int, default=base.CPUS,
                        help=f"of the guest (default {base.CPUS})")
    parser.add_argument("--memory", type=int, default=base.MEMORY_MIB, metavar="MIB",
                        help=f"of the guest (default {base.MEMORY_MIB})")
    parser.add_argument("--timeout", type=float, metavar="S", help="seconds of wall time")
    parser.add_argument("--flavour", metavar="NAME", help="kernel: cloud, generic, rt, debug, "
                        "cloud-6.12 (default: what the variables FLAVOUR and KERNEL choose)")
    parser.add_argument("--file", action="append", default=[], metavar="HOST:GUEST",
                        help="put a file into the guest")
    parser.add_argument("--package", action="append", default=[], choices=list(packages.PROGRAMS),
                        help="put a Debian program into the guest")
    parser.add_argument("--compression", choices=image.COMPRESSIONS, default="none",
                        help="of the initrd")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep console and frames there")
    parser.add_argument("--frames", type=Path, metavar="DIR",
                        help="write the file frames that the guest reports into DIR")
    parser.add_argument("-v", "--verbose", action="store_true", help="say how long it took")
    parser.add_argument("--dry-run", action="store_true", help="print the emulator's command line, "
                        "and start nothing")
    parser.add_argument("command", nargs="*", help="one word is a line of shell")
    return parser.parse_args(argv)


def _show(data):
    # The kernel's farewell goes to the console whatever its log level.
    text = re.sub(rb"^\[ *[0-9.]+\] reboot: Power down\n", b"", data.replace(b"\r", b""),
                  flags=re.M)
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def _save_frames(result, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for frame in result.frames:
        if frame.kind == "file":
            (folder / frame.name.replace("/", "_")).write_bytes(frame.payload)


def _conclude(result, verbose):
    for frame in result.frames:
        if frame.kind == "file" and frame.name == "dmesg":
            print(f"--- the kernel complained:\n{frame.text}---", file=sys.stderr)
    if verbose:
        to_run = f"{result.time_to_run_s:.2f}" if result.time_to_run_s else "?"
        print(f"{result.status}: {to_run} s to /lab/run, {result.wall_s:.2f} s in all",
              file=sys.stderr)
    if result.status != DONE:
        raise GuestError(f"{result.status}: {result.detail}")
    return result.exit_code
