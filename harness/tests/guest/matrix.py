# SPDX-License-Identifier: MIT
"""Every test program and example on every machine: one boot each, its results as data.

Results are kept in build/matrix/<kernel>/<machine>.json under a digest of what ran, so that tests
which compare machines boot none again.
"""

import contextlib
import fcntl
import hashlib
import json
import re
import tomllib
from pathlib import Path

from dunelab import guestrun, ktap, paths
from dunelab import engine as engines
from dunelab.engine.base import DONE

# Machine: engine, seconds for one program, seconds for the boot.
MACHINES = {
    "qemu-svm": ("qemu", 60, 400),
    "bochs-svm": ("bochs", 120, 900),
    "bochs-vmx": ("bochs-vmx", 120, 900),
}

EXAMPLES = {
    "sandbox": ["inside: open() gives -1, Operation not permitted",
                "outside: open() gives a descriptor: yes; calls refused: some"],
    "hello": ["hello from ring 3", "hello from ring 0, process", "hello from ring 3 again"],
    "divide": ["42 / 6 = 7", "42 / 0 = 0, caught 1 divide error"],
    "dirty": ["every page: 256 of 256 pages are dirty", "every eighth page: 32 of 256 pages are",
              "no page: 0 of 256 pages are dirty"],
    "pager": ["the sum of 128 pages in 16 frames is 8128", "256 pages read, 128 written"],
    "plugin": ["given a page: exit, 7 vowels",
               "given the host's stack: exception 14 at our address: yes"],
    "timer": ["100 interrupts, 0 before their time"],
    "deadline": ["a plugin without an end was stopped by vector 0x40"],
    "tasks": ["430 primes below 3000"],
    "tracer": ['openat("/etc/passwd") = ', 'openat("/no/such/file") = -2',
               "openat 2, read 1, close 1"],
    "pagefault": ['read-only page says "before"', 'now it says "after", 1 write fault caught'],
}

# A disk in memory to swap to; the debug kernel has the driver built in.
SWAP = """
[ -e /dev/ram0 ] || insmod /lab/brd.ko rd_nr=1 rd_size=65536
mkswap /dev/ram0 >/dev/null && swapon /dev/ram0 || exit 1
"""

# Large pages as on a machine with more memory; the module; then each program, its output, its
# status, what the kernel said meanwhile and what the module counts.
SCRIPT = SWAP + """
echo always >/sys/kernel/mm/transparent_hugepage/enabled
dmesg -c >/dev/null
insmod /lab/modules/dune.ko || exit 1
dmesg -c >/dev/null
cat /sys/kernel/debug/dune/stats | report stdin before.stats
for program in {programs}; do
    timeout {limit} $program >/tmp/out 2>&1 </dev/null
    report event $program.status $?
    report file /tmp/out $program.out
    sleep 0.2
    cat /sys/kernel/debug/dune/stats | report stdin $program.stats
    dmesg -c | grep -v 'segfault at\\|Code: \\|likely on CPU\\|taint' >/tmp/log
    report file /tmp/log $program.log
done
rmmod dune || exit 1
dmesg -c | report stdin unload.log
if [ -e /sys/kernel/debug/kmemleak ]; then
    # What is younger than some seconds is no suspect yet; the second look takes back what moved.
    sleep 6
    echo scan >/sys/kernel/debug/kmemleak
    echo scan >/sys/kernel/debug/kmemleak
    report file /sys/kernel/debug/kmemleak kmemleak
fi
"""

# The debug kernel is several times slower and needs memory for its books.
MEMORY_MIB, PATIENCE = (1536, 8) if paths.kernel_name() == "debug" else (512, 1)

# "dune: ": what a process does, the module says nothing about.
BAD_LOG = re.compile(r"dune: |BUG|WARNING|Oops|Call Trace|general protection|UBSAN|stall|refcount_t"
                     r"|suspected memory leaks")
SOURCES = ("libos/tests", "libos/examples", "modules/tests")


def programs():
    """Names of the guest programs that are tests or examples."""
    found = []
    for folder in SOURCES:
        kind = "example" if folder.endswith("examples") else "test"
        found += [f"{kind}-{p.stem}" for p in (paths.root() / folder).glob("*.c")]
    return sorted(found)


def swap_files():
    """{guest path: host path} of what SWAP needs."""
    driver = paths.kernel() / "modules/kernel/drivers/block/brd.ko"
    return {"/lab/brd.ko": driver} if driver.exists() else {}


def gaps(machine):
    """{check: its entry in gaps.toml} of what the machine is known not to pass, or not to have."""
    listed = tomllib.loads((Path(__file__).parent / "gaps.toml").read_text())["gap"]
    assert all(gap["machine"] in MACHINES and gap["reason"] for gap in listed)
    return {gap["check"]: gap for gap in listed if gap["machine"] == machine}


