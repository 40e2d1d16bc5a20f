"""Ready-made bone surfaces from the PyPI package myo-sim (Apache-2.0), smoothed.

They carry no landmarks, only lie beside or over the parametric solids that do, so their coarseness does no harm to the
annotation. Skull, jaw, shoulder, hip: placed as they are. Vertebrae and ribs: brought into the frame of their own
vertebral body, so that they can be hung on a simulated one.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from Training.simulation.anatomy.mesh import Mesh
from Training.simulation.anatomy.vertebra import Bone

FloatArray = NDArray[np.float64]

HIP_IN_PELVIS_MM = (-58.0, -70.2, 78.0)
"""Middle of the right socket in the frame of the pelvis meshes: the sphere that their own surface fits, which is 8 mm
above the joint of the model they come from (myolegs of myo-sim). The joint of that package's other legs (myolegs26),
whose pelvis is another, lies 13 mm further back; placed by that, every simulated hip showed its socket before its head,
and networks put real heads as far behind real sockets."""

LEVELS: Final[tuple[str, ...]] = (
    *(f"C{i}" for i in range(1, 8)),
    *(f"T{i}" for i in range(1, 13)),
    *(f"L{i}" for i in range(1, 6)),
)
"""The vertebrae of the library's spine from the top."""

_AXIS_BODY_MM = 17.0
"""Height of the body of C2 in the library, from its lower endplate to the root of the dens."""


def _load(name: str) -> Any:
    mesh: Any = trimesh.load(str(files("myo_sim").joinpath("models", "meshes", f"{name}.stl")), process=True)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    # faces none of whose edges joins just two faces are strays, which would leave bright bars on a film
    _, which, count = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_inverse=True, return_counts=True)
    mesh.update_faces((count[which].reshape(-1, 3) == 2).any(axis=1))
    return mesh


def _closed(mesh: Any) -> Any:
    """The mesh with every hole closed by a fan from its middle: a ray through an open one would never leave the bone.

    Holes are where as many faces do not run along an edge in one direction as in the other: such edges form loops
    wherever the faces look, also where more than two meet at an edge.
    """
    repair: Any = trimesh.repair
    repair.fix_normals(mesh, multibody=True)
    directed = mesh.edges
    ends, which = np.unique(np.sort(directed, axis=1), axis=0, return_inverse=True)
    surplus = np.bincount(which, np.where(directed[:, 0] < directed[:, 1], 1, -1)).astype(int)
    rims = np.repeat(np.where(surplus[:, None] > 0, ends, ends[:, ::-1]), np.abs(surplus), axis=0)
    if not len(rims):
        return mesh
    graph = coo_matrix((np.ones(len(rims)), rims.T), shape=(len(mesh.vertices),) * 2)
    labels, hole = np.unique(connected_components(graph, directed=False)[1][rims[:, 0]], return_inverse=True)
    middles = np.array([mesh.vertices[rims[hole == k].ravel()].mean(axis=0) for k in range(len(labels))])
    fans = np.column_stack([rims[:, ::-1], len(mesh.vertices) + hole])
    return trimesh.Trimesh(np.vstack([mesh.vertices, middles]), np.vstack([mesh.faces, fans]), process=False)


def _smoothed(mesh: Any, subdivide: int) -> Any:
    for _ in range(subdivide):
        mesh = mesh.subdivide()
    repair: Any = trimesh.repair
    if subdivide:
        smoothing: Any = trimesh.smoothing
        smoothing.filter_humphrey(mesh, iterations=6 * subdivide)
    repair.fix_normals(mesh, multibody=True)
    return mesh


@lru_cache(maxsize=32)
def surface(name: str, subdivide: int = 0) -> Mesh:
    """The mesh `name` in millimetres in its own frame (OpenSim's: x anterior, y up, z right).

    Raises:
        FileNotFoundError: myo-sim is not installed or has no such mesh.
    """
    mesh = _smoothed(_closed(_load(name)), subdivide)
    return Mesh(np.asarray(mesh.vertices, np.float64) * 1000.0, np.asarray(mesh.faces, np.int32))


@lru_cache(maxsize=64)
def bone(name: str, cortex: float, subdivide: int = 0, mirrored: bool = False) -> Bone:
    """The mesh with a cortical shell made by moving its vertices inward along their normals; mirrored: z -> -z."""
    outer = surface(name, subdivide)
    inner = Mesh(outer.vertices - normals(outer) * cortex, outer.faces)
    if mirrored:
        flip = np.array([1.0, 1.0, -1.0])
        outer = Mesh(outer.vertices * flip, outer.faces[:, ::-1])
        inner = Mesh(inner.vertices * flip, inner.faces[:, ::-1])
    return Bone(outer, inner)


