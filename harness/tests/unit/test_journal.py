# SPDX-License-Identifier: MIT
"""Journal and progress: what survives a crash, what a person sees."""

import io
import time

import pytest

from dunelab import journal, progress
from dunelab.errors import UsageError


def test_events_are_appended_and_read_back(tmp_path):
    path = tmp_path / "journal.ndjson"
    for number in range(2):
        book = journal.Journal(path)
        book.write("start", boot=f"b{number}")
        book.close()
        book.write("after the end")
    events = journal.read(path)
    assert [(e["event"], e["boot"]) for e in events] == [("start", "b0"), ("start", "b1")]
    assert all(isinstance(e["t"], float) for e in events)


def test_a_last_line_cut_short_is_left_out_but_damage_is_not(tmp_path):
    path = tmp_path / "journal.ndjson"
    path.write_text('{"event": "a"}\n{"eve')
    assert [e["event"] for e in journal.read(path)] == ["a"]
    path.write_text('{"eve\n{"event": "a"}\n')
    with pytest.raises(ValueError, match="line 1"):
        journal.read(path)
    assert journal.read(tmp_path / "none") == []


@pytest.mark.parametrize("seconds, text", [
    (0.2, "0 s"), (59.4, "59 s"), (125, "2 min 05 s"), (3800, "1 h 03 min")])
def test_durations(seconds, text):
    assert progress.duration(seconds) == text


def test_without_a_terminal_only_finished_steps_are_printed():
    out = io.StringIO()
    shown = progress.Progress(100, 2, out, clock=lambda: 3.0)
    shown.start("a", "booting")
    shown.finish("a", "linux: done")
    shown.close()
    assert out.getvalue() == "[         0 s] linux: done\n"


def test_the_remaining_time_follows_the_pace():
    now = [0.0]
    shown = progress.Progress(100, 2, io.StringIO(), clock=lambda: now[0])
    assert shown.eta() == pytest.approx(50)
    now[0] = 20.0               # nothing finished yet, but time passes
    assert shown.eta() == pytest.approx(30)
    now[0] = 50.0               # twice as slow as expected
    shown.advance(50)
    assert 40 < shown.eta() < 50
    now[0] = 500.0              # stuck: never below a fifth of what was expected
    assert 8 < shown.eta() < 10
    shown.advance(50)
    assert shown.eta() == 0


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_the_live_line_is_redrawn(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "REDRAW_S", 0.01)
    out = Terminal()
    shown = progress.Progress(100, 1, out)
    shown.start("a", "linux measure: booting")
    deadline = time.monotonic() + 5
    while "left: linux measure: booting" not in out.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    shown.close()
    assert "  0% about 1 min 40 s left: linux measure: booting" in out.getvalue()
    assert out.getvalue().endswith("\r\x1b[K")


def test_two_runs_do_not_write_the_same_journal(tmp_path):
    first = journal.Journal(tmp_path / "journal.ndjson")
    first.write("begin")
    with pytest.raises(UsageError, match="is being written by another process"):
        journal.Journal(tmp_path / "journal.ndjson")
    first.close()
    journal.Journal(tmp_path / "journal.ndjson").close()
    assert len(journal.read(tmp_path / "journal.ndjson")) == 1
