# SPDX-License-Identifier: MIT
"""The command line's manners: examples, completion's and the manual's source, JSON, colours."""

import io
import json
import os
import pty
import re
import subprocess

import pytest

import sample_run
from dunelab import arguments, cli, colour, complete, dryrun, engine, manual, paths
from dunelab.errors import UsageError

COMMANDS = [*((name,) for name in sorted(cli.COMMANDS)), *arguments.NESTED]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_explains_every_argument_and_has_examples(words, capsys):
    parser = arguments.of(*words)
    if not isinstance(parser, arguments.Parser) and not parser.epilog:
        pytest.skip("its parser is none of arguments.Parser")
    assert not [names for names, action in arguments.options(parser) if not action.help]
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    examples = text.partition("examples:")[2].splitlines()
    assert any(f"dunelab {' '.join(words)}" in line for line in examples), text


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_options_in_examples_exist(words):
    """Of the lines that call the command itself."""
    known = {name for names, _ in arguments.options(arguments.of(*words)) for name in names}
    for line in (arguments.of(*words).epilog or "").splitlines():
        called = re.match(rf"\s+dunelab {' '.join(words)} (.*)", line)
        if called:
            own = re.sub(r"'[^']*'|\"[^\"]*\"", "", called[1].split(" -- ")[0].split(" | ")[0])
            if words != ("complete",):
                assert set(re.findall(r"(?<!\S)(--[a-z-]+)", own)) <= known, line


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_wrong_options_are_one_line_and_status_2(words, capsys):
    if words == ("complete",):
        return          # options among its words are those of another command
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--no-such-option"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"dunelab {' '.join(words)}: error:" in said and "Traceback" not in said


def test_an_unknown_command_is_named(capsys):
    assert cli.main(["swep"]) == 2
    assert "unknown command 'swep'" in capsys.readouterr().err
    with pytest.raises(UsageError, match="unknown command 'swep'"):
        arguments.of("swep")


def test_all_options_of_all_commands_are_completed():
    for words in COMMANDS:
        options = {name for names, _ in arguments.options(arguments.of(*words))
                   for name in names if name.startswith("--")}
        assert set(complete.fitting([*words, "--"])) == options


@pytest.mark.parametrize("words, found", [
    (["sweep", "--engine-runner", ""], ["local", "slurm"]),
    (["experiment", "j"], ["jitter"]), (["experiment", "jitter", "--no"], ["--noise"]),
    (["experiment", "kv", "--poli"], []), (["convert", "x", "--to", "jun"], ["junit"]),
    (["boot", "--engine", ""], []), (["nonsense", "--"], []), (["sweep", "pl"], [])])
def test_values_are_completed_where_there_is_a_list(words, found):
    assert complete.fitting(words) == found


def test_the_manual_page_is_well_formed_and_has_everything():
    text = manual.page()
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=text, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    plain = text.replace("\\-", "-")
    for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT",
                  "SEE ALSO"):
        assert f"\n.SH {title}\n" in text
    for words in COMMANDS:
        part = plain.partition(f".SS dunelab {' '.join(words)}")[2].partition("\n.SS ")[0]
        assert part, words
        for names, action in arguments.options(arguments.of(*words)):
            assert action.dest == "help" or all(f"\\fB{name}\\fR" in part for name in names)


def test_the_script_shows_the_page_from_anywhere(tmp_path):
    done = subprocess.run([paths.root() / "scripts" / "dunelab", "man"], cwd=tmp_path, text=True,
                          capture_output=True, check=True)
    assert done.stdout.startswith('.\\" SPDX') and "\n.TH dunelab 1 " in done.stdout


def test_doctor_in_json_says_what_it_says_in_lines(capsys, monkeypatch):
    from dunelab import doctor
    monkeypatch.setattr(doctor, "CHECKS", (doctor.check_python, doctor.check_host))
    assert cli.main(["doctor"]) == cli.main(["doctor", "--json"]) == 0
    said = capsys.readouterr().out
    lines, _, found = said.partition("[\n")
    found = json.loads("[" + found)
    assert [line.split()[:2] for line in lines.splitlines()] == [
        [item["state"], item["what"].split()[0]] for item in found]


