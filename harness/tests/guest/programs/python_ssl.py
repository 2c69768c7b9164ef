# SPDX-License-Identifier: MIT
"""TLS between two threads, with a certificate made on the spot."""

import socket
import ssl
import subprocess
import threading

subprocess.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9999 "
               "-subj /CN=lab -addext subjectAltName=DNS:lab -keyout key -out cert".split(),
               check=True, stderr=subprocess.DEVNULL)
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain("cert", "key")
client = ssl.create_default_context(cafile="cert")
one, two = socket.socketpair()


def serve():
    with server.wrap_socket(one, server_side=True) as peer:
        while data := peer.recv(10000):
            peer.sendall(data[::-1])


thread = threading.Thread(target=serve)
thread.start()
with client.wrap_socket(two, server_hostname="lab") as peer:
    print(peer.version(), peer.cipher()[0], peer.getpeercert()["subject"])
    for text in (b"hello", b"over TLS" * 100):
        peer.sendall(text)
        got = b""
        while len(got) < len(text):
            got += peer.recv(10000)
        print(len(got), got[-5:])
thread.join()
