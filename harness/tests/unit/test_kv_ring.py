# SPDX-License-Identifier: MIT
"""Requests through rings in memory: a real server and generator, their deaths, a hostile neighbour,
and what the experiment makes of them."""

import hashlib
import json
import mmap
import os
import random
import re
import signal
import struct
import subprocess
import threading
import time
from pathlib import Path

import kv_tools
import pytest

from dunelab import kvimage, kvring, kvscript, plan as planning, schema
from dunelab.errors import UsageError

RECORDS = 500
PAGE = 4096


class RingServer(kv_tools.Server):
    """A server that has rings instead of ports."""

    def __init__(self, path, *options, sanitized=False):
        program = "../workloads/checked/kv-server" if sanitized else "kv-server"
        super().__init__([kv_tools.program(program), "--ring", path, "--memory", 4, *options],
                         port=0)
        self.path = path

    def wait_for_port(self):
        self.banner = self.process.stdout.readline()
        assert self.banner.startswith("ready ring="), f"{self.argv}: {self.banner!r}"

    def end(self):
        """Status and the last line: what it has served."""
        status = self.stop()
        return status, dict(word.split("=") for word in self.process.stdout.read().split()[1:])


def load(mode, path, *options, **keywords):
    return kv_tools.kv_load(mode, "--ring", path, "--records", RECORDS, *options, **keywords)


def summary(done):
    assert done.returncode == 0, done.stderr
    return schema.check(json.loads(done.stdout), "kv-load/1")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ring"


@pytest.mark.parametrize("options, law", [
    ([], "usr"), (["--ring-wait", "sleep"], "usr"), (["--threads", 2], "usr"),
    (["--ring-kib", 4096], "etc")], ids=["spin", "sleep", "two", "etc"])
@pytest.mark.parametrize("sanitized", [False, True], ids=["released", "sanitized"])
def test_every_reply_is_right(path, options, law, sanitized):
    with RingServer(path, *options, sanitized=sanitized) as server:
        done = load("preload", path, "--law", law)
        assert done.returncode == 0, done.stderr
        for mode in (["capacity"], ["run", "--rate", 4000]):
            got = summary(load(*mode[:1], path, *mode[1:], "--law", law, "--requests", 3000,
                               "--warmup", 100))
            assert (got["sent"], got["received"], got["lost"], got["errors"]) == (3000, 3000, 0, 0)
            assert got["hits"] == got["gets"] and got["transport"] == "ring"
            assert got["connections"] == (2 if "--threads" in options else 1)
        status, served = server.end()
    assert status == 0 and not path.exists()
    assert int(served["requests"]) >= RECORDS + 2 * 3100 and served["refused"] == "0"


def test_a_ring_schedules_what_a_socket_does(path):
    with RingServer(path), kv_tools.kv_server() as other:
        load("preload", path)
        kv_tools.kv_load("preload", "--target", f"127.0.0.1:{other.port}", "--records", RECORDS)
        common = ["--rate", 3000, "--requests", 1000, "--seed", 9]
        ring = summary(load("run", path, *common))
        sockets = summary(kv_tools.kv_load("run", "--target", f"127.0.0.1:{other.port}",
                                           "--records", RECORDS, *common))
    for key in ("schedule_fnv64", "scheduled_rps", "gets", "sets", "warmup"):
        assert ring[key] == sockets[key]


def test_a_full_ring_is_the_servers_delay(path):
    """Stopped, the server takes nothing: who does not fit waits, and is charged from its time."""
    with RingServer(path, "--ring-kib", 1) as server:
        load("preload", path)
        timer = threading.Timer(0.3, server.process.send_signal, [signal.SIGSTOP])
        again = threading.Timer(0.8, server.process.send_signal, [signal.SIGCONT])
        timer.start()
        again.start()
        got = summary(load("run", path, "--rate", 2000, "--requests", 2000, "--warmup", 0))
    assert got["received"] == 2000 and got["lost"] == 0
    # A kilobyte holds some twenty requests, ten milliseconds of them.
    assert got["intended"]["max"] > 400e6 and got["late"]["max"] > 300e6


