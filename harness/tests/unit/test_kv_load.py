# SPDX-License-Identifier: MIT
"""The load generator against real servers: schedules, replies, results, failures."""

import json
import re
import socket
import threading

import kv_tools
import pytest

from dunelab import hdr, hlog, schema

RECORDS = 2000


@pytest.fixture(scope="module", params=["kv-server", "memcached"])
def server(request):
    """Both servers; fill() puts the records in."""
    make = {"kv-server": lambda: kv_tools.kv_server("--udp-port", "0", "--threads", "2"),
            "memcached": lambda: kv_tools.memcached(udp=True)}[request.param]
    with make() as server:
        yield server


def fill(server, law, seed=1):
    """Exactly the records of a law and a seed: those of another would be wrong replies."""
    server.ask(b"flush_all\r\n")
    done = load("preload", server, "--law", law, "--seed", seed)
    assert done.returncode == 0, done.stderr


def load(mode, server, *options, udp=False, **keywords):
    port = server.udp_port if udp else server.port
    transport = ["--transport", "udp"] if udp else []
    return kv_tools.kv_load(mode, "--target", f"127.0.0.1:{port}", "--records", RECORDS,
                            *transport, *options, **keywords)


def summary(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
@pytest.mark.parametrize("law", ["usr", "etc"])
def test_every_reply_of_a_run_is_right(server, law, udp):
    fill(server, law)
    # A host that stalls drops datagrams, and kv-load must say so: again then, but not for ever, and
    # at a rate that fills no socket's buffer within a quarter of a second.
    for _ in range(3 if udp else 1):
        done = load("run", server, "--law", law, "--rate", 1000 if udp else 5000, "--requests",
                    2000, "--warmup", 200, udp=udp)
        if "were never answered" not in done.stderr:
            break
    got = summary(done)
    assert schema.check(got, "kv-load/1")["mode"] == "run"
    assert (got["sent"], got["received"], got["lost"], got["errors"]) == (2000, 2000, 0, 0)
    assert got["warmup_discarded"] == 200
    assert got["gets"] + got["sets"] == 2000 and got["misses"] == 0
    assert got["hits"] == got["gets"]
    for kind in ("intended", "service"):
        assert got[kind]["n"] == 2000 and got[kind]["overflow"] == 0
        assert 0 < got[kind]["min"] <= got[kind]["mean"] <= got[kind]["max"]
    assert got["intended"]["mean"] == pytest.approx(
        got["service"]["mean"] + got["late"]["mean"], rel=1e-6, abs=0.01)


def test_capacity_counts_every_reply(server):
    fill(server, "usr")
    got = summary(load("capacity", server, "--requests", 5000, "--warmup", 500, "--window", 8))
    assert schema.check(got, "kv-load/1")["mode"] == "capacity"
    assert got["received"] == 5000 and got["window"] == 8 and got["misses"] == 0
    assert got["capacity_rps"] == pytest.approx(5000e9 / got["duration_ns"], rel=1e-6)


@pytest.mark.parametrize("arrival", ["poisson", "fixed", "etc"])
def test_the_same_seed_gives_the_same_schedule(server, arrival):
    def digest(seed):
        return summary(load("run", server, "--arrival", arrival, "--rate", 20000, "--requests",
                            300, "--warmup", 0, "--seed", seed))["schedule_fnv64"]
    fill(server, "usr")
    assert digest(1) == digest(1)
    # A fixed schedule's times do not depend on the seed, its records do.
    assert digest(1) != digest(2)


def test_the_printed_schedule_is_the_one_that_runs(server):
    options = ("--law", "etc", "--rate", 20000, "--requests", 300, "--warmup", 20, "--seed", 77)
    fill(server, "etc", 77)
    printed = load("schedule", server, *options)
    assert printed.returncode == 0
    head, _, *lines = printed.stdout.splitlines()
    assert re.search(r"fnv64=([0-9a-f]{16})$", head)[1] == \
        summary(load("run", server, *options))["schedule_fnv64"]
    rows = [line.split() for line in lines]
    assert len(rows) == 320 and [int(row[0]) for row in rows] == list(range(320))
    times = [int(row[1]) for row in rows]
    assert times == sorted(times)
    # The digest can be computed from what is printed.
    digest = 0xcbf29ce484222325
    for _, at, op, key, size in rows:
        fields = ((int(at), 8), (int(key), 4), (int(size), 4), (len(key), 1), (op == "set", 1))
        for byte in b"".join(int(value).to_bytes(n, "little") for value, n in fields):
            digest = (digest ^ byte) * 0x100000001b3 % (1 << 64)
    assert f"{digest:016x}" in head


def test_files_agree_with_each_other(server, tmp_path):
    fill(server, "usr")
    prefix = tmp_path / "run"
    done = load("run", server, "--rate", 4000, "--requests", 2000, "--warmup", 100,
                "--interval-ms", 50, "--out", prefix)
    assert done.returncode == 0 and done.stdout == "", done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == \
        ["run.hgrm", "run.hlog", "run.json", "run.service.hgrm"]
    got = json.loads((tmp_path / "run.json").read_text())
    assert schema.check(got, "kv-load/1")["mode"] == "run"
    groups = hlog.by_tag(hlog.read((tmp_path / "run.hlog").read_text()))
    assert list(groups) == ["warmup", "intended", "service", "late", "gap"]
    warm = groups.pop("warmup")
    assert [i.histogram.total for i in warm] == [50, 50]    # parts of at least 40 requests each
    assert warm[0].start == 0 and sum(i.length for i in warm) == \
        pytest.approx(100 / 4000, rel=0.5)
    begin = groups["intended"][0].start
    assert begin == pytest.approx(warm[-1].start + warm[-1].length, abs=0.002)
    assert sum(i.histogram.total for i in groups["gap"]) == 2000
    # One more than lie between the measured: from the last of the warm-up to the first.
    mean = hdr.merge(i.histogram for i in groups.pop("gap")).mean_stddev()[0]
    assert mean == pytest.approx(1e9 / 4000, rel=0.5)     # a busy host is late
    for tag, intervals in groups.items():
        assert [round(i.start - begin, 3) for i in intervals] == \
            [round(0.05 * k, 3) for k in range(len(intervals))]
        total = sum(i.histogram.total for i in intervals)
        assert total == got[tag]["n"] == 2000
        edge = max(i.histogram.max() for i in intervals if i.histogram.total)
        assert edge >= got[tag]["max"] and edge <= got[tag]["max"] * 1.001 + 1
    assert sum(i.length for i in groups["service"]) == \
        pytest.approx(got["duration_ns"] / 1e9, abs=0.01)
    for name, tag in (("run.hgrm", "intended"), ("run.service.hgrm", "service")):
        text = (tmp_path / name).read_text()
        total = re.search(r"Total count    = +(\d+)\]", text)
        longest = re.search(r"Max     = +([0-9.]+),", text)
        assert int(total[1]) == 2000 and float(longest[1]) == got[tag]["max"]


def test_intervals_without_replies_are_in_the_log(server, tmp_path):
    fill(server, "usr")
    done = load("run", server, "--rate", 20, "--arrival", "fixed", "--requests", 10, "--warmup",
                0, "--interval-ms", 5, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    groups = hlog.by_tag(hlog.read((tmp_path / "run.hlog").read_text()))
    counts = [i.histogram.total for i in groups["intended"]]
    assert len(counts) >= 90 and counts.count(0) >= 80 and sum(counts) == 10


def test_a_late_request_is_sent_and_charged():
    """A server that stops for a while: nothing is skipped, the wait shows in `intended`."""
    with kv_tools.kv_server() as server:
        assert load("preload", server).returncode == 0
        pause = threading.Timer(0.3, server.process.send_signal, [kv_tools.signal.SIGSTOP])
        go_on = threading.Timer(0.9, server.process.send_signal, [kv_tools.signal.SIGCONT])
        pause.start()
        go_on.start()
        got = summary(load("run", server, "--rate", 2000, "--requests", 3000, "--warmup", 0,
                           "--connections", 4))
    assert got["received"] == 3000
    assert got["intended"]["max"] > 400e6


def test_full_sockets_keep_the_order_and_lose_nothing():
    """Far more than the sockets take at once, of values that are sent back."""
    with kv_tools.kv_server("--memory", "256") as server:
        assert load("preload", server, "--law", "etc").returncode == 0
        pause = threading.Timer(0.05, server.process.send_signal, [kv_tools.signal.SIGSTOP])
        go_on = threading.Timer(1.0, server.process.send_signal, [kv_tools.signal.SIGCONT])
        pause.start()
        go_on.start()
        got = summary(load("run", server, "--law", "etc", "--rate", 500000, "--requests",
                           250000, "--warmup", 0, "--connections", 2, "--drain-ms", 60000))
    assert got["received"] == 250000 and got["errors"] == 0 and got["misses"] == 0


def test_missing_records_are_counted_as_misses():
    with kv_tools.kv_server() as server:
        got = summary(load("run", server, "--rate", 10000, "--requests", 500))
    assert got["misses"] + got["hits"] == got["gets"] and got["misses"] > 400


def test_preload_reports_records_that_do_not_fit():
    with kv_tools.kv_server("--memory", "2") as server:
        done = kv_tools.kv_load("preload", "--target", f"127.0.0.1:{server.port}", "--records",
                                100000)
    assert done.returncode == 3
    assert re.search(r"holds \d+ of 100000 records .* give it more memory", done.stderr)


def test_no_server_is_one_clear_line():
    port = kv_tools.free_port()
    for mode in (["run", "--rate", "100"], ["capacity"], ["preload"]):
        done = kv_tools.kv_load(*mode, "--target", f"127.0.0.1:{port}", "--records", 10)
        assert done.returncode == 3
        assert "cannot connect" in done.stderr and done.stderr.count("\n") == 1


def kill_when_busy(server):
    """Kill the server once it has answered a few hundred requests."""
    while int(server.stats()["cmd_get"]) < 300:
        kv_tools.time.sleep(0.02)
    server.process.kill()


@pytest.mark.parametrize("mode", [["run", "--rate", "1000"], ["capacity", "--requests", "2000000"]])
def test_a_server_that_dies_ends_the_run(mode):
    with kv_tools.kv_server() as server:
        threading.Thread(target=kill_when_busy, args=[server], daemon=True).start()
        done = load(mode[0], server, *mode[1:], "--warmup", 0)
    assert done.returncode == 3
    assert re.search(r"the server (closed a connection|is gone).* after \d+ replies", done.stderr)


class Impostor:
    """Accepts one connection and answers everything with fixed bytes; a context manager."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        connection, _ = self.listener.accept()
        with connection:
            try:
                while connection.recv(65536):
                    connection.sendall(self.answer)
            except OSError:
                pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.listener.close()


@pytest.mark.parametrize("answer", [
    b"ERROR\r\n", b"STORED\r\n", b"VALUE 0000000000000000001 0 2\r\nxx\r\nEND\r\n",
    b"SERVER_ERROR out of memory\r\n", b"\x00\x00", b"END\r\nEND\r\n"])
def test_a_wrong_reply_is_no_measurement(answer):
    with Impostor(answer) as server:
        done = kv_tools.kv_load("run", "--target", f"127.0.0.1:{server.port}", "--rate", 100,
                                "--requests", 20, "--warmup", 0, "--connections", 1,
                                "--records", 1000, "--drain-ms", 300)
    assert done.returncode == 3
    assert "wrong reply" in done.stderr or "nobody asked" in done.stderr


def test_replies_that_never_come_are_lost():
    with Impostor(b"") as server:
        done = kv_tools.kv_load("run", "--target", f"127.0.0.1:{server.port}", "--rate", 100,
                                "--requests", 5, "--warmup", 0, "--connections", 1, "--records",
                                1000, "--drain-ms", 100)
    assert done.returncode == 3
    assert "5 of 5 requests were never answered" in done.stderr
    assert json.loads(done.stdout)["lost"] == 5


def test_lost_datagrams_are_noticed():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        done = kv_tools.kv_load("run", "--target", f"127.0.0.1:{silent.getsockname()[1]}",
                                "--transport", "udp", "--rate", 1000, "--requests", 5,
                                "--warmup", 0, "--records", 10, "--drain-ms", 100)
    assert done.returncode == 3 and "never answered" in done.stderr


@pytest.mark.parametrize("arguments,hint", [
    ([], "missing mode"), (["walk"], "known are preload, capacity, run, schedule"),
    (["run"], "run needs --rate"), (["run", "--rate", "0"], "--rate 0: expected"),
    (["run", "--rate", "fast"], "--rate fast: expected"), (["run", "--rate", "nan"], "expected"),
    (["run", "--rate", "1", "--law", "x"], "--law x: known are usr, etc"),
    (["run", "--rate", "1", "--arrival", "x"], "known are poisson, fixed, etc"),
    (["run", "--rate", "1", "--transport", "x"], "known are tcp, udp"),
    (["run", "--rate", "1", "--target", "host"], "expected HOST:PORT"),
    (["run", "--rate", "1", "--target", "host:1"], "expected an IPv4 address"),
    (["run", "--rate", "1", "--target", "127.0.0.1:0"], "from 1 to 65535"),
    (["run", "--rate", "1", "--connections", "0"], "--connections 0: expected"),
    (["run", "--rate", "1", "--requests", "-5"], "--requests -5: expected"),
    (["run", "--rate", "1", "--records", "0"], "--records 0: expected"),
    (["run", "--rate", "0.001", "--requests", "100000000"], "46 days"),
    (["run", "--bogus"], "unknown option --bogus"), (["run", "--rate"], "--rate needs an argument"),
    (["run", "stray"], "unexpected argument stray")])
def test_bad_command_lines_say_what_is_wrong(arguments, hint):
    done = kv_tools.kv_load(*arguments)
    assert done.returncode == 2
    assert hint in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_files_that_cannot_be_written_are_named():
    with kv_tools.kv_server() as server:
        done = load("run", server, "--rate", 10000, "--requests", 10, "--out", "/nowhere/run")
    assert done.returncode == 3 and "cannot write /nowhere/run.hlog" in done.stderr


def test_help_fits_a_screen():
    for arguments in (["--help"], ["run", "--help"]):
        done = kv_tools.kv_load(*arguments)
        assert done.returncode == 0 and done.stderr == ""
        assert len(done.stdout.splitlines()) <= 45
