# SPDX-License-Identifier: MIT
"""Hostile clients: whatever they send, they get an error or a closed connection, others nothing."""

import random
import re
import socket
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
    kv_tools.settle(server)


@pytest.mark.parametrize("line", [b"x" * 2049, b"set " + b"a" * 3000, b"x" * 1000000,
                                  b"\x80" + b"\x00" * 4000, b"stats" + b" " * 5000])
def test_a_line_without_end_closes_the_connection(server, line):
    with server.connect() as client:
        try:
            client.send(line)
        except ConnectionError:
            pass
        assert kv_tools.closes(client)


def test_memcached_closes_on_endless_lines_too():
    with kv_tools.memcached() as server, server.connect() as client:
        client.send(b"x" * 2049)
        assert kv_tools.closes(client)


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


def test_resets_in_the_middle_of_replies(server):
    server.ask(b"set wide 0 0 100000\r\n" + b"w" * 100000 + b"\r\n")
    for _ in range(200):
        client = server.connect()
        client.send(b"get wide\r\n" * 50)
        kv_tools.reset(client.sock)
