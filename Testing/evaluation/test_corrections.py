"""Export of corrected films: nothing of a patient leaves, text in the pixels is pointed out."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.results.result_file import read_annotation
from Testing.evaluation.samples import film, slicer_list, spine, write_dicom, write_films
from Training.corrections import looks_like_text, main
from Training.datasets import read_films


def picture(text: str = "", ink: int = 255) -> NDArray[np.uint8]:
    """A film-like picture, 800 x 400, with or without text."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:800, :400]
    gray = 120 + 60 * np.sin(y / 90) * np.cos(x / 60) + rng.normal(0, 12, (800, 400))
    image = Image.fromarray(np.clip(gray, 5, 240).astype(np.uint8))
    if text:
        ImageDraw.Draw(image).text((20, 20), text, fill=ink, font_size=24)
    return np.asarray(image)


@pytest.mark.parametrize("ink", [255, 0])
def test_text_is_seen_and_bones_are_not(ink: int) -> None:
    assert looks_like_text(picture("DOE JANE 1950", ink)) and not looks_like_text(picture())
    assert not looks_like_text(np.zeros((50, 50)))


def test_only_pixels_and_landmarks_leave(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, corrected, output = tmp_path / "films", tmp_path / "corrected", tmp_path / "training"
    films.mkdir()
    names = ("roe_before", "roe_after", "poe")
    for name, patient in zip(names, ("MRN-4711", "MRN-4711", "MRN-0815"), strict=True):
        write_dicom(films / f"{name}.dcm", patient, "YES" if name == "poe" else "NO")
    items = [film(name, spine(i), review={"who": "Dr. Smith"}, patient=name) for i, name in enumerate(names)]
    write_films(items, corrected)
    options = ["--films", str(films), "--corrected", str(corrected), "--output", str(output)]
    assert main(options) == 0
    said = capsys.readouterr()
    assert "corrected_0001.png: its tag Burned In Annotation" in said.err and said.err.count("look at it") == 1
    written = b"".join(p.read_bytes() for p in output.iterdir())
    assert not re.search(rb"roe|poe|MRN|4711|0815|19500102|Smith|Richard", written, re.IGNORECASE)
    read, problems = read_films(output)
    assert not problems and sorted(f.name for f in read) == [f"corrected_000{i}" for i in (1, 2, 3)]
    assert len({f.patient for f in read}) == 2 and read[1].patient == read[2].patient
    before = read_film(films / "poe.dcm").pixels.astype(float)
    after = read_film(output / "corrected_0001.png").pixels.astype(float)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.99999
    assert read_annotation(output / "corrected_0001.json").spacing_mm == (2.0, 2.0)
    assert main(options) == 2
    assert "give another --first" in capsys.readouterr().err


def test_annotation_of_another_film_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corrected = write_films([film("a", spine())], tmp_path / "corrected")
    (tmp_path / "films").mkdir()
    options = ["--films", str(tmp_path / "films"), "--corrected", str(corrected), "--output", str(tmp_path / "o")]
    assert main(options) == 2
    assert "no film for the annotation a" in capsys.readouterr().err
    Image.fromarray(picture()).save(tmp_path / "films" / "a.png")
    assert main(options) == 2
    assert "its annotation is of (120, 360)" in capsys.readouterr().err
    assert not list((tmp_path / "o").iterdir())


def test_points_that_slicer_saved_become_pixels_of_the_film(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "corrected").mkdir()
    write_dicom(tmp_path / "films" / "a.dcm", "MRN-1")
    (tmp_path / "corrected" / "a.mrk.json").write_text(slicer_list(2.0 * spine()))
    options = ["--films", str(tmp_path / "films"), "--corrected", str(tmp_path / "corrected")]
    assert main([*options, "--output", str(tmp_path / "o")]) == 0
    written = read_annotation(tmp_path / "o" / "corrected_0001.json")
    assert written.points_px == pytest.approx(spine(), abs=1e-3) and written.spacing_mm == (2.0, 2.0)
    assert written.size_px == (120, 360) and written.anterior == "left"
