# SPDX-License-Identifier: MIT
"""`bench`: what exits and faults cost on Linux, KVM and dune.ko, in one boot of each machine."""

import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from dunelab import (arguments, claims, costs, dryrun, engine as engines, guestrun, hostenv, image,
                     paths, profiles, store)
from dunelab.engine import bochs
from dunelab.errors import UsageError

# The vendor's module last: the guest loads them in this order and takes the one for its CPU.
KVM_MODULES = ("virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-amd.ko",
               "arch/x86/kvm/kvm-intel.ko")
TIMEOUT_S = 400.0

# KVM and dune.ko exclude each other: one after the other, Linux first, on one CPU.
SCRIPT = """
set -e
echo 0 >/proc/sys/kernel/printk
case $(grep -m1 '^flags' /proc/cpuinfo) in
*' svm '*) echo svm >/tmp/backend; vendor=kvm-amd;;
*) echo vmx >/tmp/backend; vendor=kvm-intel;;
esac
report file /tmp/backend backend
report file /proc/version version
cat /sys/devices/system/cpu/vulnerabilities/* >/tmp/mitigations
report file /tmp/mitigations mitigations
micro linux {options} >/tmp/costs
insmod /kvm/irqbypass.ko; insmod /kvm/kvm.ko; insmod /kvm/$vendor.ko
micro kvm {options} >>/tmp/costs
rmmod $vendor; rmmod kvm
insmod /lab/modules/dune.ko
micro dune {options} >>/tmp/costs
report file /tmp/costs costs
rmmod dune
"""


def guest_files():
    """KVM's modules, where SCRIPT looks for them."""
    root = paths.kernel() / "modules/kernel"
    return {f"/kvm/{Path(module).name}": root / module for module in KVM_MODULES}


def measure(name, options="", workdir=None, profile=None, only=None):
    """Boot the engine's machine once; the BootResult, GuestError if it did not get through.

    only: the programs of build/bin that the guest has, `micro` among them; None = all.
    """
    return guestrun.passed(guestrun.run(SCRIPT.format(options=options),
                                        engines.get(name, profile), guest_files(),
                                        timeout_s=TIMEOUT_S, workdir=workdir, only=only), name)


def record(name, result, profile=None):
    """Everything about one boot, ready to be written."""
    def said(frame):
        return (result.payload(frame) or b"").decode("utf-8", "replace").strip()

    engine = engines.get(name, profile)
    figures = costs.parse(said("costs"))
    commit, dirty = hostenv.commit()
    described = engine.record()
    return {
        "schema": "dunelab-bench/1", **described, "engine": described["name"],
        "commit": commit, "dirty": dirty, "kernel": said("version"),
        "release": image.kernel_release(), "backend": said("backend"),
        "mitigations": said("mitigations").splitlines(),
        "figures": {key: asdict(value) | {"histogram": value.histogram}
                    for key, value in figures.items()},
        # goals are stated in instructions
        "rows": costs.rows(figures, "" if claims.modelled(engine.clock_domain)
                           else said("backend")),
    }


def text(kept):
    """What the terminal shows of a record."""
    commit = kept["commit"][:12] + (" with changes" if kept["dirty"] else "")
    domain = kept["clock_domain"]
    lines = [f"{kept['engine']} ({kept['backend']}): {kept['version']}",
             f"kernel {kept['release']}, mitigations as it chooses; commit {commit}",
             f"clock {domain}: {claims.DOMAINS[domain]}"]
    if claims.modelled(domain):
        lines.append(f"a tick is a cycle of the cost profile {kept['profile']}: "
                     f"{claims.charged(kept['profile'])}")
    elif claims.emulated(domain):
        lines.append("a tick is an instruction; an exit, an entry and a page walk are free")
    else:
        lines.append("the times are the host's: no conclusion may be drawn from them")
    return "\n".join([*lines, "", *costs.table(kept["rows"])])


def _default_engines(profile):
    """Those whose clock counts instructions, where they can be used; those of a profile."""
    if profile not in (None, profiles.NONE):
        return [bochs.MACHINES[profiles.load(profile).vendor]]
    found = [engines.get(name) for name in engines.names()]
    return [engine.name for engine in found if engine.deterministic and engine.available()[0]]


_EXAMPLES = (
    "dunelab bench bochs",
    "dunelab bench --profile ivybridge-2012",
    "dunelab bench bochs --batches 5 --iterations 50 --out results/mine",
    "dunelab bench --dry-run                 # the emulators' command lines",
)


def _arguments(argv):
    parser = arguments.Parser(
        prog="dunelab bench", examples=_EXAMPLES,
        description="Measure what exits and faults cost: Linux, KVM and "
        "dune.ko in one boot of each machine. Medians over batches; the loop is subtracted.")
    parser.add_argument("engine", nargs="*", help=f"of {', '.join(engines.names())}; default: "
                        "all that count instructions")
    parser.add_argument("--batches", type=int, default=20, help="1 to 64 (default 20)")
    parser.add_argument("--iterations", type=int, default=200,
                        help="operations in a batch (default 200); a batch of faults is 512 pages")
    parser.add_argument("--all", action="store_true", dest="all_rows",
                        help="also what takes long, or only the paper's tables have")
    parser.add_argument("--profile", metavar="NAME", help="cost profile of Bochs: what events "
                        "are charged for (default none)")
    parser.add_argument("--out", type=Path, help="directory of results (default: results)")
    parser.add_argument("--dry-run", action="store_true", help="print the command lines of the "
                        "emulators, and start none")
    args = parser.parse_args(argv)
    if not 1 <= args.batches <= 64 or not 1 <= args.iterations <= 1000000:
        raise UsageError("want --batches from 1 to 64 and --iterations from 1 to 1000000")
    return args


def main(argv):
    """The command; the figures are kept whatever they are."""
    args = _arguments(argv)
    names = args.engine or _default_engines(args.profile)
    if args.dry_run:
        return dryrun.show(dryrun.Planned("bench", engines.get(name, args.profile), {})
                           for name in names)
    for name in names:
        engines.get(name, args.profile).ensure()
    options = f"--batches {args.batches} --iterations {args.iterations}"
    if args.all_rows:
        options += " --all"
    folder = (args.out or paths.root() / "results") / "bench"
    for name in names:
        with tempfile.TemporaryDirectory(prefix="dunelab-bench-") as workdir:
            kept = record(name, measure(name, options, Path(workdir), args.profile),
                          args.profile)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path = folder / f"{stamp}-{kept['commit'][:8]}-{name}.json"
        store.write_json(path, kept)
        print(f"{text(kept)}\n\nkept in {path}\n", flush=True)
    return 0
