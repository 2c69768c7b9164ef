# SPDX-License-Identifier: MIT
"""`dunelab profile`: where the instructions of a workload go, or its time; flame graphs of it."""

import gzip
import json
import re
import shlex
import sys
import tempfile
import zlib
from dataclasses import asdict
from pathlib import Path

from dunelab import (arguments, dryrun, hostenv, kvimage, kvring, kvrun, kvscript, paths,
                     plan as planning, store)
from dunelab.engine import base, qemu
from dunelab.engine.bochstrace import COUNTS, Wanted, traced
from dunelab.errors import GuestError, UsageError
from dunelab.explain import symbols
from dunelab.profile import answer, counts, flame, folded, guest, host, perf
from dunelab.record import utc

SCHEMA = "dunelab-profile/1"
SERVER_CPU = 1
# Requests: sampling wants seconds, counting does not.
REQUESTS = {True: 4_000, False: 20_000}
QUICK = {True: 1_000, False: 4_000}
RECORDS = {True: 1_000, False: None}        # of QUICK: preloading is not profiled
DEFAULT_LOAD = "0.7"
PACKAGE = "linux-perf"
MEMORY_MIB = 1024       # with perf and its libraries in the image
SLOWER = 3              # of the engine that counts, at most

_EXAMPLES = (
    "dunelab profile kv --system dune                     # every instruction, on bochs",
    "dunelab profile kv --system linux --engine qemu      # sampled, by perf in the guest",
    "dunelab profile kv --system dune --load max --quick  # a closed loop instead of a rate",
    "dunelab profile kv --system linux-tuned --engine bochs-vmx --json",
)


def main(argv):
    """The command; 0, or 3 when the guest failed."""
    args = _arguments(argv)
    plan, engine, load = _decide(args)
    if args.check:
        return 0
    usable, why = engine.available()
    if not usable:
        raise UsageError(f"engine {plan.engine} cannot be used: {why}")
    system = planning.SYSTEMS[plan.systems[0]]
    if args.dry_run:
        return dryrun.show([dryrun.Planned(f"profile-{system.name}", engine,
                                           _machine(system, engine))], args.json)
    kvimage.require(plan)
    engine.ensure()
    where, record = measure(plan, engine, load, _root(args), ["profile", *argv])
    if args.json:
        print(json.dumps(record, indent=1))
    else:
        print(answer.text(record))
        print(f"\nkept: {where}/report/index.html, flame-cpu*.svg, folded.txt.gz; manifest.json")
    return 0


def _arguments(argv):
    parser = arguments.Parser(
        prog="dunelab profile", examples=_EXAMPLES,
        description="Where a workload's instructions go. On bochs and bochs-vmx the engine counts "
        "every instruction, by function and by the calls that led to it; on qemu Debian's perf "
        "samples in the guest, by its clock. What comes out is kept in results/profile.")
    parser.add_argument("workload", nargs="?", default="kv", help="kv")
    parser.add_argument("--system", default="dune", metavar="NAME",
                        help=f"one of {', '.join(planning.SYSTEMS)} (default dune)")
    parser.add_argument("--engine", default="bochs", metavar="NAME",
                        help="bochs, bochs-vmx or qemu (default bochs)")
    parser.add_argument("--profile", metavar="NAME", help="cost profile of Bochs, by which the "
                        "guest's clock runs; what is counted are instructions (default none)")
    parser.add_argument("--load", default=DEFAULT_LOAD, help="share of the system's capacity, or "
                        f"{guest.MAX}: a closed loop (default {DEFAULT_LOAD})")
    parser.add_argument("--requests", help=f"of that load (default {REQUESTS[True]:,}; on qemu "
                        f"{REQUESTS[False]:,})")
    parser.add_argument("--seed", help="of arrivals and keys (default 1)")
    parser.add_argument("--quick", action="store_true", help="fewer requests")
    parser.add_argument("--out", type=Path, help="directory of results (default: results)")
    parser.add_argument("--json", action="store_true", help="print the record instead of text")
    parser.add_argument("--check", action="store_true",
                        help="only check the arguments: before anything is built")
    parser.add_argument("--dry-run", action="store_true", help="print the emulator's command line, "
                        "and start nothing")
    return parser.parse_args(argv)


