# SPDX-License-Identifier: MIT
"""`fuzz`: random calls and hostile guests by the thousand; what fails is kept as a reproducer."""

import json
import re
import tempfile
import time
from pathlib import Path

from dunelab import arguments, engine as engines, guestrun, hostenv, image, paths
from dunelab.errors import GuestError, UsageError

# Program: how many make up the figures to reach (100,000 calls; 20,000 guests), and how many go
# into one boot of an emulator that runs at a tenth of the other's speed.
PROGRAMS = {"ioctl": 550, "guest": 20000}
IN_A_BOOT = {"ioctl": (550, 60), "guest": (4000, 1000)}
TIMEOUT_S = 600.0

SCRIPT = """
insmod /lab/modules/dune.ko
fuzz-{program} --seed {seed} --count {count} --shrink /tmp/reproducer >/tmp/out 2>&1
status=$?
report file /tmp/out out
test ! -e /tmp/reproducer || report file /tmp/reproducer reproducer
rmmod dune || status=1
exit $status
"""


def built():
    """The fuzzers there are."""
    return [name for name in PROGRAMS if (paths.build() / "bin" / f"fuzz-{name}").exists()]


def script(program, seed, count):
    """What a guest runs."""
    return SCRIPT.format(program=program, seed=seed, count=count)


def totals(text):
    """{what: how many} of a fuzzer's line `# seed N: 3 sequences, 576 calls`."""
    line = re.search(r"^# seed \d+: (.*)$", text, re.M)
    return {what: int(n) for n, what in re.findall(r"(\d+) ([a-z]+)", line[1])} if line else {}


def complaint(result):
    """What is wrong with one boot, or None."""
    if not result.ok:
        return result.detail
    log = result.payload("dmesg")
    return None if log is None else "the kernel log has warnings:\n" + _text(log)


def keep(folder, name, program, seed, count, result):
    """Write the reproducer of a boot that failed; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = folder / f"{stamp}-{name}-{program}-{seed}.txt"
    shrunk = _text(result.payload("reproducer")) or f"fuzz-{program} --seed {seed} " \
        f"--count {count}\n"
    path.write_text(f"{shrunk}\nengine {name}\n{complaint(result)}\n\n"
                    f"{_text(result.payload('out'))}\nconsole:\n{result.console_text()}")
    return path


def _text(payload):
    return (payload or b"").decode("utf-8", "replace")


def _rounds(programs, count, seed, seconds, in_a_boot):
    """(program, seed, count) of boot after boot: until each has its count, or time is up."""
    begin, left = time.monotonic(), {program: count or PROGRAMS[program] for program in programs}
    while any(left.values()) if not seconds else time.monotonic() - begin < seconds:
        for program in programs:
            n = in_a_boot[program] if seconds else min(left[program], in_a_boot[program])
            if n:
                yield program, seed, n
                left[program] = max(0, left[program] - n)
        seed += 1


def _arguments(argv):
    parser = arguments.Parser(
        prog="dunelab fuzz", examples=[
            "dunelab fuzz ioctl --count 1000", "dunelab fuzz --seconds 600 --seed 7",
            "dunelab fuzz guest --engine bochs --count 100"],
        description="Boot guests that make random calls (ioctl) and run "
        "random code (guest) on dune.ko. Stops at the first failure and keeps its reproducer.")
    parser.add_argument("program", nargs="*", help=f"of {', '.join(PROGRAMS)}; default: all")
    parser.add_argument("--engine", default="qemu", help=f"of {', '.join(engines.names())}")
    parser.add_argument("--seed", type=int, default=1, help="of the first boot; each next adds 1")
    parser.add_argument("--count", type=int, help="sequences of calls, guests (default: "
                        + ", ".join(f"{n} of {p}" for p, n in PROGRAMS.items()) + ")")
    parser.add_argument("--seconds", type=int, help="go on for so long, whatever the count")
    parser.add_argument("--out", type=Path, help="directory of results (default: results)")
    parser.add_argument("--check", action="store_true", help="only check these arguments")
    args = parser.parse_args(argv)
    unknown = [name for name in args.program if name not in PROGRAMS]
    if unknown:
        raise UsageError(f"no fuzzer {' '.join(unknown)}: there are {', '.join(PROGRAMS)}")
    for name, value, low in (("--seed (SEED)", args.seed, 0),
                             ("--count (FUZZ_COUNT)", args.count, 1),
                             ("--seconds (FUZZ_SECONDS)", args.seconds, 1)):
        if value is not None and not low <= value < 2 ** 62:
            raise UsageError(f"{name} {value}: want a number from {low} to 2^62")
    engines.get(args.engine)
    return args


def main(argv):
    """The command: one line a boot, then the sums."""
    args = _arguments(argv)
    if args.check:
        return 0
    if set(built()) < set(args.program or PROGRAMS):
        raise UsageError("the fuzzers are not built: run make build")
    engines.get(args.engine).ensure()
    slow = args.engine.startswith("bochs")
    in_a_boot = {program: counts[slow] for program, counts in IN_A_BOOT.items()}
    folder, sums, boots, begin = (args.out or paths.root() / "results") / "fuzz", {}, 0, time.time()
    for program, seed, count in _rounds(args.program or PROGRAMS, args.count, args.seed,
                                        args.seconds, in_a_boot):
        with tempfile.TemporaryDirectory(prefix="dunelab-fuzz-") as workdir:
            result = guestrun.run(script(program, seed, count), args.engine, cpus=2,
                                  timeout_s=TIMEOUT_S, workdir=Path(workdir))
            seen = totals(_text(result.payload("out")))
            for what, n in seen.items():
                sums[what] = sums.get(what, 0) + n
            print(f"{args.engine} {program} seed {seed}: {_listed(seen)} ({result.wall_s:.0f} s)",
                  flush=True)
            boots += 1
            if complaint(result):
                path = keep(folder, args.engine, program, seed, count, result)
                raise GuestError(f"fuzz-{program}, seed {seed}: {complaint(result)}\n"
                                 f"reproducer: {path}")
    commit, dirty = hostenv.commit()
    record(folder, {
        "engine": args.engine, "version": engines.get(args.engine).version(),
        "kernel": image.kernel_release(), "commit": commit, "dirty": dirty, "boots": boots,
        "first_seed": args.seed, "sums": sums, "seconds": round(time.time() - begin),
        "end": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
    print(f"{args.engine}: {_listed(sums)}, no complaint")
    return 0


def record(folder, run):
    """Keep what a clean run did as FOLDER/<engine>.json, for scripts/record-fuzz."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{run['engine']}.json").write_text(json.dumps(run, indent=1) + "\n")


def _listed(counts):
    return ", ".join(f"{n} {what}" for what, n in counts.items())
