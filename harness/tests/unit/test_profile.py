# SPDX-License-Identifier: MIT
"""Profiles: counts of the emulator and samples of perf become functions, stacks, flame graphs."""

import gzip
import json
import subprocess
import xml.dom.minidom
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies

import browser
from dunelab import cli, plan as planning, schema, store
from dunelab.engine import base
from dunelab.engine.bochstrace import Wanted
from dunelab.errors import GuestError
from dunelab.explain import symbols
from dunelab.profile import answer, command, counts, flame, folded, guest, host, perf
from dunelab.webpage import palette
from dunelab.webpage.document import document

# A task with a user stack, an interrupt in the kernel below it, and something before any task.
TEXT = """window 100 200 10 37
r 1 0 0
t 2 1 42 a b
m 3 2 1
f 4 3 1000 505
m 5 4 0
v 6 5 ec
f 7 6 2000 ee01
m 8 2 2
c 3 1 900 5
c 4 1 1010 20
c 4 0 3000 7
c 5 1 ffff 1
c 7 1 2004 11
c 1 0 10 3
window 300 400 2 0
c 4 0 1010 2
c 8 0 1010 0
"""


def names(owner=lambda address, comm: "kernel" if address > 0xf000 else comm):
    return SimpleNamespace(find=lambda address, comm: f"f{address & ~0xfff:x}", owner=owner)


def test_counts_by_function_task_and_mode():
    first, second = counts.read(TEXT)
    assert (first.begin, first.end, first.total, second.total) == (100, 200, 47, 2)
    assert first.of_cpus() == first.executed == (10, 37) and second.of_cpus() == (2, 0)
    assert counts.flat(first, names()) == {
        ("a b", "user", "f0"): 5, ("a b", "user", "f1000"): 20, ("a b", "user", "f3000"): 7,
        ("a b", "kernel", "ff000"): 1, ("a b", "kernel", "f2000"): 11, ("boot", "", "f0"): 3}
    assert counts.by_place(first, names())[1, "a b", "kernel", "kernel", "ff000"] == 1
    assert counts.by_place(second, names()) == {
        (0, "a b", "user", "a b", "f1000"): 2, (0, "a b", "guest ring 0", "a b", "f1000"): 0}


def test_stacks_through_the_kernel_and_an_interrupt():
    first, _ = counts.read(TEXT)
    assert counts.folded(first, names()) == {
        (1, "a b", "f0"): 5, (1, "a b", "f0", "f1000"): 20,
        (0, "a b", "f0", "f3000"): 7,       # f1000 ended in a jump to it
        (1, "a b", "f0", "f1000", "{kernel}", "ff000"): 1,
        # Called by what ee00 is in, which the interrupt's entry jumped to.
        (1, "a b", "f0", "f1000", "{kernel}", "{local timer}", "fe000", "f2000"): 11,
        (0, "boot"): 3}
    ours = names(lambda address, comm: "dune.ko")
    assert (1, "a b", "f0 [dune]") in counts.folded(first, ours)


def test_stacks_are_as_deep_as_the_trace_lets_them_be():
    """A thousand calls of a recursive program, of which only the last ones executed anything."""
    text = "window 1 2 9\nr 1 0 0\nt 2 1 7 a\nm 3 2 1\n" + "".join(
        f"f {n} {n - 1} 1000 1005\n" for n in range(4, 1004)) + "c 1003 0 1010 4\nc 1001 0 1010 5\n"
    window, = counts.read(text)
    assert counts.folded(window, names()) == {
        (0, "a", *["f1000"] * 1001): 4, (0, "a", *["f1000"] * 999): 5}


@pytest.mark.parametrize("line", [
    "c 99 0 10 1", "f 9 77 10 11", "f 9 3 10", "window x y", "q 1 2 3", "c 4 0 10", "c 4 2 10 1",
    "c 4 0 10 1 1"])
def test_damaged_counts_are_told(line):
    with pytest.raises(GuestError, match="damaged"):
        counts.read(TEXT + line + "\n")


def test_counts_that_are_not_the_engines_are_refused(tmp_path):
    (tmp_path / command.COUNTS).write_text(TEXT.replace("200 10 37", "200 10 38"))
    kernel, result = SimpleNamespace(table=None), SimpleNamespace(payload=lambda name: b"")
    with pytest.raises(GuestError, match=r"executed \(10, 38\) .* add up to \(10, 37\)"):
        command._counted(result, tmp_path, kernel)
    (tmp_path / command.COUNTS).write_text("")
    with pytest.raises(GuestError, match="marked nothing"):
        command._counted(result, tmp_path, kernel)


