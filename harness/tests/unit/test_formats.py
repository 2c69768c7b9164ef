# SPDX-License-Identifier: MIT
"""Other tools' formats: round trips, their known traps, damaged files, independent readers."""

import json
import shutil
import subprocess
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given, settings, strategies as st

import sample_run
from dunelab import cli, hdr, hlog, ktap, results, stats
from dunelab.formats import fio, junit, records, rtla, rttests
from dunelab.formats.series import FormatError, Series, of_histogram

QUICK = settings(max_examples=40, deadline=None)
bins = st.dictionaries(st.integers(0, 1 << 30), st.integers(1, 1 << 40), min_size=1, max_size=30)
samples = st.lists(st.integers(0, 1 << 39), max_size=60)


def filled(numbers):
    histogram = hdr.Histogram()
    for number in numbers:
        histogram.record(number)
    return histogram


# -- rt-tests ------------------------------------------------------------------------------

def cyclictest(**thread):
    """As version 2.40 writes it; two of its keys end in a colon."""
    given = {"histogram": {"65": 56, "66": 125}, "cycles": 181, "min": 65, "max": 66,
             "avg": 65.7, "cpu": 0, "node": 0, **thread}
    return json.dumps({"file_version": 1, "cmdline:": "cyclictest -q", "rt_test_version:": "2.40",
                       "sysinfo": {"realtime": 0}, "num_threads": 1, "resolution_in_ns": 0,
                       "thread": {"0": given}})


def test_cyclictest_is_read_with_its_colons():
    series, = rttests.read(cyclictest())
    assert (series.name, series.unit, series.bins) == ("cpu0", "us", {65: 56, 66: 125})
    assert series.overflow == 0 and series.notes == [] and series.mean == 65.7
    assert rttests.version(cyclictest()) == "2.40"
    assert rttests.version('{"rt_test_version": "2.5"}') == "2.5"
    # What took between 66 and 67 us is not 66.000 us.
    assert series.histogram().percentile("99") >= 66_999


def test_samples_beyond_the_histogram_are_missed():
    """The file drops them without a word: only the cycles tell."""
    series, = rttests.read(cyclictest(cycles=184, max=2335))
    assert series.overflow == 3 and "3 of 184 samples" in series.notes[0]
    assert series.histogram().overflow == 3
    empty, = rttests.read(cyclictest(histogram={}, cycles=300, max=2335))
    assert empty.overflow == 300 and empty.histogram().total == 0


def test_the_last_bin_of_oslat_holds_everything_above():
    text = json.dumps({"file_version": 1, "rt_test_version": "2.40", "thread": {"0": {
        "cpu": 3, "freq": 2500, "min": 1, "avg": 1.01, "max": 900, "duration": 10,
        "histogram": {"1": 69_043_805, "2": 17, "32": 589}}}})
    series, = rttests.read(text)
    assert series.bins == {1: 69_043_805, 2: 17} and series.overflow == 589
    assert "everything above it, up to 900" in series.notes[0]


@QUICK
@given(st.lists(bins, min_size=1, max_size=4), st.integers(0, 9), st.sampled_from(("us", "ns")))
def test_cyclictest_round_trip(threads, beyond, unit):
    series = [Series(f"cpu{number}", unit, found, beyond, min(found), max(found) + beyond, 1.5)
              for number, found in enumerate(threads)]
    again = rttests.read(rttests.write(series))
    assert [(s.name, s.unit, s.bins, s.overflow, s.low, s.high, s.mean) for s in series] == \
        [(s.name, s.unit, s.bins, s.overflow, s.low, s.high, s.mean) for s in again]


@pytest.mark.parametrize("text, words", [
    ("", "not JSON"), ("[]", "not JSON"), ('{"thread": {}}', "no thread"),
    (cyclictest()[:-40], "not JSON"), (cyclictest(cycles=100), "181 samples in bins, but 100"),
    (cyclictest(histogram={"1.5": 3}), "'1.5' is no whole number"),
    (cyclictest(histogram={"1": float("nan")}), "'nan' is no whole number"),
    (cyclictest(histogram={"1": -3}), "no whole number"), (cyclictest(histogram=[]), "thread 0")])
def test_what_rt_tests_did_not_write_is_refused(text, words):
    with pytest.raises(FormatError, match=words):
        rttests.read(text)


# -- rtla ----------------------------------------------------------------------------------

RTLA = """# RTLA timerlat histogram
# Time unit is microseconds (us)
# Duration:   0 00:00:11
Index   IRQ-000   Thr-000   IRQ-001   Thr-001
0          5591       149      2995       117
1          7094     10385      9998     11080
20            0        13         0         2
over:         0         1         0         0
count:    12685     10548     12993     11199
min:          0         0         0         0
avg:          0         1         0         0
max:          1        34         1        20
"""