def _decide(args):
    """(Plan, Engine, load) of the arguments; UsageError."""
    if args.workload != "kv":
        raise UsageError(f"WORKLOAD={args.workload}: only kv can be profiled so far: "
                         "want WORKLOAD=kv")
    if args.engine in ("kvm", "qemu-icount"):
        raise UsageError(f"engine {args.engine} is not profiled: ENGINE=bochs or bochs-vmx count, "
                         "ENGINE=qemu samples")
    exact = _exact(args.engine)
    requests = args.requests or (QUICK if args.quick else REQUESTS)[exact]
    plan = planning.make(
        args.workload, args.engine, base.names(), args.system,
        None if args.load == guest.MAX else args.load, requests, args.seed,
        records=RECORDS[exact] if args.quick else None)
    if len(plan.systems) != 1 or (args.load != guest.MAX and len(plan.loads) != 1):
        raise UsageError("one boot has one system and one load: want one SYSTEM and one LOAD")
    engine = base.get(args.engine, args.profile)
    machine = getattr(engine, "machine_name", None)
    if machine and qemu.machine(machine)["max_cpus"] < planning.SYSTEMS[plan.systems[0]].cpus:
        raise UsageError(f"engine {args.engine} has too few CPUs for {plan.systems[0]}")
    return plan, engine, guest.MAX if args.load == guest.MAX else plan.loads[0]


def _exact(name):
    return name.startswith("bochs")


def _root(args):
    return args.out or paths.root() / "results"


def _machine(system, engine):
    return {"cmdline": system.kernel_args, "cpus": system.cpus,
            "memory_mib": kvimage.MEMORY_MIB if _exact(engine.name) else MEMORY_MIB}


def measure(plan, engine, load, root, argv):
    """Boot, profile, keep: (directory, record). GuestError when the guest failed, its console is
    kept."""
    exact, system = _exact(engine.name), planning.SYSTEMS[plan.systems[0]]
    kernel, used = None, engine
    if exact:
        kernel = symbols.kernel(engine.name, system.kernel)
        used = traced(engine.name, engine.costs, Wanted(kernel, marks=True, events=False,
                                                        stacks=True))
        used.ensure()
    missing = host.missing()
    started, extra = utc(), () if exact else (PACKAGE,)
    image = kvimage.Image([system], extra)
    try:
        script = guest.script(plan, system, load, not exact)
        initrd = image.initrd(system, script)
        where = _new(root, plan, system)
        store.write_text(where / "run.sh", script)
        limit = kvrun.LIMIT[0] + kvrun.LIMIT[1] * (kvrun.PREPARATION + plan.requests) / 1000
        words = _machine(system, engine)
        with tempfile.TemporaryDirectory(prefix="dunelab-profile-") as folder:
            work = Path(folder)
            boot = base.Boot(kvimage.kernel(system), initrd, words["cmdline"], words["cpus"],
                             words["memory_mib"], SLOWER * limit, work)
            print(f"{system.name}: booting on {engine.name}", file=sys.stderr, flush=True)
            result = (used if missing else host.counted(used)).run(boot)
            store.write_text(where / "console.log", result.console_text())
            store.write_text(where / "argv.txt", shlex.join(result.argv) + "\n")
            if not result.ok:
                raise GuestError(f"{system.name}: {kvrun.reason(result)}; see "
                                 f"{where}/console.log")
            for name, data in (("perf.txt.gz", result.payload("perf")),
                               ("kv-load.json", result.payload("profiled.json"))):
                if data:
                    (where / name).write_bytes(data)
            stacks, *found = _counted(
                result, work, kernel, system.kernel) if exact else _sampled(result)
            spent = {} if missing else host.read(work / host.FILE)
        record = _record(plan, engine, system, load, argv, started, result, *found)
        record |= {"kernel": image.release, "artifacts": kvimage.artifacts([system], extra),
                   "host": {"events": spent, "missing": missing or (
                       "" if spent else "perf stat left nothing: the emulator was ended")}}
        record["boot"]["initrd_sha256"] = store.sha256(initrd)
    finally:
        image.close()
    _keep(where, record, stacks)
    return where, record


def _new(root, plan, system):
    """A directory that nobody has."""
    try:
        return store.create_in(root / "profile", f"{plan.workload}-{system.name}-{plan.engine}",
                               *hostenv.commit()).path
    except OSError as error:
        raise UsageError(f"cannot write results into {root}: {error.strerror or error}") from error


