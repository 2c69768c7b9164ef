# SPDX-License-Identifier: MIT
"""Threads, children, sockets, signals and memory of a Python program: outputs that do not vary."""

import ctypes
import hashlib
import json
import mmap
import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time


def threads():
    lock, total, order = threading.Lock(), [0], threading.Barrier(4)

    def work():
        order.wait()
        for _ in range(2000):
            with lock:
                total[0] += 1

    started = [threading.Thread(target=work) for _ in range(4)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    print("threads", total[0])
    for _ in range(50):     # short lives
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()


def children():
    for close in (True, False):
        done = subprocess.run(["sh", "-c", "cat; echo err >&2; exit 5"], input=b"in\n",
                              capture_output=True, close_fds=close, check=False)
        print("child", done.returncode, done.stdout, done.stderr)
    done = subprocess.run(["sh", "-c", "kill -9 $$"], check=False, start_new_session=True)
    print("killed", done.returncode)
    done = subprocess.run(["sh", "-c", "echo $X; pwd"], env={"X": "y", "PATH": "/bin"}, cwd="/",
                          preexec_fn=os.setsid, capture_output=True, check=True)
    print("environment", done.stdout)
    try:
        subprocess.run(["/nowhere"], check=False)
    except FileNotFoundError as error:
        print("nowhere", error.errno)
    try:
        subprocess.run(["sleep", "20"], timeout=0.2, check=False)
    except subprocess.TimeoutExpired:
        print("timeout")
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 9"], {})
    print("spawned", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    pid = os.fork()
    if not pid:
        os.execv(sys.executable, ["python3.11", "-S", "-c", "print('again', flush=True)"])
    print("exec", os.waitpid(pid, 0)[1])


def square(number):
    return number * number


def processes():
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print("pool", sum(pool.map(square, range(100))))
    queue = multiprocessing.SimpleQueue()
    child = multiprocessing.Process(target=queue.put, args=({"from": "child"},))
    child.start()
    print("queue", queue.get())
    child.join()
    print("joined", child.exitcode)


def sockets():
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        with server.accept()[0] as peer:
            while data := peer.recv(4096):
                peer.sendall(data.upper())

    thread = threading.Thread(target=serve)
    thread.start()
    with socket.create_connection(server.getsockname()) as client:
        client.sendall(b"hello" * 1000)
        client.shutdown(socket.SHUT_WR)
        got = b"".join(iter(lambda: client.recv(4096), b""))
    thread.join()
    print("socket", len(got), hashlib.sha256(got).hexdigest())
    one, two = socket.socketpair()
    socket.send_fds(one, [b"x"], [0])
    print("descriptor", len(socket.recv_fds(two, 10, 5)[1]))


def signals():
    ticks = []
    signal.signal(signal.SIGALRM, lambda number, frame: ticks.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    while len(ticks) < 5:
        time.sleep(1)       # resumed by EINTR's rules, cut short by nothing but its end
    while len(ticks) < 10:
        pass
    signal.setitimer(signal.ITIMER_REAL, 0)
    print("ticks", ticks[:10])
    profile = []
    signal.signal(signal.SIGPROF, lambda number, frame: profile.append(number))
    signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
    while len(profile) < 3:
        pass
    signal.setitimer(signal.ITIMER_PROF, 0)
    print("profile", profile[:3])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    os.kill(os.getpid(), signal.SIGUSR1)
    print("waited", signal.sigwait({signal.SIGUSR1}), signal.sigpending())
    pid = os.fork()
    if not pid:
        ctypes.string_at(0)
    print("segfault", os.WTERMSIG(os.waitpid(pid, 0)[1]))
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("interrupted")


def memory():
    with open("mapped", "w+b") as file:
        file.truncate(1 << 20)
        with mmap.mmap(file.fileno(), 0) as view:
            view[4096:4101] = b"hello"
            view.flush()
            view.resize(2 << 20)
            print("mapped", view.find(b"hello"), len(view))
        file.seek(4096)
        print("file", file.read(5))
    shared = mmap.mmap(-1, 4096)
    pid = os.fork()
    if not pid:
        shared[0] = 42
        os._exit(0)
    os.waitpid(pid, 0)
    print("shared", shared[0])
    print("large", sum(len(bytes(1 << 20)) for _ in range(50)))


def libraries():
    data = {"a": [1, 2.5, None], "b": "\u00e4"}
    print(json.dumps(data), json.loads(json.dumps(data)) == data)
    for name in ("md5", "sha1", "sha512", "blake2b"):
        print(name, hashlib.new(name, b"x" * 100000).hexdigest()[:32])
    base = sqlite3.connect("base")
    base.execute("create table t (n integer primary key, text)")
    base.executemany("insert into t (text) values (?)", ((str(n * n),) for n in range(500)))
    base.commit()
    print("sql", base.execute("select sum(text), count(*) from t").fetchone())


for part in (threads, children, processes, sockets, signals, memory, libraries):
    part()
    sys.stdout.flush()
