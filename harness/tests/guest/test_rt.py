# SPDX-License-Identifier: MIT
"""`dune rt`: cores and memory are taken from Linux and all of it is given back, however it ends."""

import json
import re

import pytest

from rt_script import START, said_all

ENDS = START + r"""
echo 3 >/proc/sys/vm/nr_hugepages; snap huge
$quiet -c 2 sh -c 'grep Cpus_allowed_list /proc/self/status; echo $DUNE_RT; cat /proc/self/cgroup
    exit 7' >said 2>told; status exit $?; said exit; report file told told.exit; snap exit

$quiet -c 2-3 -m 9M sleep 1000 & run=$!
until_is '[ "$(program $run)" -gt 0 ]'; snap while
$quiet -c 1-1 sh -c 'kill -SEGV $$' 2>/dev/null; status crash $?; snap second
kill -9 $(program $run); wait $run; status killed $?; snap killed

$quiet -c 2-3 -m 5M sleep 1000 2>/dev/null & run=$!
until_is '[ "$(program $run)" -gt 0 ]'; kill -9 $run; gone $run; snap supervisor

$quiet -c 2-3 -m 5M sleep 1000 2>/dev/null & run=$!
until_is '[ "$(program $run)" -gt 0 ]'; p=$(program $run)
kill -9 $(pidof dune-rt-guard) $run; until_is "! [ -d /proc/$p ]"
dune rt ps >said; said both; snap both

$quiet -c 2-3 -m 5M sleep 1000 2>/dev/null & run=$!
until_is '[ "$(program $run)" -gt 0 ]'; guard=$(pidof dune-rt-guard); kill -9 $guard
until_is 'another=$(pidof dune-rt-guard) && [ "$another" != $guard ]'
kill -9 $run; gone $run; snap guard

# The same while no process can be made: as soon as one can.
echo +pids >/sys/fs/cgroup/cgroup.subtree_control; mkdir /sys/fs/cgroup/few
$quiet -c 2-3 -m 5M sleep 1000 2>/dev/null & run=$!
until_is '[ "$(program $run)" -gt 0 ]'; echo $run >/sys/fs/cgroup/few/cgroup.procs
echo 1 >/sys/fs/cgroup/few/pids.max; kill -9 $(pidof dune-rt-guard); sleep 0.7
status guardless $(pidof dune-rt-guard | wc -w); echo max >/sys/fs/cgroup/few/pids.max
until_is 'pidof dune-rt-guard >/dev/null'; status guarded $(pidof dune-rt-guard | wc -w)
kill -9 $run; gone $run; until_is 'rmdir /sys/fs/cgroup/few 2>/dev/null'
echo -pids >/sys/fs/cgroup/cgroup.subtree_control; snap fork

$quiet -c 3-3 sleep 1000 2>/dev/null & run=$!
until_is '[ "$(program $run)" -gt 0 ]'; kill $run; wait $run; status term $?; snap term

$quiet -c 2-2 sh -c 'trap "" TERM; while :; do sleep 1; done' 2>/dev/null & run=$!
until_is '[ "$(program $run)" -gt 0 ]'; sleep 0.5
dune rt stop --timeout 1 $run 2>said; status force $?; said force; snap force

$quiet -c 2-2 sh -c 'sleep 1000 & sleep 1001 & exit 5' 2>/dev/null; status children $?
pidof sleep | wc -w >said; said children; snap children

for kind in root none; do
    $quiet --partition $kind -c 2-3 sleep 1000 2>told & run=$!
    until_is '[ "$(program $run)" -gt 0 ]'; snap while.$kind; sleep 1000 & late=$!
    dune rt ps >said; said $kind; report file told told.$kind
    dune rt stop $run; snap $kind
    report event late.$kind $(sed -n 's/Cpus_allowed_list://p' /proc/$late/status); kill $late
done

# Killed while all of it is given back: nothing has been written yet, and is told from a wish.
$quiet -c 2-3 sleep 1000 2>/dev/null & run=$!
until_is '[ "$(program $run)" -gt 0 ]'
awk -F'\t' -v OFS='\t' '{ $5 = $4; $4 = $3; print }' /run/dune/rt/settings >half
cat half >/run/dune/rt/settings; kill -9 $run; gone $run; snap half

# Killed at any moment.
for after in 0.02 0.05 0.1 0.15 0.2 0.3; do
    $quiet -c 2-3 -m 5M sleep 1000 2>/dev/null & run=$!
    sleep $after; kill -9 $run; until_is '! pidof dune-rt-guard >/dev/null'
done
mkdir /run/dune/rt/99998 # before it was a run
dune rt ps >said; said any; snap any

# Killed before its pages were added, and before all of them were; a group that cannot go yet.
dead() {
    mkdir -p /run/dune/rt/99999
    printf '%s\n' supervisor=99999 supervisor_began=1 "$@" >/run/dune/rt/99999/run
    dune rt ps >/dev/null 2>&1
}
pool=/sys/kernel/mm/hugepages/hugepages-2048kB
dead huge_folder=$pool huge_before=3 huge_added=2; status pool.none $(cat $pool/nr_hugepages)
echo 2 >$pool/nr_hugepages
dead huge_folder=$pool huge_before=3 huge_added=2; status pool.less $(cat $pool/nr_hugepages)
echo 4 >$pool/nr_hugepages
dead huge_folder=$pool huge_before=3 huge_added=2; status pool.some $(cat $pool/nr_hugepages)
echo 5 >$pool/nr_hugepages
dead huge_folder=$pool huge_before=3 huge_added=1 huge_done=1
status pool.done $(cat $pool/nr_hugepages); echo 3 >$pool/nr_hugepages
mkdir -p group/stays; dead cgroup=/tmp/group; [ -f /run/dune/rt/99999/run ]; status kept $?
rmdir group/stays; dune rt ps >/dev/null; [ -d group ] || [ -d /run/dune/rt/99999 ]
status retried $?; snap dead

# A wish of somebody else's, meanwhile, stays.
$quiet -c 2-2 sleep 1000 2>/dev/null & run=$!
until_is '[ "$(program $run)" -gt 0 ]'; echo 1 >/proc/irq/4/smp_affinity
dune rt stop $run; report event irq4 $(cat /proc/irq/4/smp_affinity)
echo f >/proc/irq/4/smp_affinity; snap wish

# A full disk: nothing is changed that could not be written down before.
for room in 4 8 12 16 20 24; do
    mount -t tmpfs -o size=${room}k none /run/dune/rt
    $quiet -c 2-3 -m 5M true 2>>full; umount /run/dune/rt
done
report file full full; snap full

# Large pages that are there already are used and stay.
echo 8 >/proc/sys/vm/nr_hugepages
$quiet -c 1 -m 4M sh -c 'grep -E "Pages_(Total|Free)" /proc/meminfo' >said 2>/dev/null; said pages
report event pages $(cat /proc/sys/vm/nr_hugepages)

# So are those that were taken at boot, more than what is left for all else.
echo $(awk '/MemAvailable/ { print int($2 / 2048) - 20 }' /proc/meminfo) >/proc/sys/vm/nr_hugepages
$quiet -c 1 -m 90M sh -c 'dune rt ps' >said 2>/dev/null; status most $?; said most
"""


