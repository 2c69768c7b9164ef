# SPDX-License-Identifier: MIT
"""Hostile clients: whatever they send, they get an error or a closed connection, others nothing."""

import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import time

import kv_tools
import pytest


@pytest.fixture(scope="module", params=["released", "sanitized"])
def server(request):
    """The server as it is used, and built with AddressSanitizer (leaks included) and UBSan."""
    with kv_tools.kv_server("--threads", "2", "--memory", "64", "--buffers", "4",
                            "--max-conns", "2000",
                            sanitized=request.param == "sanitized") as server:
        yield server
        assert server.stop() == 0, "see the sanitizer's report above"


@pytest.fixture(autouse=True)
def bystander(server):
    """Another client's connection, opened before the abuse: it must work just as well after it."""
    with server.connect() as client:
        assert client.ask(b"set bystander 0 0 5\r\nhello\r\n") == (b"STORED\r\n", False)
        yield client
        assert client.ask(b"get bystander\r\n") == \
            (b"VALUE bystander 0 5\r\nhello\r\nEND\r\n", False)
    settle(server)


def settle(server):
    """Wait until only the asking connection is left and no buffer is kept for anybody."""
    end = time.monotonic() + kv_tools.PATIENCE_S
    while True:
        stats = server.stats()
        if stats["curr_connections"] == "1" and stats["conn_buffer_bytes"] == "0":
            return
        assert time.monotonic() < end, stats
        time.sleep(0.02)


def closes(client):
    """True when the server closes the connection without a word."""
    try:
        return client.sock.recv(1 << 16) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("line", [b"x" * 2049, b"set " + b"a" * 3000, b"x" * 1000000,
                                  b"\x80" + b"\x00" * 4000, b"stats" + b" " * 5000])
def test_a_line_without_end_closes_the_connection(server, line):
    with server.connect() as client:
        try:
            client.send(line)
        except ConnectionError:
            pass
        assert closes(client)


def test_memcached_closes_on_endless_lines_too():
    with kv_tools.memcached() as server, server.connect() as client:
        client.send(b"x" * 2049)
        assert closes(client)


def test_a_long_key_of_a_get_without_end_needs_no_memory(server):
    with server.connect() as client:
        for _ in range(200):
            client.send(b"get " + b"k" * 100000)
        client.send(b"\r\nversion\r\n")
        assert client.read_until(b"1\r\n").startswith(b"CLIENT_ERROR bad command line format\r\nV")


def test_a_huge_multi_get_is_answered(server):
    server.ask(b"set hit 0 0 3\r\nabc\r\n")
    with server.connect() as client:
        reply, closed = client.ask(b"get" + b" miss hit" * 20000 + b"\r\n")
    assert not closed
    assert reply == b"VALUE hit 0 3\r\nabc\r\n" * 20000 + b"END\r\n"


@pytest.mark.parametrize("part", [
    b"g", b"get", b"get half", b"set half 0 0 10\r\n", b"set half 0 0 10\r\n12345",
    b"set half 0 0 10\r\n1234567890", b"set half 0 0 10\r\n1234567890\r", b"incr half"])
def test_a_half_request_changes_nothing(server, part):
    with server.connect() as client:
        client.send(part)
        time.sleep(0.05)
        assert server.ask(b"get half\r\n") == (b"END\r\n", False)
    assert server.ask(b"get half\r\n") == (b"END\r\n", False)


def test_requests_in_single_bytes(server):
    with server.connect() as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"set slow 0 0 2\r\nab\r\nget slow\r\nversion\r\n":
            client.send(bytes([byte]))
        assert client.read_until(b"1\r\n").startswith(
            b"STORED\r\nVALUE slow 0 2\r\nab\r\nEND\r\nVERSION ")


@pytest.mark.parametrize("seed", range(20))
def test_binary_rubbish(server, seed):
    rng = random.Random(seed)
    rubbish = rng.randbytes(rng.randrange(1, 100000))
    with server.connect() as client:
        try:
            client.send(rubbish)
            client.sock.shutdown(socket.SHUT_WR)
            data = client.read_until(b"never")
        except ConnectionError:
            return
    # Whatever looked like a line was answered by an error, or the connection was closed.
    for line in data.split(b"\r\n"):
        assert line == b"" or re.match(rb"ERROR|CLIENT_ERROR|END", line), line


def test_half_requests_hold_a_limited_amount_of_memory(server, bystander):
    """A hundred values of 1 MiB, each short of its end, at a limit of 4 MiB for such things."""
    clients = [server.connect() for _ in range(100)]
    refused = 0
    try:
        for number, client in enumerate(clients):
            client.sock.settimeout(0.5)
            try:
                client.send(b"set big%d 0 0 1000000\r\n" % number + b"x" * 999000)
            except OSError:
                pass
            assert int(server.stats()["conn_buffer_bytes"]) <= 5 << 20
        assert bystander.ask(b"set other 0 0 100\r\n" + b"o" * 100 + b"\r\n")[0] == b"STORED\r\n"
        for client in clients:
            client.sock.settimeout(0.01)
            try:
                refused += client.sock.recv(100).startswith(b"SERVER_ERROR out of memory storing")
            except OSError:
                pass
    finally:
        for client in clients:
            client.sock.close()
    assert refused >= 90


def test_a_client_that_does_not_read_is_not_served_further(server, bystander):
    server.ask(b"set wide 0 0 100000\r\n" + b"w" * 100000 + b"\r\n")
    with server.connect() as client:
        client.sock.setblocking(False)
        sent = 0
        try:
            while sent < 1 << 26:
                sent += client.sock.send(b"get wide\r\n" * 1000)
                time.sleep(0.001)
        except BlockingIOError:
            pass
        assert sent < 1 << 26, "the server takes requests without end"
        assert int(server.stats()["conn_buffer_bytes"]) < 2 << 20
        assert bystander.ask(b"get bystander\r\n")[0].startswith(b"VALUE bystander")


def test_a_slow_reader_gets_everything(server):
    server.ask(b"set wide 0 0 100000\r\n" + b"w" * 100000 + b"\r\n")
    with server.connect() as client:
        # Far more than the sockets hold: the server has to stop and go on many times.
        client.send(b"get" + b" wide" * 200 + b"\r\nversion\r\n")
        time.sleep(0.3)
        reply = client.read_until(b"dunelab-kv-1\r\n")
    assert reply.count(b"VALUE wide 0 100000\r\n") == 200
    assert len(reply) == 200 * (21 + 100000 + 2) + 5 + len(b"VERSION dunelab-kv-1\r\n")


def reset(sock):
    """Close by RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_resets_in_the_middle_of_replies(server):
    server.ask(b"set wide 0 0 100000\r\n" + b"w" * 100000 + b"\r\n")
    for _ in range(200):
        client = server.connect()
        client.send(b"get wide\r\n" * 50)
        reset(client.sock)


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
            reset(sock)


def check_opened_and_dropped(count):
    with kv_tools.kv_server("--threads", "2", "--max-conns", "500") as server:
        open_and_drop(server.port, 2000, 1)
        settle(server)
        before, files = server.memory_kib(), len(os.listdir(f"/proc/{server.process.pid}/fd"))
        open_and_drop(server.port, count, 2)
        settle(server)
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
            assert closes(client)
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
