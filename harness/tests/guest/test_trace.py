# SPDX-License-Identifier: MIT
"""`dune trace`: a running process's exits, as they happen and in all."""

import re

BAD = [
    ("dune trace", 2, "want the number of one process"),
    ("dune trace x", 2, "want the number of one process"),
    ("dune trace -d x 1", 2, "--duration wants seconds"),
    ("dune trace --nonsense 1", 2, "unknown option"),
    ("dune trace 99999", 1, "99999: no such process"),
    ("dune trace 1", 1, "1: has no virtual machine"),
    ("setpriv --reuid 65534 dune trace $pid || su -s /bin/sh nobody -c \"dune trace $pid\"", 1,
     "only root may trace"),
    ("umount /sys/kernel/tracing; umount /sys/kernel/debug; dune trace $pid", 1,
     "no tracefs: mount"),
]


def test_exits_are_traced(guest):
    script = """
insmod /lab/modules/dune.ko
cd /tmp
dune run sh -c 'while :; do cat /etc/hosts /nosuch; echo; sleep 0.1; done' >/dev/null 2>&1 & pid=$!
until grep -q dune-vcpu /proc/$pid/maps; do sleep 0.1; done
dune trace $pid >live & trace=$!
until [ "$(grep -c 'clone(' live)" -gt 3 ]; do sleep 0.2; done
kill -INT $trace; wait $trace; report event interrupt $?
dune trace -c --duration 2 $pid >counted; report event status $?
""" + "".join(f"({command}) >said 2>&1; report event status.{nr} $?\nreport file said said.{nr}\n"
              for nr, (command, _, _) in enumerate(BAD)) + """
mount -t tracefs nodev /sys/kernel/tracing; mount -t debugfs nodev /sys/kernel/debug
dune trace $pid >ended & trace=$!
until ls /sys/kernel/tracing/instances | grep dune; do sleep 0.1; done; sleep 1
kill $pid; wait $trace; report event end $?
sleep 1; ls /sys/kernel/tracing/instances >left
for file in live counted ended left; do report file $file $file; done
# What the shell had begun may live a little longer.
until rmmod dune 2>/dev/null; do sleep 0.2; done; echo unloaded
"""
    result = guest(script, cpus=2)
    assert "unloaded" in result.console_text(), result.detail
    said = {frame.name: frame.text for frame in result.frames}
    for line in (r"HYPERCALL  write\(1, 0x\w+, 1\) = 1$", r"HYPERCALL  clone\(.*\) = \d+$",
                 r"open(at)?\(.*\) = 3$", r"open(at)?\(.*\) = -1 ENOENT$", r" \.\.\. wait4 = \d+$",
                 r"TDP_FAULT  hw=0x\w+ rip=0x\w+ \S+\+0x\w+ r?w?x? 0x\w+$"):
        assert re.search(r"^\d+\.\d+ \[\d+\] .*" + line, said["live"], re.M), \
            f"{line}\n{said['live']}"
    for name in ("live", "counted", "ended"):
        total = re.search(r"^(\d+) exits in \d+\.\d s$", said[name], re.M)
        table = re.findall(r"^ +(\d+) +\d+\.\d %  ([A-Z_]+)$", said[name], re.M)
        assert total and sum(int(n) for n, _ in table) == int(total.group(1)) > 0, said[name][-999:]
        assert "HYPERCALL" in {reason for _, reason in table}
    assert not re.search(r"\[\d+\]", said["counted"])
    assert [said[name].strip() for name in ("status", "interrupt", "end")] == ["0"] * 3
    assert said["left"] == ""
    wrong = [f"{command}: {said[f'status.{nr}'].strip()} {said[f'said.{nr}']}"
             for nr, (command, status, text) in enumerate(BAD)
             if said[f"status.{nr}"].strip() != str(status) or text not in said[f"said.{nr}"]]
    assert not wrong, "\n".join(wrong)
