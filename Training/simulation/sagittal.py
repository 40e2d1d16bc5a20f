"""The population of sagittal curves: a Gaussian over every disc and body angle, fitted to Table 1 of Yeh et al. 2021.

The angles of all discs and bodies, pelvic incidence and pelvic tilt, age and the tendency to kyphosis form one
vector. A prior says what is plausible: mean segmental angles, their spread, and that neighbors move together. The
published means and standard deviations, and the known correlations (as standard deviations of differences), are each
a statement on the mean and variance of one linear functional of that vector. The fitted Gaussian is the one with the
least relative entropy to the prior among those that keep all statements (I-projection by iterative scaling; Csiszar
1975). A person is then one draw, given age and tendency to kyphosis.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.parameters import BY_KEY, spinopelvic_parameters
from Training.simulation.morphometry import spine_sizes
from Training.simulation.people import Person, mean_person
from Training.simulation.stacking import SpineAngles, landmark_points, stack

FloatArray = NDArray[np.float64]

# level: mean angle of the disc below, its SD, mean wedge of the body, its SD; degrees, lordotic +.
# Approximate, after Vialle et al. 2005, Been and Kalichman 2014 (lumbar), Goh et al. 1999 (thoracic), Gore et al. 1986
# (cervical).
_PRIOR: Final[dict[str, tuple[float, float, float, float]]] = {
    "L5": (14.0, 5.0, 8.0, 3.0),
    "L4": (8.5, 4.0, 2.0, 2.5),
    "L3": (7.5, 3.5, 0.5, 2.3),
    "L2": (6.0, 3.2, -0.5, 2.3),
    "L1": (4.0, 3.0, -1.5, 2.4),
    "T12": (1.5, 2.5, -2.6, 2.3),
    "T11": (0.3, 2.2, -3.0, 2.3),
    "T10": (-0.3, 2.0, -2.4, 2.0),
    "T9": (-0.7, 2.0, -2.4, 2.0),
    "T8": (-1.0, 2.0, -3.0, 2.2),
    "T7": (-1.0, 2.0, -3.3, 2.2),
    "T6": (-1.0, 2.0, -3.0, 2.2),
    "T5": (-0.8, 1.9, -2.7, 1.8),
    "T4": (-0.4, 1.9, -2.6, 1.9),
    "T3": (0.0, 1.9, -2.4, 1.9),
    "T2": (0.3, 2.0, -2.2, 1.9),
    "T1": (0.8, 2.2, -2.0, 1.9),
    "C7": (2.0, 3.0, -1.0, 1.8),
    "C6": (2.5, 3.8, -1.2, 1.8),
    "C5": (3.0, 4.2, -1.3, 2.0),
    "C4": (3.2, 4.0, -1.0, 2.0),
    "C3": (3.2, 3.5, -0.8, 1.8),
    "C2": (3.0, 3.2, 10.0, 2.5),
}
LEVELS: Final[tuple[str, ...]] = tuple(_PRIOR)
_COUNT: Final[int] = len(LEVELS)
_AGE, _KYPHOSIS, _PI, _PT = range(4)
_DISC: Final[slice] = slice(4, 4 + _COUNT)
_WEDGE: Final[slice] = slice(4 + _COUNT, 4 + 2 * _COUNT)
_SIZE: Final[int] = 4 + 2 * _COUNT

_FITTED: Final[tuple[str, ...]] = (
    *("PI", "SS", "PT", "LL", "SVA", "CL", "T1S", "cSVA", "GTK"),
    *("PTK", "MTK", "L4SL", "LPA", "SSA", "GT", "TPA", "OD-HA"),
)
"""All of Table 1 but the Barrey ratio, which is not linear in the angles and follows from SVA and PT."""
# (first, second, correlation): Legaye 1998, Vialle 2005, Boulay 2006 (pelvis and lordosis); Lee 2012, Ames 2013 (T1
# slope and cervical lordosis); Lafage 2009 (SVA); Schwab 2006, Iyer 2016, Hasegawa 2016 (age).
_CORRELATIONS: Final[tuple[tuple[str, str, float], ...]] = (
    ("PI", "LL", 0.55),
    ("LL", "SS", 0.75),
    ("T1S", "CL", 0.6),
    ("LL", "GTK", 0.3),
    ("SVA", "LL", -0.4),
    ("SVA", "PT", 0.62),
    ("age", "SVA", 0.4),
    ("age", "PT", 0.35),
    ("age", "LL", -0.2),
    ("age", "GTK", 0.25),
    ("kyphosis", "GTK", 0.75),
)
# The implausible are not made (`posture.solve`), which takes from the tails: the spread is fitted this much wider.
_WIDENING: Final[float] = 1.05
_SHIFT: Final[dict[str, float]] = {"CL": 1.2, "SVA": 2.0}
"""What the same rejection takes from a mean, given back, in degrees or mm."""


@dataclass(frozen=True)
class Population:
    """Mean (n,) and covariance (n, n) of the state: age score, kyphosis score, PI, PT, disc angles, body wedges."""

    mean: FloatArray
    covariance: FloatArray


def angles_of(state: FloatArray) -> SpineAngles:
    """The plane curve of a state, without coronal or axial angles."""
    zero = np.zeros(_COUNT)
    return SpineAngles(state[_PI] - state[_PT], state[_PT], state[_DISC], state[_WEDGE], zero, zero)


def plane_parameters(state: FloatArray) -> FloatArray:
    """The fitted parameters of the mean-sized person who stands in this curve; shape (len(_FITTED),)."""
    sizes = spine_sizes(mean_person())
    values = spinopelvic_parameters(landmark_points(sizes.levels, stack(angles_of(state), sizes))[:, :2])
    return np.array([float(values[key]) for key in _FITTED])


def _prior() -> Population:
    table = np.array([_PRIOR[level] for level in LEVELS])
    mean = np.concatenate([[0.0, 0.0, 51.6, 15.6], table[:, 0], table[:, 2]])
    gap = np.abs(np.subtract.outer(np.arange(_COUNT), np.arange(_COUNT)))
    kernel = 0.65 * np.exp(-0.5 * (gap / 2.5) ** 2) + 0.35 * np.eye(_COUNT)
    cross = 0.2 * np.exp(-0.5 * (gap / 2.0) ** 2)
    correlation = np.eye(_SIZE)
    correlation[_DISC, _DISC] = correlation[_WEDGE, _WEDGE] = kernel
    correlation[_DISC, _WEDGE] = correlation[_WEDGE, _DISC] = cross
    sd = np.concatenate([[1.0, 1.0, 13.1, 11.0], table[:, 1], table[:, 3]])
    return Population(mean, correlation * np.outer(sd, sd))


def _jacobian(state: FloatArray) -> FloatArray:
    step = 0.5
    columns = [
        (plane_parameters(state + step * unit) - plane_parameters(state - step * unit)) / (2 * step)
        for unit in np.eye(_SIZE)
    ]
    return np.stack(columns, axis=1)


def _statements(linear: FloatArray, offset: FloatArray) -> list[tuple[FloatArray, float, float]]:
    """(functional, its mean, its SD) for all that is known of the population."""
    functionals: dict[str, tuple[FloatArray, float, float]] = {
        "age": (np.eye(_SIZE)[_AGE], 0.0, 1.0),
        "kyphosis": (np.eye(_SIZE)[_KYPHOSIS], 0.0, 1.0),
    }
    for i, key in enumerate(_FITTED):
        target = BY_KEY[key]
        functionals[key] = (linear[i], target.mean + _SHIFT.get(key, 0.0) - offset[i], target.sd * _WIDENING)
    out = list(functionals.values())
    for first, second, correlation in _CORRELATIONS:
        a, mean_a, sd_a = functionals[first]
        b, mean_b, sd_b = functionals[second]
        out.append((a / sd_a - b / sd_b, mean_a / sd_a - mean_b / sd_b, float(np.sqrt(2 - 2 * correlation))))
    return out


def _fit(prior: Population, statements: list[tuple[FloatArray, float, float]], sweeps: int) -> Population:
    """I-projection: give each functional in turn its mean and variance at the least change, until all hold."""
    mean, covariance = prior.mean.copy(), prior.covariance.copy()
    for _ in range(sweeps):
        for functional, target_mean, target_sd in statements:
            gain = covariance @ functional
            variance = float(functional @ gain)
            mean += gain * (target_mean - functional @ mean) / variance
            covariance += np.outer(gain, gain) * (target_sd**2 - variance) / variance**2
        covariance = (covariance + covariance.T) / 2
    return Population(mean, covariance)


@cache
def population() -> Population:
    """The fitted population; takes about half a second, once."""
    prior = _prior()
    fitted = prior
    for _ in range(3):  # the parameters are not quite linear in the angles: linearize again at the fitted mean
        linear = _jacobian(fitted.mean)
        offset = plane_parameters(fitted.mean) - linear @ fitted.mean
        fitted = _fit(prior, _statements(linear, offset), sweeps=60)
    return fitted


@cache
def _given() -> tuple[FloatArray, FloatArray]:
    """Regression of the curve on (age, kyphosis), shape (n - 2, 2), and the factor of what is left, (n - 2, n - 2)."""
    covariance = population().covariance
    gain = covariance[2:, :2] @ np.linalg.inv(covariance[:2, :2])
    rest = covariance[2:, 2:] - gain @ covariance[:2, 2:]
    values, vectors = np.linalg.eigh((rest + rest.T) / 2)
    return gain, vectors * np.sqrt(np.clip(values, 0, None))


def sample_state(person: Person, rng: np.random.Generator, spread: float = 1.0) -> FloatArray:
    """Draw a curve for a person, shape (n,); see `Population` for what it holds.

    `spread` above 1 draws what the person leaves open that many times wider than the population has it.
    """
    gain, factor = _given()
    scores = np.array([person.age_score, person.kyphosis_score])
    drawn = np.clip(rng.standard_normal(_SIZE - 2), -3.5, 3.5)
    return np.concatenate([scores, population().mean[2:] + gain @ scores + spread * factor @ drawn])


def with_wedges(state: FloatArray, wedges: dict[str, float]) -> FloatArray:
    """A curve whose bodies have these wedges (degrees), by the most likely change that about keeps its parameters."""
    if not wedges:
        return state
    covariance = population().covariance
    rows = [np.eye(_SIZE)[_WEDGE.start + LEVELS.index(level)] for level in wedges]
    kept = np.array([*np.eye(_SIZE)[[_AGE, _KYPHOSIS, _PI, _PT]], *_jacobian_at_mean()])
    functionals = np.array([*rows, *kept])
    change = np.concatenate([np.array(list(wedges.values())) - np.array(rows) @ state, np.zeros(len(kept))])
    spread = functionals @ covariance @ functionals.T
    # A fracture that the neighbors cannot make up for shows in the parameters: those give way by about 2 degrees.
    spread += np.diag(np.concatenate([np.full(len(rows), 1e-6), np.full(len(kept), 4.0)]))
    return np.asarray(state + covariance @ functionals.T @ np.linalg.solve(spread, change))


@cache
def _jacobian_at_mean() -> FloatArray:
    return _jacobian(population().mean)
