"""One simulated patient before an X-ray system: everything that a seed and an index decide before the film's look."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import HEADS
from Training.simulation.anatomy.assembly import Anatomy, assemble
from Training.simulation.appearance.projection_layers import RIM_POINTS, Projection
from Training.simulation.people import Person, sample_person
from Training.simulation.posture import landmarks3d, order_femoral_heads, solve
from Training.simulation.projection import Beam, Window, path_lengths

FloatArray = NDArray[np.float64]

_PATIENT, _SHAPE = 1, 5


def generator(seed: int, index: int, purpose: int, *more: int) -> np.random.Generator:
    """The only source of chance of one film: the same for the same numbers, whatever else was simulated."""
    return np.random.default_rng([seed, index, purpose, *more])


@dataclass(frozen=True)
class Patient:
    """A person, their anatomy, and how the film is taken."""

    person: Person
    anatomy: Anatomy
    landmarks: FloatArray
    """(45, 3) mm, patient frame; NaN where a level does not exist."""
    corners: FloatArray
    """(24, 4, 3) mm, patient frame: those of every vertebra, see `stacking.vertebra_corners`."""
    head_radius: float
    """Of the femoral heads, mm."""
    beam: Beam
    densities: tuple[float, float]
    """Cancellous bone of the spine and of the other bones as a share of cortical bone."""

    def metadata(self) -> dict[str, Any]:
        """What was simulated, as plain numbers."""
        person = self.person
        return {
            "age": round(person.age, 1),
            "sex": person.sex,
            "bmi": round(person.bmi, 1),
            "scoliosis": person.scoliosis,
            "kyphosis": person.kyphosis,
            "implants": person.implants,
            "presacral_vertebrae": person.presacral_count,
            "arm_position": person.arm_position.value,
            "turn_deg": round(person.turn_deg, 1),
            "slot_scanner": self.beam.slot,
            "source_distance_mm": round(self.beam.source_distance),
        }


def sample_patient(seed: int, index: int, spread: float = 1.0, presacral_count: int | None = None) -> Patient:
    """The patient number `index` of a seed.

    Args:
        seed, index: which patient.
        spread: above 1: of a population that stands so much more unevenly.
        presacral_count: of vertebrae, 23 to 25; None: as in the population.
    """
    rng = generator(seed, index, _PATIENT)
    person = sample_person(rng, presacral_count)
    posture = solve(person, rng, spread)
    anatomy = assemble(person, posture, rng)
    beam = _sample_beam(0.45 * anatomy.crown, rng)
    densities = (float(rng.uniform(0.035, 0.17)), float(rng.uniform(0.03, 0.16)))
    return Patient(person, anatomy, landmarks3d(posture), posture.corners, posture.femoral_head_radius, beam, densities)


def _sample_beam(middle: float, rng: np.random.Generator) -> Beam:
    """A system whose central ray meets the patient about `middle` mm above the hips."""
    slot = bool(rng.random() < 0.8)
    distance = float(rng.uniform(950, 1300) if slot else rng.uniform(1400, 2900))
    return Beam(distance, slot, (float(rng.normal(20, 40)), float(rng.normal(middle, 80))))


def posed_landmarks(seed: int, index: int, spread: float = 1.0) -> FloatArray:
    """The landmarks of one more person on a film, (45, 2) mm, facing left, y down: a patient without a body."""
    rng = generator(seed, index, _SHAPE)
    points = landmarks3d(solve(sample_person(rng), rng, spread))
    beam = _sample_beam(0.5 * float(np.nanmax(points[:, 1])), rng)
    return -order_femoral_heads(beam.project(points))


def project(patient: Patient, window: Window) -> Projection:
    """The patient's path lengths, landmarks and corners in a window."""
    anatomy, beam, (spine_density, other_density) = patient.anatomy, patient.beam, patient.densities
    spine, skeleton = anatomy.spine, anatomy.skeleton
    shown = beam.project(patient.landmarks)
    points = window.to_pixels(order_femoral_heads(shown))
    heads = [INDEX[name] for name in HEADS]
    rims = window.to_pixels(beam.project(head_rims(patient.landmarks[heads], patient.head_radius)))
    if not np.array_equal(order_femoral_heads(shown)[heads], shown[heads], equal_nan=True):
        rims = rims[::-1]
    return Projection(
        path_lengths([(spine.outer, 1.0), (spine.inner, spine_density - 1)], beam, window),
        path_lengths([(skeleton.outer, 1.0), (skeleton.inner, other_density - 1)], beam, window),
        path_lengths([(anatomy.soft, 1.0)], beam, window),
        path_lengths([(anatomy.metal, 1.0)], beam, window),
        window.spacing,
        points,
        window.to_pixels(beam.project(patient.corners)),
        rims,
    )


def head_rims(centers: FloatArray, radius: float) -> FloatArray:
    """Rims of heads seen from the side, (n, `RIM_POINTS`, 3) mm, from centers (n, 3), patient frame."""
    turn = 2 * np.pi * np.arange(RIM_POINTS) / RIM_POINTS
    around = radius * np.stack([np.cos(turn), np.sin(turn), np.zeros(RIM_POINTS)], axis=-1)
    return np.asarray(centers[:, None] + around)


def whole_window(patient: Patient, spacing: float, below_hips: float = 330.0) -> Window:
    """A window from above the crown to `below_hips` mm below the hip axis, wide enough for the trunk."""
    top = patient.anatomy.crown + 25.0
    x = patient.landmarks[:, 0]
    middle = 0.5 * (np.nanmin(x) + np.nanmax(x))
    left = middle + 290.0
    size = (round((top + below_hips) / spacing), round(500.0 / spacing))
    return Window(float(left), float(top), size, spacing)
