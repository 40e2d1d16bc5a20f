"""Hip bones with acetabula, and thigh and lower leg bones with round femoral heads."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from Training.simulation.anatomy.library import HIP_IN_PELVIS_MM, bone
from Training.simulation.anatomy.mesh import ellipsoid, loft, unit_circle
from Training.simulation.anatomy.vertebra import Bone, bone_tube

FloatArray = NDArray[np.float64]

MESH_PELVIC_TILT = 14.0
"""Pelvic tilt, degrees, at which the pelvis mesh's own sacral joint lies above its hip center."""
MESH_HIP_TO_SACRUM_MM = 112.0


def turn_sagittal(degrees: float) -> FloatArray:
    """Rotation about z, + carries the anterior axis upward."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _transform(source: Bone, rotation: FloatArray, translation: ArrayLike, scale: float = 1.0) -> Bone:
    return Bone(source.outer.moved(rotation * scale, translation), source.inner.moved(rotation * scale, translation))


def hip_bones(heads: FloatArray, frame: FloatArray, pelvic_tilt: float, thickness: float, cortex: float) -> list[Bone]:
    """Both hip bones.

    Args:
        heads: (2, 3) right and left femoral head centers, mm.
        frame: (3, 3) pelvis frame (obliquity and axial rotation, no tilt).
        pelvic_tilt: degrees.
        thickness: distance from the hip axis to the middle of the S1 plate, mm.
        cortex: shell thickness, mm.
    """
    scale = thickness / MESH_HIP_TO_SACRUM_MM
    rotation = frame @ turn_sagittal(pelvic_tilt - MESH_PELVIC_TILT)
    hip = np.array(HIP_IN_PELVIS_MM)
    out = []
    for side, head in zip((1.0, -1.0), heads, strict=True):
        source = bone("r_pelvis", cortex, 2, side < 0)
        origin = head - rotation @ (hip * [1, 1, side]) * scale
        out.append(_transform(source, rotation, origin, scale))
    return out


def acetabulum(head: FloatArray, radius: float, side: float, frame: FloatArray, cortex: float) -> Bone:
    """The cup over a femoral head: a shell that opens outward, down and forward."""
    axis = frame @ np.array([0.25, -0.65, 0.7 * side])
    axis /= np.linalg.norm(axis)
    first = np.cross(axis, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    circle = unit_circle(24)
    around = circle[:, :1] * first + circle[:, 1:] * second

    def rings(r: float, polar: FloatArray) -> list[FloatArray]:
        return [head - axis * r * np.cos(t) + around * r * np.sin(t) for t in polar]

    polar = np.radians(np.linspace(3, 88, 10))
    inner_radius, outer_radius = radius + 3.0, radius + 3.0 + 5 * cortex
    outer = loft(np.stack(rings(outer_radius, polar) + rings(inner_radius, polar[::-1])))
    within = loft(np.stack(rings(outer_radius - cortex, polar) + rings(inner_radius + 1.6 * cortex, polar[::-1])))
    return Bone(outer, within)


def femur(head: FloatArray, radius: float, side: float, length: float, flexion: float, cortex: float) -> list[Bone]:
    """Head, neck, trochanters and shaft of a femur and the lower leg below it; `flexion` degrees forward."""
    rotation = turn_sagittal(flexion)

    def at(*points: tuple[float, float, float]) -> FloatArray:
        local = np.array(points) * [1, 1, side] * (radius / 24.0)
        return np.asarray(head + local @ rotation.T)

    forward = rotation[:, 0]
    out = [Bone(ellipsoid(head, [radius] * 3, None, 14), ellipsoid(head, [radius - 0.9 * cortex] * 3, None, 14))]
    neck = at((0, -8, 12), (-3, -16, 24), (-6, -28, 40))
    out.append(bone_tube(neck, [[11, 15], [11, 15], [13, 18]], 0.8 * cortex, forward, 14))
    greater = at((-12, -52, 50), (-14, -34, 56), (-16, -14, 56))
    out.append(bone_tube(greater, [[11, 12], [11, 13], [6, 8]], 0.6 * cortex, forward, 12))
    knee = -length
    shaft = at((-8, -40, 50), (-4, -80, 48), (2, -130, 44), (8, -250, 34))
    end = head + (rotation @ np.array([[0.0, 0.9 * knee, 14 * side], [-6.0, knee, 10 * side]]).T).T
    path = np.concatenate([shaft, end])
    radii = np.array([[19, 20], [15, 16], [13.5, 14], [13, 14], [20, 20], [36, 30]])
    out.append(bone_tube(path, radii, 5.0, forward, 14))
    tibia = end[-1] + np.array([[0.0, -14, 0], [-2, -50, 0], [-8, -200, 2 * side], [-14, -360, 3 * side]])
    out.append(bone_tube(tibia, [[34, 26], [16, 18], [12, 13], [13, 14]], 4.5, (1.0, 0.0, 0.0), 12))
    return out


def lesser_trochanter(head: FloatArray, radius: float, side: float, cortex: float) -> Bone:
    """The bump behind the upper shaft."""
    scale = radius / 24
    root = head + np.array([-10, -72, 42 * side]) * scale
    tip = head + np.array([-24, -70, 36 * side]) * scale
    return bone_tube([root, (root + tip) / 2, tip], [[9, 12], [8, 10], [4, 5]], cortex)
