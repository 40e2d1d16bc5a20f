"""Films read in a process of their own, which may be ended from outside at any time."""

import dataclasses
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.jobs.reading_process import ReadingProcess
from Testing.library.films import dicom, pattern


@pytest.fixture
def reader():
    made = ReadingProcess()
    yield made
    made.stop()


def test_film_is_the_same(reader, tmp_path):
    path = dicom(tmp_path / "a.dcm", pattern(), PatientOrientation=["P", "F"])
    here, there = read_film(path), reader.read(path)
    assert np.array_equal(here.pixels, there.pixels)
    for field in dataclasses.fields(here):
        if field.compare and field.name != "pixels":
            assert getattr(here, field.name) == getattr(there, field.name), field.name
    assert here.sha256 == there.sha256
    facts = reader.read(path, pixels=False)
    assert (facts.size_px, facts.spacing_mm) == (here.size_px, here.spacing_mm)


def test_bad_film_is_refused_as_here(reader, tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"DICM" * 100)
    with pytest.raises(FilmError) as here:
        read_film(tmp_path / "a.dcm")
    with pytest.raises(FilmError) as there:
        reader.read(tmp_path / "a.dcm")
    assert str(here.value) == str(there.value)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")
def test_process_that_is_ended_costs_one_film(reader, tmp_path):
    paths = [dicom(tmp_path / f"{k}.dcm", pattern()) for k in range(3)]
    reader.read(paths[0])
    first = reader.process.pid
    os.kill(first, signal.SIGSTOP)
    killer = threading.Thread(target=lambda: (time.sleep(0.3), os.kill(first, signal.SIGKILL)))
    killer.start()
    with pytest.raises(FilmError, match=r"1\.dcm: reading it ended the reading process"):
        reader.read(paths[1])
    killer.join()
    assert reader.read(paths[2]).size_px == (96, 224)
    assert reader.process.pid != first


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")
def test_process_that_ended_between_two_films_costs_none(reader, tmp_path):
    path = dicom(tmp_path / "a.dcm", pattern())
    reader.read(path)
    os.kill(reader.process.pid, signal.SIGKILL)
    time.sleep(0.3)
    assert reader.read(path).size_px == (96, 224)
