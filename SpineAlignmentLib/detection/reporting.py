"""From what was seen and counted to a result: landmarks, confidence, numbering and warnings."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.calibration import Calibration
from SpineAlignmentLib.detection.confidence import confidence, deviation, unsureness
from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.numbering import Counted
from SpineAlignmentLib.detection.placing import FREE, LEVEL_OF, level_sureness, place
from SpineAlignmentLib.detection.sequences import Path
from SpineAlignmentLib.detection.spine import Spine
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.results.annotation import LOW_CONFIDENCE, NUMBERING_WARNING, Annotation
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from SpineAlignmentLib.results.reviewing import LOW_WARNING, MISSING_WARNING, listed

FloatArray = NDArray[np.float64]

SURE_OF_NUMBERING: Final[float] = 0.9
"""Below this the runner-up is named in the result's warnings."""

_INSISTED: Final[str] = (
    "no lateral spine facing {side} found; measured all the same, nothing of it is sure: check the side"
)

_SEEN_PX: Final[float] = 10.0
"""Deviation of the heatmaps, in pixels at the networks' scale, beyond which a landmark is not on the film: where it is,
1 to 6 on real films; on parts without it, 15 and more."""


def annotation(
    film: Film,
    look: Look,
    spine: Spine,
    counted: Counted,
    models: tuple[str, ...],
    trust_in_shape: float,
) -> Annotation:
    """The result of a film, as sure as heatmaps and levels are.

    Args:
        film: with its facing side.
        look: all that was seen.
        spine, counted: where the levels are.
        models: names of those that looked.
        trust_in_shape: see `Look.most_probable`.
    """
    points, sure, off = _landmarks(film, look, spine, counted.path, trust_in_shape)
    sure = sure * level_sureness(counted)
    missing = np.isnan(points[:, 0])
    warnings = list(film.warnings)
    if missing.any():
        warnings.append(f"{MISSING_WARNING}{listed(missing)}")
    return replace(
        _found(film, points, sure, models),
        deviation_px=off,
        warnings=tuple(warnings),
        numbering=_numbering(film, look, spine, counted, trust_in_shape),
    )


def calibrated(result: Annotation, calibration: Calibration) -> Annotation:
    """A result that is as sure as it was found to be right."""
    numbering = result.numbering
    if numbering is not None and numbering.other is not None:
        sure = np.round(calibration.confidence(numbering.other.confidence), 3)
        numbering = replace(numbering, other=replace(numbering.other, confidence=sure))
    sure = np.round(calibration.confidence(result.confidence), 3)
    return replace(result, confidence=sure, numbering=numbering, interval_factors=calibration.factors)


def told(result: Annotation) -> Annotation:
    """A result that says among the warnings how unsure its numbering is and which landmarks are uncertain."""
    numbering, warnings = result.numbering, list(result.warnings)
    if numbering is not None and numbering.other is not None and numbering.sure < SURE_OF_NUMBERING:
        sure = f"{NUMBERING_WARNING} {100 * numbering.sure:.0f} % sure"
        warnings.append(f"{sure}; it may be: {numbering.other.text}")
    weak = result.is_low() & np.isfinite(result.points_px[:, 0])
    if weak.any():
        warnings.append(f"{LOW_WARNING}{listed(weak)}")
    return replace(result, warnings=tuple(warnings))


def insisted(result: Annotation) -> Annotation:
    """The result of a film that would have been refused: every landmark is of low confidence."""
    warning = _INSISTED.format(side=result.anterior)
    return replace(result, confidence=LOW_CONFIDENCE * result.confidence, warnings=(*result.warnings, warning))


def unnumbered(film: Film, look: Look, models: tuple[str, ...], trust_in_shape: float) -> Annotation:
    """What the networks say where no spine was found, for those who insist: of nothing is it sure."""
    points = look.most_probable(trust_in_shape)
    there = _on_film(points, film)
    found = _found(film, np.where(there[:, None], points, np.nan), np.where(there, 0.0, np.nan), models)
    return replace(found, warnings=(*film.warnings, _INSISTED.format(side=found.anterior)))


def _found(film: Film, points: FloatArray, confidence: FloatArray, models: tuple[str, ...]) -> Annotation:
    """Landmarks (45, 2) on a film, and what is known of the film."""
    return Annotation(
        film=film.name,
        size_px=film.size_px,
        points_px=points,
        confidence=confidence,
        spacing_mm=film.spacing_mm,
        spacing_source=film.spacing_source,
        anterior=film.anterior or "left",
        anterior_source=film.anterior_source,
        pixel_aspect=film.pixel_aspect,
        models=models,
        warnings=film.warnings,
        film_sha256=film.sha256,
    )


def _on_film(points: FloatArray, film: Film) -> NDArray[np.bool_]:
    """Which points (n, 2) lie on a film."""
    return np.asarray(((points >= -0.5) & (points <= np.array(film.size_px) - 0.5)).all(axis=1))


def _landmarks(
    film: Film, look: Look, spine: Spine, path: Path, trust_in_shape: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Landmarks (45, 2), their confidence (45,) and deviation (45,) under a path, NaN where not on the film."""
    placed = place(look, spine, path, spine.centers(path))
    points = placed.most_probable(trust_in_shape)
    sure, unsure = confidence(placed, points, film.pixel_size), unsureness(placed, points, film.pixel_size)
    there = _belongs(path)
    there[FREE] &= look.deviation[FREE] <= _SEEN_PX * abs(spine.grid.step[1])
    there &= _on_film(points, film)
    points, sure = np.where(there[:, None], points, np.nan), np.where(there, sure, np.nan)
    return points, sure, np.round(np.where(there, deviation(unsure, points, film.pixel_size), np.nan), 3)


def _belongs(path: Path) -> NDArray[np.bool_]:
    """(45,) landmarks of levels found, and those that belong to none; the dens only with its vertebra."""
    out = np.ones(COUNT, bool)
    out[[row for row, level in LEVEL_OF.items() if level not in path.levels]] = False
    out[INDEX["C2_D"]] = "C2" in path.levels
    return out


def _numbering(film: Film, look: Look, spine: Spine, counted: Counted, trust_in_shape: float) -> Numbering:
    other = None
    # an L6 alone has no landmark
    if counted.other and np.isfinite(spine.centers(counted.runner_up)).any():
        points, sure, off = _landmarks(film, look, spine, counted.runner_up, trust_in_shape)
        other = OtherNumbering(counted.other, points, sure, off)
        levels = counted.runner_up.levels
        other = replace(other, count=counted.runner_up.count, levels=(levels[0], levels[-1]))
    path = counted.path
    return Numbering(path.count, (path.levels[0], path.levels[-1]), counted.sureness, other)