def masks(text, at):
    """What a snapshot says of the files whose names match a pattern."""
    return {line.split(":")[-1] for line in text.splitlines() if re.match(at, line)}


def allowed(text, name):
    """The masks of tasks with this name in a snapshot."""
    return set(re.findall(rf"^/proc/\d+/status:Name:\t{name}\n.*:Cpus_allowed:\t(\w+)$", text,
                          re.M))


def test_everything_is_given_back(guest):
    result = guest(ENDS, cpus=4, cmdline="nohz_full=3 rcu_nocbs=3", timeout_s=500)
    frames = said_all(result)
    statuses = {name[7:]: int(text) for name, text in frames.items() if name.startswith("status.")}
    assert statuses == {"exit": 7, "crash": 139, "killed": 137, "term": 143, "force": 0,
                        "children": 5, "pool.none": 3, "pool.less": 2, "pool.some": 3,
                        "pool.done": 4, "kept": 0, "retried": 1, "guardless": 0,
                        "guarded": 1, "most": 0}
    huge = frames["snap.huge"]
    for name in ("exit", "killed", "supervisor", "both", "guard", "fork", "term", "force",
                 "children", "root", "none", "half", "any", "dead", "wish", "full"):
        assert frames[f"snap.{name}"] == huge, f"after {name}"
    assert frames["said.exit"] == "Cpus_allowed_list:\t2-3\ncpus=2-3,shared_fd=5\n" + \
        re.search(r"0::/dune-rt-\d+\n", frames["said.exit"]).group()
    assert [line for line in frames["told.exit"].splitlines() if "mce=" not in line] == [
        "dune: core 2: the timer's tick goes on; to be had by booting with nohz_full=2",
        "dune: core 2: RCU's callbacks run there; to be had by booting with rcu_nocbs=2"]
    check_while(frames["snap.while"], huge)
    assert frames["snap.second"] == frames["snap.while"], "another run came and went"
    assert frames["said.both"].count("\n") == 1, "no run is left"
    assert frames["said.any"].count("\n") == 1, "no run is left"
    assert frames["said.force"].endswith("ended by force\n")
    assert frames["said.children"] == "2\n", "only the two that are Linux's"
    for kind in ("root", "none"):
        assert f" 2-3       {kind} " in frames[f"said.{kind}"]
        assert masks(frames[f"snap.while.{kind}"], "/proc/irq/4/") == {"3"}
        assert allowed(frames[f"snap.while.{kind}"], "kthreadd") <= {"3", "7"}
        assert frames[f"late.{kind}"].strip() == "0-3", "a task that was born meanwhile"
    assert 'partition "none" instead of "isolated"' not in frames["told.none"], "it was asked for"
    assert frames["irq4"].strip() == "1"
    assert len(re.findall("^dune: /run/dune/rt.*: No space left on device$", frames["full"],
                          re.M)) >= 2
    assert frames["said.pages"] == "HugePages_Total:       8\nHugePages_Free:        6\n"
    assert frames["pages"].strip() == "8"
    assert " 90M hugetlb " in frames["said.most"]


