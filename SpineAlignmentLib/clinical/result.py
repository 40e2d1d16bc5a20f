"""Readings and norms of a result: the keys "patient", "norms" and "readings" of its file."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from SpineAlignmentLib.clinical.norms import norm
from SpineAlignmentLib.clinical.patient import Patient, patient_of
from SpineAlignmentLib.clinical.quantities import quantities
from SpineAlignmentLib.clinical.readings import Reading, readings
from SpineAlignmentLib.clinical.spine_shape import lordosis
from SpineAlignmentLib.measurement.landmarks import NAMES, VERTEBRAE
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.annotation import LOW_CONFIDENCE, Annotation
from SpineAlignmentLib.results.doubts import WITHHELD, side_doubt
from SpineAlignmentLib.results.result_file import to_json


def readings_of(annotation: Annotation, patient: Patient | None = None) -> tuple[Reading, ...]:
    """The readings of a film; all of them are withheld while its side is in doubt.

    They are made of what its parameters are made of, `Annotation.trusted` landmarks, and of vertebrae that are sure and
    whose own landmarks are trusted.

    Args:
        annotation: its landmarks.
        patient: None for the one that the result itself names, if it does.

    Raises:
        ResultError: the result names an age or a sex that cannot be.
    """
    if patient is None:
        patient = patient_of(annotation.extra, annotation.film)
    trusted = annotation.trusted()
    doubted = {name.split("_")[0] for name, trust in zip(NAMES, trusted, strict=True) if not trust}
    sure = ~(annotation.vertebrae_confidence < LOW_CONFIDENCE) & [level not in doubted for level in VERTEBRAE]
    kept = replace(
        annotation,
        points_px=np.where(trusted[:, None], annotation.points_px, np.nan),
        vertebrae_px=np.where(sure[:, None, None], annotation.vertebrae_px, np.nan),
    )
    points = kept.points_mm()
    found = quantities(to_json(annotation)["parameters"], points, kept.corners_mm())
    made = readings(found, patient.age, lordosis(points))
    return tuple(reading.withheld(WITHHELD) for reading in made) if side_doubt(annotation) else made


def with_readings(annotation: Annotation, patient: Patient | None = None) -> Annotation:
    """The same landmarks with what they mean: `extra` gets "readings", "norms" and, where known, "patient".

    Args:
        annotation: its landmarks.
        patient: what is known besides what the result itself names, and goes before it.

    Raises:
        ResultError: the result names an age or a sex that cannot be.
    """
    patient = patient_of(annotation.extra, annotation.film, patient)
    extra = dict(annotation.extra)
    if patient.known:
        extra["patient"] = patient.to_json()
    values = dict.fromkeys(KEYS, math.nan) if side_doubt(annotation) else annotation.parameters()
    extra["norms"] = _norms(values, patient.age)
    extra["readings"] = {reading.key: reading.to_json() for reading in readings_of(annotation, patient)}
    return replace(annotation, extra=extra)


def _norms(values: Mapping[str, float], age: float | None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key in KEYS:
        found = norm(key, age)
        if found is None:
            out[key] = None
            continue
        low, high = (round(v, 2) for v in found.usual)
        mark = found.unusual(values[key]) if math.isfinite(values[key]) else None
        out[key] = {"mean": found.mean, "low": low, "high": high, "cohort": found.cohort, "unusual": mark}
    return out
