# SPDX-License-Identifier: MIT
"""Real servers and generators for the key-value tests: started on free ports, always stopped."""

import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from dunelab import packages, paths

# Generous: the tests share the machine with builds.
PATIENCE_S = 30


def program(name):
    """Path of a built workload program; the test is skipped when it was not built."""
    path = paths.build() / "bin" / name
    if not path.exists():
        pytest.skip(f"{path} is not built: run make workloads")
    return path


def free_port():
    """A TCP port that nobody uses at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def die_with_parent():
    """In the child: no server outlives a killed test run."""
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Server:
    """A running server; a context manager.  port and udp_port: where it listens."""

    def __init__(self, argv, port=None, udp_port=None):
        self.argv, self.port, self.udp_port = [str(word) for word in argv], port, udp_port

    def __enter__(self):
        # stderr is inherited: pytest shows it when a test fails.
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=die_with_parent)
        if self.port is None:
            self.banner = self.process.stdout.readline()
            assert self.banner.startswith("ready port="), f"{self.argv}: {self.banner!r}"
            words = dict(word.split("=") for word in self.banner.split()[1:])
            self.port, self.udp_port = int(words["port"]), int(words["udp"])
        else:
            self.wait_for_port()
        return self

    def wait_for_port(self):
        """Until connections are accepted; AssertionError when the server ends or PATIENCE_S."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert self.process.poll() is None, f"{self.argv} ended"
                assert time.monotonic() < end, f"{self.argv} does not listen"
                time.sleep(0.02)

    def stop(self, number=signal.SIGTERM):
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def connect(self):
        """A new connection; see Client."""
        return Client(self.port)

    def ask(self, data):
        """Reply to data sent over a connection of its own; see Client.ask()."""
        with self.connect() as client:
            return client.ask(data)

    def stats(self):
        """{name: text} of the server's statistics."""
        with self.connect() as client:
            client.send(b"stats\r\n")
            text = client.read_until(b"END\r\n").decode()
        return dict(line.split(" ", 2)[1:] for line in text.split("\r\n") if line[:5] == "STAT ")

    def memory_kib(self):
        """Resident memory of the server process."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


class Client:
    """A TCP connection; a context manager."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.sock.close()

    def send(self, data):
        """Send all of it."""
        self.sock.sendall(data)

    def read_until(self, end):
        """Bytes up to and with `end`; what came before, when the server closes."""
        data = b""
        while not data.endswith(end):
            piece = self.sock.recv(1 << 16)
            if not piece:
                break
            data += piece
        return data

    def ask(self, data):
        """(reply, closed): everything that comes before the answer to a `version` sent behind.

        closed: the server closed the connection instead of answering.
        """
        reply = b""
        try:
            self.send(data + b"version\r\n")
            while True:
                piece = self.sock.recv(1 << 16)
                if not piece:
                    return reply, True
                reply += piece
                head, mark, tail = reply.rpartition(b"VERSION ")
                if mark and tail.endswith(b"\r\n"):
                    return head, False
        except (ConnectionResetError, BrokenPipeError):
            return reply, True


def kv_server(*options, sanitized=False):
    """Our server on a free port, with further options."""
    path = program("../workloads/checked/kv-server" if sanitized else "kv-server")
    return Server([path, "--port", 0, *options])


def memcached(*options, udp=False):
    """Debian's memcached on a free port: the one that goes into guests, run by its own loader, so
    that nothing has to be installed (and no daemon of the host's started by that)."""
    tree = packages.files("memcached")
    libraries = tree["/lib64/ld-linux-x86-64.so.2"].parents[1] / "lib/x86_64-linux-gnu"
    command = [tree["/lib64/ld-linux-x86-64.so.2"], "--library-path", libraries,
               tree["/usr/bin/memcached"]]
    port = free_port()
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    return Server([*command, *user, "-l", "127.0.0.1", "-p", port, "-U", port if udp else 0,
                   "-t", "1", *options], port, port)


def kv_load(*arguments, timeout=120):
    """Run the generator to its end: CompletedProcess with text output."""
    return subprocess.run([str(word) for word in (program("kv-load"), *arguments)], text=True,
                          capture_output=True, timeout=timeout, check=False)


def settle(server):
    """Wait until only the asking connection is left and no buffer is kept for anybody."""
    end = time.monotonic() + PATIENCE_S
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


def reset(sock):
    """Close by RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
