"""Plane geometry that tests of edges on films share; x to the right, y down."""

import numpy as np


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Points (..., 2) turned about the origin, clockwise as seen."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.asarray(points) @ np.array([[c, s], [-s, c]])


def tilt(ends: np.ndarray) -> float:
    """Of a plate (2, 2), in degrees, positive where its second end lies lower."""
    x, y = np.diff(ends, axis=0)[0]
    return float(np.degrees(np.arctan2(y, x)))