def test_whose_code_is_at_an_address():
    found = symbols.Names(symbols.Table([(1 << 63, 0, "text")]),
                          "dune 16384 0 - Live 0xffffffffc0001000 (O)\n")
    at = {0x401000: "kv-server", 0xffffffff81000000: "kernel", 0xffffffffc0001004: "dune.ko",
          0xffffffffc0000ffc: "kernel"}
    assert {address: found.owner(address, "kv-server") for address in at} == at


def test_names_of_tasks_cannot_break_anything_out():
    window, = counts.read("window 1 2 4\nr 1 0 0\nt 2 1 7 \x1b]0;<a&b\nm 3 2 1\nc 3 0 10 4\n")
    stacks = {("CPU 0", *frames[1:]): n for frames, n in counts.folded(window, names()).items()}
    for svg in (flame.standalone(stacks, "<title>&", "instructions", "<claim>"),
                flame.inline(stacks, "<title>&", "instructions")):
        document = xml.dom.minidom.parseString(svg)
        assert any("?]0;<a&b" in node.firstChild.data
                   for node in document.getElementsByTagName("title"))
    assert folded.unfold(folded.fold(stacks)) == {("CPU 0", "?]0:<a&b", "f0"): 4}


def boxes(svg):
    """{name: (words, x, width, y, class)} of a drawn graph."""
    found = {}
    for group in xml.dom.minidom.parseString(svg).getElementsByTagName("g"):
        if not group.getElementsByTagName("title"):
            continue            # of the legend
        words = group.getElementsByTagName("title")[0].firstChild.data
        rect = group.getElementsByTagName("rect")[0]
        found[words.split("\n")[0]] = (words, *(float(rect.getAttribute(name))
                                                for name in ("x", "width", "y")),
                                       group.getAttribute("class"))
    return found


def test_a_flame_graph_has_every_wide_box_once_and_in_proportion():
    stacks = {("t", "f", "g"): 60, ("t", "f"): 30, ("u",): 10, ("t", "f", "h"): 0}
    assert flame.tree(stacks).total == 100
    found = boxes(flame.standalone(stacks, "CPU 1", "samples", "claim"))
    assert set(found) == {"CPU 1", "t", "u", "f", "g"}
    assert found["f"][0] == "f\n90 samples, 90.00 %; itself 30, 30.00 %"
    assert found["g"][2] == pytest.approx(0.6 * flame.WIDTH - 0.4, abs=0.01)
    assert found["g"][3] < found["f"][3] < found["t"][3] < found["CPU 1"][3]
    assert found["u"][1] == pytest.approx(0.9 * flame.WIDTH, abs=0.01)
    assert "no samples" in flame.inline({}, "x", "samples")


def test_boxes_have_the_colour_of_whose_code_they_are():
    stacks = {("t", "main", "{kernel}", "ioctl", "run [dune]", "{local timer}", "tick"): 1,
              ("t", "{guest ring 0}", "served", "{page fault}", "handler"): 1,
              ("t", "[unknown]"): 1}
    kinds = {name: box[4] for name, box in boxes(flame.inline(stacks, "CPU", "x")).items()}
    assert kinds == {"CPU": "t", "t": "t", "main": "u", "{kernel}": "b", "ioctl": "k",
                     "run [dune]": "d", "{local timer}": "b", "tick": "k", "{guest ring 0}": "b",
                     "served": "g", "{page fault}": "b", "handler": "g", "[unknown]": "u"}


def test_labels_can_be_read_on_both_papers():
    for key, _, light, dark in flame.KINDS:
        for fill, ink in ((light, palette.INK["ink"][0]), (dark, palette.INK["ink"][1])):
            assert palette.contrast(fill, ink) >= 4.5, (key, fill)


@given(strategies.dictionaries(
    strategies.lists(strategies.text(min_size=1), min_size=1, max_size=5).map(tuple),
    strategies.integers(0, 1 << 60), min_size=1))
def test_folding_loses_no_count(stacks):
    again = folded.unfold(folded.fold(stacks))
    assert sum(again.values()) == sum(stacks.values()) == flame.tree(stacks).total
    assert folded.fold(again) == folded.fold(folded.unfold(folded.fold(again)))


