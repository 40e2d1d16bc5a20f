"""Annotated films of a folder as a `FilmSource`: read once, fitted by the library's own preprocessing, augmented.

The augmentation is the paper's (scale 0.8-1.0, rotation up to 30 degrees, blur), with shifts and changes of gray scale;
never a mirror image, since every film shows its patient facing left by then.
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.close_ups import REGIONS
from SpineAlignmentLib.detection.look import HIGHER_FIRST, hips_in_order
from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.preprocessing import (
    INPUT_SIZE,
    InputFrame,
    fit_film,
    network_input,
    normalize_contrast,
    resample,
)
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.results.turning import upright
from Training.config import ConfigError
from Training.datasets import AnnotatedFilm, load_mapping, read_films
from Training.datasets.film import anterior_from_points
from Training.datasets.film_files import is_picture
from Training.windows import cut_window, region_points, window_corner

FloatArray = NDArray[np.float32]

SPARE: Final[float] = 1.25
"""A film is kept this much finer than the input, since augmentation scales it by 0.8 to 1."""

FILMS_IN_MEMORY: Final[int] = 400


class AnnotatedFilms:
    """Films with annotations in the project's format, in Slicer's or in one that a mapping describes.

    Args:
        folder: of films and annotations.
        mapping: name or file of the mapping of a foreign data set, see `Training.datasets`.
        names: the films to use; all when empty.
        strength: of the augmentation; 1 is the paper's, 0 none.
        region: name of the close-up that is shown instead of the whole, see `SpineAlignmentLib.detection.close_ups`.
        training: whether films are augmented.

    Raises:
        ConfigError: an annotation that cannot be read, has no film or no landmark, or a film without annotation.
    """

    def __init__(
        self,
        folder: str,
        mapping: str = "",
        names: tuple[str, ...] = (),
        strength: float = 1.0,
        region: str = "",
        training: bool = True,
    ) -> None:
        self.region = REGIONS[region] if region else None
        self.training, self.strength = training, strength
        try:
            films, problems = read_films(folder, load_mapping(mapping) if mapping else None)
        except (SpineAlignmentError, ValueError) as error:
            raise ConfigError(str(error)) from error
        if problems:
            raise ConfigError(problems[0] + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""))
        self.films = [film for film in films if not names or film.name in names]
        _check_complete(Path(folder), films)
        unknown = set(names) - {film.name for film in films}
        if unknown:
            raise ConfigError(f"{folder}: no annotation of a film called {min(unknown)}")
        # An instance's own cache: films stay in memory as long as their source.
        self._fitted = lru_cache(FILMS_IN_MEMORY)(self._fit)

    def __len__(self) -> int:
        return len(self.films)

    @property
    def groups(self) -> list[str]:
        """Whose film each is; films of one patient never part in a split."""
        return [film.patient for film in self.films]

    def get(
        self, index: int, epoch: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """See `FilmSource`."""
        if self.region is None:
            return self._whole(index, input_size, rng)
        image, points = self._whole(index, INPUT_SIZE, rng)
        corner = window_corner(self.region, points, INPUT_SIZE, rng)
        return cut_window(image, corner, self.region), region_points(self.region, points, corner).astype(np.float32)

    def _whole(
        self, index: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        if self.training and self.strength > 0:
            image, inside, points = self._fitted(index, input_size)
            return augment(image, inside, points, input_size, self.strength, rng)
        pixels, frame, points = self._frame(self.films[index], input_size)
        return network_input(pixels, frame), points

    def _fit(self, index: int, input_size: tuple[int, int]) -> tuple[FloatArray, NDArray[np.bool_], FloatArray]:
        size = (int(input_size[0] * SPARE), int(input_size[1] * SPARE))
        pixels, frame, points = self._frame(self.films[index], size)
        image, inside = resample(pixels, frame)
        low, high = np.percentile(image[inside][::7], (0.5, 99.5))
        gray = np.clip((image - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
        return gray, inside, points

    def _frame(self, film: AnnotatedFilm, size: tuple[int, int]) -> tuple[NDArray[np.generic], InputFrame, FloatArray]:
        """Pixels of a film, upright, how they are fitted into a size, and its landmarks there."""
        assert film.picture is not None
        try:
            read = read_film(film.picture)
            film.check_size(read.size_px)
        except SpineAlignmentError as error:
            raise ConfigError(str(error)) from error
        annotation = upright(replace(film.annotation, size_px=read.size_px))
        read = read.upright(film.annotation.quarter_turns)
        anterior = anterior_from_points(annotation.points_px) or annotation.anterior
        frame = fit_film(read.size_px, annotation.spacing_mm or read.pixel_size, anterior, size)
        return read.pixels, frame, frame.to_network(annotation.points_px).astype(np.float32)


def _check_complete(folder: Path, films: list[AnnotatedFilm]) -> None:
    for film in films:
        if film.picture is None:
            raise ConfigError(f"{folder}: the annotation {film.name} has no film beside it")
        if not film.labeled.any():
            raise ConfigError(f"{folder}: the annotation {film.name} has no landmark")
    used = {film.picture.resolve() for film in films if film.picture is not None}
    places = {path.parent for path in used}
    for path in sorted(p for place in places for p in place.iterdir()):
        if is_picture(path) and path.resolve() not in used:
            raise ConfigError(f"{path}: a film without annotation; annotate it or move it out of the folder")


def augment(
    image: FloatArray,
    inside: NDArray[np.bool_],
    points: FloatArray,
    input_size: tuple[int, int],
    strength: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """A turned, scaled, shifted and blurred film with another gray scale.

    Args:
        image: gray values 0 to 1 on a grid `SPARE` times finer than the input, facing left.
        inside: where the film is, same shape.
        points: (45, 2) on that grid.
        input_size: (height, width) of the result.
        strength: 1 is the paper's; 0 changes nothing but the size.
        rng: source of chance.

    Returns:
        What `FilmSource.get` returns; landmarks that left the image are NaN.
    """
    height, width = input_size
    matrix = _sample_matrix(image.shape, input_size, strength, rng)
    flags = cv2.INTER_LINEAR
    gray = cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(inside.astype(np.float32), matrix, (width, height), flags=flags) > 0.5
    if rng.random() < 0.5 * strength:
        gray = cv2.GaussianBlur(gray, (0, 0), float(rng.uniform(0.3, 1.5)) * height / 864 + 0.05)
    gray = np.clip(gray, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.3 * strength)))
    gray = gray * np.float32(np.exp(rng.normal(0, 0.1 * strength)))
    if rng.random() < 0.3 * strength:
        gray = gray + rng.normal(0, rng.uniform(0.002, 0.02), gray.shape)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    limits = np.array([width, height]) - 0.5
    moved[~((moved >= -0.5) & (moved <= limits)).all(axis=1)] = np.nan
    marks = hips_in_order(moved, HIGHER_FIRST)
    return normalize_contrast(np.asarray(gray, np.float32), mask), marks.astype(np.float32)


def _sample_matrix(
    shape: tuple[int, ...], input_size: tuple[int, int], strength: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(2, 3) map from the finer grid to the input, pixel centers both: scale 0.8-1, rotation and shift."""
    scale = (1 - strength * rng.uniform(0, 0.2)) * input_size[0] / shape[0]
    turn = np.radians(strength * rng.uniform(-30, 30))
    shift = strength * rng.uniform(-0.05, 0.05, 2) * [input_size[1], input_size[0]]
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    source = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
    target = np.array([(input_size[1] - 1) / 2, (input_size[0] - 1) / 2])
    return np.column_stack([linear, target + shift - linear @ source])
