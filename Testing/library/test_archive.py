"""Whole archives: every film once in the table, whatever happens on the way. Processes and kills are real."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.results.store import TABLE, Store
from Testing import small_models
from Testing.benchmarks import faults
from Testing.benchmarks.archive import command, disturbed, make_films, rows

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="finds worker processes in /proc")
FILMS = 40


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    pytest.importorskip("onnx")
    return small_models.write(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    assert make_films(folder, FILMS) == 2
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory, films, models):
    """A run that was left alone."""
    out = tmp_path_factory.mktemp("alone")
    return out, subprocess.run(command(films, out, models), capture_output=True, text=True, check=False)


def children(pid):
    """The processes that a process started."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def workers(pid):
    """The worker processes among them."""
    ours = [p for p in children(pid) if b"spawn_main" in _command_line(p)]
    return [p for p in ours if b"resource_tracker" not in _command_line(p)]


def _command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def within(seconds, condition):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def test_every_film_is_in_the_table_or_named(alone):
    out, run = alone
    assert run.returncode == 1
    assert len(run.stderr.splitlines()) == 2
    table = rows(out)
    assert len(table) == FILMS
    failed = [row for row in table if row["status"] == "failed"]
    assert [row["file"] for row in failed] == ["patient 000/IM000019.png", "patient 000/IM000039.png"]
    assert all(row["reason"] and not row["result"] for row in failed)
    assert len({row["fingerprint"] for row in table}) == FILMS
    assert all(row["PI (deg)"] and (out / f"{row['result']}.mrk.json").exists() for row in table if row not in failed)


