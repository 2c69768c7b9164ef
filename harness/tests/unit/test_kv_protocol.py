# SPDX-License-Identifier: MIT
"""The same requests to our server and to the real memcached: replies must agree.

Differences that are meant are listed in DIFFERENT, each with its reason.
"""

import re
import socket

import kv_tools
import pytest

K250, K251 = b"k" * 250, b"k" * 251

# Requests sent one after the other over one connection; state carries over.
SCRIPT = [
    b"get a\r\n", b"set a 5 0 3\r\nabc\r\n", b"get a\r\n", b"get a b a\r\n", b"gets a\r\n",
    b"set e 0 0 0\r\n\r\n", b"get e\r\n", b"set crlf 0 0 4\r\n\r\n\r\n\r\n", b"get crlf\r\n",
    b"add a 0 0 1\r\nx\r\n", b"add b 0 0 1\r\nx\r\n", b"replace zz 0 0 1\r\nx\r\n",
    b"replace a 1 0 1\r\ny\r\n", b"get a\r\n", b"append a 9 9 2\r\n++\r\n", b"get a\r\n",
    b"prepend a 9 9 2\r\n--\r\n", b"get a\r\n", b"append zz 0 0 1\r\nx\r\n",
    b"prepend zz 0 0 1\r\nx\r\n", b"set n 0 0 2\r\n10\r\n", b"incr n 1\r\n", b"decr n 2\r\n",
    b"get n\r\n", b"incr n 91\r\n", b"get n\r\n", b"decr n 1000\r\n", b"get n\r\n",
    b"incr n 18446744073709551615\r\n", b"incr n 2\r\n", b"incr zz 1\r\n", b"decr zz 1\r\n",
    b"set t 0 0 3\r\nabc\r\n", b"incr t 1\r\n", b"set neg 0 0 2\r\n-5\r\n", b"incr neg 1\r\n",
    b"set sp 0 0 3\r\n5 6\r\n", b"incr sp 1\r\n", b"get sp\r\n",
    b"set long 0 0 21\r\n123456789012345678901\r\n", b"incr long 1\r\n",
    b"set f 4294967295 0 1\r\nx\r\n", b"get f\r\n", b"incr n 007\r\n",
    b"cas zz 0 0 1 1\r\nx\r\n", b"cas a 0 0 1 999999\r\nx\r\n", b"cas a 0 0 1 x\r\nx\r\n",
    b"cas a 0 0 1\r\nx\r\n", b"cas a 0 0 1 5 noreply\r\nx\r\n",
    b"delete b\r\n", b"delete b\r\n", b"delete zz 0\r\n", b"delete zz 5\r\n",
    b"delete zz 0 noreply\r\n", b"delete zz 5 noreply\r\n", b"delete\r\n", b"delete a b c d e\r\n",
    b"touch a 100\r\n", b"touch zz 100\r\n", b"touch a x\r\n", b"touch a\r\n", b"gat 100 a\r\n",
    b"gats 100 zz\r\n", b"gat x a\r\n", b"gat\r\n", b"touch a -1\r\n", b"get a\r\n",
    b"set a 0 -1 1\r\nx\r\n", b"get a\r\n", b"set a 0 100 1\r\nx\r\n", b"get a\r\n",
    b"set a 0 2592001 1\r\nx\r\n", b"get a\r\n", b"set a 0 2100000000 1\r\nx\r\n", b"get a\r\n",
    b"set q 0 0 1 noreply\r\nz\r\n", b"get q\r\n", b"add q 0 0 1 noreply\r\nx\r\n",
    b"incr q 1 noreply\r\n", b"delete q noreply\r\n", b"get q\r\n", b"touch a 5 noreply\r\n",
    b"verbosity 1\r\n", b"verbosity\r\n", b"verbosity x\r\n", b"verbosity 1 2\r\n",
    b"verbosity 1 2 3\r\n", b"verbosity 1 noreply\r\n", b"verbosity noreply\r\n",
    b"set k2 0 0 2 extra\r\nab\r\n", b"set k2 0 0 2 \r\nab\r\n", b"set k2 0 0 +2\r\nab\r\n",
    b"set k2 0 0 02\r\nab\r\n", b"  get k2\r\n", b"get  k2 \r\n", b"get k2\n",
    b"set k2 0 0 2\nab\r\n", b"get tab\tkey\r\n", b"get \x01\x02\r\n", b"get \xff\xfe\r\n",
    b"set " + K250 + b" 0 0 2\r\nab\r\n", b"get " + K250 + b"\r\n",
    b"flush_all noreply\r\n", b"get n\r\n", b"set n 0 0 1\r\n1\r\n", b"get n\r\n",
    b"flush_all\r\n", b"get n\r\n", b"set n 0 0 1\r\n1\r\n", b"flush_all 100\r\n", b"get n\r\n",
    b"flush_all x\r\n", b"flush_all 1 2 3\r\n", b"flush_all 0 noreply\r\n", b"get n\r\n",
    b"stats reset\r\n", b"stats nonsense\r\n", b"version with more\r\n",
]