def test_misses_are_counted(path):
    with RingServer(path):
        load("preload", path)
        got = summary(kv_tools.kv_load("run", "--ring", path, "--records", 2 * RECORDS, "--rate",
                                       5000, "--requests", 1000))
    assert got["misses"] > 300 and got["errors"] == 0


def one_line(done, status, pattern):
    assert done.returncode == status, done.stderr
    assert re.search(pattern, done.stderr) and done.stderr.count("\n") == 1, done.stderr


def test_a_server_that_dies_ends_the_run(path):
    with RingServer(path) as server:
        load("preload", path)
        threading.Timer(0.5, server.process.kill).start()
        begun = time.monotonic()
        one_line(load("run", path, "--rate", 1000, "--requests", 100_000), 3,
                 r"the server is gone after \d+ replies")
        assert time.monotonic() - begun < 20
    for mode in (["preload", path], ["run", path, "--rate", 1000]):
        one_line(load(*mode), 3, "its server is gone: start kv-server --ring again")
    # The next server takes the place of one that was killed.
    with RingServer(path) as server:
        assert load("preload", path).returncode == 0
        server.end()
    one_line(load("run", path, "--rate", 1000), 3, "is kv-server --ring running")


def wait_for_generator(path):
    """Until somebody holds the lock of generators: byte 1 of the file."""
    end = time.monotonic() + kv_tools.PATIENCE_S
    while f":{path.stat().st_ino} 1 1" not in Path("/proc/locks").read_text("ascii"):
        assert time.monotonic() < end, "no generator came"
        time.sleep(0.02)


def test_a_generator_that_is_killed_leaves_nothing_behind(path):
    with RingServer(path) as server:
        load("preload", path)
        argv = [kv_tools.program("kv-load"), "run", "--ring", path, "--records", str(RECORDS),
                "--rate", "20000", "--requests", "1000000"]
        for _ in range(3):
            victim = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
            wait_for_generator(path)
            one_line(load("run", path, "--rate", 10), 3, "another generator is using it")
            victim.kill()
            victim.wait()
            got = summary(load("run", path, "--rate", 5000, "--requests", 500))
            assert got["received"] == 500
        assert server.end()[1]["refused"] == "0"


def test_a_path_has_one_server(path):
    with RingServer(path):
        second = subprocess.run([kv_tools.program("kv-server"), "--ring", path], text=True,
                                capture_output=True, timeout=60, check=False)
        one_line(second, 2, "another server has it")
    path.write_text("mine")
    second = subprocess.run([kv_tools.program("kv-server"), "--ring", path], text=True,
                            capture_output=True, timeout=60, check=False)
    one_line(second, 2, "it is no ring")
    assert path.read_text() == "mine"
    one_line(load("run", path, "--rate", 10), 3, "it is no ring of kv-server's")


def test_a_hostile_generator_harms_nobody(path):
    """Random words into positions, frames and all else, while a sanitized server reads."""
    rng = random.Random(5)
    with RingServer(path, "--ring-kib", 16, sanitized=True) as server:
        load("preload", path)
        fd = os.open(path, os.O_RDWR)
        with mmap.mmap(fd, 0) as memory:
            for turn in range(3000):
                at = rng.choice((PAGE, PAGE + 128, PAGE + 256,
                                 rng.randrange(PAGE, len(memory) - 8, 8)))
                value = rng.choice((rng.getrandbits(64), rng.getrandbits(12),
                                    rng.getrandbits(5) << 4, (1 << 64) - rng.getrandbits(6)))
                memory[at:at + 8] = struct.pack("<Q", value & (1 << 64) - 1)
                if not turn % 500:
                    time.sleep(0.01)
        os.close(fd)
        assert server.process.poll() is None
        # Whoever comes next begins with rings of his own.
        got = summary(load("run", path, "--rate", 2000, "--requests", 500, "--warmup", 0))
        assert got["received"] == 500
        status, served = server.end()
    assert status == 0 and int(served["refused"]) > 0


