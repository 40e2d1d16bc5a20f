"""Vertebrae stacked on a pelvis: from angles and sizes to points in space.

Frame: x anterior +, y up +, z to the patient's right, millimetres, origin in the middle of the hip axis. Levels run
from the lowest presacral vertebra up to C2. Slopes are as in `measurement.parameters`: + when the anterior end is
lower.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import CORNERS, INDEX, NAMES, VERTEBRAE
from Training.simulation.morphometry import SpineSizes

FloatArray = NDArray[np.float64]

SMALLEST_GAP_MM: Final[float] = 0.8
"""Two endplates never come closer than this at their edges."""
C2_HEIGHT_MM: Final[float] = 17.8
"""Height of the C2 body below the dens for which the next two hold."""
DENS_CENTER_MM: Final[float] = 8.8
"""Middle of the dens above the top of the C2 body."""
DENS_TIP_MM: Final[float] = 16.0


@dataclass(frozen=True)
class SpineAngles:
    """Everything that turns one person's vertebrae; degrees. Arrays of shape (levels,), the lowest level first."""

    sacral_slope: float
    pelvic_tilt: float
    disc: FloatArray
    """Of the disc below the level, + when it is taller in front."""
    wedge: FloatArray
    """Of the body, + when it is taller in front."""
    coronal: FloatArray
    """Tilt of the body, + when its right side is lower."""
    axial: FloatArray
    """Rotation of the body, + when its front turns to the patient's left."""
    obliquity: float = 0.0
    """Of the pelvis, + when its right side is lower."""
    pelvic_rotation: float = 0.0
    """+ when the front of the pelvis turns to the patient's left."""


@dataclass(frozen=True)
class Stack:
    """Points of shape (..., 3) and rotations (..., 3, 3), whose columns are the anterior, up and right axes."""

    center: FloatArray
    rotation: FloatArray
    corners: FloatArray
    """Shape (levels, 4, 3): superior anterior, superior posterior, inferior anterior, inferior posterior."""
    disc_height: FloatArray
    """Mid height of the disc below each level, after opening those whose edges would have met."""
    s1: FloatArray
    """Shape (2, 3): anterior and posterior edge of the sacral endplate."""
    sacrum_rotation: FloatArray
    pelvis_rotation: FloatArray
    femoral_heads: FloatArray
    """Shape (2, 3): right and left."""
    dens: FloatArray
    dens_tip: FloatArray


def rotation_sagittal(slope: FloatArray | float) -> FloatArray:
    """About the right axis by a slope in degrees: + lowers the front. Shape (...) to (..., 3, 3)."""
    a = np.radians(np.asarray(slope, float))
    c, s, zero, one = np.cos(a), np.sin(a), np.zeros_like(a), np.ones_like(a)
    return np.stack([np.stack([c, s, zero], -1), np.stack([-s, c, zero], -1), np.stack([zero, zero, one], -1)], -2)


def rotation_coronal(tilt: FloatArray | float) -> FloatArray:
    """About the anterior axis, degrees: + lowers the right side. Shape (...) to (..., 3, 3)."""
    a = np.radians(np.asarray(tilt, float))
    c, s, zero, one = np.cos(a), np.sin(a), np.zeros_like(a), np.ones_like(a)
    return np.stack([np.stack([one, zero, zero], -1), np.stack([zero, c, -s], -1), np.stack([zero, s, c], -1)], -2)


def rotation_axial(turn: FloatArray | float) -> FloatArray:
    """About the up axis, degrees: + turns the front to the patient's left. Shape (...) to (..., 3, 3)."""
    a = np.radians(np.asarray(turn, float))
    c, s, zero, one = np.cos(a), np.sin(a), np.zeros_like(a), np.ones_like(a)
    return np.stack([np.stack([c, zero, s], -1), np.stack([zero, one, zero], -1), np.stack([-s, zero, c], -1)], -2)


def slopes(angles: SpineAngles) -> tuple[FloatArray, FloatArray]:
    """Inferior and superior endplate slopes of every level, shape (levels,), degrees."""
    turned = np.cumsum(angles.disc + angles.wedge)
    superior = angles.sacral_slope - turned
    return superior + angles.wedge, superior