def test_folded_stacks_that_are_none():
    assert folded.unfold("a;b 3\n\na;b 4\n") == {("a", "b"): 7}
    for text in ("a 1\nnothing\n", "a 1\nb -3\n"):
        with pytest.raises(ValueError, match="line 2"):
            folded.unfold(text)


def test_what_is_called_counts_once_a_stack():
    stacks = {("CPU 1", "a", "b", "a"): 3, ("CPU 1", "a", "c"): 4, ("CPU 0", "a"): 9}
    assert folded.inclusive(folded.below(stacks, "CPU 1")) == {"a": 7, "b": 3, "c": 4}


# As perf 6.1 prints it: a program, the kernel below it, dune.ko and the guest that it has left.
SAMPLES = """
kv server   123 [001]    12.345678: cpu-clock/freq=997/: \n\
\tffffffff81e0138a native_safe_halt ([kernel.kallsyms])
\tffffffffc0401100 vcpu_run+0x12 ([kernel.kallsyms])
\t          401a2b main (/lab/bin/kv-server)
\t              f4 [unknown] ([unknown])

kv server   123 [001]    12.345700: dune:dune_sample: \n\
\t          401b00 served (/lab/bin/kv-server)

kv server   123 [001]    12.346700: cpu-clock/freq=997/: \n\
\tffffffffc0401100 vcpu_run ([dune])

kv server   123 [001]    12.346790: dune:dune_sample: \n\
\t          401b10 served (/lab/bin/kv-server)

kv server   123 [001]    12.346791: dune:dune_sample: \n\
\t          401b20 tick (/lab/bin/kv-server)

mc-worker  9 [000]    12.347000: cpu-clock: \n\
\t    7f0000001234 [unknown] (/usr/bin/memcached)

gone 77 [000]    12.348000: cpu-clock: \n\
"""


def test_samples_of_perf():
    told = perf.read(SAMPLES, 0xffffffffc0400000)
    assert [(s.cpu, s.comm, s.guest) for s in told] == \
        [(1, "kv server", n in (1, 3, 4)) for n in range(5)] + \
        [(0, "mc-worker", False), (0, "gone", False)]
    kept = perf.by_clock(told)
    # The clock met the guest once: the other one was in the kernel's halt, the last no clock's.
    assert [s.frames[0][1] for s in kept] == \
        ["native_safe_halt", "served", "[memcached]", "[unknown]"]
    assert perf.folded(kept) == {
        (1, "kv server", "main", "{kernel}", "vcpu_run [dune]", "native_safe_halt"): 1,
        (1, "kv server", "{guest ring 0}", "served"): 1, (0, "mc-worker", "[memcached]"): 1,
        (0, "gone", "[unknown]"): 1}
    assert perf.places(kept) == {
        (1, "kv server", "kernel", "kernel", "native_safe_halt"): 1,
        (1, "kv server", "guest ring 0", "kv server", "served"): 1,
        (0, "mc-worker", "user", "mc-worker", "[memcached]"): 1,
        (0, "gone", "user", "gone", "[unknown]"): 1}


def test_a_cpu_that_sleeps_is_told_from_one_that_works():
    line = " 0 [001] 1.0: cpu-clock: \n\tffffffff81000010 {} ([kernel.kallsyms])\n\n"
    told = perf.read("".join(task + line.format(name) for task, name in (
        ("swapper", "native_safe_halt"), ("swapper/1", "pv_native_safe_halt"),
        ("swapper", "handle_softirqs"), ("kv-server", "native_safe_halt"))))
    assert [perf.idle(sample) for sample in told] == [True, True, False, False]


@pytest.mark.parametrize("text", ["", "garbage\n", "kv 1 [x] 1.0: cpu-clock: \n\n"])
def test_no_samples_are_told(text):
    with pytest.raises(GuestError, match="no samples"):
        perf.read(text)


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:-9], lambda data: b"x" + data,
    lambda data: data[:12] + b"\xff" * 20 + data[32:]])
def test_damaged_samples_are_told(damage):
    data = damage(gzip.compress(SAMPLES.encode() * 9, mtime=0))
    with pytest.raises(GuestError):
        command._sampled(SimpleNamespace(payload=lambda name: data))


