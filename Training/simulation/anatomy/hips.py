"""Hip bones with acetabula, and thigh and lower leg bones with round femoral heads."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

from Training.simulation.anatomy.library import HIP_IN_PELVIS_MM, bone, normals, surface
from Training.simulation.anatomy.mesh import Mesh, ellipsoid, loft, unit_circle
from Training.simulation.anatomy.vertebra import Bone, bone_tube
from Training.simulation.stacking import rotation_axial, rotation_sagittal

FloatArray = NDArray[np.float64]

MESH_PELVIC_TILT = 14.0
"""Pelvic tilt, degrees, at which the pelvis mesh's own sacral joint lies above its hip center."""
MESH_HIP_TO_SACRUM_MM = 112.0
_MESH_HEAD_RADIUS_MM = 23.0
_MESH_LENGTH_MM = 430.0
"""Of the femur mesh, from the center of its head, where its frame has its origin."""
_UPPER_END_MM = 90.0
"""Below the head the shaft begins, which alone is stretched to a person's length."""
_STANDS_MM = 70.0
"""Below the head: where `femur` measures how far before it the shaft stands."""
_NECK_Z_MM = 25.0
"""Middle of the femur mesh's upper end, to the side of its head's center."""


@dataclass(frozen=True)
class Strength:
    """How much bone a person's femurs have where."""

    cap: float
    """Half the thickness of compact bone on top of the head, mm."""
    head: float
    """Depth of the head along the beam against its radius: the rest of its spongy bone does not count."""
    neck: float
    """Thickness of compact bone around neck and trochanters, mm."""
    spongy: float
    """Share of the cavity that counts as compact bone, beyond the density of spongy bone elsewhere."""
    shaft: float
    """Thickness of compact bone around the shaft, mm."""

    @classmethod
    def sample(cls, rng: np.random.Generator, cortex: float) -> "Strength":
        """Of a person whose compact bone is elsewhere `cortex` mm thick."""
        return cls(
            cap=cortex * float(rng.uniform(0.05, 1.0)),
            head=float(rng.uniform(0.4, 1.0)),
            neck=cortex * float(rng.uniform(0.6, 2.4)),
            spongy=float(rng.uniform(0.0, 0.3)),
            shaft=float(rng.uniform(5.0, 8.0)),
        )


def hip_rotation(frame: FloatArray, pelvic_tilt: float, rng: np.random.Generator) -> FloatArray:
    """(3, 3) how the hip bones are turned, their front down as on real films, differently in everyone.

    Args:
        frame: (3, 3) pelvis frame (obliquity and axial rotation, no tilt).
        pelvic_tilt: degrees.
        rng: varies how far the front is turned down.
    """
    return np.asarray(frame @ rotation_sagittal(-(pelvic_tilt - MESH_PELVIC_TILT + rng.normal(-6, 9))))


def hip_bones(
    heads: FloatArray, radius: float, rotation: FloatArray, thickness: float, rng: np.random.Generator, cortex: float
) -> list[Bone]:
    """Both hip bones: the library's, drawn in at the front and out behind as on real films, differently in everyone.

    Their sockets lie around the heads: what of the bone would be nearer to a head than its cartilage is moved out.

    Args:
        heads: (2, 3) right and left femoral head centers, mm.
        radius: of the heads, mm.
        rotation: (3, 3), see `hip_rotation`.
        thickness: distance from the hip axis to the middle of the S1 plate, mm.
        rng: varies how far pubis and ischium reach, and where the whole bone lies about the heads.
        cortex: shell thickness, mm.
    """
    scale = thickness / MESH_HIP_TO_SACRUM_MM
    front, back = rng.uniform(0.72, 1.25), rng.uniform(0.8, 1.25)
    offset = np.append(np.clip(rng.normal(0, 2.5, 2), -5, 5), 0.0)
    # a worn joint is no longer even
    socket = heads + rotation @ np.append(np.clip(rng.normal(0, 0.8, 2), -1.4, 1.4), 0.0)
    clear = radius + rng.uniform(1.5, 5.0)
    hip = np.array(HIP_IN_PELVIS_MM)
    out = []
    for side, head, middle in zip((1.0, -1.0), heads, socket, strict=True):
        source = bone("r_pelvis", cortex, 2, side < 0)

        def placed(mesh: Mesh, shell: float, head: FloatArray = head, side: float = side) -> Mesh:
            local = (mesh.vertices - hip * [1, 1, side]) * scale
            local[:, 0] *= np.where(local[:, 0] > 0, front, back)
            points = head + (local + offset) @ rotation.T
            return Mesh(_cleared(points, middle, clear + shell), mesh.faces)  # noqa: B023

        out.append(Bone(placed(source.outer, 0.0), placed(source.inner, cortex)))
    return out


