"""Annotated films: landmarks stay on the image through fitting and augmentation; incomplete folders are refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from SpineAlignmentLib.detection.close_ups import REGIONS
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.result_file import read_annotation, write_annotation
from SpineAlignmentLib.results.turning import as_stored
from Training.config import ConfigError
from Training.data.annotated_films import AnnotatedFilms

SIZE = (240, 500)


def write_film(folder: Path, name: str, anterior: str = "left") -> np.ndarray:  # type: ignore[type-arg]
    """A film with a bright dot at some landmarks, of which one is missing in the annotation."""
    points = np.full((COUNT, 2), np.nan)
    sign = 1 if anterior == "left" else -1
    for key, (x, y) in {
        "S1_A": (-20, 380), "S1_P": (10, 370), "T5_C": (15, 150), "C2_D": (-10, 40),
        "FH_1": (-15, 440), "FH_2": (5, 445),
    }.items():  # fmt: skip
        points[INDEX[key]] = [120 + sign * x, y]
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    image = np.full((SIZE[1], SIZE[0]), 40.0)
    for x, y in points[np.isfinite(points[:, 0])]:
        image += 200 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{name}.png")
    write_annotation(Annotation(f"{name}.png", SIZE, points, anterior=anterior), folder / f"{name}.json")
    return points


def brightest(image: np.ndarray, point: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """The middle of what is bright near a point."""
    x, y = point.round().astype(int)
    top, left = max(y - 6, 0), max(x - 6, 0)
    patch = image[top : y + 7, left : x + 7]
    rows, columns = np.nonzero(patch > 0.7 * patch.max())
    return np.array([columns.mean() + left, rows.mean() + top])


@pytest.mark.parametrize("training", [False, True])
def test_landmarks_stay_on_their_dots(tmp_path: Path, training: bool) -> None:
    for i, anterior in enumerate(("left", "right")):
        write_film(tmp_path, f"film{i}", anterior)
    films = AnnotatedFilms(str(tmp_path), training=training)
    assert len(films) == 2
    checked = 0
    for seed in range(12):
        image, points = films.get(seed % 2, 0, (432, 240), np.random.default_rng(seed))
        assert image.shape == (432, 240) and image.dtype == np.float32 and points.shape == (45, 2)
        known = np.isfinite(points).all(axis=1)
        for name in ("S1_A", "T5_C", "C2_D"):
            point = points[INDEX[name]]
            if known[INDEX[name]] and (point > 8).all() and (point < [231, 423]).all():
                assert np.abs(brightest(image, point) - point).max() < 1.6, (seed, name)
                checked += 1
        if known[INDEX["S1_A"]] and known[INDEX["S1_P"]] and not training:
            assert points[INDEX["S1_A"], 0] < points[INDEX["S1_P"], 0], "the patient faces left"
        if known[INDEX["FH_1"]] and known[INDEX["FH_2"]]:
            assert points[INDEX["FH_1"], 0] <= points[INDEX["FH_2"], 0]
        assert not known[INDEX["L3_C"]]
    assert checked >= 24


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_film_that_lies_is_learned_from_as_it_stands(tmp_path: Path, turns: int) -> None:
    write_film(tmp_path, "film")
    (standing, there) = AnnotatedFilms(str(tmp_path), training=False).get(0, 0, (432, 240), np.random.default_rng(0))
    picture, result = tmp_path / "film.png", tmp_path / "film.json"
    Image.fromarray(np.rot90(np.asarray(Image.open(picture)), -turns)).save(picture)
    write_annotation(as_stored(read_annotation(result), turns), result)
    (image, points) = AnnotatedFilms(str(tmp_path), training=False).get(0, 0, (432, 240), np.random.default_rng(0))
    assert np.allclose(image, standing, atol=1e-5) and np.allclose(points, there, atol=1e-3, equal_nan=True)


@pytest.mark.parametrize("training", [False, True])
def test_a_close_up_shows_its_region_alone(tmp_path: Path, training: bool) -> None:
    write_film(tmp_path, "film", "right")
    films = AnnotatedFilms(str(tmp_path), region="pelvis", training=training)
    size = REGIONS["pelvis"].input_size
    for seed in range(6):
        image, points = films.get(0, 0, size, np.random.default_rng(seed))
        assert image.shape == size and image.dtype == np.float32
        known = np.isfinite(points).all(axis=1)
        assert set(np.flatnonzero(known)) <= set(REGIONS["pelvis"].rows) and known[INDEX["S1_A"]]
        point = points[INDEX["S1_A"]]
        assert np.abs(brightest(image, point) - point).max() < 1.6, seed


def test_validation_films_never_change(tmp_path: Path) -> None:
    write_film(tmp_path, "film")
    films = AnnotatedFilms(str(tmp_path), training=False)
    one, two = (films.get(0, epoch, (432, 240), np.random.default_rng(epoch))[0] for epoch in (0, 1))
    np.testing.assert_array_equal(one, two)


def test_incomplete_folders_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        AnnotatedFilms(str(tmp_path / "none"))
    write_film(tmp_path, "film")
    write_film(tmp_path, "other")
    (tmp_path / "other.json").unlink()
    with pytest.raises(ConfigError, match=r"other\.png: a film without annotation"):
        AnnotatedFilms(str(tmp_path))
    (tmp_path / "other.png").unlink()
    (tmp_path / "film.png").unlink()
    with pytest.raises(ConfigError, match="has no film beside it"):
        AnnotatedFilms(str(tmp_path))
    (tmp_path / "film.json").write_text('{"landmarks": {"C9_X": {"x_px": 1, "y_px": 2}}}')
    with pytest.raises(ConfigError, match="unknown landmark 'C9_X'"):
        AnnotatedFilms(str(tmp_path))


def test_a_film_that_was_made_smaller_after_it_was_annotated_is_refused(tmp_path: Path) -> None:
    write_film(tmp_path, "film")
    with Image.open(tmp_path / "film.png") as film:
        film.resize((SIZE[0] // 2, SIZE[1] // 2)).save(tmp_path / "film.png")
    films = AnnotatedFilms(str(tmp_path))
    with pytest.raises(ConfigError, match=r"film\.png: .* its annotation is of a film of"):
        films.get(0, 0, (432, 240), np.random.default_rng(0))
