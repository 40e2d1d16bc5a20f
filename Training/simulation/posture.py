"""How a person stands: the pose of every vertebra, pelvis, hips and head in space, with the 45 landmarks.

Frame: x anterior +, y up +, z to the patient's right, millimetres, origin in the middle of the hip axis; a lateral
film shows (x, y).

Levels are counted from C2 down, and landmarks are named so: T1 is the eighth vertebra, L1 the twentieth, however many
ribs there are. With 25 presacral vertebrae an L6 lies below L5 and carries no landmark; with 23 the fifth lumbar is
part of the sacrum, and `L5_C` is missing (NaN). `S1_A` and `S1_P` are on the endplate that bears the lowest mobile
vertebra.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.measurement.landmarks import INDEX
from Training.simulation.coronal import LateralCurve, coronal_angles, sample_curves
from Training.simulation.disease import Disease, sample_disease
from Training.simulation.marking import as_marked
from Training.simulation.morphometry import SpineSizes, spine_sizes
from Training.simulation.people import Person
from Training.simulation.sagittal import LEVELS, angles_of, sample_state, with_wedges
from Training.simulation.stacking import (
    C2_HEIGHT_MM,
    SpineAngles,
    Stack,
    landmark_points,
    rotation_axial,
    rotation_coronal,
    rotation_sagittal,
    slopes,
    stack,
    vertebra_corners,
)

FloatArray = NDArray[np.float64]

_TRIES: Final[int] = 40
HEAD_ABOVE_DENS_TIP_MM: Final[float] = -6.0
"""The condyles rest on the atlas below the tip of the dens, which reaches into the foramen magnum."""
# Largest angles of a disc and a body, degrees, beyond which nobody is made (fractured bodies excepted).
_DISC_LIMIT: Final[dict[str, float]] = {"C": 16.0, "T": 11.0, "L": 24.0}
_WEDGE_LIMIT: Final[dict[str, float]] = {"C": 9.0, "T": 12.0, "L": 14.0}
_LOWEST_DISC_LIMIT: Final[float] = 32.0
_LIMITS: Final[dict[str, tuple[float, float]]] = {
    **{"pi": (22, 95), "slope": (-12, 75)},
    **{"gaze": (-25, 48), "od_ha": (-13, 13)},
}


@dataclass(frozen=True)
class VertebraPose:
    """One presacral vertebra."""

    level: str
    center: FloatArray
    """Shape (3,): mean of the four corners."""
    rotation: FloatArray
    """Shape (3, 3): columns are the anterior, up and right axes."""
    corners: FloatArray
    """Shape (4, 3), in the midplane: superior anterior, superior posterior, inferior anterior, inferior posterior."""
    depth_superior: float
    depth_inferior: float
    width_superior: float
    width_inferior: float
    height: float
    """Mid height."""
    anterior_height: float
    posterior_height: float
    wedge_deg: float
    """+ when taller in front."""
    disc_height: float
    """Mid height of the disc below."""
    disc_deg: float
    """Of the disc below, + when taller in front."""
    osteophyte_mm: float
    fracture: float
    """Share of the anterior height lost."""
    slip_mm: float
    """Forward over the level below."""
    fused: bool
    """To the level below."""

    @property
    def width(self) -> float:
        """Mean width of the two endplates."""
        return (self.width_superior + self.width_inferior) / 2


@dataclass(frozen=True)
class Posture:
    """A person's skeleton in place."""

    vertebrae: tuple[VertebraPose, ...]
    """From the lowest presacral level up to C2."""
    s1_anterior: FloatArray
    s1_posterior: FloatArray
    s1_width: float
    sacrum_rotation: FloatArray
    """Columns: anterior axis along the S1 endplate, up along its normal, right."""
    pelvis_rotation: FloatArray
    """Obliquity and rotation without tilt."""
    pelvic_tilt: float
    pelvic_thickness: float
    pelvic_obliquity: float
    pelvic_axial_rotation: float
    femoral_heads: FloatArray
    """Shape (2, 3): right and left."""
    femoral_head_radius: float
    dens_center: FloatArray
    dens_tip: FloatArray
    head_base: FloatArray
    """Middle between the occipital condyles."""
    head_rotation: FloatArray
    curves: tuple[LateralCurve, ...]
    landmarks: FloatArray
    """Shape (45, 3), in the order of `landmarks.NAMES`, as a reader marks them; see `landmarks3d`."""
    corners: FloatArray
    """Shape (24, 4, 3), in the order of `landmarks.VERTEBRAE`, as a reader marks them; see `vertebra_corners`."""