def check_while(text, before):
    """While cores 2 and 3 are reserved: nothing of Linux's is there that can be elsewhere."""
    # The timer's and the cascade's cannot be moved: in effect they are CPU 0's.
    assert masks(text, "/proc/irq/(?![02]/)") == {"3"}
    assert masks(text, "/sys/devices/virtual/workqueue/") == {"3"}
    assert masks(text, "/proc/sys/kernel/watchdog_cpumask") == {"0-1"}
    assert masks(text, "/proc/sys/vm/nr_hugepages") == {"5"}, "of 5 there were 3"
    assert masks(text, "/sys/fs/cgroup/cpuset.cpus.effective") == {"0-1"}
    assert len(re.findall(r"^/sys/fs/cgroup/dune-rt-\d+$", text, re.M)) == 1
    assert allowed(before, "sleep") == {"8", "c"} and allowed(text, "sleep") == {"3"}
    assert allowed(text, "kthreadd") == {"3"} and allowed(text, "init") == {"3"}


LOCKED = START + r"""
echo +pids >/sys/fs/cgroup/cgroup.subtree_control; mkdir /sys/fs/cgroup/few
$quiet -c 2-3 -m 5M sleep 1000 2>said & run=$!
until_is '[ "$(program $run)" -gt 0 ]'; echo $run >/sys/fs/cgroup/few/cgroup.procs
lock-probe & probe=$!
until_is 'grep -q "State:.T" /proc/$probe/status'
echo 1 >/sys/fs/cgroup/few/pids.max; kill -9 $(pidof dune-rt-guard)
until_is '! pidof dune-rt-guard >/dev/null'; kill $(program $run)
until_is 'grep -q waiting said'; echo max >/sys/fs/cgroup/few/pids.max
wait $run; status end $?; said locked; status guards $(pidof dune-rt-guard | wc -w)
kill -CONT $probe; gone $run; until_is 'rmdir /sys/fs/cgroup/few 2>/dev/null'
echo -pids >/sys/fs/cgroup/cgroup.subtree_control; snap locked
"""


@pytest.mark.slow  # The minute that is waited for the lock.
def test_who_cannot_give_back_leaves_a_guardian_that_does(guest, rt_probe):
    frames = said_all(guest(LOCKED, cpus=4, cmdline="nohz_full=3 rcu_nocbs=3", files=rt_probe,
                            timeout_s=300))
    assert "lock: Resource temporarily unavailable" in frames["said.locked"]
    assert (frames["status.end"].strip(), frames["status.guards"].strip()) == ("143", "1")
    assert frames["snap.locked"] == frames["snap.before"]