# Malformed: each over a connection of its own.
MALFORMED = [
    b"\r\n", b"\n", b" \r\n", b"bogus\r\n", b"GET a\r\n", b"get\r\n", b"get \r\n",
    b"\x00\x01\x02\xff\xfe\r\n", b"a\x00b\r\n", b"bogus noreply\r\n", b"get k noreply\r\n",
    b"get " + K251 + b"\r\n", b"get k " + K251 + b" k\r\n", b"get " + b"k" * 9000 + b"\r\n",
    b"get " + b"y " * 9000 + b"\r\n", b"gets " + b"y " * 9000 + b"\r\n",
    b"set " + K251 + b" 0 0 2\r\nab\r\n", b"incr " + K251 + b" 1\r\n",
    b"delete " + K251 + b"\r\n", b"touch " + K251 + b" 1\r\n",
    b"set k 0 0 -1\r\n", b"set k 0 0 abc\r\n", b"set k 0 0\r\n", b"set k\r\n", b"set\r\n",
    b"set k 0 0 2147483647\r\n", b"set k -1 0 2\r\nab\r\n", b"set k 0 abc 2\r\nab\r\n",
    b"set k 0x1 0 2\r\nab\r\n", b"set k 0 0 2x\r\nab\r\n", b"set k 0 0 2 noreply extra\r\nab\r\n",
    b"set k 0 0 -1 noreply\r\n", b"set k 0 0 2\r\nabcdef\r\nget k\r\n",
    b"set k 0 0 2 noreply\r\nabcdef\r\nget k\r\n", b"set k 0 0 2\r\nab\nget k\r\n",
    b"set k 0 0 2097152\r\n" + b"a" * 2097152 + b"\r\nget k\r\n",
    b"set k 0 0 2097152 noreply\r\n" + b"a" * 2097152 + b"\r\nget k\r\n",
    b"set k 0 0 1048576\r\n" + b"a" * 1048576 + b"\r\nget k\r\n",
    b"set k 0 0 1000000\r\n" + b"a" * 1000000 + b"\r\nget k\r\ndelete k\r\n",
    b"incr k\r\n", b"incr k abc\r\n", b"incr k -1\r\n", b"incr k 18446744073709551616\r\n",
    b"incr k abc noreply\r\n", b"quit\r\n",
    b"quit now\r\n", b"shut\r\n",
]

# request -> (our reply, closed), and why it is not memcached's.
DIFFERENT = {
    # The flags field has 32 bits; memcached accepts and truncates.
    b"set k 4294967296 0 2\r\nab\r\n":
        (b"CLIENT_ERROR bad command line format\r\nERROR\r\n", False),
    # memcached takes the length modulo 2^32 and waits for that much, in silence.
    b"set k 0 0 99999999999\r\n": (b"CLIENT_ERROR bad command line format\r\n", False),
    # memcached keeps expiry moments in 31 bits: from 2038 on they are in its past.
    b"set k 0 4000000000 1\r\nx\r\nget k\r\n":
        (b"STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n", False),
    # A NUL byte is a byte of a key here; it ends memcached's command line.
    b"set a\x00b 0 0 1\r\nx\r\nget a\x00b\r\n":
        (b"STORED\r\nVALUE a\x00b 0 1\r\nx\r\nEND\r\n", False),
    # No meta commands, no binary protocol, no administration over the wire.
    b"mn\r\n": (b"ERROR\r\n", False),
    b"shutdown\r\n": (b"ERROR\r\n", False),
    b"cache_memlimit 64\r\n": (b"ERROR\r\n", False),
    # No slabs: no such statistics.
    b"stats slabs\r\n": (b"ERROR\r\n", False),
    b"stats items\r\n": (b"ERROR\r\n", False),
}


@pytest.fixture(scope="module")
def ours():
    with kv_tools.kv_server("--udp-port", "0") as server:
        yield server


@pytest.fixture(scope="module")
def theirs():
    with kv_tools.memcached(udp=True) as server:
        yield server


def comparable(reply):
    """CAS uniques are counted differently and versions differ: keep only that there is one."""
    reply = re.sub(rb"(VALUE \S+ \d+ \d+) \d+\r\n", rb"\1 CAS\r\n", reply)
    return re.sub(rb"VERSION \S+\r\n", b"VERSION\r\n", reply)


def test_replies_agree_with_memcached_request_by_request(ours, theirs):
    differ = []
    with ours.connect() as we, theirs.connect() as they:
        for request in SCRIPT:
            got, want = we.ask(request), they.ask(request)
            if (comparable(got[0]), got[1]) != (comparable(want[0]), want[1]):
                differ.append((request, got, want))
    assert not differ


def test_the_whole_script_pipelined_gives_the_same_bytes(ours, theirs):
    both = []
    for server in (ours, theirs):
        with server.connect() as client:
            client.ask(b"flush_all\r\n")
            both.append(comparable(client.ask(b"".join(SCRIPT[:45]))[0]))
    assert both[0] == both[1]