def results(machine):
    """{program: {status, out, checks: {name: PASS|FAIL|SKIP|ERROR}, left, log, exits}} of the
    machine; boots it unless that has been done with these very files.

    left: lines of live objects that are not zero; log: bad lines of the kernel log; exits: {neutral
    reason: count}. Raises AssertionError if the boot as a whole failed.
    """
    folder = paths.build() / "matrix" / paths.kernel_name()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{machine}.json"
    with _lock(folder / f"{machine}.lock"):
        key = _digest(machine)
        with contextlib.suppress(FileNotFoundError, ValueError):
            kept = json.loads(path.read_text())
            if kept["key"] == key:
                return kept["programs"]
        found = _boot(machine, folder / machine)
        path.write_text(json.dumps({"key": key, "programs": found}, indent=1))
    return found


@contextlib.contextmanager
def _lock(path):
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _digest(machine):
    version = engines.get(MACHINES[machine][0]).version()
    total = hashlib.sha256(f"{machine} {SCRIPT} {version}".encode())
    total.update((paths.root() / "vm-images/machines" / f"{machine}.toml").read_bytes())
    release = guestrun.image.kernel_release()
    for path in [paths.build() / "modules" / release / "dune.ko",
                 *(paths.build() / "bin" / name for name in programs())]:
        total.update(path.read_bytes())
    return total.hexdigest()


def _boot(machine, workdir):
    workdir.mkdir(exist_ok=True)
    engine, limit, timeout_s = MACHINES[machine]
    script = SCRIPT.format(programs=" ".join(programs()), limit=limit * PATIENCE)
    result = guestrun.run(script, engine=engine, cpus=2, memory_mib=MEMORY_MIB,
                          timeout_s=timeout_s * PATIENCE, workdir=workdir, files=swap_files())
    (workdir / "initrd").unlink(missing_ok=True)
    assert result.status == DONE and result.exit_code == 0, f"{machine}: {result.detail}"
    said = _text(result.payload("unload.log"))
    assert not BAD_LOG.search(said), f"{machine}: while dune.ko was unloaded:\n{said}"
    leaks = result.payload("kmemleak")
    assert not leaks, f"{machine}: kmemleak:\n{_text(leaks)}"
    assert leaks is not None or PATIENCE == 1, f"{machine}: this debug kernel has no kmemleak"
    before, found = _counters(result.payload("before.stats")), {}
    for program in programs():
        after = _counters(result.payload(f"{program}.stats"))
        out = _text(result.payload(f"{program}.out"))
        tests = [] if program.startswith("example-") else ktap.parse(out).tests
        found[program] = {
            "status": _text(result.payload(f"{program}.status", "event")).strip(),
            "out": out,
            "checks": {name: test.status for t in tests for name, test in t.walk()},
            "left": [f"{k} {v}" for k, v in after.items() if k.startswith("live_") and v],
            "log": [line for line in _text(result.payload(f"{program}.log")).splitlines()
                    if BAD_LOG.search(line)],
            "exits": {k.removeprefix("exits_"): v - before.get(k, 0) for k, v in after.items()
                      if k.startswith("exits_") and v != before.get(k, 0)},
        }
        before = after
    return found


def _text(payload):
    return "" if payload is None else payload.decode("utf-8", "replace")


def _counters(payload):
    """{name: value} of a debugfs file with one `name value` a line."""
    words = [line.split() for line in _text(payload).splitlines()]
    return {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdigit()}


def check_name(program, name):
    """PROGRAM/CHECK without what follows a colon: figures, which vary."""
    return f"{program.removeprefix('test-')}/{name.split(':')[0]}"


def complaints(program, result, known, met):
    """What is wrong with one program's result; adds the known gaps that it met to `met`."""
    found = [f"{program}: left {line}" for line in result["left"]]
    found += [f"{program}: kernel log: {line}" for line in result["log"]]
    if program.startswith("example-"):
        missing = [want for want in EXAMPLES[program.removeprefix("example-")]
                   if want not in result["out"]]
        if missing or result["status"] != "0":
            found.append(f"{program}: status {result['status']}, output {result['out']!r}, "
                         f"missing {missing}")
        return found
    expected = 0
    for name, status in result["checks"].items():
        if status == "PASS":
            continue
        check = check_name(program, name)
        if check in known:
            met.add(check)
            expected += status != "SKIP"
        else:
            found.append(f"{program}: {name}: {status}")
    if not result["checks"] or (result["status"] == "0") == bool(expected):
        found.append(f"{program}: exit status {result['status']}, output {result['out'][-400:]!r}")
    return found
