# SPDX-License-Identifier: MIT
"""`dune rt`: what is refused, and changes nothing; memory that is not all where it should be."""

import pytest

from dunelab import image
from rt_script import START, said_all

BAD = [
    ("dune rt", 2, "no command of rt"),
    ("dune rt walk", 2, "no such command of rt"),
    ("dune rt run", 2, "no program"),
    ("dune rt run --nonsense true", 2, "unknown option"),
    ("dune rt run -c 9-9 true", 2, "there is no such core, or it is offline: 9"),
    ("dune rt run -c 2-1 true", 2, "2-1: a range runs backwards"),
    ("dune rt run -c 1,1 true", 2, "1,1: a core is there twice"),
    ("dune rt run -c two true", 2, "two: want a list of numbers"),
    ("dune rt run -c '' true", 2, "no core is none"),
    ("dune rt run -c 0 true", 2, "--cores 0: no core is none"),
    ("dune rt run -c 4 true", 125, "not so many cores: 3 of 4 are free"),
    ("dune rt run -c 3 true", 125, "not so many cores: 3 of 4 are free"),
    ("dune rt run -c 0-2 true", 125, "one core must stay with Linux: 0-2"),
    ("dune rt run -c 0-3 true", 125, "another run has reserved it (dune rt ps): 3"),
    ("dune rt run -c 3-3 true", 125, "another run has reserved it (dune rt ps): 3"),
    ("dune rt run -m 0 true", 2, "0: no memory is none"),
    ("dune rt run -m 1T true", 2, "1T: want a number of bytes"),
    ("dune rt run -m 100G true", 125, "no memory for --mem: Cannot allocate memory"),
    ("dune rt run -p best true", 2, "best: no such policy; there are cfcfs"),
    ("dune rt run -p rr true", 2, "rr: this policy needs a quantum"),
    ("dune rt run -p edf -q 5us true", 2, "edf: this policy has no quantum"),
    ("dune rt run -q 5us true", 2, "--quantum is a policy's"),
    ("dune rt run -p rr -q 5min true", 2, "5min: want a time"),
    ("dune rt run -p darc -c 2 true", 2, "darc: this policy needs cores to be reserved"),
    ("dune rt run -p darc -c 2 --reserve 3 true", 2, "more cores are reserved than there are"),
    ("dune rt run -p darc -c 2 --reserve 1,1 true", 2, "no core is left on which the last class"),
    ("dune rt run -p darc --reserve 1x2 true", 2, "1x2: want numbers of cores, as 1,2"),
    ("dune rt run -p cfcfs --reserve 1 true", 2, "this policy reserves no cores for classes"),
    ("dune rt run --reserve 1 true", 2, "--reserve is a policy's: give --policy"),
    ("dune rt run -p rr -q 0us true", 2, "a quantum of 0 is none"),
    ("dune rt run -p rr -q 1ns true", 2, "rr: an interrupt alone takes longer than the quantum"),
    ("dune rt run -t pipe true", 2, "pipe: want ring or direct"),
    ("dune rt run --partition half true", 2, "half: want isolated, root or none"),
    ("dune rt run nosuch", 127, "nosuch: not found in PATH"),
    ("dune rt run ./nosuch", 127, "./nosuch: No such file or directory"),
    ("dune rt run /etc/passwd", 126, "/etc/passwd: Permission denied"),
    ("dune rt attach", 2, "want the number of one run"),
    ("dune rt attach 99999", 1, "99999: no such run"),
    ("dune rt attach --detach-key long 1", 2, "--detach-key wants a key"),
    ("dune rt stop x", 2, "want the number of one run"),
    ("dune rt stop 99999", 1, "99999: no such run"),
    ("dune rt stop --timeout soon 1", 2, "--timeout wants seconds"),
    ("dune rt stats 99999", 1, "99999: no such run"),
    ("dune rt ps --all", 2, "unknown option"),
    ("su -s /bin/sh nobody -c 'dune rt run true'", 125, "only root may reserve cores"),
    ("umount /sys/fs/cgroup; dune rt run true; s=$?; "
     "mount -t cgroup2 none /sys/fs/cgroup; (exit $s)", 125, "no cgroup2 is mounted"),
    ("mv /dev/dune /dev/away; dune rt run true; s=$?; mv /dev/away /dev/dune; (exit $s)", 125,
     "/dev/dune: not there"),
]


def test_bad_input_changes_nothing(guest):
    script = START + """
$quiet -c 3-3 sleep 1000 2>/dev/null & run=$!
until_is '[ "$(program $run)" -gt 0 ]'; snap refused.0
""" + "".join(f"{{ {command}; }} >said 2>&1 </dev/null; status {nr} $?; said {nr}\n"
              for nr, (command, _, _) in enumerate(BAD)) + """
snap refused.1; dune rt stop $run; snap after
"""
    result = guest(script, cpus=4, timeout_s=400)
    frames = {frame.name: frame.text for frame in result.frames}
    found = []
    for nr, (command, status, said) in enumerate(BAD):
        text = frames[f"said.{nr}"]
        if frames[f"status.{nr}"].strip() != str(status) or said not in text \
                or text.count("\n") != 1:
            found.append(f"{command}: status {frames[f'status.{nr}']}: {text}")
    assert not found, "\n".join(found)
    assert frames["snap.refused.0"] == frames["snap.refused.1"]
    assert frames["snap.after"] == frames["snap.before"]


NODES = START + r"""
most=$(awk '/MemAvailable/ { print int($2 / 1024) - 40 }' /proc/meminfo)
$quiet -c 3-3 -m ${most}M sh -c 'dune rt ps' >said 2>told; status most $?
said most; report file told told; grep -c . /sys/devices/system/node/node*/cpulist >said; said nodes
$quiet -c 3-3 -m 400M true >said 2>&1; status more $?; snap nodes
"""


@pytest.mark.slow  # Nodes can be had of no kernel but this one; so can machine checks.
def test_what_one_node_has_not_comes_from_others(guest):
    if image.kernel_release("generic") is None:
        pytest.skip("no generic kernel with a dune.ko: make build FLAVOUR=generic")
    frames = said_all(guest(NODES, cpus=4, cmdline="numa=fake=2", flavour="generic"))
    assert frames["said.nodes"].count(":1\n") == 2, "nodes"
    assert (frames["status.most"].strip(), frames["status.more"].strip()) == ("0", "125")
    assert " memfd " in frames["said.most"]
    assert "looked for there; to be had by booting with mce=ignore_ce\n" in frames["told"]
    assert frames["snap.nodes"] == frames["snap.before"]
