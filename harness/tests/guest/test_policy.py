# SPDX-License-Identifier: MIT
"""`dune run --policy`: what it allows works, everything else does not, and bad files are named."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent

POLICY = """
# what policy_attack.c needs
read /bin
read /proc
read\t/tmp/in
write /tmp/out
exec /bin
processes
"""
WRONG = [
    ("fly /tmp", "bad:2: no such word"),
    ("read", "bad:2: want a word and a value"),
    ("read tmp", "bad:2: a path must be absolute"),
    ("processes 3", "bad:2: this word stands alone"),
    ("bind 1.2.3.4", "bad:2: want IPV4:PORT"),
    ("connect 1.2.3.4:70000", "bad:2: want IPV4:PORT"),
    ("write /tmp", "bad: lets the program write to the policy itself"),
]
SCRIPT = """
insmod /lab/modules/dune.ko
mkdir -p /tmp/in /tmp/no /tmp/out /policy
echo allowed >/tmp/in/a; echo secret >/tmp/no/a; cp /bin/busybox /tmp/no/run
ln -s ../no/a /tmp/in/link; ln -s ../no /tmp/in/dir; ln -s a /tmp/in/inner
cp /bin/busybox /bin/suid; chmod 4755 /bin/suid
printf 'what is this' >/bin/strange; chmod 755 /bin/strange
printf '#!/tmp/no/run\\n' >/bin/script; chmod 755 /bin/script
dune run --policy /policy/good policy-attack >/tmp/said 2>&1; echo "status $?" >>/tmp/said
report file /tmp/said said
dune run --policy /nosuch true 2>/tmp/said.nosuch; report event status.nosuch $?
report file /tmp/said.nosuch said.nosuch
printf 'tell\\nread /bin\\n' >/policy/tell
dune run --policy /policy/tell cat /tmp/no/a >/tmp/told 2>&1; report file /tmp/told told
"""
ATTACKS = """\
path that another thread changes: never the other file
loader found: yes
read into libdune: EFAULT
read up to libdune: EFAULT
readv into libdune: EFAULT
fstat into libdune: EFAULT
stat into libdune: EFAULT
getcwd into libdune: EFAULT
getrandom into libdune: EFAULT
readlink into libdune: EFAULT
size beyond all memory: EFAULT
madvise of libdune: EFAULT
process_vm_writev: EPERM
open /proc/self/mem: EACCES
open: EACCES
open by ..: EACCES
open by a link: EACCES
open by a link in the middle: EACCES
open by a link that stays inside: works
open for writing: EACCES
open with O_TRUNC: EACCES
open by a directory: EACCES
stat: EACCES
symlink: EPERM
link: EPERM
make: works
rename out: EACCES
rename: works
remove elsewhere: EACCES
remove: works
chdir: works
relative open: works
relative open by ..: EACCES
readlink of a link out: works
socket: EPERM
ptrace: EPERM
io_uring: EPERM
kill init: EPERM
unshare: EPERM
execute elsewhere: EACCES
execute set-user-ID: EACCES
execute what is unreadable: EACCES
dune: /tmp/no/run: the policy does not let it be executed
status 0
"""


@pytest.mark.parametrize("engine", ["qemu", pytest.param(
    "bochs-vmx", marks=[pytest.mark.bochs, pytest.mark.slow])])
def test_a_policy_holds(guest, tmp_path, engine):
    probe = tmp_path / "policy-attack"
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-static",
                    "-O1", "-pthread", "-o", probe, HERE / "policy_attack.c"], check=True)
    script = SCRIPT + "".join(
        f"printf '# a comment\\n{text}\\n' >/tmp/bad; dune run --policy /tmp/bad true 2>/tmp/said\n"
        f"report event status.{nr} $?; report file /tmp/said said.{nr}\n"
        for nr, (text, _) in enumerate(WRONG))
    result = guest(script, files={"/bin/policy-attack": probe, "/policy/good": POLICY},
                   engine=engine, cpus=2, timeout_s=600)
    assert result.exit_code == 0, result.detail
    assert result.payload("said").decode() == ATTACKS
    for nr, (text, said) in enumerate(WRONG):
        assert said in result.payload(f"said.{nr}").decode(), text
        assert result.payload(f"status.{nr}", "event").decode().strip() == "2"
    assert b"/nosuch: No such file" in result.payload("said.nosuch")
    assert result.payload("status.nosuch", "event").decode().strip() == "2"
    assert b"dune: refused: system call 2, /tmp/no/a\n" in result.payload("told") \
        or b"dune: refused: system call 257, /tmp/no/a\n" in result.payload("told")
