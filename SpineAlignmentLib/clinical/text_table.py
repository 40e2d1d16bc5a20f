"""A result as text for a terminal: parameters beside what is usual, and the readings."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from SpineAlignmentLib.clinical.norms import PATIENTS, norm
from SpineAlignmentLib.clinical.patient import Patient, patient_of
from SpineAlignmentLib.clinical.readings import Reading
from SpineAlignmentLib.clinical.result import readings_of
from SpineAlignmentLib.measurement.constructions import unit_text, value_text
from SpineAlignmentLib.measurement.landmarks import CENTERS, NAMES, VERTEBRAE
from SpineAlignmentLib.measurement.parameters import PARAMETERS
from SpineAlignmentLib.results.annotation import LOW_CONFIDENCE, Annotation
from SpineAlignmentLib.results.doubts import all_warnings
from SpineAlignmentLib.results.measured import by_reason, interval_text, reason_text

UNITS: Final[dict[str, str]] = {"deg": "\N{DEGREE SIGN}", "mm": " mm", "%": " %", "": ""}


def parameter_table(annotation: Annotation, cobb: Mapping[str, float] | None = None) -> str:
    """The 18 parameters beside what is usual, unusual ones marked "!", further angles, the film's facts, readings."""
    patient = patient_of(annotation.extra, annotation.film)
    measured = annotation.measurements()
    lines = [f"  {'':7}{'':36}{'value':>10} {'90 % interval':>15}     usual"]
    for p in PARAMETERS:
        found = norm(p.key, patient.age)
        usual = "" if found is None else f"{found.usual[0]:.1f} to {found.usual[1]:.1f}"
        usual += " (of patients)" if found is not None and found.cohort == PATIENTS else ""
        value = measured[p.key].value
        mark = "!" if found is not None and found.unusual(value) else " "
        interval = interval_text(p.key, measured[p.key])
        lines.append(f"  {p.key:7}{p.name:36}{value_text(p.key, value):>10} {interval:>15} {mark}   {usual}".rstrip())
    for key, value in (cobb or {}).items():
        upper, lower = key.split(":")
        name = f"Cobb angle {upper} to {lower}, kyphosis +"
        unsure = [level for level in dict.fromkeys((upper, lower)) if _is_unsure(annotation, level)]
        note = f"   not sure: {', '.join(unsure)}" if unsure and math.isfinite(value) else ""
        lines.append(f"  {'':7}{name:36}{unit_text('deg', value):>10}{note}")
    lines += _grouped("not given", {key: found.reason for key, found in measured.items() if found.reason})
    spacing = annotation.spacing_mm
    size = "unknown" if spacing is None else f"{spacing[0]:g} x {spacing[1]:g} mm, {annotation.spacing_source}"
    lines.append(f"  pixel {size}; facing {annotation.anterior}, {annotation.anterior_source}")
    lines += [f"  warning: {text}" for text in all_warnings(annotation)]
    return "\n".join([*lines, *_reading_lines(annotation, patient)])


def _is_unsure(annotation: Annotation, level: str) -> bool:
    """Whether landmarks of a level are uncertain, or else a vertebra with no more than a center among them."""
    own = np.array([name.startswith(f"{level}_") for name in NAMES])
    if (annotation.is_low() & own).any():
        return True
    plates = [name for name in NAMES if name.startswith(f"{level}_") and name not in CENTERS]
    return not plates and bool(annotation.vertebrae_confidence[VERTEBRAE.index(level)] < LOW_CONFIDENCE)


def _reading_lines(annotation: Annotation, patient: Patient) -> list[str]:
    """A line for each reading that is computable; the others by their reason."""
    found = readings_of(annotation, patient)
    who = ", ".join([*([f"{patient.age:g} years"] if patient.age is not None else []), *filter(None, [patient.sex])])
    lines = [f"  readings{f' ({who})' if who else ''}, for the reader's judgment, no diagnosis:"]
    lines += [f"  {r.key:20}{reading_text(r)}" for r in found if r.computable]
    return lines + _grouped("not computable", {r.key: r.reason for r in found if not r.computable})


def _grouped(what: str, reasons: Mapping[str, str]) -> list[str]:
    """A line for each reason, with all that lack something for it."""
    grouped = by_reason((key, reason_text(reason)) for key, reason in reasons.items())
    return [f"  {what}: {', '.join(keys)} ({reason})" for reason, keys in grouped.items()]


def reading_text(reading: Reading) -> str:
    """What a reading says, such as "+5.2°: moderate", or its reason."""
    if not reading.computable:
        return f"not computable: {reading.reason}"
    parts = [] if math.isnan(reading.value) else [_value(reading)]
    parts += [reading.label] if reading.label else []
    return ": ".join(parts) + "".join(f" ({note})" for note in reading.notes)


def _value(reading: Reading) -> str:
    unit = UNITS[reading.unit]
    if math.isfinite(reading.target):
        return f"{reading.value:+z.1f}{unit} against {reading.target:z.1f}{unit}"
    digits = 1 if reading.unit else 0 if reading.value == round(reading.value) else 2
    return f"{reading.value:z.{digits}f}{unit}"
