"""Endplates that follow the edge that the film shows: C2's, and the upper ones of L1 and L4.

Networks place a corner partly by what lies around it, so that a plate is tilted towards the usual; its edge is seen by
itself. The other plates are left where the look at each vertebra finds their corners: turned to the straight edge
between them they were no better (docs/experiments.md).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.curved_plate import AXIS, LUMBAR, Curve, fitted_curve
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import Annotation

FloatArray = NDArray[np.float64]

CURVED: Final[tuple[tuple[str, str, str, Curve], ...]] = (
    ("C2_AI", "C2_PI", "C2_C", AXIS),
    ("L1_AS", "L1_PS", "L1_C", LUMBAR),
    ("L4_AS", "L4_PS", "L4_C", LUMBAR),
)
"""Anterior and posterior corner and the center of the body of those that are fitted: their bodies have walls that no
rib and no shoulder crosses."""


def with_plates(result: Annotation, pixels: NDArray[np.generic], spacing: tuple[float, float]) -> Annotation:
    """A result whose endplates among the landmarks lie where the film shows them, under either numbering.

    Args:
        result: of the landmarks.
        pixels: shape (height, width), bone bright.
        spacing: (x, y) mm of a film pixel.
    """
    numbering = result.numbering
    if numbering is not None and numbering.other is not None:
        other = replace(numbering.other, points_px=_fitted(numbering.other.points_px, pixels, spacing))
        numbering = replace(numbering, other=other)
    return replace(result, points_px=_fitted(result.points_px, pixels, spacing), numbering=numbering)


def _fitted(points: FloatArray, pixels: NDArray[np.generic], spacing: tuple[float, float]) -> FloatArray:
    """Landmarks (45, 2), film pixels, with `CURVED` at their edges."""
    out = points.copy()
    for first, last, middle, curve in CURVED:
        front, back, center = _rows((first, last, middle))
        before = out[[front, back]]
        out[[front, back]] = fitted_curve(pixels, before, out[center], spacing, curve)
        if curve is AXIS:  # whose center heatmaps place by themselves
            out[center] += (out[[front, back]] - before).mean(axis=0) / 2
    return out


def _rows(names: Sequence[str]) -> list[int]:
    return [INDEX[name] for name in names]
