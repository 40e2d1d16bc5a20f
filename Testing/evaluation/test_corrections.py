"""Export of corrected films: nothing of a patient leaves, text in the pixels is pointed out."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from SpineAlignmentLib.film.burned_in import DECLARED, SEEN, looks_like_text, text_warning
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.results.result_file import read_annotation, write_annotation
from SpineAlignmentLib.results.turning import as_stored
from Testing.evaluation.samples import film, slicer_list, spine, write_dicom, write_films
from Training.corrections import main
from Training.datasets import AnnotatedFilm, read_films
from Training.datasets.film_files import content_of
from Training.datasets.patients import patient_code


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


def test_text_is_a_warning_of_the_film(tmp_path: Path) -> None:
    """What detection says and results hold: the tag as the file says it, else what is seen."""
    write_dicom(tmp_path / "a.dcm", "MRN-1", "YES")
    write_dicom(tmp_path / "b.dcm", "MRN-1", "NO")
    declared, silent = (read_film(tmp_path / f"{name}.dcm") for name in "ab")
    assert DECLARED in declared.warnings and text_warning(declared.pixels, declared.warnings) == DECLARED
    assert DECLARED not in silent.warnings and text_warning(silent.pixels, silent.warnings) == ""
    assert text_warning(picture("DOE JANE 1950"), ()) == SEEN


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
    # compressed pixels may spell any short word by chance; what a picture says is in its chunks of text
    pictures = [Image.open(p) for p in output.glob("*.png")]
    assert len(pictures) == 3 and not any(picture.info for picture in pictures)
    written = b"".join(p.read_bytes() for p in output.iterdir() if p.suffix != ".png")
    assert not re.search(rb"roe|poe|MRN|19500102|Smith|Richard", written, re.IGNORECASE)
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
    assert "its annotation is of a film of 120 x 360" in capsys.readouterr().err
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


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_film_that_lies_is_exported_upright(tmp_path: Path, turns: int) -> None:
    standing = film("a", spine()).annotation
    (tmp_path / "films").mkdir()
    write_annotation(as_stored(standing, turns), tmp_path / "films" / "a.json")
    small = picture()[: standing.size_px[1], : standing.size_px[0]]
    Image.fromarray(np.rot90(small, -turns)).save(tmp_path / "films" / "a.png")
    options = ["--films", str(tmp_path / "films"), "--corrected", str(tmp_path / "films")]
    assert main([*options, "--output", str(tmp_path / "o")]) == 0
    written = read_annotation(tmp_path / "o" / "corrected_0001.json")
    assert written.points_px == pytest.approx(standing.points_px, abs=1e-5, nan_ok=True)
    assert (written.quarter_turns, written.size_px) == (0, standing.size_px)
    pixels = read_film(tmp_path / "o" / "corrected_0001.png").pixels
    assert np.corrcoef(pixels.ravel(), small.ravel())[0, 1] > 0.99999


def hospital(films: Path, content: bool = True) -> list[AnnotatedFilm]:
    """Three films called film.dcm, each in the folder of its patient, and their landmarks; the first two are of one."""
    items = []
    for i, (folder, patient) in enumerate((("a", "MRN-1"), ("b", "MRN-1"), ("c", "MRN-2"))):
        (films / folder).mkdir(parents=True)
        write_dicom(films / folder / "film.dcm", patient)
        found = film("film", spine(2.0 * i)).annotation
        sha256 = read_film(films / folder / "film.dcm").sha256 if content else ""
        items.append(AnnotatedFilm(f"{folder}/film", replace(found, film="film.dcm", film_sha256=sha256)))
    return items


def exported_points(tmp_path: Path, corrected: Path) -> list[AnnotatedFilm]:
    output = tmp_path / "training"
    options = ["--films", str(tmp_path / "films"), "--corrected", str(corrected), "--output", str(output)]
    assert main(options) == 0
    return read_films(output)[0]


@pytest.mark.parametrize("content", [True, False])
def test_films_of_one_name_keep_their_own_landmarks_and_patients(tmp_path: Path, content: bool) -> None:
    items = hospital(tmp_path / "films", content)
    for item in items:
        write_films([replace(item, name="film")], tmp_path / "corrected" / item.name[0])
    read = exported_points(tmp_path, tmp_path / "corrected")
    for item, found in zip(items, read, strict=True):
        assert found.points == pytest.approx(item.points, abs=1e-3)
        own = read_film(tmp_path / "films" / item.name[0] / "film.dcm").pixels.astype(float)
        assert found.picture is not None
        there = read_film(found.picture).pixels.astype(float)
        assert np.corrcoef(own.ravel(), there.ravel())[0, 1] > 0.99999
    assert read[0].patient == read[1].patient != read[2].patient


def test_films_that_were_renamed_and_moved_are_found_by_their_content(tmp_path: Path) -> None:
    items = hospital(tmp_path / "films")
    # results of an archive lie side by side, numbered
    write_films([replace(item, name=f"film_{i}") for i, item in enumerate(items)], tmp_path / "corrected")
    (tmp_path / "films" / "a" / "film.dcm").rename(tmp_path / "films" / "IM0001")
    (tmp_path / "films" / "b" / "film.dcm").rename(tmp_path / "films" / "a" / "film.dcm")
    read = exported_points(tmp_path, tmp_path / "corrected")
    assert len(read) == 3 and read[0].patient == read[1].patient != read[2].patient
    sources = {content_of(p): p for p in (tmp_path / "films").rglob("*") if p.is_file()}
    for item, found in zip(items, read, strict=True):
        own = read_film(sources[item.annotation.film_sha256]).pixels.astype(float)
        assert found.picture is not None
        assert np.corrcoef(own.ravel(), read_film(found.picture).pixels.astype(float).ravel())[0, 1] > 0.99999
        assert found.points == pytest.approx(item.points, abs=1e-3)


def test_a_film_that_cannot_be_told_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = hospital(tmp_path / "films", content=False)
    write_films([replace(items[1], name="film_2")], tmp_path / "corrected")
    options = ["--films", str(tmp_path / "films"), "--corrected", str(tmp_path / "corrected")]
    assert main([*options, "--output", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and all(f"{folder}/film.dcm" in said for folder in "abc")
    assert not (tmp_path / "o").exists()


def test_the_only_film_of_a_name_in_another_patients_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = hospital(tmp_path / "films", content=False)
    for folder in "ac":
        (tmp_path / "films" / folder / "film.dcm").unlink()
    write_films([replace(items[0], name="film")], tmp_path / "corrected" / "a")
    options = ["--films", str(tmp_path / "films"), "--corrected", str(tmp_path / "corrected")]
    assert main([*options, "--output", str(tmp_path / "o")]) == 2
    assert "b/film.dcm or another" in capsys.readouterr().err


def test_another_film_in_the_place_of_the_corrected_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = hospital(tmp_path / "films")
    write_films([replace(items[0], name="film")], tmp_path / "corrected")
    (tmp_path / "films" / "a" / "film.dcm").unlink()
    options = ["--films", str(tmp_path / "films"), "--corrected", str(tmp_path / "corrected")]
    assert main([*options, "--output", str(tmp_path / "o")]) == 2
    assert "has no film with the content that film was placed on" in capsys.readouterr().err


def test_one_film_under_two_names_is_learned_from_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = hospital(tmp_path / "films")
    shutil.copy(tmp_path / "films" / "a" / "film.dcm", tmp_path / "films" / "copy.dcm")
    copy = replace(items[0], name="copy", annotation=replace(items[0].annotation, film="copy.dcm"))
    write_films([copy, replace(items[0], name="film"), replace(items[2], name="other")], tmp_path / "corrected")
    assert len(exported_points(tmp_path, tmp_path / "corrected")) == 2
    moved = replace(copy, annotation=copy.annotation.with_points(copy.points + 1))
    write_films([moved], tmp_path / "corrected")
    options = ["--films", str(tmp_path / "films"), "--corrected", str(tmp_path / "corrected")]
    assert main([*options, "--output", str(tmp_path / "o")]) == 2
    assert "copy and film are different landmarks of" in capsys.readouterr().err


def test_equal_numbers_of_two_issuers_are_two_patients(tmp_path: Path) -> None:
    for name, issuer in (("a", "north"), ("b", "south"), ("c", "north")):
        write_dicom(tmp_path / f"{name}.dcm", "1")
        data = pydicom.dcmread(tmp_path / f"{name}.dcm")
        data.IssuerOfPatientID = issuer
        data.save_as(tmp_path / f"{name}.dcm")
    codes = [patient_code(tmp_path / f"{name}.dcm") for name in "abc"]
    assert codes[0] == codes[2] != codes[1]
    Image.fromarray(picture()).save(tmp_path / "d.png")
    assert patient_code(tmp_path / "d.png") == ""


def test_nothing_is_left_of_an_export_that_a_later_film_stops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stayed would be learned from twice after the next run, as films of two patients."""
    films, output = tmp_path / "films", tmp_path / "training"
    write_films([film(name, spine(i)) for i, name in enumerate("ab")], films, pictures=True)
    Image.fromarray(picture()).resize((120, 360)).save(films / "b.png")
    whole = (films / "b.png").read_bytes()
    options = ["--films", str(films), "--corrected", str(films), "--output", str(output)]
    (films / "b.png").write_bytes(whole[:100])
    assert main(options) == 2
    assert "b.png" in capsys.readouterr().err and not list(output.iterdir())
    (films / "b.png").write_bytes(whole)
    assert main(options) == 0 and len(list(output.glob("*.png"))) == 2
