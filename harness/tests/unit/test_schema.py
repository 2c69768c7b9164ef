# SPDX-License-Identifier: MIT
"""Records keep their schema when written, and are read only as they were written."""

import json
import shutil

import jsonschema
import pytest

import sample_run
from dunelab import cli, hdr, plan as planning, report, results, schema, store
from dunelab.errors import UsageError

PLAN = sample_run.plan(systems="linux", loads="0.5", requests="400")
CELL = planning.expected_cells(PLAN)[0]


@pytest.fixture
def run(tmp_path):
    return sample_run.build(tmp_path, PLAN)


def files():
    return {path.name: json.loads(path.read_text()) for path in schema.FOLDER.glob("*.json")}


def test_the_list_has_every_record_of_every_file():
    found = {}
    for name, whole in files().items():
        jsonschema.Draft202012Validator.check_schema(whole)
        assert name == "results.json" or len(json.dumps(whole)) > 500, name
        for word, part in whole.get("$defs", {}).items():
            if "/" in word:
                assert part["properties"]["schema"] == {"const": word}
                found[word] = f"{name}#/$defs/{word.replace('/', '~1')}"
    assert found == schema.known() and len(found) > 10


def test_every_reference_leads_somewhere():
    def references(value):
        if isinstance(value, dict):
            yield from [value["$ref"]] if "$ref" in value else []
            value = list(value.values())
        for part in value if isinstance(value, list) else []:
            yield from references(part)

    seen = 0
    for name, whole in files().items():
        for reference in references(whole):
            where, _, word = reference.partition("#/$defs/")
            assert word.replace("~1", "/") in files()[where or name]["$defs"], (name, reference)
            seen += 1
    assert seen > 100


def test_every_schema_that_is_written_is_known():
    code = "\n".join(path.read_text() for path in schema.FOLDER.parent.rglob("*.py"))
    import re
    written = set(re.findall(r'schema"?[:=] ?"([a-z-]+/[0-9]+)"', code))
    assert len(written) > 10
    assert written <= set(schema.known())


def test_all_of_a_run_is_valid_against_the_files_alone(run, tmp_path):
    """As somebody else's validator would see it: the list of all, no help from us."""
    report.make(run.path)
    path = schema.FOLDER / "results.json"
    listed = json.loads(path.read_text())
    whole = jsonschema.Draft202012Validator(
        listed, resolver=jsonschema.RefResolver(path.as_uri(), listed))
    seen = set()
    for path in run.path.rglob("*.json"):
        value = json.loads(path.read_text())
        if isinstance(value, dict) and value.get("schema", "").startswith(("dunelab", "lat-")):
            whole.validate(value)
            seen.add(value["schema"])
    assert seen == {"dunelab-run/1", "dunelab-plan/1", "lat-run/1", "lat-cell/1",
                    "dunelab-summary/1"}


@pytest.mark.parametrize("record, text", [
    ([], "names no schema"), ({}, "names no schema"), ({"schema": 3}, "names no schema"),
    ({"schema": "dunelab-run/9"}, "unknown schema 'dunelab-run/9'"),
    ({"schema": "dunelab-ab/1"}, "'pairs' is a required property")])
def test_what_is_no_record_is_named(record, text):
    with pytest.raises(schema.SchemaError, match=text):
        schema.check(record)


def test_a_wrong_record_is_not_written(tmp_path):
    path = tmp_path / "ab.json"
    with pytest.raises(schema.SchemaError, match="order: 'ABC' does not match"):
        store.write_json(path, {"schema": "dunelab-ab/1", "pairs": 6, "seed": 1, "order": "ABC",
                                "options": [], "trees": {}})
    assert not path.exists()


# -- damage --------------------------------------------------------------------------------

def edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def cut(path):
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


@pytest.mark.parametrize("name, text", [
    ("lat.hlog", "lat.hlog: changed"), ("kv-load.json", "kv-load.json: changed"),
    ("lat.hgrm", "lat.hgrm: changed"), ("run.json", "run.json was changed")])
