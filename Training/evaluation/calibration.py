"""How a detection's own word is to be taken, from annotated films that no training has seen.

Intervals by split conformal prediction (Papadopoulos et al., "Inductive confidence machines for regression", ECML 2002;
Lei et al., "Distribution-free predictive inference for regression", JASA 2018): an error over its standard error is a
film's score, and the factor of a parameter is the score of rank ceil(0.9 (n + 1)) among n patients. A new film of the
same kind is then covered with a chance of at least 0.9, whatever the distribution of errors, on average over such films
and such calibrations; with n patients the chance itself varies by about 0.3 / sqrt(n).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.calibration import Calibration
from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS, spinopelvic_parameters
from SpineAlignmentLib.measurement.uncertainty import LEVEL, standard_errors
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.frame import frame_points
from Training.datasets.film import AnnotatedFilm
from Training.evaluation.reliability import judged, platt
from Training.evaluation.study import build_study

FloatArray = NDArray[np.float64]

FEWEST: Final[int] = math.ceil(LEVEL / (1 - LEVEL) - 1e-9)
"""Patients without whom the rank of the factor lies beyond all scores: 9."""

ENOUGH: Final[int] = 60
"""Patients with whom the coverage that is reached lies within 4 points of 90 percent, two times of three."""


@dataclass(frozen=True)
class Errors:
    """A film's parameters against the annotated ones, (18,) each, in the order of `parameters.KEYS`."""

    error: FloatArray
    """Absolute; NaN where either is not measurable."""
    standard: FloatArray
    """The detection's standard error."""

    @property
    def scores(self) -> FloatArray:
        """By how much the standard error must be multiplied for the interval to reach.

        That no interval is narrower than readers differ is not counted in: the factor is what it is without, and
        intervals hold a little more often.
        """
        return self.error / self.standard


def errors(truth: Annotation, found: Annotation) -> Errors:
    """What a detection got wrong on an annotated film."""
    spacing = truth.pixel_size
    points, placed = (frame_points(a.points_px, spacing, a.anterior, a.quarter_turns) for a in (found, truth))
    there, here = spinopelvic_parameters(placed), spinopelvic_parameters(points)
    unknown = np.array([truth.spacing_mm is None and BY_KEY[key].unit == "mm" for key in KEYS])
    error = np.array([abs(float(here[key] - there[key])) for key in KEYS])
    return Errors(np.where(unknown, np.nan, error), standard_errors(points, found.deviation_px * spacing[1]))


def factor(scores: FloatArray) -> float:
    """The score that a new one does not pass with a chance of 0.9; NaN of fewer than `FEWEST`.

    Args:
        scores: shape (n,), NaN where not measurable.
    """
    known = np.sort(scores[np.isfinite(scores)])
    rank = math.ceil(LEVEL * (len(known) + 1) - 1e-9)
    return float(known[rank - 1]) if rank <= len(known) else math.nan


def calibrated(
    truth: Sequence[AnnotatedFilm], found: Sequence[AnnotatedFilm], before: Calibration
) -> tuple[Calibration, dict[str, int]]:
    """A calibration from films, and how many patients each factor is from.

    Of each patient the first film counts, for a parameter the first one that it can be measured on: where neck and
    hips are on films of their own, each has its parameters.

    Args:
        truth: annotated films.
        found: what an uncalibrated detection made of them, matched by name.
        before: whose factors stay where the films are fewer than `FEWEST`, whose slope and offset where they are fewer
            than `ENOUGH`: too few landmarks are wrong on them.
    """
    by_name = {film.name: film.annotation for film in found}
    used = [film for film in truth if film.name in by_name and film.labeled.any()]
    films = list({film.patient: film for film in reversed(used)}.values())
    of_patient: dict[str, FloatArray] = {}
    for film in used:
        new = errors(film.annotation, by_name[film.name]).scores
        earlier = of_patient.get(film.patient, new)
        of_patient[film.patient] = np.where(np.isfinite(earlier), earlier, new)
    scores = np.array(list(of_patient.values())).reshape(-1, len(KEYS))
    counts = dict(zip(KEYS, np.isfinite(scores).sum(axis=0).tolist(), strict=True))
    told = {key: factor(column) for key, column in zip(KEYS, scores.T, strict=True)}
    factors = dict(before.factors) | {key: value for key, value in told.items() if value > 0}
    slope, offset = platt(*judged(build_study(films, found))) if len(films) >= ENOUGH else (math.nan, math.nan)
    if not (math.isfinite(slope) and slope > 0):
        slope, offset = before.slope, before.offset
    return Calibration(slope, offset, factors), counts
