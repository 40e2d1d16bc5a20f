"""Windows of simulated films for the network of bodies: any part of a spine, or none, at one scale.

A window is a film of its own: it may lie within a larger one or show its edges, and its contrast is normalized as
detection normalizes that of a whole film.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.bodies_network import MM_PER_PIXEL
from SpineAlignmentLib.film.preprocessing import INPUT_SIZE, normalize_contrast
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX
from Training.simulation.appearance import textures
from Training.simulation.appearance.augmentation import augment
from Training.simulation.appearance.chain import Look, film
from Training.simulation.cache import SPACING_MM, cached, path_of, read_points
from Training.simulation.moves import STILL, Moves
from Training.simulation.stream import BEND_GRID, BEND_MM, TEST_SEED, View, inside_film, sample_film, warped

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

SCALES: Final[tuple[float, float]] = (0.85, 1.18)
"""Spacing is off by a magnification, or found by a search; training shows vertebrae so much smaller and larger."""
_ELSEWHERE: Final[float] = 0.15
"""Share of windows that lie anywhere on the projection, mostly beside the spine."""
_FILLED: Final[float] = 0.42
"""A window's middle lies at least so far within the film, as a share of the window, where the film is large enough."""


class BodyWindows:
    """A `FilmSource` of cached projections whose truth is every body, shape (25, 5, 2), NaN where missing.

    Rows are `landmarks.VERTEBRAE` and the sacral plate; columns are the center and the corners in the order of
    `landmarks.CORNERS`. C2 has its lower two alone, the plate its upper two; its center lies between them. A body
    whose center is not on the window is missing.

    Args:
        folder: written by `Training.simulation.cache`.
        first, count: the range of projections used; count 0 = all.
        windows: how many windows of each projection an epoch shows.
        randomization: greatest strength of the looks, 0 plausible to 1.5 well past it.
        training: draw a new window, moves and look each time; else the same window and look for an index, neither
            turned nor damaged.

    Raises:
        FileNotFoundError: no projections in the folder.
    """

    spineless: float = 0.04
    """Share of windows whose spine is left out, so that ribs, lungs and skin alone mean nothing."""
    textures: float = 0.03
    """Share of windows that show no film at all."""
    parts: float = 0.5
    """Share of films of which a part is left, as collimated or cut."""
    of_skeleton: bool = False
    """Whether what is looked for is no bone of the spine."""
    damaged: float = 1.0
    """Share of films with text, bars, patches and the like on them."""

    def __init__(
        self,
        folder: str,
        first: int = 0,
        count: int = 0,
        windows: int = 1,
        randomization: float = 1.0,
        training: bool = True,
    ) -> None:
        self._folder = Path(folder)
        self._indices = cached(self._folder, first, count)
        self._windows = windows
        self._randomization = randomization
        self._training = training

    def __len__(self) -> int:
        return self._windows * len(self._indices)

    def get(
        self, index: int, epoch: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[ImageArray, ImageArray]:
        """One window and its bodies in window pixels; see `FilmSource`."""
        which, place = divmod(index, len(self._indices))
        number = self._indices[place]
        if not self._training:
            rng = np.random.default_rng([TEST_SEED, number, which])
        if self._training and rng.random() < self.textures:
            return _texture(input_size, rng), np.full((25, 5, 2), np.nan, np.float32)
        path = path_of(self._folder, number)
        landmarks = read_points(path, "landmarks")
        truth = self.truth(path, landmarks)
        layers = np.load(path, mmap_mode="r")
        if self._training and rng.random() < self.spineless:
            layers = layers.copy()
            layers[0], truth[:] = 0, np.nan
        view = self._view(landmarks, (layers.shape[1], layers.shape[2]), input_size, rng)
        field = view.displacement(input_size)
        marks = view.to_network(landmarks, field)
        truth = view.to_network(truth.reshape(-1, 2), field).reshape(truth.shape)
        moves = self.moves(marks, view.step * SPACING_MM, rng) if self._training else STILL
        projection = warped(path, layers, view, field, input_size, marks, moves)
        truth = moves.carried(truth.reshape(-1, 2), self.of_skeleton).reshape(truth.shape)
        look = Look.sample(rng, self._randomization * float(rng.random()))  # from plausible to wild
        image = film(projection, look, rng)
        if self._training and rng.random() < self.damaged:
            image = augment(image, projection.spacing_mm, rng)
        inside = inside_film(view, input_size)
        truth[~_seen(truth[:, 0], inside)] = np.nan
        return normalize_contrast(image, inside, INPUT_SIZE[0]), truth.astype(np.float32)

    def truth(self, path: Path, landmarks: FloatArray) -> FloatArray:
        """(structures, points, 2) of the projection at `path`; the first point of a structure is its center."""
        return bodies(read_points(path, "vertebrae"), landmarks)

    def moves(self, marks: FloatArray, spacing_mm: float, rng: np.random.Generator) -> Moves:
        """Bones that move against what lies around them; landmarks (45, 2) are window pixels of `spacing_mm`."""
        return Moves.sample(marks, spacing_mm, rng)

    def _view(
        self, landmarks: FloatArray, size: tuple[int, int], window: tuple[int, int], rng: np.random.Generator
    ) -> View:
        """Where the window lies on a projection of (height, width) `size`."""
        edges = sample_film(landmarks, size, rng)
        if rng.random() < self.parts:
            edges = _part(edges, rng)
        unit, turn, stretch, bend = MM_PER_PIXEL / SPACING_MM, 0.0, 1.0, None
        if self._training:
            unit *= float(np.exp(rng.uniform(*np.log(SCALES))))
            turn = float(np.radians(rng.normal(0, 6) if rng.random() < 0.85 else rng.uniform(-35, 35)))
            stretch = float(np.exp(rng.normal(0, 0.03)))
            if rng.random() < 0.6:
                share = window[0] / INPUT_SIZE[0]  # the grid is as much finer, so that bends are no steeper
                bend = rng.normal(0, share * rng.uniform(1, BEND_MM) / SPACING_MM, (*BEND_GRID, 2))
        cos, sin = np.cos(turn), np.sin(turn)
        linear = np.array([[cos * stretch, -sin], [sin, cos / stretch]]) * unit
        reach = np.array(window[::-1]) * unit
        low, high = np.array(edges[:2]), np.array(edges[2:])
        middle = self.middle(landmarks, low, high, reach, rng)
        offset = middle - linear @ np.array([(window[1] - 1) / 2, (window[0] - 1) / 2])
        return View(edges, np.column_stack([linear, offset]), unit, bend)

    def middle(
        self, landmarks: FloatArray, low: FloatArray, high: FloatArray, reach: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """(2,) where the middle of a window of (width, height) `reach` lies on a film from corner `low` to `high`."""
        on_film = landmarks[((landmarks > low) & (landmarks < high)).all(axis=1)]
        if len(on_film) == 0 or rng.random() < _ELSEWHERE:
            middle = rng.uniform(low, high)
        else:
            middle = on_film[rng.integers(len(on_film))] + rng.uniform(-0.45, 0.45, 2) * reach
        margin = np.minimum(_FILLED * reach, (high - low) / 2)  # so that most of a window is film
        return np.asarray(np.clip(middle, low + margin, high - margin))


def bodies(vertebrae: FloatArray, landmarks: FloatArray) -> FloatArray:
    """The truth of one film, (25, 5, 2), from corners (24, 4, 2) and landmarks (45, 2); see `BodyWindows`."""
    centers = np.vstack([vertebrae.mean(axis=1), [[np.nan, np.nan]]])
    centers[0] = landmarks[INDEX[CENTERS[0]]]
    plate = landmarks[[INDEX["S1_A"], INDEX["S1_P"]]]
    centers[-1] = plate.mean(axis=0)
    corners = np.concatenate([vertebrae, np.full((1, 4, 2), np.nan)])
    corners[-1, :2] = plate
    return np.concatenate([centers[:, None], corners], axis=1)


def _part(edges: tuple[float, float, float, float], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """The edges of a part of a film, as collimated or cut."""
    left, top, right, bottom = edges
    height, width = bottom - top, right - left
    top, bottom = top + height * rng.uniform(0, 0.5), bottom - height * rng.uniform(0, 0.4)
    left, right = left + width * rng.uniform(0, 0.2), right - width * rng.uniform(0, 0.2)
    return left, top, right, bottom


def _seen(points: FloatArray, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which points (n, 2) lie on the film within the window."""
    last = np.array(inside.shape)[::-1] - 1
    column, row = np.clip(np.nan_to_num(points).round().astype(int), 0, last).T
    on_window = (points >= -0.5).all(axis=1) & (points <= last + 0.5).all(axis=1)
    return np.asarray(on_window & inside[row, column])


def _texture(size: tuple[int, int], rng: np.random.Generator) -> ImageArray:
    """A picture of nothing: clouds, grain and bars."""
    image = np.zeros(size, np.float32)
    for _ in range(int(rng.integers(1, 5))):
        image += np.float32(rng.uniform(0.2, 1)) * textures.smooth_field(rng, size, 1.0, float(rng.uniform(4, 120)))
    image += np.float32(rng.uniform(0, 0.3)) * textures.white_noise(rng, size)
    for _ in range(int(rng.integers(0, 12))):
        axis, width = int(rng.integers(2)), int(rng.integers(1, 12))
        start = int(rng.integers(size[axis]))
        np.swapaxes(image, 0, axis)[start : start + width] += np.float32(rng.normal(0, 1))
    return normalize_contrast(image, np.ones(size, bool), INPUT_SIZE[0])
