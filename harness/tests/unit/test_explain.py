# SPDX-License-Identifier: MIT
"""Slow requests: their phases, what was asked of the emulator, and what its records add up to."""

import dataclasses
import json
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

import kv_tools
import sample_run
from dunelab import causes, cli, plan as planning, results, schema
from dunelab.errors import GuestError, UsageError
from dunelab.explain import (answer, btf, cause, elf, events, lanes, replay, slow, symbols,
                             timeline)
from dunelab.explain.events import Event
from dunelab.profile import counts

PAIRS = ((1_000_000, 0), (2_000_000, 5_000_000))        # 5 ns to a tick
CELL = planning.Cell("linux", "own", "0.7", 1000.0)


def request(number=7, scheduled=1_000, sent=1_500, done=9_000, before=0, busy=1_000, ahead=0,
            rank=1):
    return slow.Request(CELL, rank, number, scheduled, sent, done, before, busy, ahead, PAIRS)


@pytest.mark.parametrize("before, phases", [
    (0, (500, 0, 7_500)),               # nothing was ahead of it
    (1_200, (500, 0, 7_500)),           # done before it was sent
    (6_000, (500, 4_500, 3_000)),
    (9_500, (500, 7_500, 0))])          # the reply came in one read with later ones
def test_phases_add_up_to_the_latency(before, phases):
    one = request(before=before)
    assert one.phases() == phases and sum(phases) == one.latency


def test_times_become_ticks():
    assert request().ticks(0) == 1_000_000 and request().ticks(5_000) == 1_001_000
    assert request().ns_per_tick() == 5


def test_windows_of_requests_are_sorted_and_joined():
    near, far = request(scheduled=2_000, busy=1_500, done=8_000), request(
        scheduled=4_000_000, sent=4_000_000, busy=4_000_000, done=4_100_000)
    margin = replay.MARGIN
    assert replay.windows([far, near, request()]) == [
        (1_000_200 - margin, 1_001_800 + margin), (1_800_000 - margin, 1_820_000 + margin)]


def test_choosing_requests():
    other = dataclasses.replace(request(), cell=planning.Cell("dune", "own", "0.7", 1000.0))
    worse = request(number=8, done=20_000)
    assert slow.choose([request(), worse], slowest=1) == [worse]
    assert slow.choose([request(), worse], number=7) == [request()]
    with pytest.raises(UsageError, match="several cells.*kv.linux.own0.7.*kv.dune.own0.7"):
        slow.choose([request(), other], number=7)
    with pytest.raises(UsageError, match="request 99 is not among the slowest"):
        slow.choose([request()], number=99)


def test_the_generator_keeps_the_slowest():
    """Against a recomputation from all requests, in a queue whose times are known."""
    with kv_tools.kv_server() as server:
        target = ("--target", f"127.0.0.1:{server.port}", "--records", 300)
        assert kv_tools.kv_load("preload", *target).returncode == 0
        done = kv_tools.kv_load("run", *target, "--rate", 4000, "--requests", 500, "--warmup", 50)
    got = schema.check(json.loads(done.stdout), "kv-load/1")
    assert len(got["slowest"]) == 10
    latencies = [one["done_ns"] - one["scheduled_ns"] for one in got["slowest"]]
    assert latencies == sorted(latencies, reverse=True)
    assert latencies[0] == got["intended"]["max"]
    for one in got["slowest"]:
        assert 50 <= one["request"] < 550
        assert one["busy_ns"] <= one["scheduled_ns"] <= one["sent_ns"] <= one["done_ns"]
        # What is ahead of a request has no reply yet, and began the busy time.
        assert bool(one["ahead"]) == (one["before_ns"] > one["scheduled_ns"])
        assert one["ahead"] or one["busy_ns"] == one["scheduled_ns"]
    (tsc, ns), (tsc_end, end) = got["tsc_pairs"]
    assert tsc < tsc_end and ns < 0 < end


# -- the emulator's records ------------------------------------------------------------------

def event(ticks, kind, cpu=1, cpl=0, guest=False, number=0, rip=0, value=0, comm=""):
    return Event(ticks, kind, cpu, cpl, guest, number, rip, value, comm)


