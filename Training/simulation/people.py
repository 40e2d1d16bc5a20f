"""Who stands in front of the detector: age, sex, size, build, bone, disease and stance of a simulated patient.

Rates and distributions are approximate means of the publications named beside them.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from scipy.special import ndtri

SCOLIOSIS_RATE: Final[float] = 0.47
"""Yeh et al. 2021, their films."""
KYPHOSIS_RATE: Final[float] = 0.21
IMPLANT_RATE: Final[float] = 0.32
PRESACRAL_RATES: Final[dict[int, float]] = {23: 0.035, 24: 0.925, 25: 0.04}
"""Counts other than 24 occur in 5 to 10 % (Tins and Balain 2016; Hanhivaara et al. 2020)."""

ADULT_STATURE_MM: Final[dict[str, tuple[float, float]]] = {"F": (1630.0, 66.0), "M": (1760.0, 71.0)}
"""Mean and SD (NCD-RisC 2016, high-income countries)."""
MEAN_STATURE_MM: Final[float] = 1690.0

# Fraction of the adult stature reached at an age (CDC growth charts, 2000).
_GROWTH_AGES: Final[tuple[float, ...]] = (5, 8, 10, 12, 14, 16, 18)
_GROWTH: Final[dict[str, tuple[float, ...]]] = {
    "F": (0.665, 0.785, 0.85, 0.93, 0.983, 0.996, 1.0),
    "M": (0.62, 0.725, 0.785, 0.845, 0.93, 0.982, 0.997),
}
# Ages of a spine clinic: children with deformity, young adults, the bulk at 50 to 80.
_AGE_COMPONENTS: Final[tuple[tuple[float, float, float], ...]] = (
    (0.24, 14.0, 2.5),
    (0.26, 42.0, 14.0),
    (0.5, 66.0, 9.5),
)
"""Share, mean and SD of each component, years."""
AGE_RANGE: Final[tuple[float, float]] = (5.0, 93.0)


class ArmPosition(Enum):
    """How the arms are kept out of the way of the spine."""

    HANDS_ON_CLAVICLES = "hands_on_clavicles"
    FISTS_ON_CHEEKS = "fists_on_cheeks"
    HOLDING_BAR = "holding_bar"
    ARMS_FORWARD_DOWN = "arms_forward_down"


_ARM_RATES: Final[tuple[float, ...]] = (0.45, 0.2, 0.25, 0.1)


@dataclass(frozen=True)
class Person:
    """One simulated patient. Scale factors are relative to the pooled adult mean."""

    age: float
    """Years."""
    sex: str
    """"F" or "M"."""
    stature_mm: float
    bmi: float
    """kg/m2."""
    bone_density: float
    """Factor on the mineral density of a healthy 30-year-old."""
    length_scale: float
    """Heights of bodies and discs."""
    depth_scale: float
    """Anteroposterior sizes of the vertebrae and the femoral heads."""
    body_depth: float
    """Depth of the vertebral bodies and the S1 plate beyond `depth_scale`: slender spines and stout ones."""
    width_scale: float
    pelvis_scale: float
    disc_scale: float
    """Heights of all discs, before degeneration."""
    degeneration: float
    """0 none to 1 severe; grows with age."""
    arm_position: ArmPosition
    head_pitch_deg: float
    """Of the head against horizontal gaze, + when looking down."""
    head_follows: float
    """Share of the neck's turn that the head takes part in; the rest is undone between head and neck."""
    head_yaw_deg: float
    """+ when looking to the patient's left."""
    head_roll_deg: float
    turn_deg: float
    """Of the whole patient about the vertical, away from a true lateral; + turns the front to the patient's left."""
    lean_deg: float
    """Of the whole patient to the right."""
    scoliosis: bool
    kyphosis: bool
    implants: bool
    presacral_count: int
    """Vertebrae above the sacrum, C1 included: 23, 24 or 25."""
    twelfth_ribs: bool
    lumbar_ribs: bool
    """A pair of short ribs at L1."""
    cervical_ribs: bool
    age_score: float
    """Normal score of the age in the population."""
    kyphosis_score: float
    """Normal score of the tendency to kyphosis; the flag is its upper tail."""

    @property
    def adult(self) -> bool:
        """Whether growth has ended."""
        return self.age >= 17


def _age_distribution(age: float) -> float:
    """Cumulative share of the population up to an age."""
    cdf = sum(w * 0.5 * (1 + math.erf((age - m) / (s * math.sqrt(2)))) for w, m, s in _AGE_COMPONENTS)
    return min(max(cdf, 1e-4), 1 - 1e-4)


def _age(rng: np.random.Generator) -> float:
    weights = [w for w, _, _ in _AGE_COMPONENTS]
    while True:
        _, mean, sd = _AGE_COMPONENTS[rng.choice(len(weights), p=weights)]
        age = float(rng.normal(mean, sd))
        if AGE_RANGE[0] <= age <= AGE_RANGE[1]:
            return age


def growth(age: float, sex: str) -> float:
    """Fraction of the adult stature at an age; the old have lost some (Sorkin et al. 1999)."""
    lost = 0.0006 * max(age - 45, 0) + 0.00002 * max(age - 60, 0) ** 2
    return float(np.interp(age, _GROWTH_AGES, _GROWTH[sex])) - lost


