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
FILES_POLICY = """
read /bin
read /proc/self
read /tmp/in
write /tmp/out
exec /bin
bind 127.0.0.1:80
connect 127.0.0.1:80
"""
WRONG = [
    ("fly /tmp", "bad:2: no such word"),
    ("read", "bad:2: want a word and a value"),
    ("read tmp", "bad:2: a path must be absolute"),
    ("processes 3", "bad:2: this word stands alone"),
    ("bind 1.2.3.4", "bad:2: want IPV4:PORT"),
    ("connect 1.2.3.4:70000", "bad:2: want IPV4:PORT"),
    ("connect 1.2.3.4:-18446744073709551536", "bad:2: want IPV4:PORT"),
    ("connect 1.2.3.4 x:70", "bad:2: want IPV4:PORT"),
    ("read /tmp/in # why", "bad:2: a comment wants a line of its own"),
    ("read /tmp/in\\r", "bad:2: ends with a carriage return"),
    ("read /tmp/none/../such", "bad:2: No such file or directory"),
    ("read /tmp/dangling", "bad:2: No such file or directory"),
    ("# " + "x" * 4108 + "read /tmp/no", "bad:2: too long, or has a zero in it"),
    ("read /tmp/in\\0/x", "bad:2: too long, or has a zero in it"),
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
echo 2 >/proc/sys/vm/nr_hugepages
dune run --policy /policy/good policy-attack >/tmp/said 2>&1; echo "status $?" >>/tmp/said
report file /tmp/said said
dune run --policy /nosuch true 2>/tmp/said.nosuch; report event status.nosuch $?
report file /tmp/said.nosuch said.nosuch
printf 'tell\\nread /bin\\n' >/policy/tell
dune run --policy /policy/tell cat /tmp/no/a >/tmp/told 2>&1; report file /tmp/told told
dune run --policy /tmp true 2>/tmp/said.dir; report event status.dir $?
report file /tmp/said.dir said.dir
printf 'read /bin\\nread /tmp/sub/new/\\n' >/policy/new; mkdir /tmp/no/sub; ln -s no/sub /tmp/sub
printf 'read /none/such\\n' >>/policy/new
dune run --policy /policy/new sh -c 'echo made; read a </tmp/sub/new; echo $a' >/tmp/new 2>/dev/null
echo later >/tmp/no/sub/new
dune run --policy /policy/new sh -c 'read a </tmp/sub/new; echo $a' >>/tmp/new 2>&1
report file /tmp/new new
dune run --policy /policy/tell cat /tmp/no/a >/tmp/untold 2>&-; report event status.untold $?
report file /tmp/untold untold
"""
FILES_SCRIPT = """
ip link set lo up; ln -s ../no /tmp/out/link; touch /tmp/no/secret /tmp/no/b
find /tmp/in /tmp/no -exec stat -c '%n %a %s %Y' {} + >/tmp/before
dune run --policy /policy/files policy-files >/tmp/said 2>&1; echo "status $?" >>/tmp/said
find /tmp/in /tmp/no -exec stat -c '%n %a %s %Y' {} + | diff /tmp/before - >>/tmp/said 2>&1
report file /tmp/said files
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
large page: works
mmap of a large page over libdune: EPERM
mremap of a large page over libdune: EPERM
memory before libdune: works
select of less: works
select up to libdune: EFAULT
getgroups up to libdune: EFAULT
descriptors of libdune: 0 calls work
descriptors of new threads: never seen
memory without descriptors: EPERM
descriptors without memory: EPERM
memory and descriptors: EPERM
vfork: works
madvise that breaks memory: EPERM
setrlimit of core dumps: EPERM
abort: a signal, no core dump, stays inside
abort twice: a signal, no core dump, stays inside
abort and a fault: a signal, no core dump, stays inside
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
FILES = """\
libdune found: yes
SO_GET_FILTER: ENOPROTOOPT
SO_PEERNAME: ENOPROTOOPT
TCP_ZEROCOPY_RECEIVE: ENOPROTOOPT
TCP_INFO: ENOPROTOOPT
SO_ATTACH_FILTER: ENOPROTOOPT
IP_OPTIONS: ENOPROTOOPT
SO_TYPE: works
its value and size: 1 4
SO_RCVTIMEO: works
SO_RCVTIMEO back: works
its value and size: 3 16
TCP_NODELAY: works
TCP_NODELAY in a byte: works
its value and size: 501 1
size below 0: EINVAL
value in libdune: EFAULT
size in libdune: EFAULT
value from libdune: EFAULT
bind to an address in libdune: EFAULT
listen without bind: EACCES
bind elsewhere: EACCES
connect elsewhere: EACCES
bind: works
listen: works
connect: works
accept: works
send: works
receive: works
what: hello
make with set-user-ID: works
stat: works
its mode: 755
fchmod of a file for reading: EACCES
fchmod of a directory for reading: EACCES
futimens of a file for reading: EACCES
utimensat of its descriptor: EACCES
utimensat of a name's: EACCES
chmod by /proc: EACCES
fchmod: works
stat: works
its mode: 711
futimens: works
its time: as set
chmod: works
stat: works
its mode: 1600
utimensat: works
truncate: works
truncate a directory: EISDIR
truncate for reading: EACCES
mkdir: works
stat: works
its mode: 755
mkdirat: works
rmdir of what is not empty: ENOTEMPTY
rename over it: EISDIR
rename into it: works
unlink of a directory: EISDIR
unlinkat: works
unlink: works
rmdir: works
mkdir without a directory: ENOENT
mkdir of libdune's memory: EFAULT
links that come in between: not followed
own name that another thread changes: never another
writev by libdune's memory: EFAULT
execve, argument in libdune: EFAULT
execve, variable in libdune: EFAULT
execve, arguments in libdune: EFAULT
execve, variables in libdune: EFAULT
vector registers from libdune: SIGSEGV
status 0
"""


@pytest.mark.parametrize("engine", ["qemu", pytest.param(
    "bochs-vmx", marks=[pytest.mark.bochs, pytest.mark.slow])])
def test_a_policy_holds(guest, tmp_path, engine):
    probe = tmp_path / "policy-attack"
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-static",
                    "-O1", "-pthread", "-o", probe, HERE / "policy_attack.c"], check=True)
    files = tmp_path / "policy-files"
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-static",
                    "-O1", "-pthread", "-o", files, HERE / "policy_files.c"], check=True)
    script = SCRIPT + FILES_SCRIPT + "ln -s nothing /tmp/dangling\n" + "".join(
        f"printf '# a comment\\n{text}\\n' >/tmp/bad; dune run --policy /tmp/bad true 2>/tmp/said\n"
        f"report event status.{nr} $?; report file /tmp/said said.{nr}\n"
        for nr, (text, _) in enumerate(WRONG))
    result = guest(script, files={"/bin/policy-attack": probe, "/policy/good": POLICY,
                                  "/bin/policy-files": files, "/policy/files": FILES_POLICY},
                   engine=engine, cpus=2, timeout_s=600)
    assert result.exit_code == 0, result.detail
    assert result.payload("said").decode() == ATTACKS
    assert result.payload("files").decode() == FILES
    for nr, (text, said) in enumerate(WRONG):
        assert said in result.payload(f"said.{nr}").decode(), text
        assert result.payload(f"status.{nr}", "event").decode().strip() == "2"
    assert result.payload("new").decode().split() == ["made", "later"]
    assert b"/tmp: Is a directory" in result.payload("said.dir")
    assert result.payload("status.dir", "event").decode().strip() == "2"
    assert result.payload("untold") == b""
    assert result.payload("status.untold", "event").decode().strip() == "1"
    assert b"/nosuch: No such file" in result.payload("said.nosuch")
    assert result.payload("status.nosuch", "event").decode().strip() == "2"
    assert b"dune: refused: system call 2, /tmp/no/a\n" in result.payload("told") \
        or b"dune: refused: system call 257, /tmp/no/a\n" in result.payload("told")
