#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=all
# $1 keys and more outlive the server: saved by a forked child, or appended to a log, after SIGTERM
# and kill -9. $2 calls of each kind by its benchmark.
start() {
	redis-server --port 6400 --dir . --save '' --appendonly "$1" --appendfsync always \
		--daemonize no --logfile log --enable-debug-command yes &
	server=$!
	until [ "$(redis-cli -p 6400 ping 2>/dev/null)" = PONG ]; do sleep 0.1; done
}
ask() { redis-cli -p 6400 "$@"; }
start no
ask set name value; ask get name; ask incrby count 41; ask incr count; ask rpush list a b c d; ask lrange list 1 2
ask hset hash f 1 g 2; ask zadd rank 3 c 1 a 2 b; ask zrange rank 0 -1 withscores; ask type hash
ask eval 'local s = 0; for i = 1, 1000 do s = s + i end; return s' 0
ask debug populate "$1" key 40; ask dbsize; ask multi; ask expire name 1000; ask persist name
ask bgsave
while ask info persistence | grep -q rdb_bgsave_in_progress:1; do sleep 0.1; done
ask info persistence | grep rdb_last_bgsave_status | tr -d '\r'
ask debug digest >before
kill -9 $server; wait $server; echo "killed $?"
start no; ask debug digest | cmp - before && echo same data
ask flushall; kill -TERM $server; wait $server; echo "ended $?"
rm -f dump.rdb
start yes
i=0; while [ $i -lt 200 ]; do echo "set k$i v$i"; echo "lpush l $i"; i=$((i + 1)); done | ask --pipe | tail -1
ask bgrewriteaof; ask set after rewrite
while ask info persistence | grep -q aof_rewrite_in_progress:1; do sleep 0.1; done
ask set last one; ask debug digest >before
kill -9 $server; wait $server; echo "killed $?"
start yes; ask debug digest | cmp - before && echo same data; ask get last; ask llen l
redis-benchmark -p 6400 -n "$2" -c 8 -t set,get,lpush -q >/dev/null; echo "benchmark $?"
: >got; redis-cli -p 6400 subscribe news >got &
until grep -q hello got; do ask publish news hello >/dev/null; sleep 0.1; done; kill $!; tail -3 got
ask config set save '3600 1'; kill -TERM $server; wait $server; echo "ended $?"
redis-check-rdb dump.rdb | tail -1 | cut -d ' ' -f 2-; ! grep 'Fatal\|crashed\|assert' log
