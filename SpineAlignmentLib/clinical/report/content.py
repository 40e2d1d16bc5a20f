"""What a report says, before it has a form: the PDF and the page for the browser are made of it."""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.clinical.norms import PATIENTS, Norm, norm
from SpineAlignmentLib.clinical.patient import Patient, patient_of
from SpineAlignmentLib.clinical.readings import Reading
from SpineAlignmentLib.clinical.report.texts import Texts
from SpineAlignmentLib.clinical.result import readings_of
from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS, Parameter
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.doubts import WITHHELD, all_warnings, doubts, side_doubt
from SpineAlignmentLib.results.drawn_shapes import drawn_texts
from SpineAlignmentLib.results.measured import by_reason, reason_text
from SpineAlignmentLib.results.picture import Radiograph, draw_film
from SpineAlignmentLib.results.picture_panel import PARAMETERS_BY_GROUP
from SpineAlignmentLib.results.result_file import to_json
from SpineAlignmentLib.results.turning import upright

DRAWN: Final[tuple[str, ...]] = ("PI", "PT", "SS", "LL", "SVA", "GTK", "T1S", "CL", "TPA", "L4SL")
"""The measurements on the picture: what nearly every report names; all 18 would hide the film."""
DRAWN_SMALL: Final[tuple[str, ...]] = ("PI", "PT", "LL", "SVA", "GTK")
"""On the pictures of two visits, which are half as wide."""
LABEL_PX: Final[int] = 30
LABEL_SMALL_PX: Final[int] = 44
"""On such pictures."""
JPEG_QUALITY: Final[int] = 88
BAR_SDS: Final[float] = 4.0
"""Standard deviations from the mean to each end of a bar."""
RATIO_DIGITS: Final[int] = 2
"""Of values without a unit and of their intervals, as `measurement.constructions.value_text` has them."""
_UNITS: Final[dict[str, str]] = {
    "deg": "\N{DEGREE SIGN}",
    "mm": "\N{NO-BREAK SPACE}mm",
    "%": "\N{NO-BREAK SPACE}%",
    "": "",
}


@dataclass(frozen=True)
class Row:
    """One parameter."""

    parameter: Parameter
    value: float
    low: float
    high: float
    norm: Norm | None
    reason: str
    """Why it is not measurable, where the result says so."""

    @property
    def unusual(self) -> bool:
        """Whether it is marked."""
        return self.norm is not None and self.norm.unusual(self.value)

    @property
    def of_patients(self) -> bool:
        """Whether the usual range is that of patients."""
        return self.norm is not None and self.norm.cohort == PATIENTS

    @property
    def text(self) -> str:
        """The value, such as "52.1°"."""
        return value_text(self.parameter.key, self.value)

    @property
    def has_interval(self) -> bool:
        """Whether its interval is known."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def interval(self, texts: Texts) -> str:
        """The interval, such as "48.1 to 55.0"; "" where it is not known."""
        if not self.has_interval:
            return ""
        digits = 1 if self.parameter.unit else RATIO_DIGITS
        return texts.span.format(low=f"{self.low:z.{digits}f}", high=f"{self.high:z.{digits}f}")

    def usual(self, texts: Texts) -> str:
        """The usual range."""
        if self.norm is None:
            return ""
        low, high = (round(end) for end in self.norm.usual)
        return texts.span.format(low=low, high=high) + ("*" if self.of_patients else "")

    def place(self, value: float) -> float | None:
        """Where a value stands on the bar, 0 to 1; at the end when it lies beyond, None when there is none."""
        if self.norm is None or not math.isfinite(value):
            return None
        return min(max(0.5 + self.norm.deviation(value) / (2 * BAR_SDS), 0.0), 1.0)


@dataclass(frozen=True)
class Visit:
    """One film with all that a report says of it."""

    film: str
    patient: Patient
    facts: tuple[tuple[str, str], ...]
    """What was read from the film: label and text."""
    rows: tuple[Row, ...]
    readings: tuple[Reading, ...]
    drawn: tuple[tuple[str, str], ...]
    """What a person measured besides: name and value."""
    warnings: tuple[str, ...]
    doubt: str
    """The first of what can hardly be on the film; "" for most films."""
    picture: bytes
    """JPEG."""
    picture_size: tuple[int, int]
    """(width, height) in pixels."""


class _Blank:
    """A film without pixels, on which landmarks can be drawn all the same."""

    def __init__(self, annotation: Annotation) -> None:
        points = annotation.points_px[np.isfinite(annotation.points_px).all(axis=1)]
        reach = np.ceil(points.max(axis=0, initial=64)) + 64
        known = annotation.size_px if min(annotation.size_px) > 0 else (int(reach[0]), int(reach[1]))
        self.size_px: tuple[int, int] = known
        self.pixel_size: tuple[float, float] = annotation.pixel_size
        self.pixels: Any = np.broadcast_to(np.uint8(0), known[::-1])

    def upright(self, _: int) -> "_Blank":
        """It shows nothing that could lie on its side."""
        return self


def visit(annotation: Annotation, film: Radiograph | None, texts: Texts, small: bool = False) -> Visit:
    """All that a report says of a film; while its side is in doubt, no value and nothing drawn but its landmarks.

    Args:
        annotation: its landmarks.
        film: its pixels; None when they are not at hand.
        texts: the words.
        small: whether its picture stands beside that of another visit.

    Raises:
        ResultError: the result names an age or a sex that cannot be.
    """
    patient = patient_of(annotation.extra, annotation.film)
    keys, label_px = (DRAWN_SMALL, LABEL_SMALL_PX) if small else (DRAWN, LABEL_PX)
    withheld = bool(side_doubt(annotation))
    shown, keys = (replace(annotation, drawn=()), ()) if withheld else (annotation, keys)
    picture = draw_film(film or _Blank(upright(annotation)), shown, keys, label_px)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=JPEG_QUALITY)
    entries = {key: {"reason": WITHHELD} for key in KEYS} if withheld else to_json(annotation)["parameters"]
    return Visit(
        annotation.film,
        patient,
        _facts(annotation, patient, texts),
        tuple(_row(p, entries[p.key], patient.age) for p in PARAMETERS_BY_GROUP),
        readings_of(annotation, patient),
        tuple(drawn_texts(shown)),
        (*(() if film is not None else (texts.no_film,)), *all_warnings(annotation)),
        next(iter(doubts(annotation)), ""),
        stream.getvalue(),
        picture.size,
    )


def _row(parameter: Parameter, entry: Mapping[str, Any], age: float | None) -> Row:
    value, low, high = (math.nan if entry.get(k) is None else float(entry[k]) for k in ("value", "low", "high"))
    return Row(parameter, value, low, high, norm(parameter.key, age), reason_text(str(entry.get("reason") or "")))


def _facts(annotation: Annotation, patient: Patient, texts: Texts) -> tuple[tuple[str, str], ...]:
    spacing = annotation.spacing_mm
    pixel = texts.unknown if spacing is None else f"{spacing[0]:.4g} x {spacing[1]:.4g} mm"
    who = [] if patient.age is None else [texts.years.format(age=patient.age)]
    who += [texts.sexes[patient.sex]] if patient.sex else []
    return (
        *(((texts.patient, ", ".join(who)),) if who else ()),
        (texts.film, annotation.film),
        (texts.pixel, f"{pixel} ({annotation.spacing_source})" if spacing is not None else pixel),
        (texts.facing, f"{texts.sides[annotation.anterior]} ({annotation.anterior_source})"),
        (texts.models, ", ".join(annotation.models) or texts.corrected),
        (texts.software, SOFTWARE),
    )


def shortened(text: str, letters: int = 90) -> str:
    """A text that finds room: what is longer loses its middle."""
    half = letters // 2
    return text if len(text) <= letters else f"{text[:half]}\N{HORIZONTAL ELLIPSIS}{text[-half:]}"


def reading_value(reading: Reading, texts: Texts) -> str:
    """A reading's value with its interval; a comparison with its sign."""
    if math.isnan(reading.value):
        return ""
    compared = math.isfinite(reading.target)
    digits = 1 if reading.unit else 0 if reading.value == round(reading.value) else RATIO_DIGITS
    text = f"{reading.value:{'+' if compared else ''}z.{digits}f}{_UNITS[reading.unit]}"
    known = math.isfinite(reading.low) and math.isfinite(reading.high)
    ends = texts.span.format(low=f"{reading.low:z.{digits}f}", high=f"{reading.high:z.{digits}f}")
    return f"{text} ({ends})" if known else text