def _cleared(points: FloatArray, center: FloatArray, radius: float) -> FloatArray:
    """Points (n, 3), those within a sphere moved out to it."""
    away = points - center
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    return np.asarray(center + away * np.maximum(1.0, radius / np.maximum(distance, 1e-6)))


def buttress(
    head: FloatArray, sacral: FloatArray, side: float, frame: FloatArray, rng: np.random.Generator, cortex: float
) -> list[Bone]:
    """The pillar of the ilium from the sacroiliac joint to the roof of the hip, and the arcuate line before it.

    Where the pillar ends must not tell where the head is: on real films its middle runs 0 to 20 mm behind it, and it is
    a soft shade. The line starts below the front half of the sacral plate, points to the top of the head and fades on
    its way.

    Args:
        head: (3,) femoral head center, mm.
        sacral: (3,) middle of the sacral endplate, mm.
        side: 1 right, -1 left.
        frame: (3, 3) pelvis frame.
        rng: varies its course and strength.
        cortex: shell thickness, mm.
    """
    joint = sacral + frame @ (np.array([rng.uniform(-22, -4), rng.uniform(-34, -14), 46.0 * side]))
    roof = head + frame @ (np.array([rng.uniform(-26, 6), rng.uniform(14, 34), -6.0 * side]))
    middle = 0.5 * (joint + roof) + frame @ np.array([rng.uniform(-2, 20), 0.0, 6.0 * side])
    share = np.linspace(0, 1, 7)[:, None]
    path = (1 - share) ** 2 * joint + 2 * share * (1 - share) * middle + share**2 * roof
    across = rng.uniform(8, 17) * np.array([0.8, 1.2, 1.0, 1.0, 1.1, 1.0, 0.5])
    # thick over the hip, so that the head is not brighter than it
    deep = np.array([2.0, 6.0, 8.0, 9.0, 10.0, 8.0, 2.0])
    pillar = bone_tube(*_smooth(path, np.stack([across, deep], 1)), cortex * rng.uniform(0.05, 0.8), frame[:, 2], 16)
    start = sacral + frame @ (np.array([rng.uniform(-10, 12), rng.uniform(-22, -6), 44.0 * side]))
    end = start + rng.uniform(0.4, 1.0) * (head + frame @ np.array([rng.uniform(-12, 14), 26.0, 0.0]) - start)
    course = start + share * (end - start) + frame @ np.array([rng.uniform(-6, 2), 0.0, 0.0]) * share * (1 - share)
    fading = (1 - share[:, 0]) ** 0.5 + 0.05
    radii = np.stack([rng.uniform(0.8, 2.2) * fading, rng.uniform(2, 9) * fading], 1)
    line = bone_tube(course, radii, cortex * rng.uniform(0.5, 1.5), frame[:, 2])
    return [pillar.denser(float(rng.uniform(0.0, 0.2)), float(head[2])), line]


