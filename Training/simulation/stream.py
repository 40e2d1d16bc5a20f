"""Simulated films straight into training: cached projections, each time with a new view, moves and a new look."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.close_ups import REGIONS, SURROUNDINGS, canvas_size, cut
from SpineAlignmentLib.detection.look import HIGHER_FIRST, hips_in_order
from SpineAlignmentLib.film.preprocessing import INPUT_SIZE, normalize_contrast
from Training.simulation.appearance.augmentation import augment
from Training.simulation.appearance.chain import Look, film
from Training.simulation.appearance.projection_layers import Projection
from Training.simulation.cache import SPACING_MM, STEPS_PER_MM, cached, path_of, read_points
from Training.simulation.moves import STILL, Moves
from Training.windows import region_points, window_corner, window_of

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

TEST_SEED: Final[int] = 90_125
_INVERSIONS: Final[int] = 8
BEND_GRID: Final[tuple[int, int]] = (6, 4)
BEND_MM: Final[float] = 10.0
"""Largest standard deviation of the bends that training adds to patients, beyond what their posture has."""


@dataclass(frozen=True)
class View:
    """Which part of a projection is the film, and how the network sees it; projection pixels of `SPACING_MM`."""

    film: tuple[float, float, float, float]
    """(left, top, right, bottom) of the film's edges."""
    matrix: FloatArray
    """(2, 3) affine map from network pixels to projection pixels."""
    step: float
    """Projection pixels for one network pixel."""
    bend: FloatArray | None = None
    """(rows, columns, 2) displacements in projection pixels on a coarse grid over the input; None: a stiff patient."""

    def displacement(self, input_size: tuple[int, int]) -> ImageArray | None:
        """The bend as a smooth field, (height, width, 2) projection pixels for each network pixel."""
        if self.bend is None:
            return None
        size = (input_size[1], input_size[0])
        return np.asarray(cv2.resize(self.bend.astype(np.float32), size, interpolation=cv2.INTER_CUBIC), np.float32)

    def part(self, left: int, top: int) -> "View":
        """The same view whose first pixel is this one's pixel (left, top)."""
        linear, offset = self.matrix[:, :2], self.matrix[:, 2]
        return replace(self, matrix=np.column_stack([linear, offset + linear @ (left, top)]))

    def to_network(self, points: FloatArray, field: ImageArray | None) -> FloatArray:
        """Projection pixels (n, 2) to network pixels; `field` is the view's displacement."""
        linear, offset = self.matrix[:, :2], self.matrix[:, 2]
        inverse = np.linalg.inv(linear).T
        straight = np.asarray((points - offset) @ inverse)
        if field is None:
            return straight
        out = straight
        for _ in range(_INVERSIONS):  # the field is smooth and small, so this settles quickly
            moved = cv2.remap(
                field,
                np.nan_to_num(out[:, :1]).astype(np.float32),
                np.nan_to_num(out[:, 1:]).astype(np.float32),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )[:, 0]
            out = straight - moved @ inverse
        return out


