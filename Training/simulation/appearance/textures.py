"""Banks of textures in physical units, made once a process and laid on films by cropping, turning and scaling.

Every tile carries its texel size in millimeters, and smaller versions of itself, so that one tile looks alike at 0.3 mm
and at 2 mm a pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from Training.simulation.appearance import filters
from Training.simulation.appearance.projection_layers import Layer, Points

BANK_SEED: Final[int] = 20210409
TILE: Final[int] = 256
TEXEL_MM: Final[float] = 0.8
TILES: Final[int] = 24
LUNG_TILES: Final[int] = 12


@dataclass(frozen=True)
class Tile:
    """One texture with its pyramid; values from 0 to 1 unless told otherwise."""

    levels: tuple[Layer, ...]
    texel_mm: float

    def level(self, wanted_mm: float) -> tuple[Layer, float]:
        """The pyramid level whose texel is not much finer than a film pixel, and its texel size."""
        step = int(np.clip(np.floor(np.log2(max(wanted_mm / self.texel_mm, 1.0)) + 0.3), 0, len(self.levels) - 1))
        return self.levels[step], self.texel_mm * 2**step


def _tile(image: Layer, texel_mm: float) -> Tile:
    levels = [np.ascontiguousarray(image, np.float32)]
    for _ in range(3):
        levels.append(filters.shrink(levels[-1], 2))
    return Tile(tuple(levels), texel_mm)


def stamp(target: Layer, tile: Tile, place: "Placement", spacing_mm: float, gain: float) -> None:
    """Add `gain` times the tile to a layer, in place; the tile's outside counts as zero."""
    image, texel = tile.level(spacing_mm / max(place.scale, 1e-3))
    rows, columns = image.shape
    zoom = texel * place.scale / spacing_mm
    cosine, sine = np.cos(place.angle) * zoom, np.sin(place.angle) * zoom
    linear = np.array([[cosine, -sine * place.stretch], [sine, cosine * place.stretch]])
    if place.flip:
        linear[:, 0] *= -1
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * (columns, rows)
    reach = corners @ linear.T + place.center
    left, top = np.maximum(np.floor(reach.min(axis=0)).astype(int), 0)
    right = min(int(np.ceil(reach[:, 0].max())) + 1, target.shape[1])
    bottom = min(int(np.ceil(reach[:, 1].max())) + 1, target.shape[0])
    if right <= left or bottom <= top:
        return
    shift = place.center - linear @ np.array([(columns - 1) / 2, (rows - 1) / 2]) - (left, top)
    matrix = np.column_stack([linear, shift])
    patch = filters.warp(image, matrix, (bottom - top, right - left))
    region = target[top:bottom, left:right]
    region += np.float32(gain) * patch


@dataclass(frozen=True)
class Placement:
    """Where and how a tile is laid on a film."""

    center: Points
    """(x, y) in pixels."""
    scale: float = 1.0
    stretch: float = 1.0
    """Height over width of the tile as laid."""
    angle: float = 0.0
    """Radians."""
    flip: bool = False


def random_placement(
    rng: np.random.Generator,
    center: Points,
    spacing_mm: float,
    wander_mm: float = 0.0,
    scale: tuple[float, float] = (0.7, 1.4),
    turn: float = np.pi,
) -> Placement:
    """A placement near `center`, turned by up to `turn` radians."""
    offset = rng.normal(0, max(wander_mm, 1e-6), 2) / spacing_mm
    return Placement(
        np.asarray(center + offset),
        float(rng.uniform(*scale)),
        float(np.exp(rng.uniform(-0.35, 0.35))),
        float(rng.uniform(-turn, turn)),
        bool(rng.random() < 0.5),
    )


def spectrum_noise(
    rng: np.random.Generator, shape: tuple[int, int], slope: float, stretch: float = 1.0, turn: float = 0.0
) -> Layer:
    """Periodic noise whose amplitude falls as frequency to the power of minus `slope`; mean 0, standard deviation 1.

    `stretch` above 1 draws it out (fibers) along the direction `turn`, in radians from x towards y.
    """
    fy = np.fft.fftfreq(shape[0])[:, None]
    fx = np.fft.rfftfreq(shape[1])[None, :]
    along, across = fx * np.cos(turn) + fy * np.sin(turn), fy * np.cos(turn) - fx * np.sin(turn)
    radius = np.hypot(along * stretch, across)
    radius[0, 0] = np.inf
    white = np.fft.rfft2(rng.standard_normal(shape))
    noise = np.fft.irfft2(white * radius**-slope, s=shape)
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)


