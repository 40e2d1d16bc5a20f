"""A whole person: every part put together into the surfaces of each material."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy.arms import arms
from Training.simulation.anatomy.axis import UPPER_PLATE, dens, ring
from Training.simulation.anatomy.head import atlas, head
from Training.simulation.anatomy.hips import (
    Strength,
    acetabulum,
    buttress,
    femur,
    hip_bones,
    hip_rotation,
    posterior_column,
)
from Training.simulation.anatomy.implants import Site, cage, cement, fixation
from Training.simulation.anatomy.mesh import Mesh, join
from Training.simulation.anatomy.posterior import ArchStyle, cervical_sides, posterior_elements
from Training.simulation.anatomy.ribcage import ribcage
from Training.simulation.anatomy.sacrum import sacrum
from Training.simulation.anatomy.trunk import Build, Spine, breasts, lungs, outline, windpipe
from Training.simulation.anatomy.vertebra import BodyShape, Bone, body, join_bones
from Training.simulation.people import Person
from Training.simulation.posture import Posture, VertebraPose

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Anatomy:
    """Surfaces of one person by material; see `Bone` for the pairs."""

    spine: Bone
    skeleton: Bone
    soft: Mesh
    metal: Mesh
    crown: float
    """Height of the top of the head, mm."""


def assemble(person: Person, posture: Posture, rng: np.random.Generator) -> Anatomy:
    """Build every part of a person in a posture; `rng` decides what the posture leaves open."""
    cortex = float(np.clip(0.75 * person.bone_density**0.7 * rng.uniform(0.75, 1.3), 0.35, 1.4))
    poses = {pose.level: pose for pose in posture.vertebrae}
    style = _SpineStyle.sample(rng)
    spine = [_vertebra(pose, style, rng, cortex) for pose in posture.vertebrae]
    spine.append(dens(posture.dens_center, poses["C2"].center, poses["C2"].rotation, poses["C2"].height / 17.8, cortex))
    right = posture.sacrum_rotation[:, 2]
    spine.append(sacrum(posture.s1_anterior, posture.s1_posterior, right, posture.s1_width, rng, cortex))
    size = float(np.clip(person.depth_scale, 0.6, 1.3))
    spine.extend(atlas(posture.dens_center, poses["C2"].rotation, size, cortex))

    chest = [f"T{i}" for i in range(1, 13)]
    girth = float(rng.uniform(0.9, 1.1))
    depth = float(rng.uniform(0.85, 1.15))
    carriers = [(i + 1, poses[level], 1.0) for i, level in enumerate(chest) if i < 11 or person.twelfth_ribs]
    if person.cervical_ribs:
        carriers.append((1, poses["C7"], float(rng.uniform(0.2, 0.5))))
    if person.lumbar_ribs:
        carriers.append((12, poses["L1"], float(rng.uniform(0.25, 0.7))))
    calcified = float(rng.uniform(0, np.clip((person.age - 25) / 60, 0.02, 0.8)))
    bones = ribcage(carriers, (depth * size, girth * size), rng, cortex, calcified)
    bones.extend(_legs(person, posture, rng, cortex))
    shoulders = arms(
        poses["T2"].center,
        np.mean([poses[level].rotation for level in chest[1:4]], axis=0),
        person.arm_position,
        person.length_scale,
        165 * size * rng.uniform(0.95, 1.08),
        size * (0.85 + 0.35 * _fat(person)),
        rng,
        cortex,
    )
    bones.extend(shoulders.bones)
    base = posture.head_base + rng.normal(0, 3, 3) * [1, 1, 0] * size
    skull = head(base, posture.head_rotation, 0.94 + 0.1 * size * rng.uniform(0.9, 1.1), rng, cortex)
    bones.extend(skull.bones)

    line = _spine_line(posture)
    build = Build(depth, girth, size, _fat(person), float(rng.uniform(0, 40) + 70 * _fat(person) * rng.random()))
    soft = outline(line, build, rng) + shoulders.soft + skull.soft
    if person.sex == "F" and person.age > 13:
        soft += breasts(line, build, float(rng.uniform(18, 42) + 35 * _fat(person)), rng)
    hollow = [mesh.reversed() for mesh in (*lungs(line, build, rng), windpipe(line, rng), *skull.air)]
    metal = skull.fillings + (_implants(posture, rng) if person.implants else [])
    return Anatomy(join_bones(spine), join_bones(bones), join(soft + hollow), join(metal), skull.top)


def _fat(person: Person) -> float:
    return float(np.clip((person.bmi - 20) / 18, 0, 1.3))


def _in_plane(pose: VertebraPose) -> FloatArray:
    """The corners AS, PS, AI, PI in the vertebra's own frame, (4, 2) mm."""
    local = (pose.corners - pose.center) @ pose.rotation
    return np.asarray(local[:, :2])