TERMINAL = START + r"""
p=$(dune rt run -d -c 3-3 sh -c 'echo begin; read x; echo "got $x"; echo oops >&2; seq 3 >file
    seq 4 | tail -1; [ -t 1 ] && echo terminal; read y; echo "then $y"; read z; echo "end $z"' \
    2>told); report file told told.quiet
(echo first; until_is 'grep -q terminal said'; printf 'second\035lost') |
    dune rt attach $p >said 2>err; status detach $?; said detach
report file err err.detach; report file file file
dune rt attach --read-only $p </dev/null >shown & watcher=$!
until_is 'grep -q terminal shown'
(echo; echo third; gone $p) | dune rt attach --new $p >said
wait $watcher; status watched $?; said again; report file shown shown
dune rt attach $p 2>said; status gone $?; said gone

# Nobody reads: it is not held up, and who comes late is told what was lost.
p=$(dune rt run -d -c 3-3 sh -c 'seq 60000; echo done >done; exec sleep 1000' 2>/dev/null)
until_is '[ -f done ]'; dune rt stats --json $p >said; said full
(until_is 'grep -q ^60000 said'; printf '\035') | dune rt attach $p >said 2>err
report file err err.late; said late
(until_is 'grep -q ^60000 said.2'; printf '\035') | dune rt attach $p >said.2
cmp said said.2; status same $?
dune rt stop $p

# Who only writes has no exits but interrupts; a reader that is stopped stops nobody.
p=$(dune rt run -d -c 3-3 yes 2>/dev/null)
until_is 'dune rt stats $p | grep -qE "[0-9]{6} stdout"'
dune rt attach -r $p >reads & reader=$!
until_is '[ -s reads ]'; kill -STOP $reader; rm reads
dune rt stats --json $p >said; said busy.1; sleep 1; dune rt stats --json $p >said; said busy.2
dune rt stats $p >said; said text; dune rt ps --json >said; said ps
$quiet -c 2-2 sh -c 'exec sleep 1000' "$(printf 'a"b\\c\nd\tprogram=1\303\251')" 2>/dev/null & p2=$!
until_is '[ "$(program $p2)" -gt 0 ]'; dune rt ps --json >said; said odd
dune rt attach $p2 2>said; status direct $?; said direct; dune rt stop $p2
kill -9 $reader; dune rt stop $(program $p); snap after
dune rt run -t ring -c 3-3 sh -c 'echo one; seq 20000 | tail -2; echo two >&2; exit 9' >said 2>err
status front $?; said front; report file err err.front
echo typed | dune rt run -t ring -c 3-3 cat >said; status cat $?; said cat
# What is closed is nobody's place.
for kind in ring direct; do
    timeout 20 dune rt run -t $kind -c 3-3 sh -c 'echo said; seq 3 >&2' <&- >&- 2>said
    status closed.$kind $?; said closed.$kind
done

# Who reads slowly gets all that is there in the end, and is told of the rest.
dune rt run -t ring -c 3-3 sh -c 'seq 60000; >ended' 2>err |
    { until_is '[ -f ended ]'; until_is '! dune rt ps | grep -q seq'; cat; } >said
report event slow.read $(wc -c <said); report file err err.slow

# Who is stopped in the middle of a change stops no one who looks; others say whom they wait for.
lock-probe & probe=$!
until_is 'grep -q "State:.T" /proc/$probe/status'; report event holder $probe
dune rt ps >said; status looks $?; said looks
{ sleep 5; kill -CONT $probe; } &
$quiet -c 3-3 true 2>said; status waits $?; said waits

# A program with the runtime: policy, memory and terminal are what it was given.
p=$(dune rt run -d -c 2-3 -m 6M -p rr -q 1ms rt-probe 2>/dev/null)
until_is 'dune rt stats $p | grep -qE "[0-9]{2} tasks put"'
dune rt stats --json $p >said; said probe; sleep 1; dune rt stats --json $p >said; said probe.2
(until_is 'grep -q b said'; echo) | dune rt attach $p >said; said tasks; gone $p; snap probe

$quiet -c 2-3 -p darc --reserve 1 sh -c 'echo $DUNE_RT' >said 2>/dev/null; said darc
echo | $quiet -c 2-3 -p darc --reserve 1 rt-probe >said 2>/dev/null; status darc $?

# On a terminal: a window's size, the keys for detaching and interrupting.
p=$(dune rt run -d -c 3-3 sh -c 'trap "echo interrupted; exit 4" INT
    echo ready; read x; echo "got $x"; /bin/stty size
    trap "echo resized; /bin/stty size" WINCH; echo trapped
    while :; do sleep 0.1; done' 2>/dev/null)
pty-probe ready "$(printf 'one\n')
" trapped RESIZE "33 101" "$(printf 'half\035')" -- dune rt attach $p >said; status pty $?; said pty
pty-probe ready "$(printf '\003')" -- dune rt attach $p >said; status pty2 $?; said pty2; gone $p
"""


