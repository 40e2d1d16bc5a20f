"""A result as text for a terminal: parameters beside what is usual, and the readings."""

import math
from collections.abc import Mapping
from typing import Final

from SpineAlignmentLib.clinical.norms import PATIENTS, norm
from SpineAlignmentLib.clinical.patient import Patient, patient_of
from SpineAlignmentLib.clinical.readings import Reading
from SpineAlignmentLib.clinical.result import readings_of
from SpineAlignmentLib.measurement.constructions import unit_text, value_text
from SpineAlignmentLib.measurement.parameters import PARAMETERS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.doubts import all_warnings
from SpineAlignmentLib.results.measured import interval_text

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
        lines.append(f"  {'':7}{name:36}{unit_text('deg', value):>10}")
    lines += [f"  {key} not given, {found.reason}" for key, found in measured.items() if found.reason]
    spacing = annotation.spacing_mm
    size = "unknown" if spacing is None else f"{spacing[0]:g} x {spacing[1]:g} mm, {annotation.spacing_source}"
    lines.append(f"  pixel {size}; facing {annotation.anterior}, {annotation.anterior_source}")
    lines += [f"  warning: {text}" for text in all_warnings(annotation)]
    return "\n".join([*lines, *_reading_lines(annotation, patient)])


def _reading_lines(annotation: Annotation, patient: Patient) -> list[str]:
    """A line for each reading that is computable; the others by their reason."""
    found = readings_of(annotation, patient)
    who = ", ".join([*([f"{patient.age:g} years"] if patient.age is not None else []), *filter(None, [patient.sex])])
    lines = [f"  readings{f' ({who})' if who else ''}, for the reader's judgment, no diagnosis:"]
    lines += [f"  {r.key:20}{reading_text(r)}" for r in found if r.computable]
    reasons: dict[str, list[str]] = {}
    for r in found:
        if not r.computable:
            reasons.setdefault(r.reason, []).append(r.key)
    return lines + [f"  not computable, {reason}: {', '.join(keys)}" for reason, keys in reasons.items()]


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
        return f"{reading.value:+.1f}{unit} against {reading.target:.1f}{unit}"
    digits = 1 if reading.unit else 0 if reading.value == round(reading.value) else 2
    return f"{reading.value:.{digits}f}{unit}"
