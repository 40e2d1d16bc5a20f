"""Vertebral bodies on a film of any extent: each with its center, four corners and strength, whatever its level.

The network of bodies (`Training`) sees the film at one scale, `MM_PER_PIXEL`, as a whole in one pass. Bodies are the
peaks of its heatmap; the cells around a peak vote for where the center and the corners are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.engines import Answers
from SpineAlignmentLib.detection.views import cells_around
from SpineAlignmentLib.film.preprocessing import INPUT_SIZE, SCALE_MM, InputFrame, normalize_contrast, resample
from SpineAlignmentLib.measurement.landmarks import VERTEBRAE

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

MM_PER_PIXEL: Final[float] = SCALE_MM
"""The scale at which this network sees a film, the one at which the others know adult spines."""
STRIDE: Final[int] = 4
"""Network pixels of a cell of the maps."""
WHOLE: Final[int] = 32
"""The network halves its input five times, so that height and width are multiples of this."""
THRESHOLD: Final[float] = 0.25
"""Least strength of a body."""
_SURROUNDINGS: Final[int] = 64
"""Pixels around landmarks that are looked at: two bodies."""
_VOTERS: Final[int] = 3
"""Cells along a side of the neighborhood whose votes count."""


@dataclass(frozen=True)
class Body:
    """One vertebra, or the sacral plate."""

    center: FloatArray
    """(x, y)."""
    corners: FloatArray
    """(4, 2), in the order of `landmarks.CORNERS`; NaN where there is none: C2's upper, the plate's lower two."""
    strength: float
    """0 to 1: how sure the network is that a body lies here."""
    axis: float
    """0 to 1: that it is C2."""
    levels: FloatArray
    """(24,), sum 1: which of `landmarks.VERTEBRAE` it looks like, by itself and its surroundings."""


@dataclass(frozen=True)
class Bodies:
    """What was found on a film, from top to bottom."""

    vertebrae: tuple[Body, ...]
    plates: tuple[Body, ...]
    """Where the sacral plate may be, strongest first."""


def whole_frame(size_px: tuple[int, int], spacing: tuple[float, float], anterior: str = "left") -> InputFrame:
    """The frame that shows a film of (width, height) pixels whole, at the network's scale, facing left.

    Args:
        size_px: of the film.
        spacing: (x, y) size of a film pixel in mm.
        anterior: the side the patient faces on the film, "left" or "right".
    """
    step = np.array([MM_PER_PIXEL / spacing[0], MM_PER_PIXEL / spacing[1]])
    width, height = (int(-(-n // (s * WHOLE)) * WHOLE) for n, s in zip(size_px, step, strict=True))
    sign = 1.0 if anterior == "left" else -1.0
    center = ((size_px[0] - 1) / 2, (size_px[1] - 1) / 2)
    return InputFrame((height, width), center, (sign * float(step[0]), float(step[1])))


def frame_around(frame: InputFrame, points: ArrayLike) -> InputFrame:
    """The part of a frame that holds points with their surroundings, as large as the network can see it.

    Args:
        frame: of the whole film, see `whole_frame`.
        points: (n, 2) film pixels, NaN where missing; all missing: the whole.
    """
    seen = frame.to_network(points)
    seen = seen[np.isfinite(seen).all(axis=1)]
    if not len(seen):
        return frame
    return cells_around(frame, seen, WHOLE, _SURROUNDINGS)


def bodies_input(pixels: NDArray[np.generic], frame: InputFrame) -> ImageArray:
    """What the network sees: shape `frame.input_size`, float32, about -1 to 1, zero outside the film."""
    return normalize_contrast(*resample(pixels, frame), INPUT_SIZE[0])


def find_bodies(
    pixels: NDArray[np.generic], frame: InputFrame, network: Answers, threshold: float = THRESHOLD
) -> Bodies:
    """Every body on a film, in film pixels.

    Args:
        pixels: shape (height, width), bone bright.
        frame: where and at which scale the network sees the film, see `whole_frame`; height and width of its input are
            multiples of `WHOLE`.
        network: of bodies, loaded by `engines.load_answers`.
        threshold: least strength.
    """
    return on_film(seen_bodies(bodies_input(pixels, frame), network, threshold), frame)


def seen_bodies(image: ImageArray, network: Answers, threshold: float = THRESHOLD) -> Bodies:
    """Every body on what the network sees, see `bodies_input`, in network pixels."""
    return read_maps({name: values[0] for name, values in network(image[None]).items()}, threshold)


def read_maps(maps: Mapping[str, NDArray[Any]], threshold: float = THRESHOLD) -> Bodies:
    """The bodies in the maps of one film, in network pixels.

    Args:
        maps: "heat" (rows, columns, 3) of bodies, C2 and the plate; "points" (rows, columns, 10) from a cell's center
            to the body's center and corners, network pixels; "levels" (rows, columns, 24).
        threshold: least strength.
    """
    heat = np.asarray(maps["heat"], float)
    found = _distinct([_body(maps, heat[..., 0], cell) for cell in _peaks(heat[..., 0], threshold)])
    plates = [_body(maps, heat[..., 2], cell) for cell in _peaks(heat[..., 2], threshold)]
    return Bodies(
        tuple(sorted((_without_upper(body) for body in found), key=lambda body: float(body.center[1]))),
        tuple(sorted((_without_lower(plate) for plate in plates), key=lambda plate: -plate.strength)),
    )


def on_film(bodies: Bodies, frame: InputFrame) -> Bodies:
    """Bodies in network pixels to film pixels."""

    def moved(body: Body) -> Body:
        center, corners = frame.to_film(body.center), frame.to_film(body.corners)
        return Body(center, corners, body.strength, body.axis, body.levels)

    return Bodies(tuple(map(moved, bodies.vertebrae)), tuple(map(moved, bodies.plates)))


def _peaks(heat: FloatArray, threshold: float) -> list[tuple[int, int]]:
    """Cells (row, column) that are highest among their neighbors, strongest first."""
    from scipy import ndimage

    top = (heat == ndimage.maximum_filter(heat, 3, mode="constant")) & (heat >= threshold)
    cells = np.argwhere(top)
    order = np.argsort(-heat[top], kind="stable")
    return [(int(row), int(column)) for row, column in cells[order]]


def _body(maps: Mapping[str, NDArray[Any]], heat: FloatArray, cell: tuple[int, int]) -> Body:
    """The body at a peak of a heatmap: the votes of the cells around it, weighed by their heat."""
    reach = _VOTERS // 2
    rows, columns = (slice(max(at - reach, 0), at + reach + 1) for at in cell)
    weight = heat[rows, columns]
    weight = weight / weight.sum()
    row, column = np.mgrid[rows.start : rows.start + weight.shape[0], columns.start : columns.start + weight.shape[1]]
    here = np.stack([column, row], axis=-1) * STRIDE + (STRIDE - 1) / 2
    offsets = np.asarray(maps["points"][rows, columns], float).reshape(*weight.shape, -1, 2)
    points = np.einsum("rc,rcpx->px", weight, offsets + here[:, :, None])
    levels = np.einsum("rc,rcl->l", weight, np.asarray(maps["levels"][rows, columns], float))
    axis = float(maps["heat"][rows, columns, 1].max())
    return Body(points[0], points[1:], float(heat[cell]), axis, levels)


def _distinct(bodies: list[Body]) -> list[Body]:
    """Without those whose center lies within a stronger one's half height: one body is one body."""
    centers = np.array([body.center for body in bodies]).reshape(-1, 2)
    near = np.linalg.norm(centers[:, None] - centers, axis=2) <= np.array([_half_height(body) for body in bodies])
    kept: list[int] = []
    for i in range(len(bodies)):  # strongest first
        if not near[i, kept].any():
            kept.append(i)
    return [bodies[i] for i in kept]


def _half_height(body: Body) -> float:
    return float(np.linalg.norm(body.corners[2:].mean(axis=0) - body.center))


def _without_upper(body: Body) -> Body:
    """C2 has no upper endplate."""
    if body.axis < 0.5:
        return body
    return Body(body.center, _missing(body.corners, [0, 1]), body.strength, body.axis, body.levels)


def _without_lower(plate: Body) -> Body:
    nothing = np.full(len(VERTEBRAE), np.nan)
    return Body(plate.center, _missing(plate.corners, [2, 3]), plate.strength, 0.0, nothing)


def _missing(corners: ArrayLike, which: list[int]) -> FloatArray:
    out = np.array(corners, float)
    out[which] = np.nan
    return out