def test_events_are_read_as_they_were_written():
    told = [event(5, "task", number=42, comm="kv-server"),
            event(9, "exception", cpl=3, number=14, rip=0x401000, value=0x7fff0000)]
    again = events.read(events.write(told))
    assert [e._replace(rip=0, value=0) for e in again] == \
        [e._replace(rip=0, value=0) for e in told]
    assert again[1].value == 0x7fff0000
    with pytest.raises(GuestError, match="end within a record"):
        events.read(events.write(told)[:-1])
    with pytest.raises(GuestError, match="kind 99"):
        events.read(b"\0" * 8 + b"\x63" + b"\0" * 23)


TOLD = [
    event(100, "task", number=42, cpl=3, comm="kv-server"),
    event(200, "syscall", cpl=3, number=0),
    event(300, "interrupt", number=0xec),           # in the kernel, within read
    event(350, "iret"),
    event(400, "sysret", cpl=3),
    event(500, "exception", cpl=3, number=14, value=0x1234),
    event(600, "iret", cpl=3),
    event(650, "interrupt", cpl=3, number=0xfd),
    event(700, "task", number=9, comm="ksoftirqd/1"),
    event(800, "task", number=42, comm="kv-server"),    # goes on within its interrupt
    event(820, "iret", cpl=3),
    event(850, "syscall", cpl=3, number=232),
    event(860, "task", number=0, comm="swapper/1"),
    event(870, "halt"),
    event(970, "interrupt", number=0xfd),
    event(975, "iret"),
    event(980, "task", number=42, comm="kv-server"),
    event(990, "sysret", cpl=3)]


def test_every_tick_belongs_to_one_cause():
    spans = timeline.spans(TOLD, 100, 1000)
    assert [s.begin for s in spans[1:]] == [s.end for s in spans[:-1]]
    assert (spans[0].begin, spans[-1].end) == (100, 1000)
    sums = {what: ticks for ticks, _, what in timeline.attribution(spans, 1, 100, 1000)}
    assert sums == {
        "kv-server": 100 + 100 + 50 + 30 + 10, "kv-server: read": 100 + 50,
        "interrupt: local timer": 50, "page fault": 100,
        "interrupt: reschedule": 50 + 20 + 5, "ksoftirqd/1: kernel": 100,
        "kv-server: epoll_wait": 10 + 10, "asleep": 100,
        "the idle task: to and from sleep, timers": 10 + 5}
    assert sum(sums.values()) == 900


def test_a_vm_its_exits_and_what_they_do_for_it():
    told = [event(0, "task", number=42, comm="kv-server", guest=True),
            event(10, "exit", guest=True, number=0x81),
            event(20, "sysret", cpl=3), event(25, "syscall", cpl=3, number=44),
            event(60, "sysret", cpl=3), event(65, "syscall", cpl=3, number=8),
            event(80, "entry", guest=True), event(95, "exit", guest=True, number=0x60),
            event(96, "interrupt", number=0xec), event(99, "iret"),
            event(100, "entry", guest=True)]
    sums = timeline.attribution(timeline.spans(told, 0, 110), 1, 0, 110)
    assert {(kind, what): ticks for ticks, kind, what in sums} == {
        ("program", "kv-server, ring 0 of its VM"): 10 + 15 + 10,
        ("VM exit", "exit: hypercall"): 10 + 5 + 5, ("VM exit", "exit: hypercall, sendto"): 35,
        ("VM exit", "exit: hypercall, lseek"): 15,
        ("VM exit", "exit: interrupt"): 1 + 1, ("interrupt", "interrupt: local timer"): 3}
    assert timeline.exit_name(0x81, "amd") == timeline.exit_name(18, "intel") == "hypercall"


# -- the sentence ----------------------------------------------------------------------------

def test_a_request_alone_that_an_interrupt_stopped():
    text = cause.sentence(request(sent=1_000), [(900, "interrupt", "interrupt: local timer"),
                                                (700, "program", "kv-server")], [], "kv-server")
    assert text.startswith("Nothing was ahead of it")
    assert "56 % went elsewhere, the most (56 %) to interrupt: local timer" in text


def test_a_request_in_a_queue():
    one = request(scheduled=10_000, sent=10_000, before=80_000, done=90_000, busy=0, ahead=3)
    text = cause.sentence(one, [(90, "program", "kv-server"), (10, "fault", "page fault")], [],
                          "kv-server")
    assert "88 % of its time it waited for the 3 requests ahead" in text
    assert "arrivals came in a burst" in text