def _bone_density(age: float, sex: str, rng: np.random.Generator) -> float:
    """Peak at 30, then 0.4 % a year, women 1 % a year after 50 (Looker et al. 1998)."""
    loss = 0.004 * max(age - 35, 0) + (0.005 * max(min(age, 75) - 50, 0) if sex == "F" else 0.0)
    young = 0.02 * max(17 - age, 0)
    return float(np.clip((1 - loss - young) * np.exp(rng.normal(0, 0.11)), 0.4, 1.4))


def sample_person(rng: np.random.Generator, presacral_count: int | None = None) -> Person:
    """Draw one person; the draws depend on nothing but `rng`, and on the number of vertebrae where it is given."""
    age = _age(rng)
    sex = "F" if rng.random() < (0.72 if age < 20 or age > 55 else 0.6) else "M"
    adult_mean, adult_sd = ADULT_STATURE_MM[sex]
    adult_stature = adult_mean + adult_sd * float(np.clip(rng.normal(), -2.7, 2.7))
    grown = float(np.interp(age, _GROWTH_AGES, _GROWTH[sex]))
    stature = adult_stature * growth(age, sex)
    # The bones keep their size when stature is lost with age; that loss is in the discs and the curves.
    size = adult_stature * grown / MEAN_STATURE_MM
    sex_depth = 0.965 if sex == "F" else 1.055
    bmi_mean = np.interp(age, (5, 10, 15, 20, 45, 65, 90), (15.5, 17, 20, 22.5, 26.5, 27, 25))
    bmi = float(np.clip(bmi_mean * np.exp(rng.normal(0.05, 0.2 if age > 20 else 0.15)), 13, 48))
    kyphosis_score = float(np.clip(rng.normal(), -3, 3))
    kyphosis = kyphosis_score > ndtri(1 - KYPHOSIS_RATE)
    scoliosis = rng.random() < SCOLIOSIS_RATE
    degeneration = float(np.clip(rng.beta(2, 3) * np.interp(age, (20, 40, 60, 80), (0.1, 0.5, 1.1, 1.5)), 0, 1))
    drawn = int(rng.choice(list(PRESACRAL_RATES), p=list(PRESACRAL_RATES.values())))
    count = presacral_count or drawn
    turn_sd = float(rng.choice((2.0, 4.5, 10.0), p=(0.72, 0.18, 0.1)))  # most stand nearly true to the detector
    return Person(
        age=age,
        sex=sex,
        stature_mm=stature,
        bmi=bmi,
        bone_density=_bone_density(age, sex, rng),
        length_scale=size * float(np.exp(rng.normal(0, 0.025))),
        depth_scale=sex_depth * (size / (adult_mean / MEAN_STATURE_MM)) ** 0.9 * float(np.exp(rng.normal(0, 0.045))),
        body_depth=float(np.exp(rng.normal(-0.05, 0.075))),  # as on eight real films, against their levels' pitch
        width_scale=sex_depth * (size / (adult_mean / MEAN_STATURE_MM)) ** 0.9 * float(np.exp(rng.normal(0, 0.045))),
        pelvis_scale=size**0.8 * float(np.exp(rng.normal(0, 0.05))),
        disc_scale=float(np.exp(rng.normal(0, 0.1))),
        degeneration=degeneration,
        arm_position=list(ArmPosition)[int(rng.choice(4, p=_ARM_RATES))],
        head_pitch_deg=float(np.clip(rng.normal(-1, 6), -20, 20)),
        head_follows=float(rng.beta(1.2, 3.0)),
        head_yaw_deg=float(np.clip(rng.normal(0, 4), -20, 20)),
        head_roll_deg=float(np.clip(rng.normal(0, 2.5), -12, 12)),
        turn_deg=float(np.clip(rng.normal(0, turn_sd), -25, 25)),
        lean_deg=float(np.clip(rng.normal(0, 1.0), -4, 4)),
        scoliosis=bool(scoliosis),
        kyphosis=bool(kyphosis),
        implants=bool(rng.random() < IMPLANT_RATE),
        presacral_count=count,
        twelfth_ribs=bool(rng.random() > 0.04),
        lumbar_ribs=bool(rng.random() < (0.3 if count == 25 else 0.015)),
        cervical_ribs=bool(rng.random() < 0.01),
        age_score=float(ndtri(_age_distribution(age))),
        kyphosis_score=kyphosis_score,
    )


def mean_person() -> Person:
    """The pooled adult of the tables: every scale factor 1, standing straight, without disease."""
    return Person(
        age=50.0,
        sex="F",
        stature_mm=MEAN_STATURE_MM,
        bmi=25.0,
        bone_density=0.9,
        length_scale=1.0,
        depth_scale=1.0,
        body_depth=1.0,
        width_scale=1.0,
        pelvis_scale=1.0,
        disc_scale=1.0,
        degeneration=0.0,
        arm_position=ArmPosition.HANDS_ON_CLAVICLES,
        head_pitch_deg=0.0,
        head_follows=0.2,
        head_yaw_deg=0.0,
        head_roll_deg=0.0,
        turn_deg=0.0,
        lean_deg=0.0,
        scoliosis=False,
        kyphosis=False,
        implants=False,
        presacral_count=24,
        twelfth_ribs=True,
        lumbar_ribs=False,
        cervical_ribs=False,
        age_score=0.0,
        kyphosis_score=0.0,
    )