def core(text, number=3):
    """One core of the statistics in JSON."""
    return next(core for core in json.loads(text)["cores"] if core["core"] == number)


def test_terminal_and_statistics(guest, rt_probe):
    result = guest(TERMINAL, cpus=4, cmdline="nohz_full=3 rcu_nocbs=3", files=rt_probe,
                   timeout_s=500)
    frames = said_all(result)
    told = re.sub(".*mce=ignore_ce\n", "", frames["told.quiet"])
    assert told == "", "nothing is missing for a core that was booted for it"
    assert frames["said.detach"] == "begin\ngot first\n4\nterminal\n"
    assert re.fullmatch(r"oops\ndune: detached from \d+\n", frames["err.detach"])
    assert frames["file"] == "1\n2\n3\n"
    assert frames["shown"] == "begin\ngot first\n4\nterminal\nthen second\nend third\n"
    assert frames["said.again"] == "then second\nend third\n"
    full = json.loads(frames["said.full"])
    total = sum(len(f"{n}\n") for n in range(1, 60001))
    assert full["terminal"]["stdout"] == total and full["terminal"]["stdout_dropped"] == 0
    late = frames["said.late"]
    assert late.endswith("\n59999\n60000\n") and len(late) < total
    assert frames["err.late"].startswith("dune: detached"), "what was before it came is no loss"
    busy = [core(frames[f"said.busy.{n}"]) for n in (1, 2)]
    written = [json.loads(frames[f"said.busy.{n}"])["terminal"]["stdout"] for n in (1, 2)]
    assert written[1] > written[0] + 10000
    grown = {name: busy[1]["exits"][name] - busy[0]["exits"].get(name, 0)
             for name in busy[1]["exits"]}
    assert {name for name, more in grown.items() if more} <= {"INTERRUPT"}, grown
    assert busy[1]["interruptions"] == sum(busy[1]["interrupts"].values())
    text = frames["said.text"]
    assert "core 3\n" in text and re.search(r"^ +\d+ HYPERCALL$", text, re.M)
    assert [run["cores"] for run in json.loads(frames["said.ps"])] == ["3"]
    odd = next(run for run in json.loads(frames["said.odd"]) if run["cores"] == "2")
    assert odd["command"] == 'sh -c exec sleep 1000 a"b\\c?d?program=1??'
    assert "started with --terminal=direct" in frames["said.direct"]
    assert frames["snap.after"] == frames["snap.before"]
    assert frames["said.front"] == "one\n19999\n20000\n" and frames["err.front"] == "two\n"
    assert frames["said.cat"] == "typed\n"
    assert frames["said.closed.ring"] == "1\n2\n3\n"
    assert frames["said.closed.direct"].endswith("1\n2\n3\n")
    lost = re.fullmatch(r"dune: (\d+) bytes of output were overwritten unread\n",
                        frames["err.slow"])
    assert lost and int(frames["slow.read"]) + int(lost[1]) == total
    assert frames["said.looks"].count("\n") == 1
    assert frames["said.waits"] == (f"dune: waiting for process {frames['holder'].strip()}, which "
                                    "reserves or gives back, and is stopped: kill -CONT it\n")
    check_runtime(frames)
    assert "policy=darc,reserved=1+0+0+0+0+0+0+0," in frames["said.darc"]
    lines = frames["said.pty"].split("\r\n")
    assert [line for line in lines if line in ("ready", "got one", "24 80", "resized", "33 101")] \
        == ["ready", "got one", "24 80", "resized", "33 101"], lines
    assert re.search(r"dune: detached from \d+\r\n$", frames["said.pty"])
    assert frames["said.pty2"].endswith("interrupted\r\n")
    statuses = {name[7:]: int(text) for name, text in frames.items() if name.startswith("status.")}
    assert statuses == {"detach": 0, "watched": 0, "gone": 1, "same": 0, "direct": 1, "front": 9,
                        "cat": 0, "closed.ring": 0, "closed.direct": 0, "darc": 5,
                        "pty": 0, "pty2": 0, "looks": 0, "waits": 0}


