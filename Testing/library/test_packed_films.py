"""Films in zip files: where they are unpacked, what damage costs, and what is left of them."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

import pytest

from SpineAlignmentLib.film.found_films import found_films
from SpineAlignmentLib.film.reading import read_film
from Testing.library.films import dicom, pattern


def places(found):
    return [source.file for source in found.films.values()]


def test_films_in_a_zip_file(tmp_path):
    film = dicom(tmp_path / "a.dcm", pattern())
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as packed:
        packed.write(film, "doe/IM1")
        packed.write(film, "poe/IM1")
        packed.writestr("doe/notes.txt", "no film")
        packed.writestr("../../../away.dcm", film.read_bytes())
    film.unlink()
    for place in (tmp_path / "films.zip", tmp_path):
        with found_films([place]) as found:
            assert places(found) == ["films.zip/doe/IM1", "films.zip/poe/IM1", "films.zip/../../../away.dcm"]
            assert [read_film(s.path).size_px for s in found.films.values()] == [(96, 224)] * 3
            assert found.notes[0].endswith(": 1 file was no film")
        assert not any(s.path.exists() for s in found.films.values())
    (tmp_path / "films.zip").write_bytes((tmp_path / "films.zip").read_bytes()[:3000])
    with found_films([tmp_path / "films.zip"]) as found:
        assert "this zip file is damaged" in found.problems[0]


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_film_in_a_zip_file_costs_no_other(tmp_path, kind):
    film = dicom(tmp_path / "a.dcm", pattern())
    with zipfile.ZipFile(tmp_path / "films.zip", "w", kind) as packed:
        packed.write(film, "IM1")
        start = packed.start_dir
        packed.write(film, "IM2")
    content = bytearray((tmp_path / "films.zip").read_bytes())
    content[start + 300 : start + 900] = bytes(600)
    (tmp_path / "films.zip").write_bytes(content)
    with found_films([tmp_path]) as found:
        assert places(found) == ["a.dcm", "films.zip/IM1"]
        assert found.problems == [
            f"{tmp_path / 'films.zip'}: this zip file is damaged, or of a kind that cannot be unpacked; "
            "unpack it and name the folder"
        ]


def test_no_room_to_unpack_is_no_damage(tmp_path, monkeypatch):
    film = dicom(tmp_path / "a.dcm", pattern())
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as packed:
        packed.write(film, "IM1")

    def full(source, target):
        target.write(b"begun")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(shutil, "copyfileobj", full)
    with found_films([tmp_path / "films.zip"]) as found:
        assert found.problems == [
            f"{tmp_path / 'films.zip'}: cannot be unpacked: no space left in {tmp_path / 'tmp'}; "
            "TMPDIR names another folder"
        ]
        assert not list((tmp_path / "tmp").rglob("IM1"))


def test_unpacked_films_of_a_killed_run_are_removed_by_the_next(tmp_path, monkeypatch):
    film = dicom(tmp_path / "a.dcm", pattern())
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as packed:
        packed.write(film, "IM1")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    killed = (
        "import os, signal, sys; from pathlib import Path; from SpineAlignmentLib.film.found_films import found_films\n"
        "with found_films([Path(sys.argv[1])]): os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", killed, str(tmp_path / "films.zip")]
    subprocess.run(command, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}, check=False)
    assert len(list((tmp_path / "tmp").rglob("IM1"))) == 1
    with found_films([tmp_path / "films.zip"]) as at_work:
        assert len(list((tmp_path / "tmp").rglob("IM1"))) == 1
        with found_films([tmp_path / "films.zip"]):
            assert len(list((tmp_path / "tmp").rglob("IM1"))) == 2
        assert all(s.path.exists() for s in at_work.films.values())
    assert not list((tmp_path / "tmp").iterdir())
