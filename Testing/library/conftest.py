"""Shared fixtures of the library's tests."""

import numpy as np
import pytest

from SpineAlignmentLib.measurement.landmarks import PRESACRAL_LEVELS
from SpineAlignmentLib.measurement.parameters import points_array


def upright_spine() -> np.ndarray:
    """A standing spine in mm, x anterior, y up, by plain geometry: centers on a double curve, plates across it."""
    count = len(PRESACRAL_LEVELS)
    along = np.linspace(0, 1, count)
    y = 560 - 540 * along
    x = 20 - 45 * np.sin(2 * np.pi * (along - 0.1)) * (0.3 + along)
    centers = dict(zip(PRESACRAL_LEVELS, np.stack([x, y], axis=1), strict=True))
    tangent = np.gradient(np.stack([x, y], axis=1), axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) / np.linalg.norm(tangent, axis=1)[:, None]
    down = tangent / np.linalg.norm(tangent, axis=1)[:, None]
    points = {f"{level}_C": xy for level, xy in centers.items()}
    for level, ends in (("C2", "I"), ("C7", "I"), ("C7", "S"), ("T1", "S"), ("T5", "S"), ("T5", "I"), ("T12", "I"),
                        ("L1", "S"), ("L4", "S")):  # fmt: skip
        i = PRESACRAL_LEVELS.index(level)
        middle = centers[level] + down[i] * (9.0 if ends == "I" else -9.0)
        points[f"{level}_A{ends}"] = middle + 16 * normal[i]
        points[f"{level}_P{ends}"] = middle - 16 * normal[i]
    del points["C7_AS"]
    points["C2_D"] = centers["C2"] + (0, 25)
    points["S1_P"], points["S1_A"] = np.array([0.0, 12.0]), np.array([30.0, -10.0])
    points["FH_1"], points["FH_2"] = np.array([38.0, -100.0]), np.array([30.0, -95.0])
    return points_array(points)


@pytest.fixture
def upright() -> np.ndarray:
    return upright_spine()
