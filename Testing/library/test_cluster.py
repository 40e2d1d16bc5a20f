"""Films on a Dask cluster of real processes: scheduler and workers that are killed and come back."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from Testing import small_models
from Testing.benchmarks.archive import command, make_films, rows
from Testing.library.orthanc import free_port

pytest.importorskip("distributed")
FILMS = 20


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    pytest.importorskip("onnx")
    return small_models.write(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    make_films(folder, FILMS)
    return folder


class Cluster:
    """A scheduler and workers of one thread."""

    def __init__(self, folder):
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.folder = folder
        self.processes = []
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")

    def start(self, *arguments):
        with (self.folder / "dask.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def worker(self):
        more = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder))
        return self.start("worker", self.address, *more)

    def kill(self, process):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                self.kill(process)


@pytest.fixture
def cluster(tmp_path):
    folder = tmp_path / "dask"
    folder.mkdir()
    cluster = Cluster(folder)
    yield cluster
    cluster.close()


def done(out, count):
    end = time.monotonic() + 200
    while len(list(out.glob("*.mrk.json"))) < count:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_workers_and_scheduler_die_and_come_back(tmp_path, cluster, films, models):
    workers = [cluster.worker() for _ in range(2)]
    out = tmp_path / "out"
    start = command(films, out, models, "--scheduler", cluster.address)
    process = subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    done(out, 3)
    cluster.kill(workers[0])
    done(out, 6)
    cluster.kill(cluster.scheduler)
    cluster.kill(workers[1])
    cluster.scheduler = cluster.start("scheduler", "--host", "127.0.0.1", "--port", str(cluster.port), "--no-dashboard")
    cluster.worker()
    said, error = process.communicate(timeout=300)
    assert process.returncode == 1, error
    assert f"{FILMS - 1} of {FILMS} films done" in said
    assert len(error.splitlines()) == 1
    alone = subprocess.run(command(films, tmp_path / "alone", models), capture_output=True, check=False)
    assert alone.returncode == 1
    assert rows(out) == rows(tmp_path / "alone")


def test_films_travel_with_their_tasks(tmp_path, cluster, films, models):
    cluster.worker()
    folder = films / "patient 000"
    bad, good = folder / "IM000019.png", folder / "IM000000.png"
    start = [sys.executable, "-m", "SpineAlignmentLib", "detect", str(good), str(bad), "-o", str(tmp_path / "out")]
    start += ["--force", "--models", str(models), "--scheduler", cluster.address, "--send-films"]
    run = subprocess.run(start, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == f"spine-alignment: {bad}: an empty file\n"
    assert [row["status"] for row in rows(tmp_path / "out")] == ["done", "failed"]


def test_no_scheduler_there(tmp_path, films, models, monkeypatch, capsys):
    from SpineAlignmentLib.command_line import main
    from SpineAlignmentLib.jobs import cluster

    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        start = ["detect", str(films), "-o", str(tmp_path), "--models", str(models), "--scheduler", address]
        assert main(start) == 1
    assert capsys.readouterr().err == f"spine-alignment: {address}: no Dask scheduler answers there\n"


def test_a_worker_with_other_models_refuses(tmp_path, models):
    from SpineAlignmentLib.errors import ModelError
    from SpineAlignmentLib.jobs.film_task import FilmSettings, FilmTask, do_film

    settings = FilmSettings(models=models)
    with pytest.raises(ModelError, match="are others than where the run was started"):
        do_film(FilmTask(Path("x.png"), settings, expected="0" * 16))
    assert "cannot read" in do_film(FilmTask(tmp_path / "x.png", settings, expected=settings.hash())).reason