@pytest.mark.parametrize("typed, load", [("0.7,", "0.7"), (" .70 ", "0.7"), ("max", guest.MAX)])
def test_the_guest_gets_the_plans_load(typed, load):
    """Not the text as it was typed, which its awk would have to understand."""
    assert command._decide(command._arguments(["--load", typed]))[2] == load


def test_what_the_host_cannot_count_is_said(tmp_path):
    path = tmp_path / host.FILE
    assert host.read(path) == {}
    path.write_text("# started\n\n11.5,msec,task-clock,1,100,,\n<not supported>,,cycles,0,1,,\n")
    found = host.read(path)
    assert found == {"task-clock": 11.5, "cycles": None}
    assert host.rows(found) == [("task-clock", "12 ms"), ("cycles", "not counted on this host")]


def test_a_host_without_perf_is_one_line(monkeypatch):
    monkeypatch.setattr(host.shutil, "which", lambda name: None)
    assert "apt-get install linux-perf" in host.missing()
    monkeypatch.setattr(host.shutil, "which", lambda name: f"/bin/{name}")
    refused = subprocess.CompletedProcess([], 255, "", "\nNo permission\nmore\n")
    monkeypatch.setattr(host.subprocess, "run", lambda *words, **more: refused)
    assert host.missing() == "perf stat is not permitted here or broken: No permission"


def test_scripts_mark_exactly_the_load():
    plan = planning.make("kv", "bochs", ("bochs",), "dune", "0.5", "300")
    system = planning.SYSTEMS["dune"]
    lines = guest.script(plan, system, "0.5", False).splitlines()
    begin, end = lines.index("report mark 1"), lines.index("report mark 0")
    assert end == begin + 2 and "kv-load run" in lines[begin + 1]
    assert '--rate "$rate"' in lines[begin + 1] and "--requests 300" in lines[begin + 1]
    closed = guest.script(plan, system, guest.MAX, False)
    assert closed.count("kv-load capacity") == 1 and "kv-load run" not in closed
    sampled = guest.script(plan, system, "0.5", True)
    assert "-e dune:dune_sample" in sampled and "report mark" not in sampled
    assert "dune_sample" not in guest.script(plan, planning.SYSTEMS["linux"], "0.5", True)
    for text in (sampled, closed):
        subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_what_the_emulator_is_told():
    kernel = SimpleNamespace(switch_to=0xffffffff81003270, pid_offset=1, comm_offset=2)
    assert Wanted(kernel, ((5, 9),), stacks=True, events=False).text() == (
        "switch_to ffffffff81003270 1 2\ncounts trace.counts\nstacks\nwindow 5 9\n")


@pytest.fixture(name="record")
def made_record(monkeypatch):
    """The record of TEXT's first window, as a boot of dune would have left it, and its stacks."""
    window = counts.read(TEXT)[0]
    plan = planning.make("kv", "qemu", base.names(), "dune", "0.7", "100")
    engine = SimpleNamespace(name="bochs", record=lambda: {
        "name": "bochs", "version": "Bochs 3.0, build 1", "clock_domain": "instr(bochs)",
        "profile": "none", "deterministic": True})
    result = SimpleNamespace(status="DONE", wall_s=1.0, payload=lambda name: None)
    made = command._record(plan, engine, planning.SYSTEMS["dune"], "0.7", ["profile"],
                           "2026-01-31T12:00:00Z", result, counts.by_place(window, names()),
                           window.executed, {})
    made |= {"kernel": "6.1.0", "artifacts": {}, "host": {"events": {"cycles": None},
                                                          "missing": ""}}
    return made, counts.folded(window, names())


def test_a_record_is_kept_as_data_figure_and_page(record, tmp_path):
    made, stacks = record
    schema.check(json.loads(json.dumps(made)), command.SCHEMA)
    command._keep(tmp_path / "run", made, stacks)
    kept = store.read_record(tmp_path / "run/manifest.json", command.SCHEMA)
    assert kept["total"] == sum(row["count"] for row in kept["functions"]) == 47
    assert [(c["cpu"], c["count"], c["executed"]) for c in kept["cpus"]] == [(1, 37, 37),
                                                                             (0, 10, 10)]
    text = gzip.decompress((tmp_path / "run/report/folded.txt.gz").read_bytes()).decode()
    assert sum(folded.unfold(text).values()) == 47
    assert "CPU 1;a b;f0;f1000;{kernel};{local timer};fe000;f2000 11\n" in text
    page = (tmp_path / "run/report/index.html").read_text()
    assert page.count("A box below 0.02 % of the width is left out") == 2
    assert page.count('<svg class="flame"') == 2 and "src=" not in page.replace("<script>", "")
    for name in ("flame-cpu0.svg", "flame-cpu1.svg"):
        xml.dom.minidom.parse(str(tmp_path / "run/report" / name))
    said = answer.text(made)
    assert "47 instructions of all CPUs" in said and "not counted on this host" in said
    assert asdict(planning.Plan(**kept["plan"]))["requests"] == 100