HEAD, TAIL = 0, 128


@pytest.mark.parametrize("replies, position", [(0, HEAD), (0, TAIL), (1, HEAD), (1, TAIL)])
def test_a_spoilt_position_is_not_the_next_ones(path, replies, position):
    with RingServer(path, "--ring-kib", 16) as server:
        load("preload", path)
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            at = PAGE + replies * (PAGE + (16 << 10)) + position
            memory[at:at + 8] = struct.pack("<Q", 1 << 40)
        got = summary(load("run", path, "--rate", 2000, "--requests", 500, "--warmup", 0))
        assert got["received"] == 500 and server.process.poll() is None


def test_a_server_that_sleeps_does_not_spin_on_a_full_ring(path):
    """A generator that takes no replies, with a server of `--ring-wait sleep`."""
    with RingServer(path, "--ring-kib", 16, "--ring-wait", "sleep") as server:
        load("preload", path)
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            head = struct.unpack_from("<Q", memory, PAGE + HEAD)[0]
            request = b"get nothing\r\n"
            frame = struct.pack("<QQ", len(request), 0) + request.ljust(16, b"\0")
            for _ in range(800):        # replies of 5 bytes in frames of 32, and room for 512
                while head - struct.unpack_from("<Q", memory, PAGE + TAIL)[0] > 400 * 32:
                    time.sleep(0.001)   # the server has got no CPU for long
                at = PAGE + PAGE + head % (16 << 10)
                memory[at:at + 32] = frame
                head += 32
                struct.pack_into("<Q", memory, PAGE + HEAD, head)
                time.sleep(0.0005)
            time.sleep(0.3)
            before = cpu_seconds(server.process.pid)
            time.sleep(1)
            assert cpu_seconds(server.process.pid) - before < 0.2
        got = summary(load("run", path, "--rate", 2000, "--requests", 500, "--warmup", 0))
        assert got["received"] == 500


def cpu_seconds(pid):
    words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_a_server_that_is_stopped_is_named(path):
    with RingServer(path) as server:
        load("preload", path)
        server.process.send_signal(signal.SIGSTOP)
        one_line(load("run", path, "--rate", 2000), 3, "is it stopped")
        server.process.send_signal(signal.SIGCONT)
        assert summary(load("run", path, "--rate", 2000, "--requests", 500))["received"] == 500


def test_what_does_not_fit_is_said(path):
    with RingServer(path, "--ring-kib", 1):
        one_line(load("preload", path, "--law", "etc"), 2, "larger --ring-kib")
        one_line(load("run", path, "--law", "etc", "--rate", 1000), 2, "larger --ring-kib")


@pytest.mark.parametrize("arguments, hint", [
    (["--rt"], "need --ring"), (["--fifo", "9"], "need --ring"), (["--ring-kib", "4"], "need"),
    (["--ring", "x", "--ring-kib", "3"], "power of two"),
    (["--ring", "x", "--ring-wait", "hope"], "expected spin or sleep"),
    (["--ring", "x", "--rt", "--dune"], "exclude"),
    (["--ring", "x", "--rt", "--fifo", "9"], "core"),
    (["--ring", "x", "--rt", "--ring-wait", "sleep"], "nobody to sleep for"),
    (["--ring", "x", "--udp-port", "0"], "no UDP"), (["--ring", "x", "--fifo", "100"], "1 to 99"),
    (["--ring", "/nowhere/x"], "No such file")])
def test_bad_command_lines_of_the_server(arguments, hint):
    done = subprocess.run([kv_tools.program("kv-server"), *arguments], text=True,
                          capture_output=True, timeout=60, check=False)
    one_line(done, 2, hint)


