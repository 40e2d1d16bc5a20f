"""Sizes of the vertebrae, discs and pelvis: mean tables of adults, scaled to a person.

All lengths in millimetres, of an adult of mean stature with the sexes pooled. Approximate means, rounded, after:
cervical and thoracic bodies Panjabi et al., Spine 1991 (16:861 and 16:888); lumbar bodies Panjabi et al., Spine 1992
(17:299); body heights of living people Gilad and Nissan, Spine 1986 and Busscher et al., Eur Spine J 2010 (19:1104);
disc heights Kunkel et al., J Anat 2011 (219:375) and Gilad and Nissan 1986, thoracic ones less the hollows of the
endplates; pelvis after Boulay et al., Eur Spine J 2006 (15:415). C7, T1, T7 to T9, T12 and the S1 plate are up to 5 %
smaller than there, as eight real films have them against their neighbors. Bodies are no rectangles from the side: see
`_LEAN`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import PRESACRAL_LEVELS
from Training.simulation.people import Person

FloatArray = NDArray[np.float64]

# level: depth inferior, depth superior, width inferior, width superior, mid height, height of the disc below
_TABLE: Final[dict[str, tuple[float, ...]]] = {
    "C2": (15.0, 12.7, 17.5, 15.0, 17.8, 4.7),
    "C3": (15.0, 14.5, 17.2, 15.8, 13.0, 4.7),
    "C4": (15.3, 14.8, 17.5, 17.2, 12.8, 4.6),
    "C5": (16.5, 15.0, 19.4, 17.5, 12.6, 4.5),
    "C6": (17.2, 15.8, 22.0, 18.5, 12.8, 4.5),
    "C7": (16.4, 16.2, 23.4, 21.8, 13.9, 4.0),
    "T1": (17.9, 17.2, 27.8, 24.5, 16.3, 3.2),
    "T2": (19.8, 18.2, 27.4, 24.9, 18.1, 2.8),
    "T3": (21.4, 20.5, 25.9, 24.6, 18.5, 2.7),
    "T4": (22.6, 21.5, 26.0, 24.5, 18.8, 2.7),
    "T5": (23.8, 22.6, 27.0, 24.9, 19.2, 3.0),
    "T6": (25.0, 24.2, 28.2, 26.2, 19.8, 3.3),
    "T7": (26.3, 25.3, 29.1, 27.8, 20.1, 3.5),
    "T8": (27.3, 26.0, 30.5, 29.5, 20.6, 3.7),
    "T9": (28.6, 27.2, 33.0, 30.6, 21.4, 4.0),
    "T10": (29.4, 28.4, 35.4, 31.9, 22.9, 4.6),
    "T11": (29.9, 29.4, 39.1, 34.9, 24.0, 5.0),
    "T12": (30.4, 29.8, 42.1, 39.0, 25.5, 5.6),
    "L1": (34.8, 34.0, 43.3, 41.2, 26.0, 8.7),
    "L2": (35.2, 34.6, 45.5, 42.6, 26.8, 9.8),
    "L3": (35.3, 35.2, 48.0, 44.1, 27.2, 10.7),
    "L4": (35.0, 35.4, 49.5, 46.6, 26.9, 11.3),
    "L5": (34.4, 35.0, 49.4, 47.3, 26.0, 10.5),
}

_LEAN: Final[dict[str, float]] = {
    "C2": 11.0,
    **dict.fromkeys(("C3", "C4", "C5", "C6", "C7"), 8.0),
    **{"T1": 4.0, "T2": 2.0, "T3": 0.0},
    **dict.fromkeys(("T4", "T5", "T6", "T7", "T8", "T9"), -1.5),
    **{"T10": 0.0, "T11": 1.0, "T12": 2.0},
    **dict.fromkeys(("L1", "L2", "L3", "L4", "L5"), 4.5),
}
"""Degrees by which a body leans back from the normal of its endplates, so that its front edges are not above each
other: by fourteen real films, where the line of centers meets the plates at 5 to 8 degrees less than a right angle in
neck and loin. C2's gives an odontoid incidence of 17.7 degrees (SD 3.7; Lee et al., Neurospine 2022, 19:418)."""
_LEAN_SD: Final[tuple[float, float]] = (2.5, 1.5)
"""How people differ in it, all bodies of a region together, and bodies of one person."""

