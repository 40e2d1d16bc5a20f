"""A process that handles strangers' films opens those and nothing else of this computer."""

import sys

import numpy as np
import pytest

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.jobs.reading_process import ReadingProcess
from SpineAlignmentLib.jobs.sealing import VARIABLE, seal_children
from Testing.library.films import dicom, pattern, picture, volume

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can seal a process")


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    """A folder of uploads, and a sealed process that reads them."""
    monkeypatch.setenv(VARIABLE, "")
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    seal_children([], folder)
    process = ReadingProcess()
    yield folder, process
    process.stop()


@pytest.mark.parametrize("ending", ["dcm", "png", "nrrd", "mha", "nii.gz", "jpeg 2000", "jpeg-ls", "rle"])
def test_every_kind_of_film_is_read_as_without_a_seal(uploads, ending):
    folder, process = uploads
    pixels = pattern(bits=16)
    if ending in ("nrrd", "mha", "nii.gz"):
        path = volume(folder / f"film.{ending}", pixels)
    elif ending == "png":
        path = picture(folder / "film.png", pixels)
    elif ending == "dcm":
        path = dicom(folder / "film.dcm", pixels, 16)
    else:
        path = dicom(folder / "film.dcm", pixels, 16, "MONOCHROME2", ending)
    sealed, plain = process.read(path), read_film(path)
    assert np.array_equal(sealed.pixels, plain.pixels)
    assert (sealed.spacing_mm, sealed.sha256, sealed.warnings) == (plain.spacing_mm, plain.sha256, plain.warnings)


def test_a_header_gets_nothing_of_another_file_whatever_a_reader_makes_of_it(uploads, tmp_path):
    folder, process = uploads
    secret = tmp_path / "secret.raw"
    secret.write_bytes((np.arange(200 * 100) % 251).astype(np.uint8).tobytes())
    path = folder / "film.mha"
    path.write_text(
        f"ObjectType = Image\nNDims = 2\nDimSize = 100 200\nElementType = MET_UCHAR\nElementDataFile = {secret}\n"
    )
    # so it is with a reader that may open everything
    assert read_film(path).pixels.tobytes() == secret.read_bytes()
    with pytest.raises(FilmError):
        process.read(path)


def test_a_film_elsewhere_cannot_be_read(uploads, tmp_path):
    _, process = uploads
    path = dicom(tmp_path / "other.dcm", pattern(), 8)
    with pytest.raises(FilmError, match="cannot read"):
        process.read(path)