def check_runtime(frames):
    """What the runtime's cores have counted, and what they cost."""
    cores = [[core(frames[f"said.probe{n}"], nr) for nr in (2, 3)] for n in ("", ".2")]
    ran, idle = ([sum(core["runtime"][name] for core in each) for each in cores]
                 for name in ("dispatches", "idle_ns"))
    assert ran[1] > ran[0] >= 10 and idle[1] > idle[0] > 0
    lines = frames["said.tasks"].splitlines()
    # Its first thread is out of Dune mode: what that writes comes by a pipe, a little later.
    assert lines.count("memory there") == 1 and lines[-1] == "over"
    assert set(lines[:-1]) == {"memory there", "a", "b", "terminal"}
    assert frames["snap.probe"] == frames["snap.before"]


BADLY = START + r"""
lines() { grep -v "to be had by booting" told >said; }
for how in fault overflow divide exit held edf; do
    dune rt run --terminal direct -c 2-3 -m 5M -p edf rt-badly $how >told 2>&1; status $how $?
    lines; said $how; snap $how
done
# What the command takes for a quantum, and this machine does not.
$quiet -c 3-3 -p rr -q 150ns rt-badly held >told 2>&1; status short $?
lines; said short; snap short
# Of whatever else it was in the middle of, it ends by the same signal.
n=0
while [ $n -lt 30 ]; do
    $quiet -c 2-3 -m 5M rt-badly divide >told 2>&1; echo $?
    n=$((n + 1))
done | sort | uniq -c >said; said divides
# One that takes no interrupt and hears no signal; and the administrator, with each of his means.
for how in spin.stop spin.kill spin.group spin.exit spin.service; do
    : >told
    # A service manager has it in a group of its own.
    group=; [ $how != spin.service ] || { group=service; mkdir /sys/fs/cgroup/$group; }
    sh -c "echo 0 >/sys/fs/cgroup/$group/cgroup.procs; exec $quiet -c 2-3 -m 5M rt-badly spin" \
        >told 2>&1 & run=$!
    until_is 'grep -q spins told'
    case $how in
    spin.service) echo 1 >/sys/fs/cgroup/service/cgroup.kill; gone $run ;;
    spin.stop) dune rt stop --timeout 1 $run 2>said; said $how ;;
    spin.kill) kill -9 $(program $run) ;;
    spin.group) echo 1 >/sys/fs/cgroup/dune-rt-$run/cgroup.kill ;;
    spin.exit) kill -9 $run; gone $run ;;
    esac
    wait $run; status $how $?; [ ! "$group" ] || rmdir /sys/fs/cgroup/$group; snap $how
done
dmesg | sed '1,/backend ready/d' | grep -E "BUG|WARNING|Oops|rcu.*stall|lockup" >said; said kernel
"""


def test_an_application_that_ends_badly(guest, rt_badly):
    result = guest(BADLY, cpus=4, cmdline="nohz_full=2-3 rcu_nocbs=2-3", files=rt_badly,
                   timeout_s=300)
    frames = said_all(result)
    statuses = {name[7:]: int(text) for name, text in frames.items() if name.startswith("status.")}
    assert statuses == {"fault": 139, "overflow": 139, "divide": 136, "exit": 7, "held": 0,
                        "edf": 3, "short": 3, "spin.stop": 143, "spin.kill": 137,
                        "spin.group": 137, "spin.exit": 137, "spin.service": 137}
    said = {name[5:]: text for name, text in frames.items() if name.startswith("said.")}
    assert re.search(r"^dune: task bad, number 0x\w+, on core \d$", said["fault"], re.M)
    assert re.search(r"^dune: task bad, .* on core \d: its stack is full$", said["overflow"], re.M)
    assert "dune: unhandled divide error" in said["divide"]
    assert said["short"].startswith("dune: an interrupt alone takes longer than the quantum: ")
    assert said["divides"].split() == ["30", "136"]
    assert said["exit"] == "" and said["held"] == "the next task runs\n"
    assert re.fullmatch(r"rt-badly: Disk quota exceeded: .+\n", said["edf"])
    assert said["spin.stop"] == "", "another thread of it heard the signal"
    assert said["kernel"] == ""
    for name in statuses:
        assert frames[f"snap.{name}"] == frames["snap.before"], f"after {name}"