def sample_film(
    points: FloatArray, size: tuple[int, int], rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """The edges of a film around landmarks (45, 2) on a projection (height, width), at least from C2 to the hips."""
    known = points[~np.isnan(points[:, 0])]
    c2, hips = np.nanmin(points[:, 1]), np.nanmax(points[:, 1])
    top = max(-10.0, c2 - rng.choice([rng.uniform(5, 60), rng.uniform(40, 230)]))
    bottom = min(size[0] - 1.0, hips + rng.choice([rng.uniform(25, 120), rng.uniform(80, 330)]))
    width = rng.uniform(250, 470)
    middle = 0.5 * (known[:, 0].min() + known[:, 0].max()) + rng.normal(-15, 30)
    half = max(width / 2, (known[:, 0].max() - known[:, 0].min()) / 2 + 15)
    return float(middle - half), float(top), float(middle + half), float(bottom)


def sample_view(
    points: FloatArray, size: tuple[int, int], input_size: tuple[int, int], rng: np.random.Generator, augmented: bool
) -> View:
    """A film and the frame on it: the whole film, or the region of the spine as in the second pass of detection."""
    edges = sample_film(points, size, rng)
    height, width = input_size
    if rng.random() < 0.5:
        left, top, right, bottom = edges
    else:
        (left, top), (right, bottom) = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
        tall = bottom - top
        top, bottom = top - tall * rng.uniform(0.04, 0.16), bottom + tall * rng.uniform(0.04, 0.16)
        left, right = left - tall * rng.uniform(0.02, 0.2), right + tall * rng.uniform(0.02, 0.2)
    unit = max((right - left) / width, (bottom - top) / height)
    turn, stretch = 0.0, 1.0
    center = np.array([(left + right) / 2, (top + bottom) / 2])
    if augmented:
        unit *= np.exp(rng.uniform(np.log(0.92), np.log(1.25)))
        turn = np.radians(np.clip(rng.normal(0, 5) if rng.random() < 0.8 else rng.uniform(-30, 30), -30, 30))
        stretch = np.exp(rng.normal(0, 0.03))
        center = center + rng.uniform(-0.05, 0.05, 2) * [width * unit, height * unit]
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array([[cos * stretch, -sin], [sin, cos / stretch]]) * unit
    offset = center - linear @ np.array([(width - 1) / 2, (height - 1) / 2])
    bend = None
    if augmented and rng.random() < 0.6:
        bend = rng.normal(0, rng.uniform(1, BEND_MM) / SPACING_MM, (*BEND_GRID, 2))
    return View(edges, np.column_stack([linear, offset]), unit, bend)


def inside_film(view: View, input_size: tuple[int, int]) -> NDArray[np.bool_]:
    """Where the film is on the network's input."""
    left, top, right, bottom = view.film
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    linear, offset = view.matrix[:, :2], view.matrix[:, 2]
    polygon = (corners - offset) @ np.linalg.inv(linear).T
    mask = np.zeros(input_size, np.uint8)
    cv2.fillConvexPoly(mask, np.clip(polygon, -20000, 20000).round().astype(np.int32), 1)
    return mask.astype(bool)


class SimulatedFilms:
    """A `FilmSource` of cached projections.

    Args:
        folder: written by `Training.simulation.cache`.
        first, count: the range of projections used; count 0 = all.
        randomization: greatest strength of the looks, 0 plausible to 1.5 well past it.
        region: name of the close-up that is shown instead of the whole, see `SpineAlignmentLib.detection.close_ups`.
        training: draw a new view, moves and look each time; else the same view and look for an index, without
            augmentation.

    Raises:
        FileNotFoundError: no projections in the folder.
    """

    def __init__(
        self,
        folder: str,
        first: int = 0,
        count: int = 0,
        randomization: float = 1.0,
        region: str = "",
        training: bool = True,
    ) -> None:
        self._folder = Path(folder)
        self._indices = cached(self._folder, first, count)
        self._randomization = randomization
        self._region = REGIONS[region] if region else None
        self._training = training

    def __len__(self) -> int:
        return len(self._indices)

    def get(
        self, index: int, epoch: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[ImageArray, ImageArray]:
        """One film as the network sees it and its landmarks in network pixels; see `FilmSource`."""
        number = self._indices[index]
        if not self._training:
            rng = np.random.default_rng([TEST_SEED, number])
        path = path_of(self._folder, number)
        points = read_points(path, "landmarks")
        layers = np.load(path, mmap_mode="r")
        whole = INPUT_SIZE if self._region else input_size
        view = sample_view(points, (layers.shape[1], layers.shape[2]), whole, rng, self._training)
        field, size = view.displacement(whole), whole
        marks = hips_in_order(view.to_network(points, field), HIGHER_FIRST)
        if self._region:
            size = canvas_size(self._region.input_size)
            left, top = (at - SURROUNDINGS for at in window_corner(self._region, marks, whole, rng))
            view, marks = view.part(left, top), marks - (left, top)
            field = None if field is None else window_of(field, (left, top), size, cv2.BORDER_REPLICATE)
        moves = Moves.sample(marks, view.step * SPACING_MM, rng) if self._training else STILL
        projection = warped(path, layers, view, field, size, marks, moves)
        marks = hips_in_order(moves.landmarks_carried(marks), HIGHER_FIRST)
        look = Look.sample(rng, self._randomization * float(rng.random()))  # from plausible to wild
        image = film(projection, look, rng)
        if self._training:
            image = augment(image, projection.spacing_mm, rng)
        inside = inside_film(view, size)
        column, row = np.clip(np.nan_to_num(marks).round().astype(int), 0, np.array(size)[::-1] - 1).T
        visible = inside[row, column] & (marks >= -0.5).all(axis=1) & (marks <= np.array(size)[::-1] - 0.5).all(axis=1)
        marks = np.where(visible[:, None], marks, np.nan)
        image = normalize_contrast(image, inside, whole[0])
        if self._region:
            image, marks = cut(image), region_points(self._region, marks, (SURROUNDINGS, SURROUNDINGS))
        return image, marks.astype(np.float32)


def warped(
    path: Path,
    layers: NDArray[np.uint16],
    view: View,
    field: ImageArray | None,
    size: tuple[int, int],
    marks: FloatArray,
    moves: Moves = STILL,
) -> Projection:
    """The projection on the network's grid, from the half-resolution copy where that is fine enough.

    Args:
        path: of the projection.
        layers: its content.
        view: what is seen of it.
        field: the view's displacement on the grid.
        size: (height, width) of the grid.
        marks: the landmarks on the grid before any move; what fills the body lies about them.
        moves: of bones against each other.
    """
    matrix, shrink = view.matrix, 1.0
    if view.step > 1.5:
        layers, shrink = np.load(path.with_suffix(".half.npy"), mmap_mode="r"), 0.5
        # pixel centers: full = 2 * half + 0.5
        matrix = np.column_stack([matrix[:, :2] / 2, (matrix[:, 2] - 0.5) / 2])
    come = {name: moves.field(size, name == "skeleton") for name in ("spine", "skeleton")}
    come["metal"] = come["spine"]
    seen = [
        _seen(layer, matrix, shrink, field, come.get(name), size)
        for layer, name in zip(layers, STEPS_PER_MM, strict=True)
    ]
    warped = {
        name: layer.astype(np.float32) / steps for layer, (name, steps) in zip(seen, STEPS_PER_MM.items(), strict=True)
    }
    return Projection(
        warped["spine"], warped["skeleton"], warped["soft"], warped["metal"], view.step * SPACING_MM, marks
    )


def _seen(
    layer: NDArray[np.uint16],
    matrix: FloatArray,
    shrink: float,
    field: ImageArray | None,
    come: ImageArray | None,
    size: tuple[int, int],
) -> NDArray[np.uint16]:
    """A layer on the grid: `field` in projection pixels, times `shrink` those of the layer; `come` in grid pixels."""
    layer = np.ascontiguousarray(layer)
    if field is None and come is None:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(layer, matrix, size[::-1], flags=flags), np.uint16)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    if come is not None:
        x, y = x - come[..., 0], y - come[..., 1]
    linear = matrix.astype(np.float32)
    across, down = (linear[k, 0] * x + linear[k, 1] * y + linear[k, 2] for k in (0, 1))
    if field is not None:
        bent = field if come is None else cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        across, down = across + np.float32(shrink) * bent[..., 0], down + np.float32(shrink) * bent[..., 1]
    return np.asarray(cv2.remap(layer, across, down, cv2.INTER_LINEAR), np.uint16)