def posterior_column(
    head: FloatArray, radius: float, side: float, rotation: FloatArray, rng: np.random.Generator, cortex: float
) -> list[Bone]:
    """The bone behind a femoral head down to the ischial tuberosity, and the edge of the sciatic notches behind it.

    The library's hip bone is too thin there: on real films the head ends in bone behind, not in a dark gap, whose
    posterior edge lies 33 to 50 mm behind the middle of the heads and 50 to 66 mm at the tuberosity. It begins as the
    hook of the greater sciatic notch, which starts some 70 mm behind and above the head, comes forward to 20 to 42 mm
    behind it, 48 mm higher, and turns down (seven films).

    Args:
        head: (3,) femoral head center, mm.
        radius: of the head, mm.
        side: 1 right, -1 left.
        rotation: (3, 3), see `hip_rotation`.
        rng: varies its course and strength.
        cortex: shell thickness, mm.
    """
    edge, below, half = rng.uniform(1.25, 2.35) * radius, rng.uniform(1.0, 1.5), rng.uniform(9, 17)
    rim = np.array(
        [
            [-edge - 1.3 * radius, 3.15 * radius, -26.0],
            [-edge - 0.6 * radius, 2.85 * radius, -24.0],
            [-edge + 0.0 * radius, 2.45 * radius, -20.0],
            [-edge + 0.35 * radius, 2.0 * radius, -16.0],
            [-edge + 0.3 * radius, 1.4 * radius, -14.0],
            [-edge + 0.1 * radius, 0.75 * radius, -14.0],
            [-edge, 0.1 * radius, -14.0],
            [-1.05 * edge, -0.6 * radius, -14.0],
            [-below * edge, -1.3 * radius, -16.0],
            [-below * edge, -2.0 * radius, -18.0],
        ]
    ) * [1, rng.uniform(0.85, 1.12), side]
    rim += rng.normal(0, 4, 3) * [1, 1, 0.5]
    inner = rim[4:] + [half, 0.0, 4.0 * side]
    size = np.array([0.5, 0.95, 1.0, 1.0, 0.9, 0.5])
    deep = rng.uniform(0.7, 1.1) * np.array([2.0, 10.0, 13.0, 12.0, 9.0, 3.0])
    radii = np.stack([half * size, deep], 1)
    column = bone_tube(*_smooth(head + inner @ rotation.T, radii), cortex * rng.uniform(0.05, 0.7), rotation[:, 2], 16)
    column = column.denser(float(rng.uniform(0.0, 0.3)), float(head[2] - 10.0 * side))
    fading = np.array([0.3, 0.7, 1.0, 1.0, 1.0, 0.9, 0.7, 0.5, 0.5, 0.3])
    radii = np.stack([rng.uniform(1.2, 3.2) * fading, rng.uniform(3, 14) * fading], 1)
    edges = bone_tube(*_smooth(head + rim @ rotation.T, radii), cortex * rng.uniform(0.5, 1.5), rotation[:, 2])
    return [column, edges]