def _counted(result, work, kernel, name=None):
    """(stacks, places, instructions of each CPU as the engine counts them, {}) of the marked
    window; GuestError unless they are the same instructions."""
    windows = counts.read((work / COUNTS).read_text("utf-8", "replace"))
    if not windows:
        raise GuestError("the guest marked nothing to profile")
    window = windows[0]
    if window.of_cpus() != window.executed:
        raise GuestError(f"the engine executed {window.executed} instructions on its CPUs, but its "
                         f"counts add up to {window.of_cpus()}: a fault of the trace")
    names = symbols.Names(kernel.table, _modules(result), kernel=name)
    return counts.folded(window, names), counts.by_place(window, names), window.executed, {}


def _sampled(result):
    """The same of perf's samples, without those of CPUs that slept; nobody counted them apart."""
    try:
        text = gzip.decompress(result.payload("perf") or b"").decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error) as error:
        raise GuestError(f"what perf told in the guest is damaged: {error}") from None
    samples = perf.by_clock(perf.read(text, symbols.module_base(_modules(result))))
    busy = [sample for sample in samples if not perf.idle(sample)]
    if not busy:
        raise GuestError("perf found all CPUs asleep: nothing to profile")
    asleep = {}
    for sample in samples:
        asleep[sample.cpu] = asleep.get(sample.cpu, 0) + perf.idle(sample)
    return perf.folded(busy), perf.places(busy), None, asleep


def _modules(result):
    environment = (result.payload("env") or b"").decode("utf-8", "replace")
    return kvscript.parse_sections(environment).get("modules")


def _record(plan, engine, system, load, argv, started, result, places, executed, asleep):
    commit, dirty = hostenv.commit()
    exact = _exact(engine.name)
    by_cpu = dict.fromkeys(range(system.cpus), 0)
    for (cpu, *_), n in places.items():
        by_cpu[cpu] = by_cpu.get(cpu, 0) + n
    order = sorted(by_cpu, key=lambda cpu: (cpu != SERVER_CPU, cpu))
    rows = sorted(((n, *key) for key, n in places.items()),
                  key=lambda row: (order.index(row[1]), -row[0], row[2:]))
    load_said = json.loads(result.payload("profiled.json") or b"{}")
    return {
        "schema": SCHEMA, "experiment": "profile", "status": "complete", "started": started,
        "ended": utc(), "commit": commit, "dirty": dirty, "argv": argv, "seed": plan.seed,
        "engine": engine.record(), "plan": asdict(plan), "system": system.name, "load": load,
        "unit": "instructions" if exact else "samples", "exact": exact,
        "rate_hz": None if exact else perf.RATE_HZ, "requests": plan.requests,
        "load_rps": load_said.get("achieved_rps"),
        "total": sum(by_cpu.values()),
        "cpus": [{"cpu": cpu, "role": _role(system, cpu), "count": by_cpu[cpu],
                  "executed": executed[cpu] if executed else None,
                  "asleep": asleep.get(cpu, 0)} for cpu in order],
        "boot": {"status": result.status, "wall_s": round(result.wall_s, 2),
                 "cmdline": system.kernel_args},
        "functions": [{"count": n, "cpu": cpu, "task": task, "mode": mode, "object": owner,
                       "function": function} for n, cpu, task, mode, owner, function in rows]}


def _role(system, cpu):
    if cpu == SERVER_CPU:
        return "the server"
    if system.ring:
        return "the generator" if cpu == kvring.GENERATOR_CPU else "everything else"
    return "the generator and everything else"


def _keep(where, record, stacks):
    """Write what was found; whoever finds manifest.json finds the rest."""
    named = {(f"CPU {frames[0]}", *frames[1:]): n for frames, n in stacks.items()}
    report = where / "report"
    claim = (f"{record['engine']['clock_domain']} · {record['unit']} · "
             f"{re.split(', ', record['engine']['version'])[0]}")
    for name, words, mine in answer.graphs(record, named):
        store.write_text(report / f"{name}.svg", flame.standalone(
            mine, f"{answer.title(record)} · {words}", record["unit"], claim))
    # Tens of thousands of stacks, and few of them differ by much.
    (report / "folded.txt.gz").write_bytes(gzip.compress(folded.fold(named).encode(), mtime=0))
    store.write_text(report / "index.html", answer.page(record, named))
    store.write_json(where / "env.host.json", hostenv.capture())
    store.write_json(where / "manifest.json", record)
    store.point_latest(store.Store(where))
