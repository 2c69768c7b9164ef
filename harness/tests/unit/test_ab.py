# SPDX-License-Identifier: MIT
"""`dunelab ab`: the order of turns, a common seed for each pair, going on after a stop."""

import json

import pytest

import sample_run
from dunelab import ab, cli, hostenv, paths, store


@pytest.fixture
def simulated(monkeypatch):
    """Runs that a queue simulation makes instead of an emulator; returns the turns taken."""
    taken = []

    def measure(tree, options):
        given = dict(zip(options[1::2], options[2::2]))
        taken.append((given["--out"].rsplit("/", 1)[1], int(given["--seed"])))
        plan = sample_run.plan(systems="linux", loads="0.5", requests="500", seed=given["--seed"])
        slow = given["--out"].endswith("new") and "--slow" in given
        work = {"linux": 60_000 * (1.05 if slow else 1) + 13 * int(given["--seed"])}
        sample_run.build(ab.Path(given["--out"]), plan, work=work)

    monkeypatch.setattr(ab, "_measure", measure)
    return taken


def call(out, *argv):
    root = str(paths.root())
    return cli.main(["ab", root, root, "--out", str(out), *argv])


def test_each_pair_has_its_seed_and_blocks_alternate():
    turns = ab.plan(6, 3)
    assert sorted(turns) == sorted((arm, seed) for arm in "AB" for seed in range(3, 9))
    for start in range(0, 12, 4):
        assert "".join(arm for arm, _ in turns[start:start + 4]) in ("ABBA", "BAAB")
        assert len({seed for _, seed in turns[start:start + 4]}) == 2


def test_two_equal_trees_are_ok_and_a_slow_one_is_not(tmp_path, simulated, capsys):
    assert call(tmp_path / "a", "--pairs", "7") == 0 and len(simulated) == 14
    assert call(tmp_path / "b", "--pairs", "8", "--", "--slow", "1") == 1
    assert "8 pairs" in capsys.readouterr().out


def test_the_same_command_again_measures_only_what_is_missing(tmp_path, simulated):
    assert call(tmp_path, "--pairs", "6") == 0
    first = list(simulated)
    lost = next(path for path in tmp_path.glob("new/kv/*/manifest.json")
                if store.read_json(path)["seed"] == 2)
    kept = json.loads(lost.read_text())
    lost.write_text(json.dumps({**kept, "status": "interrupted"}))
    del simulated[:]
    call(tmp_path, "--pairs", "6")
    assert first.count(("new", 2)) == 1 and simulated == [("new", 2)]


def test_another_experiment_does_not_share_its_directory(tmp_path, simulated, capsys):
    assert call(tmp_path, "--pairs", "6") == 0
    assert call(tmp_path, "--pairs", "7") == 2
    assert "nothing is overwritten" in capsys.readouterr().err


def test_a_tree_that_moved_is_not_mixed_with_what_it_was(tmp_path, simulated,
                                                         monkeypatch, capsys):
    assert call(tmp_path, "--pairs", "6") == 0
    kept = store.read_json(tmp_path / "ab.json")
    assert set(kept["builds"]) == {"base", "new"}
    assert kept["builds"]["new"]["commit"] == hostenv.commit()[0]
    monkeypatch.setattr(hostenv, "commit", lambda tree=None: ("f" * 40, False))
    assert call(tmp_path, "--pairs", "6") == 2
    assert "another experiment (builds differ)" in capsys.readouterr().err


def test_a_commit_between_two_turns_ends_the_experiment(tmp_path, simulated, monkeypatch, capsys):
    monkeypatch.setattr(hostenv, "commit",
                        lambda tree=None: (f"{len(simulated) // 4:040x}", False))
    assert call(tmp_path, "--pairs", "6") == 2 and len(simulated) == 4
    assert "has changed since this experiment began" in capsys.readouterr().err


@pytest.mark.parametrize("words", [
    ("--profile", "none"), ("--profile=none",), ("--prof", "x"), ("--seed", "1"), ("--seeds=1-3",),
    ("--out", "x")])
def test_what_ab_gives_itself_is_not_given_behind_it(tmp_path, simulated, capsys, words):
    assert call(tmp_path, "--pairs", "6", "--", *words) == 2 and not simulated
    assert "belongs to ab itself" in capsys.readouterr().err


def test_a_profile_has_runs_of_its_own(tmp_path, simulated, monkeypatch, capsys):
    """The experiment leaves a run under `none` beside each: not what is wanted, nor in the way."""
    plain = ab._measure

    def measure(tree, options):
        plain(tree, options)
        plain(tree, options)
        folder = ab.Path(options[options.index("--out") + 1])
        newest = max(folder.glob("kv/*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
        kept = store.read_json(newest)
        kept["engine"]["profile"] = "zen2-2019"
        store.write_json(newest, kept)

    monkeypatch.setattr(ab, "_measure", measure)
    assert call(tmp_path, "--pairs", "6", "--profile", "zen2-2019") == 0 and len(simulated) == 24
    assert call(tmp_path, "--pairs", "6", "--profile", "zen2-2019") == 0 and len(simulated) == 24
    assert not ab.measured(tmp_path / "new", 1, "other")


def test_too_few_pairs_for_so_many_metrics_are_said_before(tmp_path, simulated, capsys):
    call(tmp_path / "a", "--pairs", "6")
    assert "pairs can never decide so many: want --pairs 11" in capsys.readouterr().err
    call(tmp_path / "b", "--pairs", "7", "--", "--systems", "linux", "--loads", "0.5",
         "--requests", "500")
    assert "never decide" not in capsys.readouterr().err


@pytest.mark.parametrize("argv, text", [
    (["--pairs", "5"], "want 6 to 20"), (["--pairs", "21"], "want 6 to 20")])
def test_wrong_numbers_of_pairs(tmp_path, capsys, argv, text):
    assert call(tmp_path, *argv) == 2
    assert text in capsys.readouterr().err


def test_a_directory_that_is_no_clone(tmp_path, capsys):
    assert cli.main(["ab", str(tmp_path), ".", "--out", str(tmp_path / "o")]) == 2
    assert "is no clone" in capsys.readouterr().err