def test_a_servers_threads_are_its_own():
    assert not cause.disturbs("system call", "mc-worker: read", "memcached")
    assert cause.disturbs("system call", "kworker/1:0: kernel", "memcached")
    assert cause.disturbs("idle", "asleep", "memcached")
    assert not cause.disturbs("VM exit", "exit: hypercall", "kv-server")


def test_a_late_generator_is_named():
    text = cause.sentence(request(sent=8_000), [(100, "program", "kv-server")],
                          [(70, "interrupt", "interrupt: local timer")], "kv-server")
    assert "88 % of its time it was not even sent" in text
    assert "its CPU mostly in interrupt: local timer" in text


# -- names -----------------------------------------------------------------------------------

def test_functions_by_address():
    table = symbols.Table([(100, 10, "first"), (100, 10, "first.cold.1"), (110, 0, "open"),
                           (200, 5, "last")])
    found = [table.find(address) for address in (99, 100, 109, 110, 199, 204, 205)]
    assert found == [None, "first", "first", "open", "open", "last", None]
    assert symbols.Table([]).find(1) is None


def test_our_programs_and_the_kernels_have_names():
    found = elf.functions(Path(kv_tools.program("kv-load")))
    address = next(start for start, _, name in found if name == "main")
    names = symbols.Names(symbols.Table([(0xffffffff81000000, 0, "startup_64")]))
    assert names.find(address + 1, "kv-load") == "main"
    # What the kernel maps above a program, its vDSO, is not the program's last function.
    assert names.find(found[-1][0], "kv-load") == names.find(1 << 46, "kv-load") == "[kv-load]"
    assert names.find(found[-1][0] - 1, "kv-load") != "[kv-load]"
    assert names.find(0xffffffff81000010, "kv-load") == "startup_64"
    assert names.find(0x1000, "nobody") == "[nobody]"
    assert symbols.parse_kallsyms("ffffffff81000000 T a\nffffffff81000010 d data\n"
                                  "ffffffffc0000000 t b [dune]\n0000000000000000 t none\n") == \
        [(0xffffffff81000000, "a")]
    assert symbols.module_base("dune 90112 1 - Live 0xffffffffc0000000 (OE)\n") == \
        0xffffffffc0000000
    assert symbols.module_base("") is None


def test_no_elf_and_damaged_elf_are_told(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"#!/bin/sh\n")
    with pytest.raises(ValueError, match="no 64-bit ELF"):
        elf.functions(path)
    path.write_bytes(b"\x7fELF\x02" + b"\0" * 20)
    with pytest.raises(ValueError, match="damaged"):
        elf.functions(path)


def type_info():
    """BTF of one structure with two members."""
    strings = b"\0task_struct\0pid\0comm\0"
    types = struct.pack("<IIIBBH", 0, 1 << 24, 4, 0, 0, 32)     # an int before it
    types += struct.pack("<III", 1, 4 << 24 | 2, 64)
    types += struct.pack("<IIIIII", 13, 1, 8 * 24, 17, 1, 8 * 32)
    head = struct.pack("<HBBIIIII", btf.MAGIC, 1, 0, 24, 0, len(types), len(types), len(strings))
    return head + types + strings


def test_members_of_a_structure():
    assert btf.offsets(type_info(), "task_struct", ("pid", "comm")) == {"pid": 24, "comm": 32}
    with pytest.raises(ValueError, match="no structure task_struct with tgid"):
        btf.offsets(type_info(), "task_struct", ("tgid",))
    for damaged in (b"", type_info()[:40], b"x" * 60):
        with pytest.raises(ValueError):
            btf.offsets(damaged, "task_struct", ("pid",))


# -- what comes out --------------------------------------------------------------------------

@pytest.fixture
def run(tmp_path):
    the_plan = planning.make("kv", "bochs", ("bochs",), "linux", "0.7", "400")
    slowest = [{"request": 7, "scheduled_ns": 1_000, "sent_ns": 1_500, "done_ns": 9_000,
                "before_ns": 0, "busy_ns": 1_000, "ahead": 0}]
    where = sample_run.build(tmp_path, the_plan, changes={
        "slowest": slowest, "tsc_pairs": [list(pair) for pair in PAIRS],
        "duration_ns": 5_000_000})
    return results.load(where.path)


