"""Shoulder girdle and arms in the positions in which patients keep them clear of the spine."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy.library import bone
from Training.simulation.anatomy.mesh import Mesh, ellipsoid, tube
from Training.simulation.anatomy.shoulders import shoulder
from Training.simulation.anatomy.vertebra import Bone, bone_tube, compact
from Training.simulation.people import ArmPosition

FloatArray = NDArray[np.float64]

# Direction of the upper arm and of the forearm: elevation above straight down in degrees (forward), and inward lean.
_POSES: dict[ArmPosition, tuple[float, float]] = {
    ArmPosition.HANDS_ON_CLAVICLES: (38.0, 150.0),
    ArmPosition.FISTS_ON_CHEEKS: (55.0, 158.0),
    ArmPosition.HOLDING_BAR: (52.0, 78.0),
    ArmPosition.ARMS_FORWARD_DOWN: (28.0, 48.0),
}


@dataclass(frozen=True)
class Arms:
    """Bones and flesh of both shoulders and arms."""

    bones: list[Bone]
    soft: list[Mesh]


def _direction(elevation: float, inward: float, side: float) -> FloatArray:
    e = np.radians(elevation)
    v = np.array([np.sin(e), -np.cos(e), -side * inward])
    return np.asarray(v / np.linalg.norm(v))


def arms(
    base: FloatArray,
    frame: FloatArray,
    position: ArmPosition,
    scale: float,
    width: float,
    flesh: float,
    rng: np.random.Generator,
    cortex: float,
) -> Arms:
    """Shoulder girdle and arms.

    Args:
        base: (3,) body center of T2, mm.
        frame: (3, 3) frame of the upper thorax.
        position: where the hands are.
        scale: length factor of the bones.
        width: half the shoulder breadth, mm.
        flesh: radius factor of the soft tissue.
        rng: varies both sides on their own.
        cortex: shell thickness, mm.
    """
    bones: list[Bone] = []
    soft: list[Mesh] = []
    upper, fore = _POSES[position]
    forward, lift = rng.uniform(-15, 45), rng.normal(-35, 22)
    for side in (1.0, -1.0):
        joint = base + frame @ np.array([forward + rng.normal(0, 8), lift - 8 + rng.normal(0, 7), side * width])
        bones.extend(_girdle(joint, base, frame, side, scale, rng, cortex))
        first = _direction(upper + rng.normal(0, 9), rng.uniform(-0.05, 0.25), side)
        elbow = joint + 290 * scale * first
        second = _direction(fore + rng.normal(0, 9), rng.uniform(0.0, 0.45), side)
        wrist = elbow + 240 * scale * second
        bones.extend(_arm_bones(joint, elbow, wrist, second, side, scale, rng, cortex))
        line = joint + np.array([0.05, 0.1, 0.25, 0.5, 0.8, 1.0, 1.08])[:, None] * (elbow - joint)
        soft.append(tube(line, np.array([10, 32, 41, 40, 36, 32, 4]) * flesh, (1.0, 0.0, 0.0), 16))
        line = elbow + np.array([-0.08, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0])[:, None] * (wrist - elbow)
        soft.append(tube(line, np.array([4, 29, 32, 30, 26, 22, 20]) * flesh, (1.0, 0.0, 0.0), 14))
        soft.append(ellipsoid(wrist + 50 * second, [30, 48, 22], None, 8))
        soft.append(shoulder(joint, base, side, flesh * rng.uniform(0.85, 1.15), rng))
    return Arms(bones, soft)


def _girdle(
    shoulder: FloatArray,
    base: FloatArray,
    frame: FloatArray,
    side: float,
    scale: float,
    rng: np.random.Generator,
    cortex: float,
) -> list[Bone]:
    """Scapula and clavicle of one side."""
    yaw, tip = np.radians(rng.uniform(-30, 15)) * side, np.radians(rng.uniform(-25, 20))
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_z = np.array([[np.cos(tip), -np.sin(tip), 0], [np.sin(tip), np.cos(tip), 0], [0, 0, 1]])
    rotation = frame @ about_y @ about_z * (0.85 * scale)
    source = bone("scapula", round(0.5 * cortex, 2), 1, side < 0)
    at = shoulder + frame @ np.array([22.0, 18.0, -6.0 * side]) * scale
    out = [source.moved(rotation, at)]
    inner_end = base + frame @ np.array([58.0, -28.0, 14.0 * side]) * scale
    middle = 0.5 * (inner_end + at) + frame @ np.array([14.0, 4.0, 0.0]) * scale
    path = np.stack([inner_end, 0.7 * inner_end + 0.3 * middle + [6, 0, 0], middle, 0.5 * (middle + at), at])
    out.append(bone_tube(path, np.array([[9, 9], [6.5, 6.5], [6, 6], [6.5, 5.5], [8, 5]]), 1.4 * cortex))
    return out


def _arm_bones(
    shoulder: FloatArray,
    elbow: FloatArray,
    wrist: FloatArray,
    along: FloatArray,
    side: float,
    scale: float,
    rng: np.random.Generator,
    cortex: float,
) -> list[Bone]:
    up = (1.0, 0.0, 0.2)
    share = np.array([0.0, 0.06, 0.16, 0.5, 0.85, 0.95, 1.0])[:, None]
    radii = np.array([[14, 14], [23, 23], [14, 14], [10.5, 10.5], [13, 11], [26, 12], [20, 10]]) * scale
    out = [bone_tube(shoulder + share * (elbow - shoulder), radii, 1.8, up, 12)]
    across = np.cross(along, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    for offset, size in ((9.0, 1.0), (-9.0, 0.9)):
        share = np.linspace(0.02, 1, 6)[:, None]
        bow = across * offset * np.array([0.8, 1.0, 1.2, 1.2, 1.1, 1.0])[:, None] * scale
        path = elbow + share * (wrist - elbow) + bow + np.array([0, 0, 3.0 * side])
        out.append(
            bone_tube(path, np.array([[8, 9], [7, 7], [6, 6.5], [6, 6], [7, 7], [11, 9]]) * size * scale, 2.0, up)
        )
    curl = rng.uniform(0.0, 1.0)
    for _ in range(7):
        center = wrist + along * rng.uniform(3, 20) + rng.normal(0, 8, 3)
        out.append(compact(ellipsoid(center, rng.uniform(5, 9, 3), None, 6)))
    for finger in range(5):
        spread = across * (finger - 2) * 9 + np.array([0.0, 0.0, rng.normal(0, 6)])
        start = wrist + along * 22 + 0.6 * spread
        for length, turn in ((58, 0.0), (38, curl), (24, 2 * curl), (17, 2.6 * curl)):
            way = np.cos(turn) * along + np.sin(turn) * across
            end = start + way * length * scale
            share = np.array([0.04, 0.2, 0.5, 0.8, 0.96])[:, None]
            out.append(
                bone_tube(start + share * (end - start), [[5, 5], [3.4, 3.4], [3, 3], [3.6, 3.6], [4.6, 4.6]], 1.0)
            )
            start = end
    return out