def _smooth(path: FloatArray, radii: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Three steps for each of a path (n, 3) and of the radii (n, 2) along it."""
    at = np.linspace(0, len(path) - 1, 3 * len(path) - 2)
    return CubicSpline(np.arange(len(path)), path)(at), PchipInterpolator(np.arange(len(path)), radii)(at)


def acetabulum(
    head: FloatArray, radius: float, side: float, frame: FloatArray, rng: np.random.Generator, cortex: float
) -> Bone:
    """The cup over a femoral head: a shell that opens outward and down; from a mere roof to a deep cup."""
    axis = frame @ np.array([rng.uniform(-0.1, 0.35), -rng.uniform(0.7, 0.95), rng.uniform(0.1, 0.55) * side])
    axis /= np.linalg.norm(axis)
    first = np.cross(axis, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    circle = unit_circle(24)
    around = circle[:, :1] * first + circle[:, 1:] * second

    # a worn joint is no longer even, a shallow one lies higher
    socket = head + frame @ np.append(np.clip(rng.normal(0, 0.8, 2), -1.4, 1.4), 0.0)

    def rings(r: float, polar: FloatArray) -> list[FloatArray]:
        return [socket - axis * r * np.cos(t) + around * r * np.sin(t) for t in polar]

    polar = np.radians(np.linspace(3, rng.uniform(55, 90), 10))
    inner_radius = radius + rng.uniform(1.5, 4.5)
    outer_radius = inner_radius + rng.uniform(4, 9) * cortex
    cortex *= rng.uniform(0.6, 2.0)
    outer = loft(np.stack(rings(outer_radius, polar) + rings(inner_radius, polar[::-1])))
    within = loft(np.stack(rings(outer_radius - cortex, polar) + rings(inner_radius + 1.6 * cortex, polar[::-1])))
    return Bone(outer, within)


def femur(
    head: FloatArray,
    radius: float,
    side: float,
    length: float,
    flexion: float,
    inward: float,
    before: float,
    strength: Strength,
) -> list[Bone]:
    """A femur of the library on an exactly round head, and the lower leg below it.

    Args:
        head: (3,) its center, mm.
        radius: of the head, mm.
        side: 1 right, -1 left.
        length: from the head to the knee, mm.
        flexion: degrees forward.
        inward: turn of the thigh about the vertical, degrees.
        before: how far before the head the shaft stands, mm, `_STANDS_MM` below it; on real films 0 to 10 mm behind,
            but a network for which that holds looks for heads above shafts.
        strength: how much bone there is where.
    """
    rotation = rotation_sagittal(-flexion) @ rotation_axial(side * inward)
    source = surface("r_femur", 1)
    size = radius / _MESH_HEAD_RADIUS_MM
    longer = (length / size - _UPPER_END_MM) / (_MESH_LENGTH_MM - _UPPER_END_MM)
    # thin over the spongy upper end, thick along the shaft
    wall = np.interp(
        source.vertices[:, 1], (-160.0, -70.0, -20.0), (strength.shaft, 0.8 * strength.shaft, strength.neck)
    )
    # the mesh's own head leaves its place to the exactly round one
    neck = np.interp(np.linalg.norm(source.vertices, axis=1), (24.0, 34.0), (0.0, 1.0))
    wall *= 0.1 + 0.9 * neck

    def placed(points: FloatArray) -> FloatArray:
        y = points[:, 1]
        local = points * [1, 1, side]
        local[:, 1] = np.where(y < -_UPPER_END_MM, (y + _UPPER_END_MM) * longer - _UPPER_END_MM, y)
        turned = (local * size) @ rotation.T
        turned[:, 0] += shift * np.clip((-turned[:, 1] - 12.0) / 33.0, 0.0, 1.0)
        return np.asarray(head + turned)

    shift = 0.0
    level = placed(source.vertices) - head
    level = level[np.abs(level[:, 1] + _STANDS_MM) < 10.0, 0]
    shift = before - float(level.min() + level.max()) / 2

    faces = source.faces if side > 0 else source.faces[:, ::-1]
    flat = np.column_stack([np.ones((len(neck), 2)), 0.15 + 0.85 * neck])
    cavity = Mesh((source.vertices - wall[:, None] * normals(source)) * flat, faces)
    whole = Bone(Mesh(source.vertices * flat, faces), cavity).denser(strength.spongy, _NECK_Z_MM).mapped(placed)
    # compact bone lies over the head's upper half; below, neck and trochanters hide its edge
    depth = np.array([radius, radius, strength.head * radius])
    sunk = head - np.array([0.0, strength.cap, 0.0])
    ball = Bone(ellipsoid(head, depth, None, 14), ellipsoid(sunk, depth - strength.cap, None, 14))
    knee = head + rotation @ np.array([-6.0, -length, 10.0 * side]) + [shift, 0.0, 0.0]
    tibia = knee + np.array([[0.0, -14, 0], [-2, -50, 0], [-8, -200, 2 * side], [-14, -360, 3 * side]])
    return [whole, ball, bone_tube(tibia, [[34, 26], [16, 18], [12, 13], [13, 14]], 4.5, (1.0, 0.0, 0.0), 12)]