def test_rtla_tables_are_read():
    found = {series.name: series for series in rtla.read(RTLA)}
    assert list(found) == ["IRQ-000", "Thr-000", "IRQ-001", "Thr-001"]
    assert found["IRQ-000"].bins == {0: 5591, 1: 7094} and found["IRQ-000"].overflow == 0
    thread = found["Thr-000"]
    assert thread.overflow == 1 and thread.high == 34 and "1 samples lie beyond" in thread.notes[0]


def test_rtla_of_later_kernels_adds_its_columns_up():
    """6.10 and later: averages with decimals, and a table of all CPUs behind that of each."""
    text = RTLA.replace("avg:          0         1         0         0",
                        "avg:       0.56      0.99      0.77      0.99")
    text += """ALL:        IRQ       Thr
count:    25678     21747
min:          0         0
avg:       0.66      0.99
max:          1        34
"""
    found = {series.name: series for series in rtla.read(text)}
    assert list(found) == ["IRQ-000", "Thr-000", "IRQ-001", "Thr-001"]
    assert found["IRQ-001"].mean == 0.77 and found["Thr-001"].high == 20
    assert found["IRQ-000"].bins == rtla.read(RTLA)[0].bins
    for bad in ("nan", "-1", "much"):
        with pytest.raises(FormatError, match="is no average"):
            rtla.read(text.replace("0.77", bad))


@pytest.mark.parametrize("text, words", [
    ("", "RTLA"), (RTLA.replace("microseconds", "fortnights"), "Time unit"),
    (RTLA[:RTLA.index("over:")], "cut short"), (RTLA.replace("   117\n", "\n"), "3 of 4 columns"),
    (RTLA.replace("12685", "99999"), "but a count of 99,999"),
    (RTLA.replace("5591", "nan"), "no whole number")])
def test_damaged_rtla_tables_are_refused(text, words):
    with pytest.raises(FormatError, match=words):
        rtla.read(text)


# -- fio -----------------------------------------------------------------------------------

@QUICK
@given(samples.filter(bool))
def test_fio_round_trip(numbers):
    histogram = filled(numbers)
    series, = fio.read(fio.write({"kv": histogram}))
    assert series.name == "kv read lat_ns"
    assert series.histogram().rows() == histogram.rows()


def test_fios_keys_and_what_it_would_write_for_nothing():
    made = fio.latency(filled(range(3000)))
    assert set(made["percentile"]) == {"50.000000", "90.000000", "99.000000"}
    assert made["N"] == 3000 and made["min"] == 0 and made["max"] >= 2999
    # 9223372036854775807 and zeros are what other tools make of an empty interval.
    assert fio.latency(hdr.Histogram()) == {"N": 0, "percentile": {}, "bins": {}}


@pytest.mark.parametrize("text, words", [
    ("{", "not fio's"), ('{"jobs": [{"jobname": "a"}]}', "no latencies"),
    ('{"jobs": [{"jobname": "a", "read": {"lat_ns": {"N": 3}}}]}', "json\\+"),
    ('{"jobs": [{"jobname": "a", "read": {"lat_ns": {"N": 3, "bins": {"1": 2}}}}]}', "N is 3")])
def test_what_fio_did_not_write_is_refused(text, words):
    with pytest.raises(FormatError, match=words):
        fio.read(text)


# -- HdrHistogram --------------------------------------------------------------------------

@QUICK
@given(samples)
def test_both_tables_of_percentiles_say_the_same(numbers):
    histogram = filled(numbers)
    classic = hlog.read_hgrm(hlog.write_hgrm(histogram))
    table = hlog.read_hgrm(hlog.write_hgrm_csv(histogram))
    assert [(v, n) for v, _, n in classic] == [(v, n) for v, _, n in table]
    assert all(abs(a[1] - b[1]) < 1e-6 for a, b in zip(classic, table))
    assert (table[-1][1:] == (1.0, len(numbers))) if numbers else not table


@QUICK
@given(st.lists(st.tuples(samples, st.sampled_from(("", "a", "read 1"))), max_size=8))
def test_logs_keep_tags_and_empty_intervals(parts):
    log = [hlog.Interval(float(i), 1.0, filled(numbers), tag)
           for i, (numbers, tag) in enumerate(parts)]
    again = hlog.read(hlog.write(log, 12.5))
    assert [(i.start, i.length, i.tag, i.histogram.rows()) for i in log] == \
        [(i.start, i.length, i.tag, i.histogram.rows()) for i in again]


JAR = "/usr/share/java/hdrhistogram.jar"