def test_a_report_in_json_is_the_summary(tmp_path, capsys):
    where = sample_run.build(tmp_path, sample_run.plan(systems="linux dune", loads="0.3"))
    assert cli.main(["report", str(where.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(
        (where.path / "summary.json").read_text())


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    def isatty(self):
        return True


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert not colour.wanted(io.StringIO()) and colour.wanted(Terminal())
    text = colour.verdicts("ok  regressed  book not-ok inconclusive", Terminal())
    assert re.sub("\x1b\\[[0-9]*m", "", text) == "ok  regressed  book not-ok inconclusive"
    assert text.startswith("\x1b[32mok\x1b[0m  \x1b[31mregressed\x1b[0m  book not-ok \x1b[33m")
    assert colour.verdicts("ok", io.StringIO()) == "ok"
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour.wanted(Terminal()) and colour.paint("x", "red", Terminal()) == "x"
    monkeypatch.setenv("NO_COLOR", "")
    assert colour.wanted(Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert not colour.wanted(Terminal())


@pytest.mark.parametrize("no_color, coloured", [("", True), ("1", False)])
def test_a_real_terminal_gets_colours_and_a_pipe_none(no_color, coloured):
    environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm",
                   "PYTHONPATH": str(paths.root() / "harness")}
    code = ("from dunelab import doctor; doctor.CHECKS = (doctor.check_python,); "
            "doctor.main([])")
    argv = ["/usr/bin/python3", "-c", code]
    piped = subprocess.run(argv, env=environment, capture_output=True, check=True).stdout
    assert b"python" in piped and b"\x1b" not in piped
    ours, theirs = pty.openpty()
    subprocess.run(argv, env=environment, stdout=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 4096)
    os.close(ours)
    assert b"python" in shown and (b"\x1b[32m" in shown) == coloured


def test_a_dry_run_without_a_kernel_says_what_to_do(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("BUILD", str(tmp_path))
    assert cli.main(["boot", "--dry-run", "--", "true"]) == 2
    assert "make kernel" in capsys.readouterr().err


def test_a_dry_run_is_the_engines_own_launch(tmp_path, monkeypatch):
    """QEMU's words, in its order; nothing of the directory that was looked at is left."""
    kernel = tmp_path / "kernel" / "cloud" / "vmlinuz"
    kernel.parent.mkdir(parents=True)
    kernel.write_bytes(b"")
    monkeypatch.setenv("BUILD", str(tmp_path))
    for name in ("KERNEL", "FLAVOUR"):
        monkeypatch.delenv(name, raising=False)
    words = {"cmdline": "quiet it's", "cpus": 2, "memory_mib": 300}
    found = dryrun.entry(dryrun.Planned("one", engine.get("qemu"), words))
    launch = engine.get("qemu").launch(engine.Boot(
        kernel, tmp_path / "initrd", words["cmdline"], 2, 300, 1.0, tmp_path))
    assert found["argv"] == [str(word).replace(f"{tmp_path}/", "$WORK/") if "kernel/" not in str(
        word) else str(word) for word in launch.argv]
    line = dryrun.text([found]).splitlines()[-1]
    shown = subprocess.run(["sh", "-c", f"WORK='a b'; printf '%s\\n' {line}"], text=True,
                           capture_output=True, check=True).stdout.splitlines()
    assert shown == [word.replace("$WORK", "a b") for word in found["argv"]]


@pytest.mark.parametrize("words, said", [
    (["boot", "--memory", "-5", "--", "true"], "--memory -5: want MiB"),
    (["boot", "--memory", "2000000", "--dry-run", "--", "true"], "--memory 2000000"),
    (["boot", "--timeout", "nan", "--", "true"], "--timeout nan: want seconds"),
    (["boot", "--timeout", "-1", "--", "true"], "want seconds, more than 0"),
    (["gate", "--jobs", "0"], "--jobs 0: want a whole number"),
    (["image", "out", "--flavour", "nobodys"], "no kernel 'nobodys'"),
    (["report", "nowhere"], "nowhere is not the directory of a run: plan.json: No such file"),
    (["paper", "--report", "nowhere"], "of the paper: plan.json: No such file"),
])
def test_wrong_values_are_named_before_anything_runs(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    message = capsys.readouterr().err
    assert said in message and "Traceback" not in message
    assert not list(tmp_path.iterdir())
