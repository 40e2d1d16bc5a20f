"""A film and landmarks to test with: an upright spine by plain geometry, and a film that shows its bodies as bright."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import CENTERS, COUNT, INDEX, PRESACRAL_LEVELS
from SpineAlignmentLib.measurement.parameters import points_array
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.frame import film_points

SIZE_PX: Final[tuple[int, int]] = (700, 1600)
SPACING_MM: Final[tuple[float, float]] = (0.45, 0.45)
ORIGIN_PX: Final[tuple[float, float]] = (360.0, 1330.0)
"""Where the posterior edge of the sacrum lies on the film, but for 12 mm."""


def upright_mm() -> NDArray[np.float64]:
    """Landmarks of a standing person, shape (45, 2), x anterior +, y up +, mm."""
    count = len(PRESACRAL_LEVELS)
    along = np.linspace(0, 1, count)
    y = 560 - 540 * along
    x = 20 - 45 * np.sin(2 * np.pi * (along - 0.1)) * (0.3 + along)
    tangent = np.gradient(np.stack([x, y], axis=1), axis=0)
    tangent /= np.linalg.norm(tangent, axis=1)[:, None]
    forward = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    centers = dict(zip(PRESACRAL_LEVELS, np.stack([x, y], axis=1), strict=True))
    points = {f"{level}_C": xy for level, xy in centers.items()}
    plates = ["C2I", "C7I", "C7S", "T1S", "T5S", "T5I", "T12I", "L1S", "L4S"]
    for level, end in ((plate[:-1], plate[-1]) for plate in plates):
        i = PRESACRAL_LEVELS.index(level)
        middle = centers[level] + tangent[i] * (9.0 if end == "I" else -9.0)
        points[f"{level}_A{end}"] = middle + 16 * forward[i]
        points[f"{level}_P{end}"] = middle - 16 * forward[i]
    del points["C7_AS"]
    points["C2_D"] = centers["C2"] + (0, 25)
    points["S1_P"], points["S1_A"] = np.array([0.0, 12.0]), np.array([30.0, -10.0])
    points["FH_1"], points["FH_2"] = np.array([38.0, -100.0]), np.array([30.0, -95.0])
    return points_array(points)


def upright_px() -> NDArray[np.float64]:
    """The same landmarks on the film, facing left, shape (45, 2)."""
    return film_points(upright_mm(), SPACING_MM, "left") + np.array(ORIGIN_PX)


def film_pixels() -> NDArray[np.uint16]:
    """A film of `SIZE_PX` that shows a bright body at every center, hip and the sacrum, on a darker trunk."""
    width, height = SIZE_PX
    y, x = np.mgrid[:height, :width].astype(np.float32)
    image = 300 + 120 * np.exp(-(((x - 350) / 220) ** 2))
    points = upright_px()
    bodies = [*(INDEX[name] for name in CENTERS), INDEX["S1_A"], INDEX["FH_1"], INDEX["FH_2"]]
    for px, py in points[bodies]:
        rows, columns = slice(max(0, int(py) - 60), int(py) + 61), slice(max(0, int(px) - 60), int(px) + 61)
        inside = np.hypot((x[rows, columns] - px) / 30, (y[rows, columns] - py) / 18)
        image[rows, columns] += 500 / (1 + np.exp((inside - 1) * 12))
    noise = np.random.default_rng(7).normal(0, 12, image.shape)
    return np.clip(image + noise, 0, 4095).astype(np.uint16)


def detection() -> Annotation:
    """What a detector could say of the film: sure of all landmarks but FH_2."""
    confidence = np.full(COUNT, 0.9)
    confidence[INDEX["FH_2"]] = 0.2
    return Annotation(
        "film", SIZE_PX, upright_px(), confidence, SPACING_MM, "given", "left", "detected (90 % sure)", models=("m",)
    )