S1_DEPTH_MM: Final[float] = 32.5
S1_WIDTH_MM: Final[float] = 50.0
PELVIC_THICKNESS_MM: Final[float] = 109.0
"""From the hip axis to the middle of the S1 plate (Boulay 2006)."""
HIP_HALF_WIDTH_MM: Final[float] = 87.0
FEMORAL_HEAD_RADIUS_MM: Final[float] = 23.8


@dataclass(frozen=True)
class SpineSizes:
    """Sizes in mm of one person's presacral vertebrae from the lowest up to C2; arrays of shape (levels,)."""

    levels: tuple[str, ...]
    depth_inferior: FloatArray
    depth_superior: FloatArray
    width_inferior: FloatArray
    width_superior: FloatArray
    height: FloatArray
    """Mid height of the body; the anterior and posterior heights follow from the wedge angle."""
    disc: FloatArray
    """Mid height of the disc below the level."""
    lean: FloatArray
    """Of the body's axis back from the normal of its endplates, degrees."""
    s1_depth: float
    s1_width: float
    pelvic_thickness: float
    hip_half_width: float
    femoral_head_radius: float


def presacral_levels(count: int) -> tuple[str, ...]:
    """Names of the presacral levels from the lowest up to C2; counted from C2 down, C1 included in `count`.

    With 24 the lowest is L5; with 25 there is an L6 below it; with 23 L5 is part of the sacrum and absent.

    Raises:
        ValueError: `count` is not 23, 24 or 25.
    """
    if count not in (23, 24, 25):
        raise ValueError(f"expected 23, 24 or 25 presacral vertebrae, got {count}")
    names = (*PRESACRAL_LEVELS, "L6")
    return tuple(reversed(names[: count - 1]))


def spine_sizes(person: Person, rng: np.random.Generator | None = None) -> SpineSizes:
    """The tables above scaled to a person; with `rng`, small differences of each level are added.

    Discs are without degeneration.
    """
    levels = presacral_levels(person.presacral_count)
    known = ["L5" if level == "L6" else level for level in levels]
    table, lean = np.array([_TABLE[level] for level in known]).T, np.array([_LEAN[level] for level in known])
    if rng is not None:
        # Neighbors differ by about 2 % in bodies and 7 % in discs, beside what the whole person differs.
        noise = rng.normal(size=table.shape) * np.array([0.02, 0.02, 0.02, 0.02, 0.022, 0.07])[:, None]
        # necks, chests and loins are long or short on their own
        regions = dict(zip("CTL", np.exp(rng.normal(0, (0.06, 0.04, 0.04))), strict=True))
        table = table * np.exp(np.clip(noise, -0.2, 0.2))
        table[4:6] *= np.array([regions[level[0]] for level in levels])
        leans = dict(zip("CTL", rng.normal(0, _LEAN_SD[0], 3), strict=True))
        lean += np.array([leans[level[0]] for level in levels]) + rng.normal(0, _LEAN_SD[1], len(levels))
    depth_i, depth_s, width_i, width_s, height, disc = table
    length, depth, width = person.length_scale, person.depth_scale * person.body_depth, person.width_scale
    pelvis = person.pelvis_scale
    return SpineSizes(
        levels,
        depth_i * depth,
        depth_s * depth,
        width_i * width,
        width_s * width,
        height * length,
        disc * length * person.disc_scale,
        lean,
        S1_DEPTH_MM * depth,
        S1_WIDTH_MM * width,
        PELVIC_THICKNESS_MM * pelvis,
        HIP_HALF_WIDTH_MM * pelvis * (1.03 if person.sex == "F" else 0.98),
        FEMORAL_HEAD_RADIUS_MM * person.depth_scale,
    )