def solve(person: Person, rng: np.random.Generator, spread: float = 1.0) -> Posture:
    """Draw a posture of a person: about 3 ms, after half a second for the population at the first call.

    `spread` above 1 draws curves that many times wider than the population's, for training alone.
    """
    sizes = spine_sizes(person, rng)
    disease = sample_disease(person, sizes.levels, rng)
    sizes = replace(sizes, height=sizes.height * disease.height_left, disc=sizes.disc * disease.disc_left)
    curves = sample_curves(person, rng)
    obliquity = float(np.clip(rng.normal(0, 2.2 if person.scoliosis else 0.9), -12, 12))
    twisted = person.scoliosis and rng.random() < 0.3  # with the lumbar curve, the heads then far apart
    pelvic_rotation = float(np.clip(rng.normal(0, 10.0 if twisted else 1.5), -25, 25))
    coronal, axial = coronal_angles(sizes.levels, curves, obliquity, rng)
    slip = disease.slip * sizes.depth_inferior
    for _ in range(_TRIES):
        plane = _fit_levels(_fractured(sample_state(person, rng, spread), sizes, disease), sizes.levels)
        angles = replace(plane, coronal=coronal, axial=axial, obliquity=obliquity, pelvic_rotation=pelvic_rotation)
        stacked = stack(angles, sizes, slip)
        if _plausible(angles, stacked, sizes, disease, spread):
            break
    return _posture(person, angles, sizes, disease, stacked, curves)


def landmarks3d(posture: Posture) -> FloatArray:
    """The 45 landmarks, shape (45, 3) mm; NaN for those of absent levels.

    FH_1 is the right and FH_2 the left hip: call `order_femoral_heads` after projection.
    """
    return posture.landmarks.copy()


def order_femoral_heads(projected: ArrayLike) -> FloatArray:
    """Landmarks of shape (..., 45, 2), x anterior +, with the hip that is further anterior as FH_1."""
    out = np.array(projected, float)
    first, second = INDEX["FH_1"], INDEX["FH_2"]
    swap = out[..., second, 0] > out[..., first, 0]
    out[..., [first, second], :] = np.where(
        swap[..., None, None], out[..., [second, first], :], out[..., [first, second], :]
    )
    return out


def _fractured(state: FloatArray, sizes: SpineSizes, disease: Disease) -> SpineAngles:
    """The plane curve in which fractured bodies have their wedge and the rest makes up for it where it can."""
    wedges = {}
    for i in np.flatnonzero(disease.anterior_loss > 0):
        level = sizes.levels[i]
        if level in LEVELS:
            lost = disease.anterior_loss[i] * sizes.height[i] / disease.height_left[i]
            wedges[level] = -float(np.degrees(np.arctan(lost / sizes.depth_superior[i])))
    return angles_of(with_wedges(state, wedges))


def _fit_levels(angles: SpineAngles, levels: tuple[str, ...]) -> SpineAngles:
    """A curve of 23 levels (C2 to L5) for one with a lumbar vertebra less or more, its lumbar lordosis kept."""
    if levels == LEVELS:
        return angles
    lumbar = sum(level[0] == "L" for level in LEVELS)
    rest_disc, rest_wedge = angles.disc[lumbar:], angles.wedge[lumbar:]
    disc, wedge = angles.disc[:lumbar], angles.wedge[:lumbar]
    if len(levels) > len(LEVELS):
        disc, wedge = np.append(disc[0], disc), np.append(wedge[0], wedge)
        disc[1], wedge[1] = (disc[0] + disc[2]) / 2, (wedge[0] + wedge[2]) / 2
    else:
        disc, wedge = np.append(disc[0], disc[2:]), np.append(wedge[0], wedge[2:])
    share = (angles.disc[:lumbar].sum() + angles.wedge[:lumbar].sum()) - (disc.sum() + wedge.sum())
    disc = disc + share / len(disc)
    zero = np.zeros(len(levels))
    return replace(
        angles, disc=np.append(disc, rest_disc), wedge=np.append(wedge, rest_wedge), coronal=zero, axial=zero
    )