def normals(mesh: Mesh) -> FloatArray:
    """(n, 3) unit normals of the vertices, outward."""
    return np.asarray(trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).vertex_normals, np.float64)


@dataclass(frozen=True)
class LibraryPart:
    """A library bone in a local frame (x anterior, y up, z right, mm) with what it needs to be scaled to a person."""

    mesh: Mesh
    normals: FloatArray
    """(n, 3) unit normals of the vertices, outward."""
    back: float
    """x of the posterior wall of the body."""
    depth: float
    """Of the body, front to back, mm."""
    height: float
    """Posterior height of the body, mm."""
    width: float
    """Of the front of the body, mm."""


@lru_cache(maxsize=1)
def _spine() -> dict[str, Any]:
    """Every vertebra of the library's spine as one closed mesh in the common upright frame, metres."""
    parts = [part for part in _load("ground_spine").split(only_watertight=True) if len(part.faces) >= 200]
    parts.sort(key=lambda part: -float(np.median(part.vertices[:, 1])))
    return dict(zip(LEVELS, parts, strict=True))


def _body_corners(level: str) -> FloatArray:
    """(4, 2) AS, PS, AI, PI of the body's mid-sagittal section in the common frame, mm; a level from C2 down."""
    section: Any = _spine()[level].section(plane_origin=[0, 0, 5e-4], plane_normal=[0, 0, 1])
    loops = [np.asarray(loop)[:, :2] * 1000 for loop in section.discrete]
    outline = max(loops, key=lambda loop: float(loop[:, 0].max()))  # the other loop is the spinous process
    if level == "C2":
        outline = outline[outline[:, 1] < outline[:, 1].min() + _AXIS_BODY_MM]
    # a tilted body: find its corners along the diagonals of its own axes, turned twice to settle
    turn = 0.0
    for _ in range(3):
        c, s = np.cos(turn), np.sin(turn)
        own = outline @ np.array([[c, -s], [s, c]])
        own = (own - own.mean(axis=0)) / np.ptp(own, axis=0)
        corners = np.array([outline[np.argmax(own @ d)] for d in ((1, 1), (-1, 1), (1, -1), (-1, -1))])
        forward = corners[0] - corners[1] + corners[2] - corners[3]
        turn = float(np.arctan2(forward[1], forward[0]))
    return corners


@lru_cache(maxsize=1)
def _frames() -> dict[str, tuple[FloatArray, FloatArray]]:
    """Center (3,) mm and rotation (3, 3) of every body from C2 down, in the common frame."""
    out = {}
    for level in LEVELS[1:]:
        corners = _body_corners(level)
        forward = corners[0] - corners[1] + corners[2] - corners[3]
        c, s = forward / np.linalg.norm(forward)
        out[level] = (np.append(corners.mean(axis=0), 0.0), np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]))
    return out


@lru_cache(maxsize=32)
def vertebra(level: str) -> LibraryPart:
    """A whole vertebra in the frame of its own body: origin at the body's center, x along its endplates."""
    center, rotation = _frames()[level]
    mesh = _smoothed(_spine()[level].copy(), 1)
    local = (np.asarray(mesh.vertices) * 1000.0 - center) @ rotation
    placed = Mesh(local, np.asarray(mesh.faces, np.int32))
    corners = (_body_corners(level) - center[:2]) @ rotation[:2, :2]
    # the axis tapers into the dens: its lower endplate tells its size
    upper, lower = float(corners[0, 0] - corners[1, 0]), float(corners[2, 0] - corners[3, 0])
    depth = lower if level == "C2" else (upper + lower) / 2
    body = local[local[:, 0] > 0.25 * depth]
    return LibraryPart(
        placed,
        normals(placed),
        float(corners[3, 0] if level == "C2" else (corners[1, 0] + corners[3, 0]) / 2),
        depth,
        float(corners[1, 1] - corners[3, 1]),
        float(np.ptp(body[:, 2])),
    )


@lru_cache(maxsize=1)
def _right_ribs() -> list[Any]:
    """The twelve right ribs from the top as closed meshes in the common frame, metres."""
    parts = [p for p in _load("thorax").split(only_watertight=True) if 90 <= len(p.faces) < 200]
    return sorted((p for p in parts if p.vertices[:, 2].mean() > 0), key=lambda p: -float(p.vertices[:, 1].max()))


@lru_cache(maxsize=32)
def rib(number: int) -> LibraryPart:
    """The right rib `number` (1 to 12) in the frame of its vertebra's body."""
    mesh = _smoothed(_right_ribs()[number - 1].copy(), 1)
    center, rotation = _frames()[f"T{number}"]
    placed = Mesh((np.asarray(mesh.vertices) * 1000.0 - center) @ rotation, np.asarray(mesh.faces, np.int32))
    return LibraryPart(placed, normals(placed), 0.0, 0.0, 0.0, 0.0)