def told(comm="kv-server"):
    names = SimpleNamespace(find=lambda address, who: f"f<{address:x}>")
    window = counts.read("window 999000 1003000 1505\nr 1 0 0\nt 2 1 42 " + comm + "\nm 3 2 1\n"
                         "c 3 0 401000 1500\nc 3 0 401010 5\n")
    base = 1_000_000
    records = [event(base, "task", number=42, cpl=3, comm=comm),
               event(base + 900, "syscall", cpl=3, number=0),
               event(base + 100, "task", cpu=0, number=3, comm="kv-load")]
    return replay.Replay(events.read(events.write(records)), window, names, "amd")


def test_an_answer_is_kept_and_found_again(run):
    one = slow.of_run(run)[0]
    record = schema.check(answer.make(run, one, told()), answer.SCHEMA)
    assert [(row["ticks"], row["what"]) for row in record["sums"]] == \
        [(900, "kv-server: read"), (700, "kv-server")]
    assert record["functions"][0] == {"instructions": 1500, "task": "kv-server", "mode": "user",
                                      "function": "f<401000>"}
    text = answer.text(record)
    assert "request 7" in text and "kv-server: read" in text and "latency        8,000 vns" in text
    from dunelab.explain import command
    where = command.keep(run, one, record)
    page = (where / "index.html").read_text()
    assert "f&lt;401000&gt;" in page and "f<401000>" not in page
    spike = SimpleNamespace(value=one.latency, at=0.0, length=0.001)
    run.cells[0].intended.record(one.latency)
    assert record["sentence"] in causes.cause(run, run.cells[0], spike)


def test_hostile_names_stay_text(run):
    record = answer.make(run, slow.of_run(run)[0], told("</ti><&\x07\x1b[2J"))
    for output in (answer.svg(record), answer.page(run, record)):
        assert "</ti><&" not in output and "\x07" not in output and "\x1b" not in output
    import xml.dom.minidom
    assert xml.dom.minidom.parseString(answer.svg(record)).documentElement.tagName == "svg"
    assert lanes.draw([], 5, 5, [], 1.0, "vns").endswith("</svg>\n")


def test_refusals_are_one_line(run, capsys, monkeypatch):
    path = str(run.store.path)
    assert cli.main(["explain", path]) == 0
    assert "8,000" in capsys.readouterr().out
    for argv, words in (
            ([path, "--request", "99"], "request 99 is not among"),
            ([path, "--slowest", "0"], "want 1 or more"),
            ([path, "--slowest", "1", "--cell", "kv.dune"], "no measured cell kv.dune"),
            ([path + "x"], "is not the directory of a run")):
        assert cli.main(["explain", *argv]) == 2
        said = capsys.readouterr().err
        assert words in said and "Traceback" not in said
    monkeypatch.setitem(run.manifest["engine"], "name", "qemu")
    with pytest.raises(UsageError, match="only runs of ENGINE=bochs can be replayed"):
        replay.check(run)


def test_a_run_without_slow_requests_says_so(tmp_path):
    where = sample_run.build(tmp_path, planning.make("kv", "bochs", ("bochs",), "linux", "0.7",
                                                     "400"))
    with pytest.raises(UsageError, match="kept no slow requests"):
        slow.of_run(results.load(where.path))


def test_a_replay_with_other_bits_is_no_answer():
    frame = SimpleNamespace(kind="event", name="cell-done", payload=b"0", text="0")
    other = SimpleNamespace(kind="event", name="cell-start", payload=b"0", text="0")
    result = SimpleNamespace(frames=[other, frame], errors=[], detail="")
    from dunelab import kvrun
    expected = kvrun.frame_records([other, frame])
    replay.require_same(expected, result)
    expected[1]["sha256"] = "00"
    with pytest.raises(GuestError, match="the replay is not the run: its frame 1 .cell-done."):
        replay.require_same(expected, result)
    with pytest.raises(GuestError, match="did not get to the request"):
        replay.require_same(expected, SimpleNamespace(frames=[], errors=[], detail="TIMEOUT"))
