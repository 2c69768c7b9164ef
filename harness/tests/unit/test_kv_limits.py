# SPDX-License-Identifier: MIT
"""Limits of the server: connections, descriptors, idle memory, signals, its command line."""

import os
import random
import resource
import signal
import socket
import subprocess
import time

import kv_tools
import pytest


def open_and_drop(port, count, seed):
    """Open and drop connections, some after a piece of a request, some by a reset."""
    rng = random.Random(seed)
    pieces = (b"", b"", b"get a", b"set a 0 0 100\r\nxyz", b"version\r\n", b"\x80\x00rubbish")
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port), timeout=kv_tools.PATIENCE_S)
        piece = rng.choice(pieces)
        try:
            if piece:
                sock.send(piece)
        except ConnectionError:
            pass
        # Mostly by reset: a FIN would leave this host's ports waiting for minutes.
        if rng.random() < 0.01:
            sock.close()
        else:
            kv_tools.reset(sock)


def check_opened_and_dropped(count):
    with kv_tools.kv_server("--threads", "2", "--max-conns", "500") as server:
        open_and_drop(server.port, 2000, 1)
        kv_tools.settle(server)
        before, files = server.memory_kib(), len(os.listdir(f"/proc/{server.process.pid}/fd"))
        open_and_drop(server.port, count, 2)
        kv_tools.settle(server)
        assert len(os.listdir(f"/proc/{server.process.pid}/fd")) <= files + 1
        assert server.memory_kib() - before < 1024, "memory leaks"
        stats = server.stats()
        assert int(stats["total_connections"]) + int(stats["rejected_connections"]) >= count
        assert server.ask(b"set a 0 0 1\r\nx\r\nget a\r\n") == \
            (b"STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n", False)
        assert server.stop() == 0


def test_twenty_thousand_connections_opened_and_dropped():
    check_opened_and_dropped(20000)


@pytest.mark.slow
def test_a_million_connections_opened_and_dropped():
    check_opened_and_dropped(1000000)


def test_idle_connections_cost_little():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    count = min(4000, limit - 200)
    with kv_tools.kv_server("--max-conns", str(count + 10)) as server:
        server.ask(b"version\r\n")
        before = server.memory_kib()
        clients = [server.connect() for _ in range(count)]
        try:
            for client in clients:
                client.ask(b"get a\r\n")
            grown = (server.memory_kib() - before) * 1024 / count
        finally:
            for client in clients:
                client.sock.close()
    assert grown < 1024, f"{grown:.0f} bytes per idle connection"


def test_too_many_connections_are_told_so():
    with kv_tools.kv_server("--max-conns", "3") as server:
        clients = [server.connect() for _ in range(3)]
        for client in clients:
            assert client.ask(b"get a\r\n") == (b"END\r\n", False)
        with server.connect() as extra:
            assert extra.read_until(b"never") == b"ERROR Too many open connections\r\n"
        clients.pop().sock.close()
        end = time.monotonic() + kv_tools.PATIENCE_S
        while server.ask(b"get a\r\n") != (b"END\r\n", False):
            assert time.monotonic() < end, "the place of a closed connection stays taken"
        assert clients[0].ask(b"get a\r\n") == (b"END\r\n", False)


def test_running_out_of_descriptors_refuses_but_does_not_spin():
    argv = [str(kv_tools.program("kv-server")), "--port", "0", "--max-conns", "1000"]
    with kv_tools.Server(argv) as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (20, 20))
        clients = [server.connect() for _ in range(30)]
        assert clients[0].ask(b"get a\r\n") == (b"END\r\n", False)
        # The last ones found no descriptor and were closed.
        assert clients[-1].read_until(b"never") == b"ERROR Too many open connections\r\n"
        for client in clients:
            client.sock.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_signals_end_the_server_with_status_0(number, threads):
    with kv_tools.kv_server("--threads", threads, "--udp-port", "0") as server:
        clients = [server.connect() for _ in range(10)]
        clients[0].send(b"set half 0 0 100\r\nx")
        assert server.stop(number) == 0
        for client in clients:
            assert kv_tools.closes(client)
            client.sock.close()


@pytest.mark.parametrize("arguments,hint", [
    (["--port", "x"], "--port x: expected a number"),
    (["--port", "65536"], "from 0 to 65535"),
    (["--memory", "1"], "from 2"), (["--threads", "0"], "from 1 to 64"),
    (["--threads", "65"], "from 1 to 64"), (["--max-conns", "0"], "from 1"),
    (["--listen", "nowhere"], "expected an IPv4 address"),
    (["--cpus", "1,x"], "--cpus x: expected a number"),
    (["--threads", "2", "--cpus", "1"], "names 1 CPUs for 2 threads"),
    (["--bogus"], "unknown option --bogus"), (["--port"], "--port needs an argument"),
    (["stray"], "unexpected argument stray"), (["--cpus", "1023"], "cannot run on CPU 1023"),
    (["--listen", "203.0.113.1"], "cannot listen")])
def test_bad_command_lines_say_what_is_wrong(arguments, hint):
    done = subprocess.run([str(kv_tools.program("kv-server")), "--port", "0", *arguments],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert hint in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_port_in_use_is_named():
    with kv_tools.kv_server() as server:
        done = subprocess.run([str(kv_tools.program("kv-server")), "--port", str(server.port)],
                              capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2 and "in use" in done.stderr


def test_help_fits_a_screen():
    done = subprocess.run([str(kv_tools.program("kv-server")), "--help"], capture_output=True,
                          text=True, timeout=30, check=False)
    assert done.returncode == 0 and done.stderr == ""
    assert len(done.stdout.splitlines()) <= 40
