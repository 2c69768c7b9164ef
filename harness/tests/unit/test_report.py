# SPDX-License-Identifier: MIT
"""The report: what it says, what it refuses to say, and that its figures are not empty."""

import csv
import dataclasses
import io
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

import sample_run
from dunelab import (causes, cli, facts, kvscript, overtime, paths, plan as planning, report,
                     results, slo, stats, store)
from dunelab.errors import UsageError
from dunelab.webpage import axes, document

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The report of a complete run."""
    return report.make(sample_run.build(tmp_path_factory.mktemp("run"), sample_run.plan()).path)


def test_every_figure_is_drawn_in_every_series_and_has_the_claim(made):
    sections = {figure.section for figure in made.figures.all}
    assert sections == {"spectrum", "ccdf", "load", "series", "heat", "warmup"}
    for figure in made.figures.all:
        path = made.run.store.report / "figures" / f"{figure.name}.svg"
        root = ElementTree.parse(path).getroot()
        text = " ".join(root.itertext())
        assert "instr(bochs)" in text and "not hardware time" in text
        drawn = {group.get("data-series") for group in root.iter(f"{SVG}g")} - {None}
        assert drawn == set(figure.series)
        numbers = [float(n) for path in root.iter(f"{SVG}path")
                   for n in re.findall(r"-?[\d.]+", path.get("d"))]
        # Nothing lies outside of the picture.
        assert numbers and max(numbers) <= max(figure.width, figure.height) and min(numbers) >= -380


def test_the_data_of_a_figure_lie_beside_it_and_in_the_page(made):
    text = made.index.read_text()
    for figure in made.figures.all:
        beside = (made.run.store.report / "data" / f"{figure.name}.csv").read_text()
        rows = list(csv.reader(io.StringIO(beside)))
        assert tuple(rows[0]) == figure.columns and len(rows) == len(figure.rows) + 1
        inside = re.search(f'download="{re.escape(figure.name)}.csv" '
                           'href="data:[^,]*,([^"]*)"', text)
        assert unquote(inside[1]) == beside


def test_what_is_drawn_is_what_the_histograms_say(made):
    item = next(item for item in made.run.cells if item.cell.system == "dune" and item.done)
    figure = next(f for f in made.figures.all
                  if f.name == f"spectrum-{item.cell.kind}{item.cell.load}")
    found = {row[3]: row[2] for row in figure.rows if row[0] == "dune"}
    assert found[50] == item.intended.percentile("50")
    assert found[75] == item.intended.percentile("75")
    figure = next(f for f in made.figures.all
                  if f.name == f"ccdf-{item.cell.kind}{item.cell.load}")
    for name, value, share, _ in figure.rows[1:]:
        if name == "dune":
            above = sum(count for edge, count, _ in item.intended.rows() if edge > value)
            assert share == pytest.approx(above / item.intended.total, rel=1e-5)


def test_no_curve_goes_beyond_what_its_samples_support(made):
    for figure in made.figures.all:
        if figure.section == "ccdf":
            assert min(row[2] for row in figure.rows) * made.run.plan.requests >= stats.FLAG
        if figure.section == "spectrum":
            beyond = [made.run.plan.requests / row[1] for row in figure.rows]
            assert min(beyond) >= stats.FLAG * 0.999
            assert all((row[5] == "weak") == (n < stats.USABLE * 0.999)
                       for row, n in zip(figure.rows, beyond))
    names = [figure.name for figure in made.figures.all]
    assert "load-own-p99" in names and "load-own-p99.9" not in names
    assert "p99.9 against load: n/a (need &gt;= 20,000 requests a point)" in made.index.read_text()


def test_the_heat_map_has_every_request(made):
    for item in made.run.cells:
        figure = next(f for f in made.figures.all if f.name ==
                      f"heat-{item.cell.kind}{item.cell.load}-{item.cell.system}")
        assert sum(row[5] for row in figure.rows) == item.intended.total


def test_an_objective_is_drawn_and_said_who_keeps_it(made):
    run = results.load(made.run.store.path)
    default = slo.choose(run)
    assert default.value == 10 * run.find("linux", "own", "0.3").service.percentile("50")
    text = made.index.read_text()
    assert f"SLO {default.value:,}" in text and "Load within the objective" in text
    none, every = (slo.table(run, slo.choose(run, f"99:{value}"))[1] for value in (1, 10 ** 12))
    assert all(line[1] == "-" and line[3] != "-" for line in none)
    assert all(line[1] != "-" and line[3] == "-" for line in every)
    for wrong in ("99", "98:5", "99:0", "99:x", "99:-5"):
        with pytest.raises(UsageError, match="want a percentile and a latency"):
            slo.choose(run, wrong)
    assert cli.main(["report", str(made.run.store.path), "--slo", "nonsense"]) == 2


def test_the_verdict_comes_before_the_claim_and_all_else(made):
    text = made.index.read_text()
    order = ['class="verdict"', 'class="claim"', "<table>", 'id="spectrum"', 'id="ccdf"',
             'id="load"', 'id="time"', 'id="heat"', 'id="warmup"', 'id="environment"',
             'id="reproduce"']
    places = [text.index(word, text.index("<body>")) for word in order]
    assert places == sorted(places)
    # Dependent requests widen the intervals: one short run decides nothing, and says so.
    assert "beside linux: memcached inconclusive" in text
    assert "dune: p99 at the same rate 1." in text


def test_a_spike_is_marked_and_in_the_table(tmp_path):
    plan = sample_run.plan(systems="linux", requests="2000", loads="0.3")
    where = sample_run.build(tmp_path, plan)
    run = results.load(where.path)
    item = run.cells[0]
    slow = item.log["intended"][7]
    slow.histogram.record(10 ** 9)
    chosen = report.figures_of(run)
    figure = next(f for f in chosen.all if f.section == "series")
    marked = [row for row in figure.rows if row[5] == "spike"]
    assert [row[2] for row in marked] == [slow.histogram.max()]
    assert [line[-1] for line in causes.table(run)[2]] == ["not recorded"]
    # What the generator kept of its slowest requests, and an explanation that was asked for.
    # Its times begin with the warm-up, the log's with the first request after it.
    origin, log = 3 * 10 ** 9, item.log["intended"]
    item.summary["duration_ns"] = int(1e9 * (log[-1].start + log[-1].length - log[0].start))
    item.summary["tsc_pairs"] = [[0, -5], [9, origin + item.summary["duration_ns"]]]

    def keep(done):
        item.summary["slowest"] = [{
            "request": 1234, "scheduled_ns": done - 10 ** 9, "sent_ns": done - 10 ** 9 + 10,
            "before_ns": 0, "busy_ns": done - 10 ** 9, "ahead": 2, "done_ns": done}]
        return causes.table(run)[2][0][-1]

    middle = origin + int(1e9 * (slow.start + slow.length / 2))
    # As slow, but at another time.
    assert keep(middle + int(2e9 * slow.length)) == "not recorded"
    assert keep(middle - int(2e9 * slow.length)) == "not recorded"
    item.summary["lost"] = 1
    assert keep(middle) == "not recorded"
    item.summary["lost"] = 0
    assert keep(middle) != "not recorded"
    said = causes.table(run)[2][0][-1]
    assert said.startswith("request 1,234: sent 10 late, waited 0 for 2 ahead")
    folder = where.path / "explain" / f"{item.cell.id}-request1234"
    folder.mkdir(parents=True)
    (folder / "explain.json").write_text('{"sentence": "The disk <was> asleep."}')
    assert causes.table(run)[2][0][-1].endswith("The disk <was> asleep.")
    (folder / "explain.json").write_text("{")
    assert causes.table(run)[2][0][-1] == said
    # Also where the first interval is empty.
    item.log["intended"][0].histogram = item.intended.like()
    assert causes.table(run)[2][0][-1] == said


def test_where_the_measured_begin_is_in_the_picture(tmp_path):
    """Also of a run that did not keep the latencies of its warm-up."""
    plan = sample_run.plan(systems="linux", requests="2000", loads="0.3")
    run = results.load(sample_run.build(tmp_path, plan).path)
    for kept in (True, False):
        figure, = overtime.plan(run)["warmup"]
        rule, = (rule for rule in figure.rules if rule.axis == "x")
        assert 0 < figure.x.share(rule.at) < 1 and rule.at == 200, kept
        for item in run.cells:
            item.log.pop(overtime.WARMUP, None)


def without_cells(folder, **changes):
    """The Run of a plan of which nothing was measured."""
    plan = sample_run.plan(requests="400", loads="0.5", **changes)
    return results.load(sample_run.build(
        folder, plan, without=[c.id for c in planning.expected_cells(plan)]).path)


def test_where_a_ring_runs_and_beside_what_is_said(tmp_path):
    ring = without_cells(tmp_path, systems="linux-ring dune-rt", noise="noise")
    said = dict(facts.environment(ring))
    assert said["placement"] == ("3 CPUs: everything else on CPU 0, the server on CPU 1, the "
                                 "generator on CPU 2")
    assert "connections" not in said["workload"] and "rings in shared" in said["workload"]
    assert said["workload"].endswith("noise on CPU 0") and "other programs" in facts.title(ring)
    sockets = without_cells(tmp_path, systems="linux dune")
    said = dict(facts.environment(sockets))
    assert said["placement"].startswith("2 CPUs: the generator and everything else on CPU 0, ")
    assert "8 connections" in said["workload"] and "noise" not in said["workload"]
    assert "other programs" not in facts.title(sockets)
    assert not any("transports" in text for run in (ring, sockets) for text in facts.problems(run))
    both = without_cells(tmp_path, systems="linux dune dune-rt")
    assert any("compares the transports" in text for text in facts.problems(both))
    said = dict(facts.environment(both))
    assert "linux, dune: 2 CPUs" in said["placement"] and "dune-rt: 3 CPUs" in said["placement"]
    assert "8 connections or rings in shared memory" in said["workload"]


def test_a_name_of_a_figure_is_only_a_name(made):
    evil = dataclasses.replace(made.figures.all[0], name='x"><script>/../y')
    text = document.figure_block(evil)
    assert 'id="x-script-..-y"' in text and "<script" not in text and "/../" not in text
    assert all(dataclasses.replace(figure).name == figure.name for figure in made.figures.all)


class Checker(HTMLParser):
    """Collects references, ids and unbalanced tags of a page."""

    VOID = {"meta", "br", "link", "img", "path", "use", "circle", "rect", "fecomposite",
            "feflood"}

    def __init__(self):
        super().__init__()
        self.links, self.ids, self.open = [], [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src", "xlink:href"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_self_contained_and_well_formed(made):
    text = made.index.read_text()
    assert "http:" not in text and "https:" not in text and "@import" not in text
    checker = Checker()
    checker.feed(text)
    assert checker.open == [] and len(checker.ids) == len(set(checker.ids))
    assert not any(tag in text for tag in ("<script src", "<img", "<iframe", "url("))
    assert "default-src 'none'" in text
    (made.run.store.journal).touch()
    (made.run.store.path / "boots").mkdir(exist_ok=True)
    for link in checker.links:
        if link.startswith("data:"):
            continue
        if link.startswith("#"):
            assert link[1:] in checker.ids
        else:
            assert (made.index.parent / link).exists(), link
    assert text.count("data-hover=") == len(made.figures.all)
    assert "prefers-color-scheme:dark" in text and "width=device-width" in text


def test_the_claim_and_the_same_seed_check_are_in_every_form(made):
    for text in (made.index.read_text(), made.markdown.read_text(), report.terminal(made)):
        assert "instr(bochs)" in text and "not hardware time" in text
        assert "the bits agreed" in text and "flatters Dune" in text
        assert not re.search(r"\d (us|ms|µs)\b", text)


def test_percentiles_without_samples_are_refused_everywhere(made):
    # 4,000 requests: p99 has 40 beyond, p99.9 only 4.
    assert "n/a (need &gt;= 20,000)" in made.index.read_text()
    assert "n/a (need >= 20,000)" in report.terminal(made)
    summary = json.loads((made.run.store.path / "summary.json").read_text())
    measured = [c for c in summary["cells"] if c["status"] == "DONE"]
    assert measured and all(c["percentile"]["99.9"] is None for c in measured)
    assert all(c["unit"] == "vns" for c in measured)


def test_two_profiles_stand_side_by_side(made, tmp_path):
    results = made.run.store.path.parents[1]
    charged = sample_run.build(results, sample_run.plan(), domain="cycles(bochs-model)")
    manifest = json.loads(charged.manifest.read_text())
    manifest["engine"]["profile"] = "ivybridge-2012"
    manifest["beside"] = {"profile": "none", "run": f"../{made.run.store.path.name}"}
    charged.manifest.write_text(json.dumps(manifest))
    text = (report.make(charged.path).run.store.report / "report.md").read_text()
    assert "cycles(bochs-model)" in text and "not hardware time" in text
    table = text.split("## Cost profiles side by side")[1].split("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]
    assert rows[2:] == ["none"] * 3 + ["ivybridge-2012"] * 3
    assert "side by side" not in (made.run.store.report / "report.md").read_text()


def test_the_slower_system_is_called_slower(made):
    summary = json.loads((made.run.store.path / "summary.json").read_text())
    at = {(c["system"], c["group"], c["load"]): c for c in summary["cells"]}
    slow = at["dune", "equal", "0.7"]["ratio"]
    assert slow["50"]["verdict"] == "higher" and slow["50"]["ci95"][0] > 1
    # Near its capacity what lies beyond p99 is a handful of busy periods: too few for an interval.
    assert slow["99"]["verdict"] == "inconclusive" and slow["99"]["value"] > 2
    assert at["memcached", "equal", "0.7"]["ratio"]["50"]["verdict"] == "lower"
    assert "ratio" not in at["linux", "equal", "0.7"] or not at["linux", "equal", "0.7"]["ratio"]


def test_the_table_of_values_is_complete(made):
    rows = list(csv.DictReader(io.StringIO((made.run.store.path / "summary.csv").read_text())))
    cells = {(r["system"], r["group"], r["load"]) for r in rows if r["metric"] == "p99"}
    assert len(cells) == 4 * 2 * 2
    assert {r["metric"] for r in rows} >= {"capacity", "p50", "p99", "p99.9"}
    assert all(r["clock_domain"] == "instr(bochs)" for r in rows if r["metric"])


def test_merged_histograms_are_written(made):
    item = made.run.cells[0]
    folder = made.run.store.cell(item.cell)
    assert (folder / "merged.hlog").exists() and (folder / "merged.hgrm").exists()
    record = json.loads((folder / "cell.json").read_text())
    assert record["lat"]["intended"]["N"] == made.run.plan.requests


def test_an_incomplete_run_says_what_is_missing(tmp_path):
    plan = sample_run.plan(systems="linux dune", requests="400")
    without = [c.id for c in planning.expected_cells(plan) if c.system == "dune"
               and c.kind == "own"]
    where = sample_run.build(tmp_path, plan, without=without, status="interrupted")
    made = report.make(where.path)
    for text in (made.index.read_text(), made.markdown.read_text()):
        assert "interrupted: 4 of 6 planned cells" in text
        assert all(cell in text and "MISS" in text for cell in without)
    assert "not measured:" in report.terminal(made)


def test_a_run_without_data_has_no_figures_and_says_so(tmp_path):
    plan = sample_run.plan(systems="linux", requests="400")
    everything = [c.id for c in planning.expected_cells(plan)]
    made = report.make(sample_run.build(tmp_path, plan, without=everything,
                                        status="incomplete").path)
    assert made.figures.all == [] and "<figure" not in made.index.read_text()
    assert "Nothing was measured" in made.index.read_text()


def test_times_of_the_host_lead_to_no_conclusion(tmp_path):
    plan = sample_run.plan(engine="qemu", systems="linux dune", requests="400")
    made = report.make(sample_run.build(tmp_path, plan, domain="ns(host)").path)
    for text in (made.index.read_text(), made.markdown.read_text(), report.terminal(made)):
        assert "no latency conclusion" in text.lower()
        assert "/ linux" not in text and "inconclusive" not in text and "vns" not in text
    summary = json.loads((made.run.store.path / "summary.json").read_text())
    assert not summary["conclusive"] and not any(c.get("ratio") for c in summary["cells"])


def test_the_warm_up_is_drawn_from_the_first_request_on(tmp_path):
    plan = sample_run.plan(systems="linux", loads="0.3", requests="4000")
    made = report.make(sample_run.build(tmp_path, plan).path)
    curve = next(figure for figure in made.figures.all if figure.section == "warmup")
    rows = [row for row in curve.rows if row[-1] == "warm-up"]
    assert [row[1] for row in rows] == [80, 160, 240, 320, 400]
    assert rows[0][2] > 1.8 and max(row[2] for row in rows[1:]) < 1.3
    assert [row[1] for row in curve.rows if row[-1] == "measured"][-1] == 4400
    assert any(rule.axis == "x" and rule.at == 400 for rule in curve.rules)
    assert "did not keep" not in curve.caption
    # What is discarded is in no figure of latency.
    assert made.run.cells[0].intended.total == 4000


@pytest.mark.parametrize("low, high", [(0.81, 1.27), (0.9, 1.1), (95, 130), (1, 2), (1e-3, 1e6),
                                       (8e5, 1.3e6), (1e5, 1.01e5)])
def test_an_axis_has_a_few_tics_that_can_be_told_apart(low, high):
    tics = axes.log_axis("", low, high, 1.05, 1e-6).tics
    assert 4 <= len(tics) <= axes.MOST_TICS and len({words for words, _ in tics}) == len(tics)


def test_of_long_texts_only_the_lines_that_differ_are_shown(tmp_path):
    where = sample_run.build(tmp_path, sample_run.plan(systems="linux dune", requests="400"))
    for system, mhz in (("linux", 200), ("dune", 199)):
        folder = where.boot("measure", system)
        folder.mkdir(parents=True)
        store.write_json(folder / "env.guest.json", {
            "cpuinfo": f"vendor: x\nMHz: {mhz}\n\nvendor: x\nMHz: {mhz}", "uname": "Linux"})
    _, body = facts.environment_difference(results.load(where.path))
    rows = {row[0]: row[1:] for row in body}
    assert rows["cpuinfo"] == ["MHz: 200", "MHz: 199"] and "uname" not in rows


def test_bits_that_differ_are_a_warning_at_the_top(tmp_path):
    made = report.make(sample_run.build(
        tmp_path, sample_run.plan(systems="linux", requests="400"), agreed=False).path)
    assert "DISAGREED" in made.index.read_text().partition("<table")[0]
    assert json.loads((made.run.store.path / "summary.json").read_text())["deterministic"] is False


def test_a_flagged_cell_gets_no_verdict(tmp_path):
    plan = sample_run.plan(systems="linux dune", requests="400")
    made = report.make(sample_run.build(tmp_path, plan, changes={"lost": 4}).path)
    summary = json.loads((made.run.store.path / "summary.json").read_text())
    verdicts = {r["verdict"] for c in summary["cells"] for r in c.get("ratio", {}).values()}
    assert verdicts == {"flagged"} and "4 requests lost" in made.index.read_text()


def test_the_command_makes_a_report_again(made, capsys):
    for path in made.run.store.report.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert cli.main(["report", str(made.run.store.path)]) == 0
    assert made.index.exists() and str(made.index) in capsys.readouterr().out


def test_ten_million_samples_need_little_memory(tmp_path):
    plan = sample_run.plan(systems="linux dune", requests="2000", loads="0.5")
    where = sample_run.build(tmp_path, plan, times=1700)
    code = ("import resource, sys; from dunelab import report; made = report.make(sys.argv[1]); "
            "print(sum(item.intended.total for item in made.run.cells), "
            "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)")
    done = subprocess.run([sys.executable, "-c", code, where.path], text=True, check=True,
                          env={**os.environ, "PYTHONPATH": str(paths.root() / "harness")},
                          capture_output=True)
    samples, kib = map(int, done.stdout.split())
    assert samples >= 10 ** 7 and kib < 200 * 1024


def test_scripts_are_a_function_of_the_plan_and_safe_shell(tmp_path):
    plan = sample_run.plan(systems=" ".join(planning.SYSTEMS))
    capacities = dict.fromkeys(plan.systems, 9000.0)
    for system in planning.SYSTEMS.values():
        for phase in ("calibrate", "measure"):
            cells = planning.cells(plan, system.name, capacities) if phase == "measure" else ()
            text = kvscript.script(plan, system, phase, cells)
            assert text == kvscript.script(plan, system, phase, cells)
            path = tmp_path / f"{system.name}-{phase}"
            path.write_text(text)
            subprocess.run(["sh", "-n", path], check=True)
            assert ("insmod" in text) == (system.dune or bool(system.ring))


def test_counters_are_differences():
    text = ("== before stats\nlive_vms 1\n== before vm-1\nvcpus 1\nentries 10\nexits_IO 1\n"
            "== after stats\nlive_vms 1\n== after vm-1\nvcpus 1\nentries 110\nexits_IO 1\n")
    assert kvscript.dune_counters(text) == {"entries": 100, "exits_IO": 0}