def test_killed_and_interrupted_runs_end_in_the_same_table(tmp_path, alone, films, models):
    out, _ = alone
    start = command(films, tmp_path / "out", models)
    signals = (signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
    ended = disturbed(start, signals, FILMS // 2, tmp_path / "out", tmp_path / "log")
    assert ended.statuses == [-9, 130, -9, 130, 1]
    assert ended.twice == 0
    assert rows(tmp_path / "out") == rows(out)
    assert "Traceback" not in (tmp_path / "log.said").read_text()
    assert not [p.name for p in (tmp_path / "out").iterdir() if p.name.endswith((".part", ".lock", "-journal"))]


def test_a_film_with_a_row_is_not_done_again(tmp_path, films, models):
    start = command(films, tmp_path, models, "--workers", "1")
    process = subprocess.Popen(start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    within(120, lambda: len(list(tmp_path.glob("*.mrk.json"))) > 4)
    at_work = workers(process.pid)
    assert at_work
    process.kill()
    process.wait()
    within(60, lambda: not any(_command_line(p) for p in at_work))
    with Store(tmp_path) as store:
        before = {row["file"]: row["date"] for row in store.rows() if row["status"] == "done"}
    assert len(before) >= 4
    time.sleep(1.1)
    run = subprocess.run(start, capture_output=True, text=True, check=False)
    assert f"({len(before)} of them before; --again does them again)" in run.stdout
    with Store(tmp_path) as store:
        after = {row["file"]: row["date"] for row in store.rows() if row["status"] == "done"}
    assert len(after) == FILMS - 2
    assert all(after[file] == date for file, date in before.items())
    assert all(after[file] > max(before.values()) for file in after.keys() - before.keys())


def test_a_worker_that_dies_costs_the_film_in_its_hands(tmp_path, films, models):
    """Its first film is tried again once; when that worker dies too, the film is named and the others are done."""
    start = command(films, tmp_path, models, "--workers", "1")
    process = subprocess.Popen(start, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    killed = []
    for _ in range(2):
        worker = within(60, lambda: [p for p in workers(process.pid) if p not in killed])[0]
        os.kill(worker, signal.SIGKILL)
        killed.append(worker)
    error = process.communicate()[1]
    assert process.returncode == 1
    assert len(error.splitlines()) == 3
    died = [row for row in rows(tmp_path) if "worker process died twice" in row["reason"]]
    assert [row["file"] for row in died] == ["patient 000/IM000000.png"]
    assert sum(row["status"] == "done" for row in rows(tmp_path)) == FILMS - 3


def test_a_decoding_process_that_is_killed_once_costs_nothing(tmp_path, films, models, alone):
    start = command(films, tmp_path, models, "--workers", "1")
    ended = faults.run(start, faults.decoder_killed(tmp_path, 1))
    assert (ended.status, len(ended.said.splitlines())) == (1, 2)
    assert rows(tmp_path) == rows(alone[0])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk_leaves_nothing_by_halves(tmp_path, films, models, alone):
    out = tmp_path / "out"
    start = command(films, out, models)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(faults.small_disk(out, faults.FULL_KB))
        except subprocess.CalledProcessError:
            pytest.skip("no disk can be mounted here")
        ended = faults.run(start)
        assert ended.status == 1 and "No space left on device" in ended.said and "Traceback" not in ended.said
        assert faults.is_whole(out)
        faults.grow(out, 1_000_000)
        assert faults.run(start).status == 1
        assert rows(out) == rows(alone[0])


def test_two_runs_at_once(tmp_path, films, models):
    first = subprocess.Popen(command(films, tmp_path, models), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    within(60, lambda: (tmp_path / "results.lock").exists())
    second = subprocess.run(command(films, tmp_path, models), capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"process {first.pid} on" in second.stderr and len(second.stderr.splitlines()) == 1
    first.wait()
    assert len(rows(tmp_path)) == FILMS


def test_output_folder_removed_on_the_way(tmp_path, films, models):
    import shutil

    out = tmp_path / "out"
    start = command(films, out, models)
    process = subprocess.Popen(start, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    within(120, lambda: len(list(out.glob("*.mrk.json"))) > 1)
    shutil.rmtree(out, ignore_errors=True)
    error = process.communicate()[1]
    assert process.returncode == 1
    # whichever is written next: a film's results, or its row
    assert ("cannot write" in error or "removed while results were written" in error) and "Traceback" not in error


def test_parquet_table(tmp_path, films, models):
    pandas, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    folder = films / "patient 000"
    start = [sys.executable, "-m", "SpineAlignmentLib", "detect", str(folder / "IM000000.png")]
    start += [str(folder / "IM000019.png"), "-o", str(tmp_path), "--models", str(models), "--parquet", "--force"]
    assert subprocess.run(start, capture_output=True, check=False).returncode == 1
    table = pandas.read_parquet(tmp_path / "results.parquet")
    text = pandas.read_csv(tmp_path / TABLE)
    assert list(table.columns) == list(text.columns)
    assert table["status"].tolist() == ["done", "failed"]
    assert table["PI (deg)"].dtype == "float64"
    assert table["PI (deg)"][0] == text["PI (deg)"][0]
    assert table["reason"][1] == "an empty file"
    (tmp_path / "cohort").mkdir()
    start.remove("--parquet")
    said = subprocess.run([*start, "--identify"], capture_output=True, text=True, check=False).stdout
    again = pandas.read_parquet(tmp_path / "results.parquet")
    assert list(again.columns) == list(pandas.read_csv(tmp_path / TABLE).columns) != list(table.columns)
    assert "cohort is of an earlier table" in said


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes among files there")
def test_a_pipe_among_films_is_named_and_left(tmp_path, films, models):
    (tmp_path / "in").mkdir()
    for name in ("a.dcm", "b.zip", "c"):
        os.mkfifo(tmp_path / "in" / name)
    start = command(tmp_path / "in", tmp_path / "out", models)
    done = subprocess.run(start, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "a.dcm: cannot read: a device or a pipe, not a file" in done.stderr


def test_settings_decide_what_is_done_again(tmp_path, films, models):
    folder = films / "patient 000"
    film = folder / "IM000000.png"

    def run(*more):
        start = [sys.executable, "-m", "SpineAlignmentLib", "detect", str(film), "-o", str(tmp_path), *more, "--force"]
        start += ["--models", str(models)]
        return subprocess.run(start, capture_output=True, text=True, check=True).stdout

    assert "before" not in run()
    assert "1 of them before" in run()
    assert "before" not in run("--again")
    assert "before" not in run("--spacing", "0.2")
    assert "1 of them before" in run("--spacing", "0.2")
    (tmp_path / "IM000000.png").unlink()
    assert "picture" not in run("--spacing", "0.2", "--no-pictures")
    assert not (tmp_path / "IM000000.png").exists()
    assert (tmp_path / TABLE).read_text().count("IM000000.png") == 2


def test_rows_under_several_keys_are_told_of(tmp_path, films, models):
    first, second = sorted((films / "patient 000").glob("*.png"))[:2]

    def run(film, key):
        assert (tmp_path / key).exists() or main(["make-key", str(tmp_path / key)]) == 0
        start = command(film, tmp_path / "out", models, "--pseudonym-key", str(tmp_path / key))
        return subprocess.run(start, capture_output=True, text=True, check=True).stdout

    assert "pseudonyms under" not in run(first, "one")
    assert "pseudonyms under 2 keys" in run(second, "other")
    assert len({row["key"] for row in rows(tmp_path / "out") if row["key"]}) == 2
    assert "pseudonyms under" not in run(first, "other")


def test_corrected_results_stay_and_new_ones_go_beside_them(tmp_path, films, models, capsys):
    film, result = films / "patient 000" / "IM000001.png", tmp_path / "IM000001.json"
    start = ["detect", str(film), "-o", str(tmp_path), "--models", str(models), "--force", "--no-pictures"]
    assert main(start) == 0
    corrected = json.loads(result.read_text()) | {"film_reviewed": True}
    result.write_text(json.dumps(corrected))
    assert main(start) == 0 and "1 of them before" in capsys.readouterr().out
    for more in ("--age=63", "--again", "--spacing=0.2"):
        assert main([*start, more]) == 0
        assert json.loads(result.read_text()) == corrected
        assert [row["result"] for row in rows(tmp_path)] == ["IM000001_2"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"spine-alignment: {result}: ")
    assert line.endswith("(not as a run wrote it); new results: IM000001_2.json")
    assert main(["measure", str(result), "-o", str(tmp_path)]) == 0
    assert json.loads(result.read_text()) == corrected