def target_text(reading: Reading) -> str:
    """What a comparison compares with; "" for other readings."""
    return f"{reading.target:z.1f}{_UNITS[reading.unit]}" if math.isfinite(reading.target) else ""


def class_text(reading: Reading, texts: Texts) -> str:
    """A reading's class with its notes."""
    notes = "; ".join(texts.term(note) for note in reading.notes)
    return " ".join([texts.classes(reading.label), *([f"({notes})"] if notes else [])]).strip()


def inputs_text(reading: Reading) -> str:
    """What a reading was computed from, such as "PI 52.0, LL 40.1"."""
    ratios = {key for key in reading.inputs if key in BY_KEY and not BY_KEY[key].unit}
    digits = {key: RATIO_DIGITS if key in ratios else 1 for key in reading.inputs}
    return ", ".join(f"{key} {value:z.{digits[key]}f}" for key, value in reading.inputs.items())


def in_short(reading: Reading, texts: Texts) -> str:
    """Value and class of a reading, or why there is none."""
    if not reading.computable:
        return f"{texts.not_computable.lower()}: {texts.term(reason_text(reading.reason))}"
    return ": ".join(part for part in (reading_value(reading, texts), texts.classes(reading.label)) if part)


def drawn_lines(visits: tuple[Visit, ...], texts: Texts) -> list[str]:
    """What a person measured besides, one line for each visit that has it."""
    lines = []
    for seen, which in zip(visits, (texts.first, texts.second), strict=False):
        said = "; ".join(f"{name} {value}" for name, value in seen.drawn)
        lines += [f"{which}: {said}" if len(visits) > 1 else said] if said else []
    return lines


def key_text(of: tuple[Row, ...]) -> str:
    """The parameter's key; of two visits, which have no column of usual ranges, with the mark of one of patients."""
    return of[0].parameter.key + ("*" if len(of) > 1 and of[-1].of_patients else "")


def change_text(first: Row, second: Row) -> str:
    """The difference of two visits with its sign; "" where either is not measurable."""
    change = second.value - first.value
    text = value_text(second.parameter.key, change) if math.isfinite(change) else ""
    return f"+{text}" if change > 0 else text


def not_computable(visits: tuple[Visit, ...]) -> dict[str, list[str]]:
    """Reason to the readings that it concerns."""
    return by_reason((r.key, reason_text(r.reason)) for v in visits for r in v.readings if r.reason)


def cited(visits: tuple[Visit, ...]) -> list[str]:
    """Keys of the sources of what is computable, in the order of their numbers."""
    keys = [reading.source for v in visits for reading in v.readings if reading.computable]
    return list(dict.fromkeys(keys))
