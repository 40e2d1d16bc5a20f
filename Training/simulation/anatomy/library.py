"""Ready-made bone surfaces from the PyPI package myo-sim (Apache-2.0), smoothed: skull, jaw, arm, shoulder, hip, thigh.

They carry no landmarks, only overlap the ones that do, so their coarseness does no harm to the annotation.
"""

from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import trimesh

from Training.simulation.anatomy.mesh import Mesh
from Training.simulation.anatomy.vertebra import Bone

HIP_IN_PELVIS_MM = (-70.7, -66.1, 83.5)
"""Right hip joint center in the frame of the pelvis meshes (OpenSim's pelvis frame)."""


@lru_cache(maxsize=32)
def surface(name: str, subdivide: int = 0) -> Mesh:
    """The mesh `name` in millimetres in its own frame (OpenSim's: x anterior, y up, z right).

    Raises:
        FileNotFoundError: myo-sim is not installed or has no such mesh.
    """
    path = files("myo_sim").joinpath("models", "meshes", f"{name}.stl")
    mesh: Any = trimesh.load(str(path), process=True)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    trimesh.repair.fill_holes(mesh)
    for _ in range(subdivide):
        mesh = mesh.subdivide()
    repair: Any = trimesh.repair
    if subdivide:
        smoothing: Any = trimesh.smoothing
        smoothing.filter_humphrey(mesh, iterations=6 * subdivide)
    repair.fix_normals(mesh, multibody=True)
    return Mesh(np.asarray(mesh.vertices, np.float64) * 1000.0, np.asarray(mesh.faces, np.int32))


@lru_cache(maxsize=64)
def bone(name: str, cortex: float, subdivide: int = 0, mirrored: bool = False) -> Bone:
    """The mesh with a cortical shell made by moving its vertices inward along their normals; mirrored: z -> -z."""
    outer = surface(name, subdivide)
    normals = trimesh.Trimesh(outer.vertices, outer.faces, process=False).vertex_normals
    inner = Mesh(outer.vertices - normals * cortex, outer.faces)
    if mirrored:
        flip = np.array([1.0, 1.0, -1.0])
        outer = Mesh(outer.vertices * flip, outer.faces[:, ::-1])
        inner = Mesh(inner.vertices * flip, inner.faces[:, ::-1])
    return Bone(outer, inner)
