"""Films in worker processes: what is done is handed over, whatever ends the run."""

import multiprocessing
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from SpineAlignmentLib.errors import ModelError, ResultError
from SpineAlignmentLib.jobs.film_task import FilmSettings, FilmTask
from SpineAlignmentLib.jobs.workers import Worker, outcomes


def missing(folder: Path, name: str, expected: str | None = None) -> FilmTask:
    """A film that is not there: its outcome says so at once."""
    return FilmTask(folder / name, FilmSettings(), expected=expected)


def test_a_film_that_is_done_is_kept_when_the_next_cannot_be_taken(tmp_path: Path) -> None:
    def tasks() -> Iterator[FilmTask]:
        yield missing(tmp_path, "a.png")
        raise ResultError("no room")

    with closing(outcomes(tasks(), 1)) as found:
        assert next(found)[0].path.name == "a.png"
        with pytest.raises(ResultError):
            next(found)


def test_a_film_that_is_done_is_kept_when_another_worker_has_wrong_models(tmp_path: Path) -> None:
    started = [Worker(), Worker()]
    tasks = [missing(tmp_path, "a.png"), missing(tmp_path, "b.png"), missing(tmp_path, "c.png", "other models")]
    with closing(outcomes(tasks, 2, started)) as found:
        done = {next(found)[0].path.name}
        # the other film and the third one are answered by now, unless the first two were at once
        end = time.monotonic() + 5
        while not all(worker.connection.poll() for worker in started) and time.monotonic() < end:
            time.sleep(0.01)
        done.add(next(found)[0].path.name)
        assert done == {"a.png", "b.png"}
        with pytest.raises(ModelError):
            next(found)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux about signals")
def test_no_worker_that_starts_hears_an_interrupt() -> None:
    program = (
        "import re\n"
        "from SpineAlignmentLib.jobs.workers import Worker\n"
        "for worker in [Worker(), Worker()]:\n"
        "    print(re.search('SigBlk:.*', open(f'/proc/{worker._process.pid}/status').read())[0].split()[1])\n"
        "    worker.stop()\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    blocked = [int(word, 16) >> (signal.SIGINT - 1) & 1 for word in told.stdout.split()]
    assert blocked == [1, 1]


def test_a_worker_whose_answer_nobody_reads_ends_without_a_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    worker = Worker()
    worker.begin(missing(tmp_path, "a.png"))
    assert worker.connection.poll(60)
    worker.connection.close()  # as when this process is killed
    for process in multiprocessing.active_children():
        process.join(60)
    worker.stop()
    assert capfd.readouterr().err == ""
