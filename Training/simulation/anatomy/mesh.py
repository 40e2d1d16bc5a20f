"""Closed triangle meshes and the few ways to make them: lofts through rings, tubes along curves, ellipsoids."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Mesh:
    """A closed surface; several overlapping closed parts are allowed (their path lengths add)."""

    vertices: FloatArray
    """(n, 3), mm, patient frame: x anterior, y up, z to the patient's right."""
    faces: NDArray[np.int32]
    """(m, 3) vertex indices, outward when seen counterclockwise."""

    def reversed(self) -> "Mesh":
        """The same surface facing inward: its path lengths subtract."""
        return Mesh(self.vertices, self.faces[:, ::-1])

    def moved(self, rotation: ArrayLike, translation: ArrayLike) -> "Mesh":
        """The mesh after x -> rotation x + translation."""
        return Mesh(self.vertices @ np.asarray(rotation, float).T + np.asarray(translation, float), self.faces)

    def part(self, chosen: NDArray[np.bool_]) -> "Mesh":
        """The chosen faces, mask (m,), with the vertices that they use."""
        faces = self.faces[chosen]
        used = np.zeros(len(self.vertices), bool)
        used[faces] = True
        return Mesh(self.vertices[used], (np.cumsum(used) - 1)[faces].astype(np.int32))


def join(meshes: Iterable[Mesh]) -> Mesh:
    """All meshes as one."""
    parts = list(meshes)
    if not parts:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    offsets = np.cumsum([0] + [len(m.vertices) for m in parts[:-1]], dtype=np.int32)
    return Mesh(
        np.concatenate([m.vertices for m in parts]),
        np.concatenate([m.faces + o for m, o in zip(parts, offsets, strict=True)]),
    )


@lru_cache(maxsize=256)
def _loft_faces(rings: int, points: int) -> NDArray[np.int32]:
    """Side walls between consecutive rings and a fan over each end (two extra vertices, after the rings)."""
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(points), indexing="ij")
    a, b = i * points + j, i * points + (j + 1) % points
    c, d = a + points, b + points
    k = np.arange(points)
    first, last = rings * points, rings * points + 1
    bottom = np.stack([np.full(points, first), (k + 1) % points, k], 1)
    top_row = (rings - 1) * points
    top = np.stack([np.full(points, last), top_row + k, top_row + (k + 1) % points], 1)
    sides = np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
    return np.asarray(np.concatenate([sides, bottom, top]), np.int32)


def loft(rings: FloatArray) -> Mesh:
    """The closed surface through rings of points, shape (rings, points, 3): ends closed by fans, faces outward."""
    mesh = _turning_left(rings)
    return mesh if signed_volume(mesh) >= 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1])


def _turning_left(rings: FloatArray) -> Mesh:
    """A loft through rings that are known to turn left about the way from each to the next."""
    ends = rings[[0, -1]].sum(axis=1) / rings.shape[1]
    return Mesh(np.concatenate([rings.reshape(-1, 3), ends]), _loft_faces(rings.shape[0], rings.shape[1]))


@lru_cache(maxsize=64)
def unit_circle(points: int) -> FloatArray:
    """(points, 2): cosine and sine around the circle."""
    angle = np.arange(points) * (2 * np.pi / points)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def superellipse(points: int, power: float) -> FloatArray:
    """(points, 2): the unit circle with blunter corners, the more so the smaller `power` is; 1 is the circle."""
    circle = unit_circle(points)
    return np.asarray(np.sign(circle) * np.abs(circle) ** power)


def tube(
    path: ArrayLike, radii: ArrayLike, up: ArrayLike = (0.0, 1.0, 0.0), points: int = 10, shrink: float = 0.0
) -> Mesh:
    """A tube of elliptical section along a path, its ends rounded off.

    Args:
        path: (n, 3) centerline in mm.
        radii: scalar, (n,) or (n, 2): radius across (first) and along `up` (second), in mm.
        up: direction in which the second radius lies, made perpendicular to the path.
        points: points around the section.
        shrink: how much thinner, in mm, than `radii` (the inner surface of a cortical shell of that thickness).
    """
    p = np.asarray(path, float)
    r = np.asarray(radii, float)
    r = np.broadcast_to(r[..., None] if r.ndim < 2 else r, (len(p), 2)) if r.ndim else np.full((len(p), 2), float(r))
    r = np.maximum(r - shrink, 0.05)
    tangent = _unit(np.concatenate([p[1:2] - p[:1], p[2:] - p[:-2], p[-1:] - p[-2:-1]]))
    second = _unit(np.asarray(up, float) - tangent * (tangent @ np.asarray(up, float))[:, None])
    first = _cross(second, tangent)
    if shrink:
        p = p.copy()
        p[0] += tangent[0] * shrink
        p[-1] -= tangent[-1] * shrink
    blunt = 0.45 * r[[0, -1]].min(axis=1)
    p = np.concatenate([[p[0] - tangent[0] * blunt[0]], p, [p[-1] + tangent[-1] * blunt[1]]])
    r = np.concatenate([0.55 * r[:1], r, 0.55 * r[-1:]])
    first, second = (np.concatenate([v[:1], v, v[-1:]]) for v in (first, second))
    axes = np.stack([first * r[:, :1], second * r[:, 1:]], axis=1)
    return _turning_left(p[:, None] + unit_circle(points) @ axes)


@lru_cache(maxsize=32)
def _sphere(rings: int) -> FloatArray:
    """(rings, 2 * rings, 3) points of the unit sphere, from one pole along y almost to the other."""
    polar = np.linspace(0.02, np.pi - 0.02, rings)
    circle = unit_circle(2 * rings)
    unit = np.stack(
        [
            np.sin(polar)[:, None] * circle[None, :, 0],
            np.broadcast_to(-np.cos(polar)[:, None], (rings, 2 * rings)),
            np.sin(polar)[:, None] * circle[None, :, 1],
        ],
        axis=-1,
    )
    return np.asarray(unit[:, ::-1])


def ellipsoid(center: ArrayLike, radii: ArrayLike, rotation: ArrayLike | None = None, rings: int = 12) -> Mesh:
    """An ellipsoid with semi-axes `radii` (3,) in mm, turned by `rotation` (3, 3)."""
    axes = np.diag(np.asarray(radii, float))
    if rotation is not None:
        axes = axes @ np.asarray(rotation, float).T
    return _turning_left(_sphere(rings) @ axes + np.asarray(center, float))


def signed_volume(mesh: Mesh) -> float:
    """Volume in mm³, positive when the faces look outward."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return float(np.vdot(a, _cross(b, c)) / 6)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Cross products of (n, 3) and (n, 3); for the few rows of a tube several times faster than NumPy's."""
    out = np.empty_like(a)
    out[:, 0] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    out[:, 1] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    out[:, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return out


def _unit(v: FloatArray) -> FloatArray:
    """Rows (n, 3) at unit length."""
    return np.asarray(v / (np.sqrt(np.einsum("ij,ij->i", v, v))[:, None] + 1e-9))