def test_a_browser_says_what_is_pointed_at_and_makes_it_wide(record, tmp_path):
    made, stacks = record
    command._keep(tmp_path / "run", made, stacks)
    with browser.opened(tmp_path / "profile") as driver:
        from selenium.webdriver import ActionChains, Keys
        from selenium.webdriver.common.by import By
        address = (tmp_path / "run/report/index.html").as_uri()
        colours = set()
        for dark in (False, True):
            browser.show(driver, address, dark=dark)
            graph = driver.find_element(By.CSS_SELECTOR, "svg.flame")

            def box(name):
                return next(g for g in graph.find_elements(By.TAG_NAME, "g")
                            if g.find_element(By.TAG_NAME, "title").get_attribute("textContent")
                            .startswith(name + "\n"))

            rect = box("{local timer}").find_element(By.TAG_NAME, "rect")
            colours.add(rect.value_of_css_property("fill"))
            wide = float(rect.get_attribute("width"))
            ActionChains(driver).move_to_element(rect).click().perform()
            said = driver.find_element(By.CLASS_NAME, "flame-said").text
            assert said == "{local timer}: 11 instructions, 29.73 %; itself 0, 0.00 %"
            assert wide < flame.WIDTH / 2 and float(rect.get_attribute("width")) == \
                pytest.approx(flame.WIDTH, abs=1)
            assert not box("ff000").is_displayed() and box("f2000").is_displayed()
            graph.find_element(By.TAG_NAME, "g").send_keys(Keys.ESCAPE)
            assert float(rect.get_attribute("width")) == pytest.approx(wide, abs=0.01)
            assert browser.requests(driver) == [address] and not browser.complaints(driver)
        assert len(colours) == 2


def test_narrow_boxes_keep_their_places_when_they_are_made_wide(tmp_path):
    """Each third of a pixel becomes a third of the width, and none lies upon another."""
    svg = flame.inline({("t", "rest"): 3597, ("t", "f", "a"): 1, ("t", "f", "b"): 1,
                        ("t", "f", "c"): 1}, "CPU", "x")
    path = tmp_path / "page.html"
    path.write_text(document("CPU", [f'<div class="scroll">{svg}</div>', "<p>.</p>"],
                             script="flame.js"))
    with browser.opened(tmp_path / "profile") as driver:
        browser.show(driver, path.as_uri())
        found = driver.execute_script("""
            const of = name => [...document.querySelectorAll("svg.flame g")].find(
                g => g.querySelector("title").textContent.startsWith(name + "\\n"));
            of("f").dispatchEvent(new MouseEvent("click"));
            return ["f", "a", "b", "c"].map(name => ["x", "width"].map(
                side => +of(name).querySelector("rect").getAttribute(side)));""")
    assert found == [pytest.approx(pair, abs=0.01) for pair in (
        (0, 1199.6), (0, 399.6), (400, 399.6), (800, 399.6))]


@pytest.mark.parametrize("argv, words", [
    (["--engine", "nil"], "unknown ENGINE"), (["--engine", "kvm"], "is not profiled"),
    (["--engine", "qemu-icount"], "is not profiled"), (["jitter"], "only kv"),
    (["nil"], "only kv"), (["--system", "x"], "unknown SYSTEM"),
    (["--engine", "qemu", "--profile", "zen2-2019"], "no cost model"),
    (["--profile", "nil"], "nil"), (["--load", "2"], "fractions of the capacity"),
    (["--load", "0.1 0.2"], "one load"), (["--system", "linux dune"], "one SYSTEM"),
    (["--system", ""], "one SYSTEM"), (["--requests", "1"], "want a whole number")])
def test_refusals_are_one_line(capsys, argv, words):
    assert cli.main(["profile", *argv, "--check"]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def test_arguments_that_are_right():
    assert cli.main(["profile", "kv", "--system", "dune-rt", "--load", "max", "--check"]) == 0