@pytest.mark.parametrize("arguments, hint", [
    (["--rt"], "needs --ring and --cpu"), (["--ring", "x", "--rt"], "needs --ring and --cpu"),
    (["--ring", "x", "--transport", "udp"], "exclude"), (["--fifo", "0"], "1 to 99"),
    (["--ring", "x", "--cpu", "0", "--rt", "--fifo", "3"], "is none")])
def test_bad_command_lines_of_the_generator(arguments, hint):
    one_line(kv_tools.kv_load("run", "--rate", 1, *arguments), 2, hint)


# -- the experiment ----------------------------------------------------------------------


def make(**values):
    return planning.make("kv", "bochs", ("bochs", "qemu"), **values)


def test_the_group_of_rings_has_the_strongest_linux_as_baseline():
    plan = make(systems="ring")
    assert plan.baseline == "linux-tuned-ring" and "dune-rt" in plan.systems
    assert all(planning.SYSTEMS[name].cpus == 3 for name in plan.systems)
    assert make(systems="linux ring linux").systems == ("linux", *plan.systems)


def test_linux_and_dune_rt_boot_alike():
    systems = planning.SYSTEMS
    assert systems["dune-rt"].kernel_args == systems["linux-tuned-ring"].kernel_args
    for name in ("rt-tuned-ring", "rt-tuned-sleep"):
        assert systems[name].kernel_args == systems["dune-rt"].kernel_args
        assert systems[name].kernel == "rt" and systems["dune-rt"].kernel == "cloud"
    # The generator's CPU is as quiet beside a stock server.
    assert "nohz_full=2 " in systems["linux-ring"].kernel_args
    assert "nohz_full=1-2 " in systems["dune-rt"].kernel_args


def test_what_another_kernel_lacks_is_named(monkeypatch, tmp_path):
    """A flavour's kernel and its dune.ko are of the run, and nothing boots without them."""
    monkeypatch.setattr("dunelab.paths.build", lambda: tmp_path)
    with pytest.raises(UsageError, match="kernel/rt/vmlinuz"):
        kvimage.require(make(systems="rt-tuned-ring"))
    for name in ("cloud", "rt"):
        (tmp_path / "kernel" / name).mkdir(parents=True)
        (tmp_path / "kernel" / name / "vmlinuz").write_text(name)
        (tmp_path / "kernel" / name / "version").write_text(json.dumps({"release": f"6-{name}"}))
    with pytest.raises(UsageError, match="modules/6-rt/dune.ko"):
        kvimage.require(make(systems="rt-tuned-ring"))
    (tmp_path / "modules/6-rt").mkdir(parents=True)
    (tmp_path / "modules/6-rt/dune.ko").write_text("module")
    kept = kvimage.artifacts([planning.SYSTEMS["rt-tuned-ring"]])
    assert kept["kernel rt"] == hashlib.sha256(b"rt").hexdigest() != kept["kernel"]
    assert kept["dune.ko rt"] == hashlib.sha256(b"module").hexdigest()
    assert "kernel rt" not in kvimage.artifacts([planning.SYSTEMS["dune-rt"]])


def test_the_generator_is_the_same_in_every_row():
    plan = make(systems="ring", requests=1000)
    words = set()
    for name in plan.systems:
        system = planning.SYSTEMS[name]
        cell = planning.Cell(name, "own", "0.7", 1000.0)
        words.add(tuple(kvscript.cell_argv(plan, cell, "x")))
        argv = kvscript.server_argv(system, plan)
        assert ("--fifo" in argv) == ("tuned" in name)
        assert ("--rt" in argv) == (argv[:3] == ["dune", "rt", "run"]) == (name == "dune-rt")
        assert kvscript.script(plan, system, "measure", [cell]).count(kvring.PATH) >= 3
    assert len(words) == 1 and "--rt" in words.pop()