@pytest.mark.parametrize("request_", MALFORMED, ids=lambda r: repr(r[:24])[2:-1])
def test_malformed_input_is_answered_as_memcached_does(ours, theirs, request_):
    got, want = ours.ask(request_), theirs.ask(request_)
    assert (got[0][:200], len(got[0]), got[1]) == (want[0][:200], len(want[0]), want[1])


@pytest.mark.parametrize("request_", DIFFERENT, ids=lambda r: repr(r[:24])[2:-1])
def test_meant_differences_are_what_the_table_says(ours, theirs, request_):
    assert ours.ask(request_) == DIFFERENT[request_]
    if not request_.startswith(b"set k 0 0 999"):
        assert theirs.ask(request_) != DIFFERENT[request_], "no difference: drop it from the table"


def test_gets_gives_a_unique_that_cas_accepts_once(ours):
    with ours.connect() as client:
        client.ask(b"set u 0 0 1\r\n1\r\n")
        unique = client.ask(b"gets u\r\n")[0].split()[4]
        assert client.ask(b"cas u 0 0 1 " + unique + b"\r\n2\r\n")[0] == b"STORED\r\n"
        assert client.ask(b"cas u 0 0 1 " + unique + b"\r\n3\r\n")[0] == b"EXISTS\r\n"
        assert client.ask(b"get u\r\n")[0] == b"VALUE u 0 1\r\n2\r\nEND\r\n"


def test_items_expire_when_their_seconds_are_over(ours):
    with ours.connect() as client:
        client.ask(b"set soon 0 1 1\r\nx\r\n")
        end = kv_tools.time.monotonic() + kv_tools.PATIENCE_S
        while client.ask(b"get soon\r\n")[0] != b"END\r\n":
            assert kv_tools.time.monotonic() < end, "never expires"
            kv_tools.time.sleep(0.1)


def test_stats_count_what_was_done():
    with kv_tools.kv_server() as server:
        server.ask(b"set a 0 0 1\r\nx\r\nget a\r\nget b\r\ndelete a\r\nincr a 1\r\n")
        stats = server.stats()
    wanted = {"cmd_get": "2", "cmd_set": "1", "get_hits": "1", "get_misses": "1",
              "delete_hits": "1", "incr_misses": "1", "curr_items": "0", "total_items": "1",
              "curr_connections": "1", "total_connections": "2", "threads": "1"}
    assert {name: stats[name] for name in wanted} == wanted


def udp_ask(server, text, header=b"\x12\x34\x00\x00\x00\x01\x00\x00", expect=True):
    """List of datagrams that come back; expect=False: waits a moment for nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", server.udp_port))
        sock.settimeout(kv_tools.PATIENCE_S if expect else 0.2)
        sock.send(header + text)
        found = []
        try:
            while not found or len(found) < int.from_bytes(found[0][4:6], "big"):
                found.append(sock.recv(1 << 16))
        except socket.timeout:
            pass
        return found


@pytest.mark.parametrize("text", [
    b"set u 0 0 4\r\nabcd\r\n", b"get u\r\n", b"bogus\r\n", b"incr u 1\r\n",
    b"set big 0 0 5000\r\n" + b"q" * 5000 + b"\r\n", b"get big\r\n"])
def test_udp_replies_agree_with_memcached(ours, theirs, text):
    for server in (ours, theirs):
        server.ask(b"set u 0 0 4\r\nabcd\r\nset big 0 0 5000\r\n" + b"q" * 5000 + b"\r\n")
    assert udp_ask(ours, text) == udp_ask(theirs, text)


def test_udp_long_replies_come_in_numbered_pieces(ours):
    ours.ask(b"set big 0 0 100000\r\n" + b"z" * 100000 + b"\r\n")
    pieces = udp_ask(ours, b"get big\r\n")
    assert b"".join(p[8:] for p in pieces) == \
        b"VALUE big 0 100000\r\n" + b"z" * 100000 + b"\r\nEND\r\n"
    assert {p[:2] for p in pieces} == {b"\x12\x34"}
    assert [int.from_bytes(p[2:4], "big") for p in pieces] == list(range(len(pieces)))
    assert {int.from_bytes(p[4:6], "big") for p in pieces} == {len(pieces)}
    assert max(map(len, pieces)) <= 1400


@pytest.mark.parametrize("header,text", [
    (b"", b""), (b"\x00\x01\x00", b""), (b"\x00\x01\x00\x00\x00\x02\x00\x00", b"version\r\n"),
    (b"\x00\x01\x00\x00\x00\x00\x00\x00", b"version\r\n"),
    (b"\x00\x01\x00\x00\x00\x01\x00\x00", b"get u"),
    (b"\x00\x01\x00\x00\x00\x01\x00\x00", b"set w 0 0 4\r\nab"),
    (b"\x00\x01\x00\x00\x00\x01\x00\x00", b"set w 0 0 1 noreply\r\nx\r\n")])
def test_udp_rubbish_and_noreply_are_not_answered_and_leave_no_state(ours, header, text):
    assert udp_ask(ours, text, header, expect=False) == []
    answer = udp_ask(ours, b"version\r\n")
    assert len(answer) == 1 and answer[0][8:].startswith(b"VERSION ")
