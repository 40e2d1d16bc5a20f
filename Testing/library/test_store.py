"""The store of results: rows are kept, one process at a time, and the table follows."""

import csv
import json
import os
import sqlite3
import subprocess
import sys

import pytest

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.files import fingerprint_of
from SpineAlignmentLib.results.store import AT_WORK, STORE, TABLE, Entry, Source, Store


def source(folder, name, content=b"film"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Source(path, name)


def keep(store, film, settings="s", stem=None, **more):
    name = store.name(film, stem or film.path.stem)
    store.put(Entry(film, name, fingerprint_of(film.path), settings, {"film": film.path.name}, **more))
    (store.folder / f"{name}.json").write_text("{}")
    return name


def table(out):
    with (out / TABLE).open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_rows_grow_and_change_one_by_one(tmp_path):
    a, b = source(tmp_path, "a/x.png"), source(tmp_path, "b/x.png")
    out = tmp_path / "out"
    with Store(out) as store:
        assert keep(store, b) == "x"
    with Store(out) as store:
        assert keep(store, a, reason="cut") == "x_2"
    first = table(out)
    assert [(r["file"], r["result"], r["status"], r["reason"]) for r in first] == [
        ("a/x.png", "", "failed", "cut"),
        ("b/x.png", "x", "done", ""),
    ]
    with Store(out) as store:
        assert keep(store, a) == "x_2"
    assert [(r["result"], r["status"]) for r in table(out)] == [("x_2", "done"), ("x", "done")]
    assert table(out)[1] == first[1]
    assert sorted(p.name for p in out.iterdir()) == [TABLE, STORE, "x.json", "x_2.json"]


def test_only_an_unchanged_film_is_done(tmp_path):
    film, other = source(tmp_path, "a.png"), source(tmp_path, "b.png")
    with Store(tmp_path / "out") as store:
        keep(store, film)
        keep(store, other, reason="cut")
        assert store.done_before(film, "s") == "a"
        assert store.done_before(film, "other settings") is None
        assert store.done_before(other, "s") is None
        film.path.write_bytes(b"film")
        assert store.done_before(film, "s") == "a", "a new date alone changes nothing"
        film.path.write_bytes(b"mend")
        assert store.done_before(film, "s") is None
        film.path.write_bytes(b"film")
        (tmp_path / "out" / "a.json").unlink()
        assert store.done_before(film, "s") is None


def test_names_differ_where_a_file_system_would_not_tell_them_apart(tmp_path):
    with Store(tmp_path / "out") as store:
        names = [store.name(source(tmp_path, f"{i}/{n}"), n[:-4]) for i, n in enumerate(("x.png", "X.png", "x_2.png"))]
    assert names == ["x", "X_2", "x_2_2"]


def test_days_are_counted_from_the_first_film_of_a_patient(tmp_path):
    with Store(tmp_path / "out") as store:
        for name, patient, day in (("a", "p", 730), ("b", "p", 365), ("c", "q", 10), ("d", None, None)):
            keep(store, source(tmp_path, name), patient=patient, day=day)
        assert [row.get("day") for row in store.rows()] == [365, 0, 0, None]


HOLD = """
import sys, time
from pathlib import Path
from SpineAlignmentLib.results.store import Store
with Store(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_process_says_who_is_at_work(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(ResultError, match=f"process {holder.pid} on .* is writing results there; wait until"):
                Store(tmp_path).opened()
        finally:
            holder.kill()
    with Store(tmp_path):
        assert (tmp_path / AT_WORK).exists()
    assert not (tmp_path / AT_WORK).exists()


def test_what_a_killed_run_was_writing_is_removed_and_nothing_else(tmp_path):
    names = (".0123456789abcdef.part", ".mine.part", "film.part", ".0123456789abcdef")
    for name in names:
        (tmp_path / name).write_text("half")
    with Store(tmp_path):
        assert [name for name in names if (tmp_path / name).exists()] == list(names[1:])


def test_a_store_that_is_none_is_left_alone(tmp_path):
    (tmp_path / STORE).write_text("a text of more than a few words, and no data base at all" * 20)
    with pytest.raises(ResultError, match="not a store of results"):
        Store(tmp_path).opened()
    assert (tmp_path / STORE).read_text().startswith("a text")


@pytest.mark.skipif(sys.platform == "win32", reason="limits of this kind are those of Unix")
def test_a_disk_that_fills_up_loses_no_row(tmp_path):
    code = """
import resource, sys
from pathlib import Path
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.store import Entry, Source, Store
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
with Store(Path(sys.argv[1])) as store:
    for i in range(10_000):
        store.put(Entry(Source(Path(str(i)), str(i)), str(i), "", "s", {"film": "x" * 500}))
        print(i, flush=True)
"""
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    kept = len(run.stdout.split())
    assert run.returncode == 1 and "cannot write" in run.stderr.splitlines()[-1]
    with Store(tmp_path) as store:
        assert len(list(store.rows())) == kept > 20
    assert len(table(tmp_path)) == kept


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open")
def test_a_store_that_was_removed_claims_nothing(tmp_path):
    out = tmp_path / "out"
    film = source(tmp_path, "a.png")
    store = Store(out).opened()
    keep(store, film)
    (out / STORE).unlink()
    with pytest.raises(ResultError, match=f"{STORE}: removed while results were written there"):
        keep(store, film)
    with pytest.raises(ResultError, match="removed"):
        store.close()
    assert not (out / TABLE).exists()
    with Store(out) as store:
        assert store.done_before(film, "s") is None


def test_times_of_change_are_kept_under_the_key(tmp_path):
    film = source(tmp_path, "a.png")
    taken = 1552563235_000_000_000
    os.utime(film.path, ns=(taken, taken))
    with Store(tmp_path / "out", b"key") as store:
        keep(store, film)
        assert store.done_before(film, "s") == "a"
    with sqlite3.connect(tmp_path / "out" / STORE) as base:
        assert base.execute("SELECT modified FROM films").fetchone()[0] != taken
    assert str(taken).encode() not in (tmp_path / "out" / STORE).read_bytes()
    with Store(tmp_path / "out", b"another") as store:
        assert store.done_before(film, "s") == "a", "by its content"


def detection(x=3.0, **further):
    marks = {"S1_A": {"x_px": x, "y_px": 4.0, "confidence": 0.9}}
    return json.dumps({"film": "a.png", "landmarks": marks, **further}).encode()


PLACED = json.dumps({"film": "a.png", "landmarks": {"S1_A": {"x_px": 3.0, "y_px": 4.0}}}).encode()


def write(store, film, files):
    name, kept = store.write(film, store.name(film, "a"), "a", files)
    store.put(Entry(film, name, fingerprint_of(film.path), "s", {"film": "a.png"}))
    return name, kept


@pytest.mark.parametrize("ending", [".json", ".mrk.json", ".png", ".pdf"])
def test_what_a_run_wrote_is_replaced_and_what_was_changed_since_is_kept(tmp_path, ending):
    film, out = source(tmp_path, "a.png"), tmp_path / "out"
    with Store(out) as store:
        assert write(store, film, {ending: detection()}) == ("a", "")
        assert write(store, film, {ending: detection(5.0)}) == ("a", "")
    (out / f"a{ending}").write_bytes(detection(6.0))  # moved by an editor that leaves the confidence as it is
    with Store(out) as store:
        for x in (7.0, 8.0):
            name, kept = write(store, film, {ending: detection(x)})
            assert name == "a_2" and (out / f"a_2{ending}").read_bytes() == detection(x)
            assert kept.startswith(f"{out / 'a'}{ending}: ") == (x == 7.0), "said once"
    assert (out / f"a{ending}").read_bytes() == detection(6.0)
    assert [row["result"] for row in table(out)] == ["a_2"]


@pytest.mark.parametrize(
    ("there", "kept"),
    [
        (detection(), False),
        (detection(reviewed=["S1_A"]), True),
        (detection(film_reviewed=True), True),
        (PLACED, True),
        (b'{"mine": 1}', True),
        (b"\xff", True),
    ],
)
def test_a_file_of_no_known_run_is_kept_where_a_person_is_in_it(tmp_path, there, kept):
    film, out = source(tmp_path, "a.png"), tmp_path / "out"
    out.mkdir()
    (out / "a.json").write_bytes(there)
    with Store(out) as store:
        assert write(store, film, {".json": detection(5.0)})[0] == ("a_2" if kept else "a")
    assert ((out / "a.json").read_bytes() == there) == kept


def test_what_is_measured_is_kept_and_named_as_that(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.json").write_bytes(PLACED)
    with Store(out) as store:
        film = Source(out / "a.json", "a.json")
        name, kept = store.write(film, store.name(film, "a"), "a", {".json": detection()})
    assert name == "a_2" and "a.json: kept, since it is the file that was measured" in kept


def test_a_name_that_the_disk_does_not_take_is_said(tmp_path):
    film, out = source(tmp_path, "a.png"), tmp_path / "out"
    with Store(out) as store, pytest.raises(ResultError, match="cannot read: "):
        store.write(film, "a" * 300, "a", {".json": detection()})


def test_a_run_that_is_killed_while_it_writes_leaves_files_of_its_own(tmp_path):
    film, out = source(tmp_path, "a.png"), tmp_path / "out"
    with Store(out) as store:
        write(store, film, {".json": detection()})
        store.write(film, "a", "a", {".json": detection(5.0)})  # and no row: killed here
    with Store(out) as store:
        assert write(store, film, {".json": detection(6.0)}) == ("a", "")