def _round_mask(rng: np.random.Generator, size: int = TILE, edge: float = 0.12) -> Layer:
    """A soft, uneven disc that fills most of a tile."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    angle = np.arctan2(y, x)
    radius = np.full_like(x, 0.78)
    for k in range(1, 5):
        radius += rng.normal(0, 0.07 / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    return np.asarray(np.clip((radius - np.hypot(x, y)) / edge, 0, 1), np.float32)


def _lens(
    canvas: Layer, center: Points, radii: tuple[float, float], angle: float, sharpness: float, overlap: float = 0.0
) -> None:
    """Add one gas bubble: an ellipsoid's path length (0 to 1) with a rim as steep as `sharpness` asks.

    `overlap` 0 joins it with the others, 1 lays it over them.
    """
    reach = int(np.ceil(max(radii))) + 2
    x0, y0 = max(int(center[0]) - reach, 0), max(int(center[1]) - reach, 0)
    x1, y1 = min(int(center[0]) + reach, canvas.shape[1]), min(int(center[1]) + reach, canvas.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    dx, dy = x - center[0], y - center[1]
    u = (dx * np.cos(angle) + dy * np.sin(angle)) / radii[0]
    v = (-dx * np.sin(angle) + dy * np.cos(angle)) / radii[1]
    depth = np.clip(1 - u * u - v * v, 0, 1) ** sharpness
    depth = depth * (min(radii) / 24) ** 0.7
    patch = canvas[y0:y1, x0:x1]
    patch[:] = overlap * (patch + depth) + (1 - overlap) * np.maximum(patch, depth)


def _gas_cluster(rng: np.random.Generator) -> Layer:
    """A heap of overlapping bubbles of very different size, as in the colon."""
    canvas = np.zeros((TILE, TILE), np.float32)
    spread = rng.uniform(20, 50)
    for _ in range(int(rng.integers(10, 70))):
        size = float(np.exp(rng.uniform(np.log(2.5), np.log(24))))
        center = rng.normal(TILE / 2, spread, 2)
        shape = (size, size * rng.uniform(0.45, 1))
        _lens(canvas, center, shape, rng.uniform(0, np.pi), rng.uniform(0.3, 1.2), rng.uniform(0.15, 1))
    return canvas


def _gas_foam(rng: np.random.Generator) -> Layer:
    """Gas parted into cells by folds and walls: a Voronoi pattern with rounded cells, some of them empty."""
    count = int(rng.integers(60, 400))
    seeds = rng.uniform(0, TILE, (count, 2))
    y, x = np.mgrid[0:TILE, 0:TILE]
    distance, cell = cKDTree(seeds).query(np.column_stack([x.ravel(), y.ravel()]), k=2)
    filled = rng.random(count) ** rng.uniform(0.7, 2.5)
    width = 0.6 * TILE / np.sqrt(count)
    wall = np.clip((distance[:, 1] - distance[:, 0] - 1.5) / width, 0, 1) ** rng.uniform(0.4, 1)
    depth = (wall * filled[cell[:, 0]]).reshape(TILE, TILE)
    return np.asarray(depth * _round_mask(rng) * rng.uniform(0.5, 1), np.float32)


def _gas_haustra(rng: np.random.Generator) -> Layer:
    """A gas-filled loop of colon: bulges in a row along a bent path, thin folds between them."""
    canvas = np.zeros((TILE, TILE), np.float32)
    count = int(rng.integers(4, 12))
    heading, point = rng.uniform(0, 2 * np.pi), np.array([TILE / 2, TILE / 2]) + rng.normal(0, 20, 2)
    point = point - 18 * count / 2 * 0.6 * np.array([np.cos(heading), np.sin(heading)])
    width = rng.uniform(9, 24)
    for _ in range(count):
        size = width * rng.uniform(0.8, 1.2)
        _lens(canvas, point, (size * rng.uniform(0.5, 0.8), size), heading, rng.uniform(0.25, 0.5))
        heading += rng.normal(0, 0.35)
        point = point + size * rng.uniform(0.85, 1.15) * np.array([np.cos(heading), np.sin(heading)])
    return canvas


def _gas_loops(rng: np.random.Generator) -> Layer:
    """Tubes of gas in small bowel, and a few larger bubbles with a level."""
    canvas = np.zeros((TILE, TILE), np.uint8)
    for _ in range(int(rng.integers(2, 7))):
        start = rng.normal(TILE / 2, TILE / 5, 2)
        turns = np.cumsum(rng.normal(0, 0.5, 24)) + rng.uniform(0, 2 * np.pi)
        path = start + np.cumsum(np.column_stack([np.cos(turns), np.sin(turns)]) * 3.5, axis=0)
        thick = int(rng.integers(9, 26))
        cv2.polylines(canvas, [path.astype(np.int32)], False, int(rng.integers(60, 200)), thick, cv2.LINE_AA)
    out = cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.6, 2.5))).astype(np.float32) / 255
    out *= np.clip(0.7 + 0.4 * spectrum_noise(rng, (TILE, TILE), 1.6), 0, 1.3)
    if rng.random() < 0.5:
        level = int(TILE * rng.uniform(0.4, 0.7))
        out[level:] *= np.float32(rng.uniform(0, 0.4))
    return np.asarray(out, np.float32)


def _stool(rng: np.random.Generator) -> Layer:
    """Mottled stool: fine gas in a denser mass, about -0.5 (dense) to 1 (gas)."""
    fine = spectrum_noise(rng, (TILE, TILE), rng.uniform(1.1, 1.5))
    coarse = spectrum_noise(rng, (TILE, TILE), 2.0)
    mottle = fine + rng.uniform(0, 0.8) * coarse
    if rng.random() < 0.5:
        mottle = np.maximum(mottle - rng.uniform(-0.5, 0.8), 0) ** rng.uniform(0.7, 1.2)
    mottle = np.clip(0.4 * mottle - rng.uniform(0, 0.35), -0.5, 1)
    return np.asarray(mottle * _round_mask(rng, edge=rng.uniform(0.1, 0.5)), np.float32)


def _branches(rng: np.random.Generator, canvas: NDArray[np.uint8]) -> None:
    """Vessels and bronchi that leave the hilum and fork."""
    middle = np.array(canvas.shape[::-1]) / 2
    todo = [
        (middle + rng.normal(0, 9, 2), rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 3.4))
        for _ in range(int(rng.integers(14, 30)))
    ]
    while todo:
        point, heading, width = todo.pop()
        for _ in range(int(rng.integers(5, 14))):
            step = rng.uniform(4, 9)
            ahead = point + step * np.array([np.cos(heading), np.sin(heading)])
            ends = [tuple(round(v * 16) for v in p) for p in (point, ahead)]
            cv2.line(canvas, ends[0], ends[1], int(min(255, 40 + 40 * width)), max(1, int(width)), cv2.LINE_AA, 4)
            point, heading = ahead, heading + rng.normal(0, 0.16)
        if width > 1.1 and len(todo) < 160:
            for side in (-1, 1):
                todo.append((point, heading + side * rng.uniform(0.15, 0.6), width * rng.uniform(0.55, 0.8)))


def _lung(rng: np.random.Generator) -> Layer:
    """Lung markings: branching vessels over a fine net, fading towards the rim; about -0.3 to 1."""
    canvas = np.zeros((TILE, TILE), np.uint8)
    _branches(rng, canvas)
    vessels = cv2.GaussianBlur(canvas, (0, 0), 0.6).astype(np.float32) / 255
    # Where a cloudy noise crosses zero runs a net of thin lines: septa, small vessels, the edges of lobules.
    net = np.zeros((TILE, TILE), np.float32)
    for _ in range(3):
        cloud = spectrum_noise(rng, (TILE, TILE), rng.uniform(1.2, 1.7), rng.uniform(1, 3), rng.uniform(0, np.pi))
        net += np.exp(-np.abs(cloud) * rng.uniform(4, 9), dtype=np.float32) * np.float32(rng.uniform(0.5, 1))
    slow = spectrum_noise(rng, (TILE, TILE), 1.7)
    return np.asarray((0.8 * vessels + 0.45 * net + 0.12 * slow - 0.25) * _round_mask(rng, edge=0.3), np.float32)


def _bank(
    make: Callable[[np.random.Generator], Layer], salt: int, count: int = TILES, texel_mm: float = TEXEL_MM
) -> tuple[Tile, ...]:
    rng = np.random.default_rng((BANK_SEED, salt))
    return tuple(_tile(make(rng), texel_mm) for _ in range(count))


@cache
def gas() -> tuple[Tile, ...]:
    """Bowel gas of four kinds, in turns; 1 stands for about 40 mm of gas."""
    kinds = (_gas_cluster, _gas_haustra, _gas_foam, _gas_cluster, _gas_foam, _gas_loops)
    rng = np.random.default_rng((BANK_SEED, 1))
    return tuple(_tile(kinds[i % 6](rng), TEXEL_MM) for i in range(TILES))


@cache
def stool() -> tuple[Tile, ...]:
    """Mottled stool."""
    return _bank(_stool, 2)


@cache
def lung() -> tuple[Tile, ...]:
    """Lung markings, over about 300 mm."""
    return _bank(_lung, 3, LUNG_TILES, 1.2)


FIELD: Final[int] = 1024
FIELD_MM: Final[float] = 0.4


FIBER_TURNS: Final[int] = 6
"""Directions of the stored fiber fields, evenly over half a turn."""


@cache
def _field(kind: str, turn: int, step: int, repeats: tuple[int, int]) -> Layer:
    """A periodic noise field, shrunk by 2 to the power of `step` and repeated along y and x."""
    slope, stretch, salt = {"bone": (1.25, 1.0, 11), "fiber": (1.0, 10.0, 12), "tissue": (1.6, 1.0, 13)}[kind]
    if step > 0 or repeats != (1, 1):
        once = _field(kind, turn, 0, (1, 1))
        return np.tile(filters.shrink(once, 2**step) if step else once, repeats)
    rng = np.random.default_rng((BANK_SEED, salt, turn))
    return spectrum_noise(rng, (FIELD, FIELD), slope, stretch, np.pi * turn / FIBER_TURNS)


def field(rng: np.random.Generator, kind: str, shape: tuple[int, int], spacing_mm: float, turn: int = 0) -> Layer:
    """Noise that covers a film: "bone" (fine grain), "fiber" (streaks) or "tissue" (cloudy); deviation about 1.

    Args:
        turn: direction of fibers, 0 to `FIBER_TURNS` - 1: 0 runs along x, the next ones turn towards y.
    """
    step = min(round(np.log2(max(spacing_mm / FIELD_MM, 1.0))), 4)
    texel, period = FIELD_MM * 2**step, FIELD // 2**step
    need = [int(np.ceil(n * spacing_mm / texel)) for n in shape]
    noise = _field(kind, turn, step, (1 + -(-need[0] // period), 1 + -(-need[1] // period)))
    top, left = int(rng.integers(period)), int(rng.integers(period))
    return filters.stretch(noise[top : top + need[0], left : left + need[1]], shape)


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], spacing_mm: float, knot_mm: float) -> Layer:
    """Smooth random variation with knots every `knot_mm`; deviation about 1."""
    rows, columns = (max(3, int(np.ceil(n * spacing_mm / knot_mm)) + 2) for n in shape)
    coarse = rng.standard_normal((rows, columns), dtype=np.float32)
    middle = filters.stretch(coarse, (max(8, shape[0] // 8), max(8, shape[1] // 8)), cubic=True)
    return filters.stretch(middle, shape)


WHITE: Final[tuple[int, int]] = (1500, 1100)


@cache
def _white() -> Layer:
    return np.random.default_rng((BANK_SEED, 21)).standard_normal(WHITE, dtype=np.float32)


def white_noise(rng: np.random.Generator, shape: tuple[int, int]) -> Layer:
    """White noise, deviation 1: a random piece of a stored field, or fresh numbers for films that it cannot cover."""
    spare = (WHITE[0] - shape[0], WHITE[1] - shape[1])
    if min(spare) < 64:
        return rng.standard_normal(shape, dtype=np.float32)
    top, left = int(rng.integers(spare[0])), int(rng.integers(spare[1]))
    piece = _white()[top : top + shape[0], left : left + shape[1]]
    return piece[:: int(rng.choice((-1, 1))), :: int(rng.choice((-1, 1)))]
