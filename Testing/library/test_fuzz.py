"""The short form of `python -m Testing.fuzz.films`, and files that it found something with."""

import sys

import pytest

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.reading import read_film
from Testing.library.dicom_words import write
from Testing.library.films import pattern, volume


@pytest.mark.skipif(sys.platform != "linux", reason="limits and counts memory as Linux does")
def test_damaged_files_are_read_or_refused():
    from Testing.fuzz.films import run

    found = run(300, seed=2026)
    assert found.finds == []
    assert found.count == 300 and 0 < found.read < 300


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("nrrd", b"encoding: raw\n", b"encoding: raw\nspace origin: (\xa7\xbc\xca\n"),
        ("mha", b"NDims = 2", b"NDims = -1"),
        ("mha", b"ElementDataFile = LOCAL\n", b"ElementDataFile = \xa7Gu-\xfe\xbbz"),
        ("nrrd", b"dimension: 2", b"dimension: 3"),
    ],
)
def test_headers_that_would_end_the_process_are_refused_before(tmp_path, kind, old, new):
    path = volume(tmp_path / f"a.{kind}", pattern())
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    with pytest.raises(FilmError, match="damaged: its header"):
        read_film(path)


def test_class_of_a_film_without_pixels_is_not_quoted_at_length(tmp_path):
    path = write(tmp_path / "a.dcm", pattern(), StudyDescription="words " * 9)
    content = path.read_bytes()
    at = content.index(b"\x08\0\x16\0UI") + 6
    path.write_bytes(content[:at] + b"\xff\x7f" + content[at + 2 : at + 3000])
    with pytest.raises(FilmError) as error:
        read_film(path)
    assert len(str(error.value)) < len(str(path)) + 120