def _vertebra(pose: VertebraPose, style: "_SpineStyle", rng: np.random.Generator, cortex: float) -> Bone:
    corners = _in_plane(pose)
    region = pose.level[0]
    height = float(corners[:2, 1].mean() - corners[2:, 1].mean())
    hollow = {"C": 0.09, "T": 0.045, "L": 0.06}[region] * height * style.hollow
    shape = BodyShape(
        pose.width,
        {"C": 0.05, "T": 0.09, "L": 0.09}[region] * rng.uniform(0.4, 1.5),
        hollow * rng.uniform(0.4, 1.6),
        hollow * rng.uniform(0.4, 1.8),
        cortex * style.wall * (style.thoracic_wall if region == "T" else 1.0),
        cortex * style.endplate * rng.uniform(0.8, 1.25),
        pose.osteophyte_mm,
    )
    if pose.level == "C2":  # its front ends in a lip that hangs before the disc
        lip = float(rng.uniform(1.0, 3.2)) * height / 17.8
        shape = replace(shape, concavity_superior=0.0, concavity_inferior=lip, upper_plate=UPPER_PLATE)
    behind = posterior_elements(pose.level, corners, pose.width, style.arch, cortex, rng)
    bone = join_bones([body(corners, shape), behind])
    if region == "C":  # spongy bone is denser here
        bone = bone.denser(style.cervical_density)
        sides = (
            ring(corners, rng, cortex)
            if pose.level == "C2"
            else [cervical_sides(corners, pose.width, style.arch, cortex, rng)]
        )
        bone = join_bones([bone, *sides])
    return bone.moved(pose.rotation, pose.center)


@dataclass(frozen=True)
class _SpineStyle:
    """What the vertebrae of one person have in common."""

    arch: ArchStyle
    wall: float
    """Thickness of the bodies' walls against that of compact bone elsewhere."""
    thoracic_wall: float
    """Further factor in the chest."""
    endplate: float
    """The same of their endplates."""
    hollow: float
    """Factor on the depth of the endplates' hollows."""
    cervical_density: float
    """Of the spongy bone of cervical vertebrae beyond that of the others, against compact bone (Yoganandan et al.,
    Spine J 2006: up to twice that of lumbar ones)."""

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "_SpineStyle":
        return cls(
            ArchStyle.sample(rng),
            float(rng.uniform(0.2, 0.85)),
            float(rng.uniform(0.3, 1.0)),
            float(rng.uniform(0.3, 1.2)),
            float(rng.uniform(0.15, 1.6)),
            float(rng.uniform(0.05, 0.4)),
        )


def _legs(person: Person, posture: Posture, rng: np.random.Generator, cortex: float) -> list[Bone]:
    radius = posture.femoral_head_radius
    heads = posture.femoral_heads
    rotation = hip_rotation(posture.pelvis_rotation, posture.pelvic_tilt, rng)
    bones = hip_bones(np.asarray(heads), radius, rotation, posture.pelvic_thickness, rng, round(1.6 * cortex, 2))
    strength = Strength.sample(rng, cortex)
    # where the thighs stand must not tell where the heads are
    flexion, inward, before = rng.uniform(-24, 4), rng.uniform(5, 50), rng.uniform(-22, 12)
    for side, center in zip((1.0, -1.0), heads, strict=True):
        bones.append(acetabulum(center, radius, side, posture.pelvis_rotation, rng, cortex))
        sacral = (np.asarray(posture.s1_anterior) + np.asarray(posture.s1_posterior)) / 2
        bones.extend(buttress(center, sacral, side, posture.pelvis_rotation, rng, cortex))
        bones.extend(posterior_column(center, radius, side, rotation, rng, cortex))
        turns = flexion + rng.normal(0, 4), inward + rng.normal(0, 5), before + rng.normal(0, 4)
        bones.extend(femur(center, radius, side, 0.27 * person.stature_mm, *turns, strength))
    return bones


def _spine_line(posture: Posture) -> Spine:
    centers = {pose.level: pose.center for pose in posture.vertebrae}
    s1 = (np.asarray(posture.s1_anterior) + np.asarray(posture.s1_posterior)) / 2
    order = sorted(centers.values(), key=lambda c: float(c[1]))
    points = np.array([[-20.0, 0.0, 0.0], s1, *order])
    levels = {level: float(c[1]) for level, c in centers.items()}
    levels |= {"S1": float(s1[1]), "HA": 0.0}
    return Spine(np.maximum.accumulate(points[:, 1]), points[:, 0], points[:, 2], levels)


def _implants(posture: Posture, rng: np.random.Generator) -> list[Mesh]:
    """The mix of Yeh 2021: fixation over 2 to 18 levels, with or without cages, hooks or cement."""
    sites = []
    for pose in posture.vertebrae:
        if pose.level[0] == "C" and pose.level != "C7":
            continue
        corners = _in_plane(pose)
        size = float(corners[:2, 1].mean() - corners[2:, 1].mean())
        sites.append(Site(pose.center, pose.rotation, float(np.ptp(corners[:, 0])), size, pose.width))
    order = np.argsort([site.center[1] for site in sites])
    sites = [sites[i] for i in order]
    if rng.random() < 0.12:
        chosen = rng.choice(len(sites), int(rng.integers(1, 4)), replace=False)
        return [mesh for i in chosen for mesh in cement(sites[i], rng)]
    length = int(np.clip(rng.geometric(0.16) + 1, 2, min(18, len(sites))))
    start = int(rng.integers(0, len(sites) - length + 1) * rng.random())
    used = sites[start : start + length]
    parts = fixation(used, rng, bool(rng.random() < 0.1))
    if length <= 6 and rng.random() < 0.7:
        for below, above in pairwise(used):
            if rng.random() < 0.7:
                parts += cage(below, above, rng)
    return parts