def _plausible(angles: SpineAngles, stacked: Stack, sizes: SpineSizes, disease: Disease, spread: float) -> bool:
    """Whether somebody could stand like this and still look ahead."""
    disc_limit = np.array([_DISC_LIMIT[level[0]] for level in sizes.levels])
    disc_limit[0] = _LOWEST_DISC_LIMIT
    wedge_limit = np.array([_WEDGE_LIMIT[level[0]] for level in sizes.levels])
    wedge_limit[-1] = 20.0  # the body of C2 carries the dens, which leans back
    wedge_limit[disease.anterior_loss > 0] = 45.0
    gaze = float(slopes(angles)[0][-1])
    od_ha = float(np.degrees(np.arctan2(stacked.dens[0], stacked.dens[1])))
    incidence = angles.sacral_slope + angles.pelvic_tilt
    values = {"pi": incidence, "slope": angles.sacral_slope, "gaze": gaze, "od_ha": od_ha}
    return bool(
        np.all(np.abs(angles.disc) < spread * disc_limit)
        and np.all(np.abs(angles.wedge) < spread * wedge_limit)
        and all(spread * low < values[name] < spread * high for name, (low, high) in _LIMITS.items())
        and np.all(np.diff(stacked.center[:, 1]) > 0)
    )


def _posture(
    person: Person,
    angles: SpineAngles,
    sizes: SpineSizes,
    disease: Disease,
    stacked: Stack,
    curves: tuple[LateralCurve, ...],
) -> Posture:
    """Turn and lean everything about the hips and name it."""
    whole = rotation_coronal(person.lean_deg) @ rotation_axial(person.turn_deg)
    stacked = Stack(
        stacked.center @ whole.T,
        whole @ stacked.rotation,
        stacked.corners @ whole.T,
        stacked.disc_height,
        stacked.s1 @ whole.T,
        whole @ stacked.sacrum_rotation,
        whole @ stacked.pelvis_rotation,
        stacked.femoral_heads @ whole.T,
        whole @ stacked.dens,
        whole @ stacked.dens_tip,
    )
    gaze = float(slopes(angles)[0][-1])
    # The eyes stay level while the neck turns: in most people little of what C2 is off its mean reaches the head.
    head = rotation_axial(person.turn_deg + person.head_yaw_deg)
    head = head @ rotation_coronal(person.head_roll_deg + person.lean_deg)
    head = head @ rotation_sagittal(person.head_pitch_deg + person.head_follows * (gaze - 13.0))
    up = stacked.rotation[-1, :, 1]
    scale = sizes.height[-1] / C2_HEIGHT_MM
    return Posture(
        vertebrae=tuple(_pose(i, angles, sizes, disease, stacked) for i in range(len(sizes.levels))),
        s1_anterior=stacked.s1[0],
        s1_posterior=stacked.s1[1],
        s1_width=sizes.s1_width,
        sacrum_rotation=stacked.sacrum_rotation,
        pelvis_rotation=stacked.pelvis_rotation,
        pelvic_tilt=angles.pelvic_tilt,
        pelvic_thickness=sizes.pelvic_thickness,
        pelvic_obliquity=angles.obliquity,
        pelvic_axial_rotation=angles.pelvic_rotation + person.turn_deg,
        femoral_heads=stacked.femoral_heads,
        femoral_head_radius=sizes.femoral_head_radius,
        dens_center=stacked.dens,
        dens_tip=stacked.dens_tip,
        head_base=stacked.dens_tip + scale * (HEAD_ABOVE_DENS_TIP_MM * up - 3.0 * head[:, 0]),
        head_rotation=head,
        curves=curves,
        landmarks=landmark_points(sizes.levels, as_marked(sizes.levels, stacked)),
        corners=vertebra_corners(sizes.levels, as_marked(sizes.levels, stacked)),
    )


def _pose(i: int, angles: SpineAngles, sizes: SpineSizes, disease: Disease, stacked: Stack) -> VertebraPose:
    corners = stacked.corners[i]
    return VertebraPose(
        level=sizes.levels[i],
        center=stacked.center[i],
        rotation=stacked.rotation[i],
        corners=corners,
        depth_superior=float(sizes.depth_superior[i]),
        depth_inferior=float(sizes.depth_inferior[i]),
        width_superior=float(sizes.width_superior[i]),
        width_inferior=float(sizes.width_inferior[i]),
        height=float(sizes.height[i]),
        anterior_height=float(np.linalg.norm(corners[0] - corners[2])),
        posterior_height=float(np.linalg.norm(corners[1] - corners[3])),
        wedge_deg=float(angles.wedge[i]),
        disc_height=float(stacked.disc_height[i]),
        disc_deg=float(angles.disc[i]),
        osteophyte_mm=float(disease.osteophyte_mm[i]),
        fracture=float(disease.anterior_loss[i]),
        slip_mm=float(disease.slip[i] * sizes.depth_inferior[i]),
        fused=bool(disease.fused[i]),
    )
