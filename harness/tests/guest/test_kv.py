# SPDX-License-Identifier: MIT
"""The key-value server in a guest, in Dune mode: the same program, the same answers."""

import json
import re

SERVER = """
insmod /lab/modules/dune.ko
kv-server --dune --port 11211 --udp-port 11211 --threads 2 --memory {memory} >/tmp/server 2>&1 &
server=$!
while ! grep -q ready /tmp/server; do sleep 0.1; done
{work}
kill $server
wait $server
echo "server: $?"
rmmod dune
"""


def test_a_million_items_fit_the_emulated_server(guest):
    work = """
kv-load preload --target 127.0.0.1:11211 --law usr --seed 1 --records 1000000 || exit 1
printf 'stats\\r\\nquit\\r\\n' | nc 127.0.0.1 11211 | grep -E 'curr_items|evictions|limit_maxbytes'
"""
    result = guest(SERVER.format(memory=100, work=work), memory_mib=768, timeout_s=240)
    console = result.console_text()
    assert result.exit_code == 0, result.detail
    assert "STAT curr_items 1000000" in console and "STAT limit_maxbytes 104857600" in console
    assert "server: 0" in console
    assert "evictions" not in console or "STAT evictions 0" in console


def test_both_transports_and_rubbish_in_dune_mode(guest):
    work = """
for transport in tcp udp; do
    kv-load preload --target 127.0.0.1:11211 --law etc --seed 2 --records 2000 || exit 1
    kv-load run --target 127.0.0.1:11211 --transport $transport --law etc --seed 2 --records 2000 \\
        --rate 500 --requests 500 --warmup 100 --out /tmp/$transport || exit 1
done
head -c 200000 /dev/urandom | nc 127.0.0.1 11211 >/dev/null
printf 'get \\r\\nset a 0 0 -5\\r\\nset b 0 0 3\\r\\nabcdef\\r\\nversion\\r\\nquit\\r\\n' \\
    | nc 127.0.0.1 11211
i=0; while [ $i -lt 300 ]; do nc 127.0.0.1 11211 </dev/null >/dev/null; i=$((i + 1)); done
printf 'set c 0 0 2\\r\\nok\\r\\nget c\\r\\nstats\\r\\nquit\\r\\n' | nc 127.0.0.1 11211
"""
    result = guest(SERVER.format(memory=16, work=work), timeout_s=180)
    console = result.console_text()
    assert result.exit_code == 0, result.detail
    assert console.count("ERROR") >= 3 and "VERSION" in console
    assert "VALUE c 0 2" in console and "\nok\n" in console
    assert "STAT curr_connections 1" in console
    assert "server: 0" in console


RING = """
insmod /lab/modules/dune.ko
mkdir -p /dev/shm /sys/fs/cgroup; mount -t tmpfs none /dev/shm; mount -t cgroup2 none /sys/fs/cgroup
dune rt run --terminal direct --cores 1-1 --mem 18M -- kv-server --ring /dev/shm/kv --rt \\
    --memory 16 --prefault --lock >/tmp/server 2>&1 &
server=$!
while ! grep -q ready /tmp/server; do
    kill -0 $server || { cat /tmp/server; exit 1; }
    sleep 0.1
done
load="--ring /dev/shm/kv --law usr --seed 1 --records 200"
kv-load preload $load || exit 1
kv-load capacity $load --requests 1000 --warmup 100 --cpu 2 --rt --out /tmp/capacity || exit 1
kv-load run $load --requests 1000 --warmup 100 --rate 500 --cpu 2 --rt --out /tmp/run || exit 1
report file /tmp/run.json run.json
# Killed at work: the next one starts afresh.
kv-load run $load --requests 100000 --rate 1000 --cpu 2 --rt >/tmp/lost & victim=$!
sleep 1; kill -9 $victim; wait $victim
kv-load run $load --requests 500 --warmup 0 --rate 500 || exit 1
kill $server
wait $server; echo "server: $?"
cat /tmp/server
report file /sys/kernel/debug/dune/stats stats
rmmod dune
"""


def test_a_reserved_core_serves_a_ring(guest):
    result = guest(RING, cpus=3, timeout_s=600)
    console = result.console_text()
    assert result.exit_code == 0, result.detail + console[-2000:]
    assert "mode=dune-rt" in console and "server: 0" in console
    run = json.loads(result.payload("run.json"))
    assert run["received"] == 1000 and run["errors"] == run["lost"] == run["misses"] == 0
    served = dict(word.split("=") for word in re.search("served (.*)", console)[1].split())
    assert int(served["requests"]) >= 2900 and served["refused"] == "0"
    left = re.findall(r"^(live_\w+) ([1-9]\d*)$", result.payload("stats").decode(), re.M)
    assert not left
