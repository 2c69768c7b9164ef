# SPDX-License-Identifier: MIT
"""The experiment jitter: its probes on this host, what is planned, and what its report says."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dunelab import cli, hdr, hlog, steprun, store
from dunelab.errors import GuestError, UsageError
from dunelab.jitter import evaluate, named, plan as planning, report, script, steps
from dunelab.sweep import figures as sweep_figures
from kv_tools import program

ENGINE = {"name": "bochs", "version": "Bochs 3.0, build 0", "clock_domain": "instr(bochs)",
          "profile": "none", "deterministic": True}


@pytest.fixture(scope="session")
def jitter():
    """The probe's program."""
    return program("jitter")


def probe(jitter, folder, *args, status=0):
    """Run it there; what it wrote, and what it complained of."""
    done = subprocess.run([jitter, *map(str, args), "--out", folder / "out"], text=True,
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == status, done.stderr
    path = folder / "out.json"
    return json.loads(path.read_text()) if path.exists() else None, done.stderr


def test_each_interruption_is_kept_and_added_up(jitter, tmp_path):
    found, _ = probe(jitter, tmp_path, "spin", "--duration-ms", 200, "--threshold", 1000)
    gaps = found["gaps"]
    assert len(gaps) == found["interruptions"] > 0 and found["gaps_not_kept"] == 0
    assert all(ticks > 1000 for _, ticks in gaps)
    assert sum(ticks - found["turn_ticks"] for _, ticks in gaps) == found["lost_ticks"]
    assert max(ticks for _, ticks in gaps) == found["longest_ticks"]
    assert abs(found["warmup_ticks"] - 0.1 * found["tick_hz"]) <= 1 and found["begin_ticks"] > 0
    # One after the other, none within another.
    assert all(at + ticks <= after for (at, ticks), (after, _) in zip(gaps, gaps[1:]))
    assert found["ticks"] >= int(0.2 * found["tick_hz"]) > gaps[-1][0]


def test_a_wake_up_is_counted_once_in_each_form(jitter, tmp_path):
    found, _ = probe(jitter, tmp_path, "wake", "--cycles", 50, "--interval-us", 500)
    late = hlog.read((tmp_path / "out.hlog").read_text())[0].histogram
    theirs = json.loads((tmp_path / "out.cyclictest.json").read_text())["thread"]["0"]
    assert late.total == found["cycles"] == theirs["cycles"] == 50
    assert sum(theirs["histogram"].values()) == 50
    assert min(map(int, theirs["histogram"])) == theirs["min"] == found["min_ns"] // 1000
    assert late.max() >= found["max_ns"] >= theirs["max"] * 1000
    assert found["min_ns"] > 0
    # The switches of the thread that sleeps are counted. There is no telling how many they are: on
    # a busy host a period may be over before it is slept for.
    assert found["interrupts"]["ctxt"] > 0


def test_what_the_probe_refuses(jitter, tmp_path):
    for args, status, said in ((("x",), 2, "want one of spin, wake"),
                               (("spin", "--duration-ms", 0), 2, "whole number"),
                               (("spin", "--warmup-ms", -1), 2, "whole number"),
                               (("spin", "--cpu", 1023), 2, "cannot run there"),
                               (("spin", "--system", 'a"b'), 2, "want letters"),
                               (("spin", "wake"), 2, "want one of"),
                               (("wake", "--cycles", "1e3"), 2, "whole number")):
        assert said in probe(jitter, tmp_path, *args, status=status)[1]
    if not Path("/dev/dune").exists():
        assert "load dune.ko" in probe(jitter, tmp_path, "spin", "--dune", status=3)[1]
    done = subprocess.run([jitter, "spin", "--duration-ms", "1", "--out", "/nowhere/x"], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 3 and "cannot write /nowhere/x.json" in done.stderr


def test_the_plan_says_what_is_known():
    for words, said in (({"systems": "linux solaris"}, "unknown SYSTEM 'solaris'; known: linux,"),
                        ({"noises": "loud"}, "unknown NOISE"), ({"engine": "gem5"}, "engine"),
                        ({"profile": "pentium"}, "no cost profile"),
                        ({"quick": True, "full": True}, "exclude each other")):
        with pytest.raises(UsageError, match=said):
            planning.make(**words)
    made = planning.make(systems="dune,linux", noises="idle")
    assert [step.key for step in made.steps()] == ["linux-idle", "dune-idle"]
    text = json.dumps({"plan": json.loads(json.dumps(made.__dict__))})
    assert planning.load(text) == made
    with pytest.raises(ValueError):
        planning.load('{"plan": {}}')


def test_a_script_is_a_function_of_its_step():
    made = planning.make(quick=True)
    texts = {step.key: script.script(made, step) for step in made.steps()}
    assert texts == {step.key: script.script(made, step) for step in made.steps()}
    assert "insmod" in texts["dune-idle"] and "insmod" not in texts["linux-idle"]
    assert "cyclictest -q" in texts["rt-idle"] and "cyclictest -q" not in texts["dune-idle"]
    assert "\nreserved jitter wake --cpu 1 --rt" in texts["dune-rt-idle"]
    assert "dune rt run --cores 1-1" in texts["dune-rt-stock-noise"]
    assert "dune rt run" not in texts["dune-tuned-idle"]
    assert "hackbench" in texts["rt-noise"] and "hackbench" not in texts["rt-idle"]
    for text in texts.values():
        done = subprocess.run(["sh", "-n"], input=text, text=True, check=False)
        assert done.returncode == 0


def write(run, step, gaps, mean_us):
    """A step's files, as if it had been booted."""
    folder = run.folder(step)
    folder.mkdir(parents=True)
    late = hdr.Histogram()
    for number in range(400):
        late.record(int(mean_us * 1000) + number)
    (folder / "wake.hlog").write_text(hlog.write([hlog.Interval(0.0, 0.4, late)]))
    (folder / "cyclictest.json").write_text(json.dumps({"thread": {"0": {
        "avg": 20.0, "max": 30}}}))
    store.write_json(folder / "record.json", {
        "schema": "dunelab-jitter-step/1", "key": step.key, "system": step.system,
        "noise": step.noise, "engine": ENGINE, "release": "6.1.0", "cmdline": "", "argv": "bochs",
        "commit": "0" * 40, "dirty": False, "wall_s": 1.0, "files": {},
        "spin": {"interruptions": len(gaps), "ticks": 10 ** 8, "tick_hz": 2e8, "turn_ticks": 7,
                 "lost_ticks": sum(ticks for _, ticks in gaps), "gaps": gaps, "gaps_not_kept": 0,
                 "longest_ticks": max([0, *(ticks for _, ticks in gaps)]), "exits": 0,
                 "interrupts": {"LOC": len(gaps)} if gaps else {}},
        "wake": {"min_ns": int(mean_us * 1000), "max_ns": int(mean_us * 1000) + 399, "overruns": 0,
                 "overflow": 0, "mean_ns": mean_us * 1000 + 200, "realtime": True,
                 "memory_locked": True}})


@pytest.fixture
def run(tmp_path):
    """A run of two systems with all boots done."""
    made = steprun.begin(steps.KIND, tmp_path, planning.make(systems="linux dune", quick=True), [])
    for step in made.plan.steps():
        write(made, step, [[1000, 2000], [50000, 3000]] if step.system == "linux" else [], 20)
    return made


@pytest.mark.parametrize("kernel, flavour, words", [
    ("6.12", "generic", " KERNEL=6.12 FLAVOUR=generic`"), ("6.1", "cloud", "QUICK=1`")])
def test_the_kernel_is_among_what_makes_it_again(tmp_path, monkeypatch, kernel, flavour, words):
    monkeypatch.setenv("KERNEL", kernel)
    monkeypatch.setenv("FLAVOUR", flavour)
    made = steprun.begin(steps.KIND, tmp_path, planning.make(quick=True), [])
    monkeypatch.undo()
    assert words in report._again(made) and report._again(made).count("KERNEL") == (
        kernel == "6.12")


def test_the_report_has_a_row_a_system_and_says_who_was_quiet(run):
    index = report.make(run)
    page, said = index.read_text(), report.terminal(run)
    assert "fewest interruptions: dune (0 in 10^9 ticks)" in said
    assert "emulated time" in page.lower() and "instr(bochs)" in page
    rows = store.read_json(run.store.path / "summary.json")["rows"]
    assert [(row["system"], row["interruptions"]) for row in rows] == [
        ("linux", 2), ("dune", 0)] * 2
    assert rows[0]["lost_ppm"] == 50 and not evaluate.problems(run, evaluate.measured(run))
    # What `dune rt run` said is told once, with all boots that it is true of.
    for step in run.plan.steps()[:2]:
        (run.folder(step) / "missing").write_text("dune: no <tick> is off\n")
    assert "no &lt;tick&gt; is off" in report.make(run).read_text()
    assert report.terminal(run).count("no <tick> is off") == 1
    # A system without interruptions has no dots; its wake-ups are drawn all the same.
    data = index.parent / "data"
    assert "dune" not in (data / "gaps-idle.csv").read_text()
    assert "dune" in (data / "wake-idle.csv").read_text()


@pytest.mark.parametrize("count, said", [(10_000, "-"), (100_000, "2.00?"), (400_000, "2.00")])
def test_a_tail_has_a_ratio_where_there_are_samples_for_it(run, count, said):
    late = hdr.Histogram()
    late.record(1000, count * 99 // 100)
    late.record(2000, count // 100)
    for item in evaluate.measured(run)[:1]:
        item.late = late
        header, body = evaluate.wakes([item], "ns")
        assert dict(zip(header, body[0]))["p99.99 / p50"] == said


def test_report_makes_that_of_any_run(run, capsys):
    path = str(run.store.path)
    assert cli.main(["report", path]) == 0
    assert "fewest interruptions" in capsys.readouterr().out
    assert (run.store.report / "index.html").exists()
    for words, said in ((("--slo", "99:5"), "--slo is for runs of WORKLOAD=kv"),
                        (("--json",), "read summary.json")):
        assert cli.main(["report", path, *words]) == 2
        assert said in capsys.readouterr().err


def test_what_was_changed_since_counts_no_more(run):
    step = planning.Step("linux", "idle")
    record = run.record(step)
    assert sweep_figures.whole("jitter", run.store.path)
    # From what was measured: summary.json is made of it, and anybody may change that.
    (run.store.path / "summary.json").unlink(missing_ok=True)
    _, rows, _ = sweep_figures.read("jitter", run.store.path)
    assert {row["words"][2] for row in rows} > {"interruptions", "wake_p50"}
    (run.folder(step) / "wake.hlog").write_text("nothing")
    record["files"] = {"wake.hlog": "0" * 64}
    store.write_json(run.folder(step) / "record.json", record)
    assert run.record(step) is None and not sweep_figures.whole("jitter", run.store.path)
    (run.folder(planning.Step("dune", "idle")) / "record.json").write_text('{"schema": "dune')
    said = evaluate.problems(run, evaluate.measured(run))
    assert any("wake.hlog changed since" in text for text in said)
    assert any("dune-idle: its record is damaged" in text for text in said)


TRACE = """500 local_timer_entry: vector=236
1400 local_timer_entry: vector=236
1600 softirq_entry: vec=7 [action=SCHED]
1700 dune_vmexit: vm=1 reason=INTERRUPT hw=0x60 rip=0x1
51000 irq_handler_entry: irq=4 name=ttyS0
52000 sched_switch: prev_comm=jitter prev_pid=9 prev_prio=4 prev_state=R ==> \
next_comm=kworker/1:2 next_pid=50 next_prio=120
52100 sched_switch: prev_comm=kworker/1:2 prev_pid=50 prev_prio=120 prev_state=I ==> \
next_comm=jitter next_pid=9 next_prio=4
what is no event
90000 page_fault_user: address=0x1 ip=0x2 error_code=0x4
""".replace("\\\n", "")


def test_each_spike_has_its_cause(run):
    spin = {"begin_ticks": 400, "tick_hz": 2e8, "gaps": [
        [1000, 2000], [20000, 900], [50000, 3000], [80000, 9000], [89600, 1]]}
    found = named.spikes(spin, TRACE)
    assert [spike.cause for spike in found] == [
        "local timer + softirq SCHED", named.UNKNOWN, "irq 4 ttyS0 + to kworker", named.UNKNOWN,
        "page fault user"]
    assert found[2].at_s == 0.00025 and found[2].ticks == 3000
    header, body = named.table({"linux": found, "dune": []})
    assert body[0][:4] == ["linux", named.UNKNOWN, "2", "900"] and body[0][4] == "9,000"
    assert body[-1][:2] == ["dune", "nothing interrupted it"] and len(header) == len(body[0])
    many = [named.Spike(0.1, 300 + n, f"to {n}") for n in range(20)]
    assert named.table({"linux": many})[1][-1][1:3] == ["12 other causes", "12"]
    # In the report: of the boots that have a trace.
    folder = run.folder(planning.Step("linux", "idle"))
    (folder / "traced.json").write_text(json.dumps(spin))
    (folder / "trace").write_text(TRACE)
    index = report.make(run)
    assert "irq 4 ttyS0 + to kworker" in index.read_text()
    assert "irq 4 ttyS0" in (index.parent / "data" / "causes-idle.csv").read_text()
    assert not (index.parent / "data" / "causes-noise.csv").exists()


def test_wake_ups_are_counted_by_the_microsecond(run):
    rows = (report.make(run).parent / "data" / "buckets-idle.csv").read_text().splitlines()
    assert "linux,20,400" in rows


def test_a_loop_that_oslat_does_not_confirm_is_a_problem(run):
    step = planning.Step("linux", "idle")

    def said(mine, theirs):
        record = run.record(step)
        record["spin"]["gaps"] = [[n * 1000, 500] for n in range(mine)]
        store.write_json(run.folder(step) / "record.json", record)
        (run.folder(step) / "oslat.json").write_text(json.dumps({"thread": {"0": {
            "max": 30, "duration": 1.0, "histogram": {"1": 10 ** 6, "2": 5000, "3": theirs}}}}))
        items = evaluate.measured(run)
        header, body = evaluate.agreement(items)
        problems = [text for text in evaluate.problems(run, items) if "oslat" in text]
        row = next(row for row in body if row[:2] == ["linux", "idle"])
        return dict(zip(header, row))["rates agree"], len(problems)

    # Half a second of ours beside a second of theirs.
    assert said(1000, 2000) == said(900, 2000) == ("yes", 0)
    assert said(1000, 1000) == said(0, 100) == ("NO", 1)
    assert said(2, 8) == said(0, 0) == ("yes", 0)


def test_boots_of_two_emulators_are_a_problem(run):
    record = run.record(planning.Step("linux", "idle"))
    record["engine"] = {**ENGINE, "version": "Bochs 2.7, build 1"}
    store.write_json(run.folder(planning.Step("linux", "idle")) / "record.json", record)
    assert any("different emulators: Bochs 2.7" in text
               for text in evaluate.problems(run, evaluate.measured(run)))


def test_the_hosts_clock_allows_no_conclusion(run, monkeypatch):
    items = evaluate.measured(run)
    assert evaluate.verdict(items)
    for item in items:
        item.record["engine"] = {**ENGINE, "clock_domain": "ns(host)"}
    assert not evaluate.verdict(items)


def test_a_report_made_again_leaves_latest_alone(run):
    folder = run.store.path.parent
    store.point_latest(run.store)
    assert cli.main(["experiment", "jitter", "--report", str(folder / "latest")]) == 0
    assert (folder / "latest").resolve() == run.store.path.resolve()


def test_a_report_of_nothing_is_no_success(run, capsys):
    """Every histogram is cut: the report says so, and so does the status."""
    steps_of = run.plan.steps()
    for number, step in enumerate(steps_of):
        path = run.folder(step) / "wake.hlog"
        record = run.record(step)
        record["files"] = {path.name: store.sha256(path)}
        store.write_json(run.folder(step) / "record.json", record)
        path.write_text(path.read_text()[:-20])
        assert cli.main(["experiment", "jitter", "--report", str(run.store.path)]) == (
            3 if number == len(steps_of) - 1 else 0)
    out, err = capsys.readouterr()
    assert "wake.hlog changed since" in out and "nothing was measured" in err
    assert (run.store.report / "index.html").exists() and "Traceback" not in err


def test_the_kernel_is_the_one_that_was_asked_for(monkeypatch):
    assert planning.make(systems="rt").kernel(planning.SYSTEMS["rt"]) == "rt"
    monkeypatch.setenv("KERNEL", "6.12")
    assert planning.make(systems="rt").kernel(planning.SYSTEMS["rt"]) == "rt-6.12"


def test_two_probes_that_disagree_are_a_problem(run):
    step = planning.Step("linux", "idle")
    shutil.rmtree(run.folder(step))
    write(run, step, [], 40)
    assert any("cyclictest's 20.0 us" in text
               for text in evaluate.problems(run, evaluate.measured(run)))


def test_a_failed_boot_is_named_and_the_report_goes_without(run):
    shutil.rmtree(run.folder(planning.Step("dune", "idle")))

    def boot(plan, step, folder):
        raise GuestError(f"{step.key}: TIMEOUT")

    run.kind = replace(run.kind, boot=boot)
    with pytest.raises(GuestError, match="RESUME=1"):
        steprun.perform(run, 1, report.make)
    assert "dune-idle: TIMEOUT" in run.manifest["failures"]
    assert any("1 of 4 boots" in text for text in evaluate.problems(run, evaluate.measured(run)))


def test_the_command_refuses_before_anything_is_built(capsys):
    for argv, said in ((["jitter", "--systems", "x"], "unknown SYSTEM"),
                       (["jitter", "--jobs", "0"], "JOBS=0"),
                       (["--engine", "bochs", "jitter"], "name it first")):
        assert cli.main(["experiment", *argv, "--check"]) == 2
        assert said in capsys.readouterr().err
    assert cli.main(["experiment", "jitter", "--quick", "--check"]) == 0
