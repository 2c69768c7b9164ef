#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=all
# A server with worker threads: set, get, counters, $1 clients of $2 calls, and SIGTERM.
memcached -u root -l 127.0.0.1 -p 11311 -t 3 -m 32 &
ask() { printf "$1\r\nquit\r\n" | nc 127.0.0.1 11311 | tr -d '\r'; }
until ask version 2>/dev/null | grep -q VERSION; do sleep 0.1; done
ask 'set a 5 0 3\r\none\r\nget a\r\nadd a 0 0 1\r\nx\r\nappend a 0 0 3\r\ntwo\r\ngets a\r\ndelete a\r\nget a'
ask 'set n 0 0 1\r\n0'
for client in $(seq "$1"); do
	(for n in $(seq "$2"); do ask 'incr n 7' >/dev/null; done) & clients="$clients $!"
done
wait $clients
ask 'get n'
{ printf 'set big 0 0 900000\r\n'; head -c 900000 /dev/zero | tr '\0' b; printf '\r\nget big\r\nquit\r\n'; } |
	nc 127.0.0.1 11311 | md5sum
ask stats | grep -E 'threads|curr_items|cmd_(get|set)|get_misses'
ask 'nonsense\r\nget'
kill -TERM %1 && wait %1; echo "ended $?"