@pytest.mark.skipif(not shutil.which("java"), reason="no Java: libhdrhistogram-java is an option")
def test_the_java_library_reads_our_log(tmp_path):
    """Debian's libhdrhistogram-java, where it is installed: its totals and percentiles."""
    histogram = filled(range(1, 20_000, 7))
    (tmp_path / "x.hlog").write_text(hlog.write([hlog.Interval(0.0, 1.0, histogram)]))
    done = subprocess.run(
        ["java", "-cp", JAR, "org.HdrHistogram.HistogramLogProcessor", "-csv", "-i",
         "x.hlog", "-o", "y", "-outputValueUnitRatio", "1"], cwd=tmp_path, capture_output=True,
        text=True, timeout=60, check=False)
    if "ClassNotFound" in done.stderr or "could not find or load" in done.stderr.lower():
        pytest.skip("libhdrhistogram-java is not installed")
    assert done.returncode == 0, done.stderr
    theirs = hlog.read_hgrm((tmp_path / "y.hgrm").read_text())
    ours = hlog.read_hgrm(hlog.write_hgrm_csv(histogram))
    # It ends at the first step that has all samples; ours goes on to the last level.
    short, ours = ([row for row in rows if row[2] < histogram.total] for rows in (theirs, ours))
    assert len(short) > 20 and [row[1:] for row in short] == [row[1:] for row in ours]
    assert [row[0] for row in short] == pytest.approx([row[0] for row in ours], rel=1e-3)
    assert theirs[-1][2] == histogram.total


# -- collectors ----------------------------------------------------------------------------

@pytest.fixture(scope="module")
def run(tmp_path_factory):
    plan = sample_run.plan(systems="linux dune", loads="0.5", requests="2000")
    lost = next(c.id for c in sample_run.planning.expected_cells(plan) if c.kind == "equal")
    return results.load(sample_run.build(tmp_path_factory.mktemp("run"), plan, without=(lost,),
                                         status="incomplete").path)


def test_kcidb_has_a_number_for_each_percentile(run):
    made = json.loads(records.kcidb(run))
    assert made["version"] == {"major": 5, "minor": 0}
    assert {test["status"] for test in made["tests"]} == {"DONE", "MISS"}
    done = [test for test in made["tests"] if test["status"] == "DONE"]
    assert len(done) == 2 * 2 and all(test["number"]["unit"] == "vns" for test in done)
    assert any(test["path"] == "kv.linux.own0.5.p99" for test in done)
    assert len({test["id"] for test in made["tests"]}) == len(made["tests"])
    assert all(test["id"].startswith("dunelab:") and test["build_id"] == made["builds"][0]["id"]
               for test in made["tests"])


# What KCIDB's schema 5.0 demands of the objects that we write.
_ID, _ORIGIN = {"type": "string", "pattern": "^[a-z0-9_]+:.*$"}, {"const": "dunelab"}
_TEXT = {"type": "string"}


def _objects(required, **properties):
    return {"type": "array", "items": {"type": "object", "additionalProperties": False,
                                       "required": required, "properties": properties}}


