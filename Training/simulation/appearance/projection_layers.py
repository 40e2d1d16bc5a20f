"""What the X-rays went through, layer by layer, and where the body lies on the film."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import CENTERS, CORNERS, COUNT, INDEX, VERTEBRAE
from SpineAlignmentLib.results.annotation import HEADS

RIM_POINTS: Final[int] = 24
"""Of a head's rim, evenly, from its front over its top."""

Layer = NDArray[np.float32]
Points = NDArray[np.float64]


def _no_corners() -> Points:
    return np.full((len(VERTEBRAE), len(CORNERS), 2), np.nan)


def _no_rims() -> Points:
    return np.full((len(HEADS), RIM_POINTS, 2), np.nan)


@dataclass(frozen=True)
class Projection:
    """Path lengths in millimeters on the film's grid; the patient faces left (anterior is small x)."""

    spine: Layer
    """Cortical-bone equivalent of vertebrae and sacrum, shape (height, width)."""
    skeleton: Layer
    """Cortical-bone equivalent of every other bone, same shape."""
    soft: Layer
    """Soft tissue, lungs and airways taken out, same shape."""
    metal: Layer
    """Implants and fillings, same shape."""
    spacing_mm: float
    """Side of a pixel."""
    landmarks: Points
    """(45, 2) pixel coordinates (x, y), NaN where missing."""
    corners: Points = field(default_factory=_no_corners)
    """(24, 4, 2) pixel coordinates of every vertebra's corners, in the order of `landmarks.VERTEBRAE` and `CORNERS`."""
    rims: Points = field(default_factory=_no_rims)
    """(2, RIM_POINTS, 2) pixel coordinates of the femoral heads' rims, in the order of the landmarks FH_1 and FH_2."""

    def __post_init__(self) -> None:
        shape = self.spine.shape
        for name in ("skeleton", "soft", "metal"):
            layer = getattr(self, name)
            if layer.shape != shape:
                raise ValueError(f"layer '{name}' has shape {layer.shape}, the spine's layer {shape}")
        if self.landmarks.shape != (COUNT, 2):
            raise ValueError(f"landmarks must be of shape ({COUNT}, 2), got {self.landmarks.shape}")
        if not self.spacing_mm > 0:
            raise ValueError(f"spacing must be positive, got {self.spacing_mm}")

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.spine.shape
        return height, width


def _template() -> Points:
    """A plain standing spine in millimeters, C2 to L5 then S1 and hips, facing left; it only fills missing points."""
    steps = np.array([18.0] * 5 + [20.0] * 4 + [23.0] * 4 + [26.0] * 5 + [34.0] * 4)
    y = np.concatenate([[0.0], np.cumsum(steps)])
    height = y[-1]
    x = 28 * np.sin(2 * np.pi * (y / height - 0.18)) * np.minimum(1, y / height + 0.4)
    spine = np.column_stack([x, y])
    return np.vstack([spine, spine[-1] + (12, 32), spine[-1] + (-25, 115)])


_TEMPLATE: Final[Points] = _template()
LEVEL: Final[dict[str, int]] = {name.removesuffix("_C"): i for i, name in enumerate(CENTERS)}


@dataclass(frozen=True)
class Body:
    """Where the parts of the body are on the film, complete even where landmarks are missing.

    `points` has 25 rows of pixels: the 23 body centers from C2 to L5, the middle of the sacral endplate, the middle of
    the hips.
    """

    points: Points
    spacing_mm: float
    shape: tuple[int, int]

    def at(self, level: str, anterior_mm: float = 0.0, down_mm: float = 0.0) -> Points:
        """Pixel (x, y) beside a level ("C2" ... "L5", "S1" or "hips")."""
        row = {"S1": 23, "hips": 24}.get(level, LEVEL.get(level, -1))
        if row < 0:
            raise KeyError(level)
        return np.asarray(self.points[row] + np.array([-anterior_mm, down_mm]) / self.spacing_mm)

    def px(self, millimeters: float) -> float:
        """Millimeters to pixels."""
        return millimeters / self.spacing_mm


def locate_body(projection: Projection) -> Body:
    """Body centers, sacral endplate and hips, missing ones filled from a template laid on their known neighbors."""
    marks = projection.landmarks
    known = np.vstack(
        [
            marks[[INDEX[name] for name in CENTERS]],
            (marks[INDEX["S1_A"]] + marks[INDEX["S1_P"]]) / 2,
            (marks[INDEX["FH_1"]] + marks[INDEX["FH_2"]]) / 2,
        ]
    )
    template = _TEMPLATE / projection.spacing_mm
    present = np.flatnonzero(np.isfinite(known).all(axis=1))
    height, width = projection.shape
    if present.size == 0:
        middle = template.mean(axis=0)
        return Body(template - middle + (width / 2, height / 2), projection.spacing_mm, projection.shape)
    nearest = present[np.argmin(np.abs(np.arange(25)[:, None] - present[None, :]), axis=1)]
    filled = template + known[nearest] - template[nearest]
    return Body(filled, projection.spacing_mm, projection.shape)
