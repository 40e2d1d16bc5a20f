"""How far a run is: what it says to eyes, to other programs and to a log."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.jobs.progress import Progress


def run(progress):
    progress.start()
    progress.film_before("a", "a")
    progress.film_done("b", "b")
    progress.film_failed("c", "/folder/c: cut", "cut")
    progress.end()
    progress.say("the end")


def test_lines_of_json(capsys):
    run(Progress(5, "json"))
    out, err = capsys.readouterr()
    events = [json.loads(line) for line in out.splitlines()]
    assert [e["event"] for e in events] == ["start", "film", "film", "film", "end"]
    assert [(e["file"], e["status"]) for e in events[1:4]] == [("a", "before"), ("b", "done"), ("c", "failed")]
    assert events[3]["reason"] == "cut" and events[2]["result"] == "b"
    last = events[-1]
    assert (last["total"], last["done"], last["failed"], last["before"]) == (5, 1, 1, 1)
    assert last["films_per_minute"] > 0 and last["seconds_left"] >= 0
    assert events[0]["films_per_minute"] is None
    assert err == "spine-alignment: /folder/c: cut\n"


def test_quiet_says_only_what_goes_wrong(capsys):
    run(Progress(5, "quiet"))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "spine-alignment: /folder/c: cut\n")


def test_log_file_grows(tmp_path, capsys):
    for _ in range(2):
        run(Progress(5, "bar", tmp_path / "log"))
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 10
    said = [line.split(" ", 1)[1] for line in lines[:5]]
    assert said[:4] == ["start: 5 films", "before: a", "done: b", "failed: c: cut"]
    assert said[4].startswith("end: 3/5 films, 1 failed, ")
    assert capsys.readouterr().out == "the end\nthe end\n"
    with pytest.raises(ResultError, match="cannot write"):
        Progress(5, "bar", tmp_path / "none" / "log").start()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_log_on_a_full_disk_is_told_once(capfd):
    progress = Progress(2, "quiet", Path("/dev/full"))
    progress.start()
    progress.film_done("a.png", "a")
    progress.film_done("b.png", "b")
    progress.end()
    told = capfd.readouterr().err.splitlines()
    assert told == ["spine-alignment: /dev/full: cannot write: No space left on device; lines are missing in it"]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of Unix")
def test_a_log_is_appended_to_no_other_file(tmp_path):
    film = tmp_path / "film.dcm"
    film.write_bytes(b"\0" * 128 + b"DICM")
    with pytest.raises(ResultError, match="no log of an earlier run"):
        Progress(1, "quiet", film).start()
    assert film.read_bytes() == b"\0" * 128 + b"DICM"


def test_a_file_name_writes_no_line_of_its_own(tmp_path, capsys):
    progress = Progress(1, "quiet", tmp_path / "log")
    progress.start()
    progress.problem("/folder/films.zip: locked")
    progress.film_done("a\n2026-11-29T00:00:00+0000 done: b", "a")
    progress.film_failed("c", "/folder/\x1b[2Jc: cut", "cut")
    progress.end()
    assert len((tmp_path / "log").read_text().splitlines()) == 5
    assert "failed: /folder/films.zip: locked" in (tmp_path / "log").read_text()
    assert "\x1b" not in capsys.readouterr().err


def test_bar_on_a_terminal(monkeypatch):
    ours, theirs = os.openpty()
    with open(theirs, "w") as terminal:  # noqa: PTH123
        monkeypatch.setattr(sys, "stderr", terminal)
        run(Progress(4, "bar"))
        terminal.flush()
        text = ""
        # the kernel hands on what was written piece by piece
        while "3/4" not in text or not text.endswith("\r\x1b[K"):
            text += os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "0/4 films" in text
    assert "3/4 films, 1 failed, " in text and " a minute, " in text and " left" in text
    assert text.endswith("\r\x1b[K")


def test_no_bar_in_a_file(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    run(Progress(4, "bar"))
    assert stream.getvalue() == "spine-alignment: /folder/c: cut\n"