def stack(angles: SpineAngles, sizes: SpineSizes, slip: FloatArray | None = None) -> Stack:
    """Stack the vertebrae endplate on endplate from the sacrum up.

    Args:
        angles: of every level and of the pelvis.
        sizes: of the same levels.
        slip: forward slip in mm of every level over the one below, shape (levels,).
    """
    inferior, superior = slopes(angles)
    rotation = rotation_sagittal((inferior + superior) / 2) @ rotation_coronal(angles.coronal)
    rotation = rotation @ rotation_axial(angles.axial)
    pelvis = rotation_axial(angles.pelvic_rotation) @ rotation_coronal(angles.obliquity)
    sacrum = pelvis @ rotation_sagittal(angles.sacral_slope)
    tilt = np.radians(angles.pelvic_tilt)
    s1_middle = pelvis @ (sizes.pelvic_thickness * np.array([-np.sin(tilt), np.cos(tilt), 0.0]))

    half_wedge = np.radians(angles.wedge) / 2
    cos, sin, zero = np.cos(half_wedge), np.sin(half_wedge), np.zeros_like(half_wedge)
    normal_inferior = np.einsum("nij,nj->ni", rotation, np.stack([sin, cos, zero], -1))
    normal_superior = np.einsum("nij,nj->ni", rotation, np.stack([-sin, cos, zero], -1))
    normal_below = np.vstack([sacrum[:, 1], normal_superior[:-1]])

    lean = np.tan(np.radians(sizes.lean))
    body_axis = rotation[:, :, 1] - lean[:, None] * rotation[:, :, 0]
    height = _disc_heights(angles, sizes)
    disc_axis = normal_below + normal_inferior
    disc_axis /= np.linalg.norm(disc_axis, axis=1, keepdims=True)
    steps = disc_axis * height[:, None] + body_axis * sizes.height[:, None]
    if slip is not None:
        steps = steps + rotation[:, :, 0] * slip[:, None]
    top = s1_middle + np.cumsum(steps, axis=0)
    center = top - body_axis * sizes.height[:, None] / 2

    half = sizes.height / 2
    back = lean * half
    ds, di = sizes.depth_superior / 2, sizes.depth_inferior / 2
    local = np.stack(
        [
            np.stack([ds * cos - back, half + ds * sin, zero], -1),
            np.stack([-ds * cos - back, half - ds * sin, zero], -1),
            np.stack([di * cos + back, -half - di * sin, zero], -1),
            np.stack([-di * cos + back, -half + di * sin, zero], -1),
        ],
        axis=1,
    )
    corners = center[:, None, :] + np.einsum("nij,nkj->nki", rotation, local)
    s1 = s1_middle + np.array([1.0, -1.0])[:, None] * sacrum[:, 0] * sizes.s1_depth / 2
    hips = np.array([1.0, -1.0])[:, None] * pelvis[:, 2] * sizes.hip_half_width
    scale = sizes.height[-1] / C2_HEIGHT_MM
    dens_axis = normal_superior[-1] - lean[-1] * rotation[-1, :, 0]
    dens_axis /= np.linalg.norm(dens_axis)
    return Stack(
        corners.mean(axis=1),
        rotation,
        corners,
        height,
        s1,
        sacrum,
        pelvis,
        hips,
        top[-1] + dens_axis * DENS_CENTER_MM * scale,
        top[-1] + dens_axis * DENS_TIP_MM * scale,
    )


def _disc_heights(angles: SpineAngles, sizes: SpineSizes) -> FloatArray:
    """Mid heights, raised where the edges of the neighboring endplates would come too close; shape (levels,)."""
    depth_below = np.append(sizes.s1_depth, sizes.depth_superior[:-1])
    width_below = np.append(sizes.s1_width, sizes.width_superior[:-1])
    half_depth = np.minimum(depth_below, sizes.depth_inferior) / 2
    half_width = np.minimum(width_below, sizes.width_inferior) / 2
    coronal = np.diff(angles.coronal, prepend=angles.obliquity)
    closing = np.hypot(
        half_depth * np.tan(np.radians(np.abs(angles.disc))), half_width * np.tan(np.radians(np.abs(coronal)))
    )
    return np.asarray(np.maximum(sizes.disc, SMALLEST_GAP_MM + closing))


def landmark_points(levels: tuple[str, ...], stacked: Stack) -> FloatArray:
    """The 45 landmarks of a stack, shape (45, 3); NaN for those of levels that it lacks.

    FH_1 is the right and FH_2 the left femoral head; which is further anterior is known after projection only.
    """
    out = np.full((len(NAMES), 3), np.nan)
    for i, level in enumerate(levels):
        name = f"{level}_C"
        if name in INDEX:
            out[INDEX[name]] = stacked.center[i]
        for corner, point in zip(CORNERS, stacked.corners[i], strict=True):
            if (name := f"{level}_{corner}") in INDEX:
                out[INDEX[name]] = point
    out[INDEX["C2_D"]] = stacked.dens
    out[INDEX["S1_A"]], out[INDEX["S1_P"]] = stacked.s1
    out[INDEX["FH_1"]], out[INDEX["FH_2"]] = stacked.femoral_heads
    return out


def vertebra_corners(levels: tuple[str, ...], stacked: Stack) -> FloatArray:
    """The corners of every vertebra, shape (24, 4, 3), in the order of `VERTEBRAE` and `CORNERS`; NaN where absent.

    C2 carries the dens where others have an upper endplate, so its upper two are NaN.
    """
    out = np.full((len(VERTEBRAE), len(CORNERS), 3), np.nan)
    out[[VERTEBRAE.index(level) for level in levels]] = stacked.corners
    out[VERTEBRAE.index("C2"), :2] = np.nan
    return out