KCIDB = {
    "type": "object", "additionalProperties": False, "required": ["version"],
    "properties": {
        "version": {"type": "object", "required": ["major"], "additionalProperties": False,
                    "properties": {"major": {"const": 5}, "minor": {"const": 0}}},
        "checkouts": _objects(["id", "origin"], id=_ID, origin=_ORIGIN, git_commit_hash={
            "type": "string", "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$"}),
        "builds": _objects(["id", "origin", "checkout_id"], id=_ID, checkout_id=_ID,
                           origin=_ORIGIN, architecture={"pattern": "^[a-z0-9_]+$"}),
        "tests": _objects(
            ["build_id", "id", "origin"], id=_ID, build_id=_ID, origin=_ORIGIN,
            path={"type": "string", "pattern": r"^([a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*)?$"},
            status={"enum": ["FAIL", "ERROR", "MISS", "PASS", "DONE", "SKIP"]},
            log_excerpt={"type": "string", "maxLength": 16384},
            start_time={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
                                                     r"(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
            number={"type": "object", "required": ["value"], "additionalProperties": False,
                    "properties": {"value": {"type": "number"}, "unit": _TEXT,
                                   "prefix": {"enum": ["metric", "binary"]}}},
            environment={"type": "object", "additionalProperties": False,
                         "properties": {"comment": _TEXT, "misc": {"type": "object"}}})}}


def test_kcidb_is_as_its_schema_has_it(run):
    jsonschema.validate(json.loads(records.kcidb(run)), KCIDB)
    # A tree without git has no hash, and says none.
    bare = replace(run, manifest={**run.manifest, "commit": "nocommit"})
    made = json.loads(records.kcidb(bare))
    jsonschema.validate(made, KCIDB)
    assert "git_commit_hash" not in made["checkouts"][0]


def test_github_has_ranges_and_clocks(run):
    made = json.loads(records.github(run))
    assert {entry["name"] for entry in made} == {
        f"kv.{system}.own0.5 p{p}" for system in ("linux", "dune") for p in (50, 99)}
    assert all("instr(bochs)" in entry["extra"] for entry in made)
    # A percentile whose requests are too few for an interval, dependent as they are, has none.
    ranges = [entry["range"] for entry in made if "range" in entry]
    assert len(ranges) >= 2 and all(" .. " in text for text in ranges)


def test_ktap_is_read_by_our_own_reader(run):
    report = ktap.parse(records.ktap(run))
    assert report.count(ktap.PASS) == 2 and report.count(ktap.FAIL) == 1 and not report.ok
    assert "MISS this cell never ran" in report.failures()[0]


def row(name, verdict, **changes):
    return {"metric": name, "unit": "vns", "lower_is_better": True, "how": "pairs", "n": [8],
            "ratio": 1.05, "ci95": [1.04, 1.06], "p": 0.008, "p_holm": 0.03, "ks": 0.1,
            "a12": 0.6, "verdict": verdict, "reason": "", **changes}


def test_junit_says_what_compare_says():
    side = {"paths": ["a"], "clock_domain": "instr(bochs)", "profile": "none", "commits": [],
            "environment": {}, "problems": []}
    made = {"schema": "dunelab-comparison/1", "base": side, "new": side, "labels": [],
            "margin": 0.01, "alpha": 0.05, "confidence": 0.95, "verdict": "regressed",
            "metrics": [row("dune own0.5 p99", "regressed"), row("linux own0.5 p99", "ok"),
                        row("linux <own> p50", "inconclusive", ratio=None, reason="3 of 6 & so")],
            "missing": ["dune capacity"]}
    text = junit.write(made)
    assert junit.read(text) == {
        ("dune.own0.5", "p99"): "failure", ("linux.own0.5", "p99"): "passed",
        ("linux.<own>", "p50"): "skipped", ("dune", "capacity"): "error"}
    assert 'tests="4" failures="1" errors="1" skipped="1"' in text
    assert "1.050 [1.040, 1.060], p = 0.03 after Holm" in text


# -- the command ---------------------------------------------------------------------------

def convert(capsys, *argv):
    status = cli.main(["convert", *map(str, argv)])
    return status, *capsys.readouterr()


def test_cyclictest_becomes_a_log_that_hdrhistogram_reads(tmp_path, capsys):
    (tmp_path / "c.json").write_text(cyclictest(cycles=184, max=2335))
    status, out, err = convert(capsys, tmp_path / "c.json", "--to", "hlog")
    assert status == 0 and "3 of 184 samples" in err
    (tmp_path / "c.hlog").write_text(out)
    status, out, err = convert(capsys, tmp_path / "c.hlog", "--to", "csv")
    assert status == 0 and "cpu0,181,0,p50," in out and ",p99.9,,,,ns" in out
    for target in ("hgrm", "hgrm-csv", "fio", "cyclictest"):
        assert convert(capsys, tmp_path / "c.hlog", "--to", target)[0] == 0


@pytest.mark.parametrize("target", ["kcidb", "github", "ktap", "csv", "hlog", "fio"])
def test_a_run_in_every_format(run, capsys, target):
    status, out, _ = convert(capsys, run.store.path, "--to", target)
    assert status == 0 and len(out) > 100


def test_bad_input_is_named(tmp_path, run, capsys):
    (tmp_path / "x").write_text("what is this")
    (tmp_path / "b").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "c.json").write_text(cyclictest())
    for argv, words in (((tmp_path / "none", "--to", "csv"), "No such file"),
                        ((tmp_path / "x", "--to", "csv"), "none of the formats"),
                        ((tmp_path / "b", "--to", "csv"), "codec"),
                        ((tmp_path / "x", "--to", "junit"), "Expecting value"),
                        ((tmp_path / "c.json", "--to", "kcidb"), "made of a run"),
                        ((tmp_path / "c.json", "--to", "csv", "--series", "cpu9"), "as cpu9"),
                        ((run.store.path, "--to", "hgrm"), "--series wants one of")):
        status, _, err = convert(capsys, *argv)
        assert status == 2 and words in err, err


def test_a_histogram_keeps_its_percentiles_as_a_series():
    histogram = filled(range(5000))
    again = of_histogram("x", histogram).histogram()
    assert again.rows() == histogram.rows()
    assert stats.gated(again, "99").value == histogram.percentile("99")