def test_what_was_changed_or_cut_short_is_found(run, name, text):
    path = run.run(CELL) / name
    whole = path.read_bytes()
    for damaged in (whole[:-20], whole.replace(b"1", b"2", 1), b""):
        path.write_bytes(damaged)
        found = results.load(run.path).cells[0]
        assert found.status == "ERROR" and text in found.detail, damaged[:40]
    path.write_bytes(whole)
    assert results.load(run.path).cells[0].done


def test_a_file_that_is_gone_is_found(run):
    (run.run(CELL) / "lat.hgrm").unlink()
    assert "lat.hgrm: changed" in results.load(run.path).cells[0].detail


@pytest.mark.parametrize("name", ["manifest.json", "plan.json"])
def test_a_damaged_run_is_refused_by_name(run, name, capsys):
    cut(run.path / name)
    with pytest.raises(UsageError, match="is not the directory of a run"):
        results.load(run.path)
    before = sorted(path.name for path in run.path.iterdir())
    for command in (["report", str(run.path)], ["compare", str(run.path), str(run.path)]):
        assert cli.main(command) == 2
        assert "not the directory of a run" in capsys.readouterr().err
    assert sorted(path.name for path in run.path.iterdir()) == before


@pytest.mark.parametrize("plan", ["[]", '{"plan": []}', '{"plan": {"axes": 1}}', "3"])
@pytest.mark.parametrize("kind", ["run", "jitter", "spin", "paper", "sweep"])
def test_a_plan_that_is_none_is_named(kind, plan, run, capsys):
    (run.path / "plan.json").write_text(plan)
    if kind != "run":
        run.manifest.write_text(json.dumps({"schema": f"dunelab-{kind}/1"}))
    assert cli.main(["report", str(run.path)]) == 2
    assert "not a plan" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_damaged_data_is_not_compared(run, damage, capsys):
    path = run.run(CELL) / "lat.hlog"
    if damage == "cut":
        cut(path)
    else:
        shutil.rmtree(path.parent)
    assert cli.main(["compare", str(run.path), str(run.path)]) == 2
    said = capsys.readouterr().err
    assert "stored data cannot be read" in said and CELL.id in said and "leave that run" in said


@pytest.mark.parametrize("change, text", [
    (lambda m: m.update(schema="dunelab-run/2"), "schema dunelab-run/2, where dunelab-run/1"),
    (lambda m: m.update(schema="dunelab-bench/1"), "where dunelab-run/1 belongs"),
    (lambda m: m.pop("engine"), "'engine' is a required property"),
    (lambda m: m["engine"].update(clock_domain="parsecs"), "engine.clock_domain"),
    (lambda m: m.update(seed=float("nan")), "NaN is no measurement")])
def test_mixed_schemas_and_wrong_fields_are_named(run, change, text):
    edit(run.manifest, change)
    with pytest.raises(UsageError, match=text):
        results.load(run.path)


def test_an_empty_histogram_is_no_measurement(tmp_path):
    """Neither when written, nor when somebody else's run has one."""
    files = sample_run.cell_files(1000.0, 60_000, 400, 1)
    empty = hdr.Histogram().encode_base64()
    files["lat.hlog"] = (b"#[Histogram log format version 1.3]\n"
                         b"Tag=intended,0.0,1.0,0.0," + empty.encode() + b"\n")
    from dunelab import summary
    made = summary.run_record(files, "vns", "instr(bochs)")
    assert made["status"] == "ERROR" and "no latency was recorded" in made["status_detail"]


def test_an_old_record_without_digests_is_still_read(run):
    path = run.run(CELL) / "run.json"
    edit(path, lambda record: record.pop("sha256"))
    edit(run.manifest, lambda manifest: manifest.pop("runs"))
    assert results.load(run.path).cells[0].done
