"""Landmarks on a film and what follows from them: one structure for annotations, detections and corrections.

Pixel coordinates are those of the original film, with (0, 0) at the center of its first pixel, x to the right, y down.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.constructions import TYPICAL_LEVEL_MM, constructions, level_distance, unit_text
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import (
    PARAMETERS,
    SFD_MINIMUM_MM,
    Parameter,
    spinopelvic_parameters,
)
from SpineAlignmentLib.measurement.shapes import Construction
from SpineAlignmentLib.measurement.uncertainty import half_widths
from SpineAlignmentLib.measurement.vertebrae import all_corners, cobb
from SpineAlignmentLib.results.drawn import Drawn, line_value
from SpineAlignmentLib.results.frame import ANTERIOR_SIDES, film_points, frame_points
from SpineAlignmentLib.results.measured import Measured
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from SpineAlignmentLib.results.vertebrae import no_vertebra_confidence, no_vertebrae

FloatArray = NDArray[np.float64]

HEADS: Final[tuple[str, str]] = ("FH_1", "FH_2")
"""The landmarks that are the centers of circles."""

LOW_CONFIDENCE: Final[float] = 0.5
"""Landmarks below this are uncertain: named in the warnings, and red wherever they are drawn."""
LEAST_TRUST: Final[float] = 0.2
"""Landmarks below this are not measured with: four of five of them are wrong by what they say themselves. When a person
has reviewed, moved or placed one, what was withheld is given."""
ALL_PATIENTS_SD: Final[float] = 3.0
"""Standard deviations on either side of the mean within which nearly all patients lie: an interval of this half-width
leaves open every value there is, and a detection's parameter is not given. What a person measured always is."""
NUMBERING_WARNING: Final[str] = "numbering of the vertebrae"
"""How warnings of unsure levels begin; they go when a person names levels anew."""
SPACING_WARNING: Final[str] = "pixel spacing"
"""How warnings about the size of a pixel begin; they go when the film is calibrated."""

_NO_SPACING: Final[str] = "pixel spacing unknown"
_SAME_PX: Final[float] = 0.01
"""Landmarks so close are at one place: positions go through the scene."""


def no_points() -> FloatArray:
    """Shape (45, 2): every landmark missing."""
    return np.full((COUNT, 2), np.nan)


def no_confidence() -> FloatArray:
    """Shape (45,): unknown for every landmark."""
    return np.full(COUNT, np.nan)


def no_deviation() -> FloatArray:
    """Shape (45,): unknown for every landmark."""
    return np.full(COUNT, np.nan)


def no_radius() -> FloatArray:
    """Shape (2,): no femoral head was sized."""
    return np.full(len(HEADS), np.nan)


@dataclass(frozen=True)
class Annotation:
    """The 45 landmarks of one film, found or placed by hand, with what is needed to measure them."""

    film: str
    """File name of the film, without its folder."""
    size_px: tuple[int, int]
    """(width, height) of the film in pixels."""
    points_px: FloatArray = field(default_factory=no_points)
    """Shape (45, 2), film pixels (x, y); NaN where a landmark is missing."""
    confidence: FloatArray = field(default_factory=no_confidence)
    """Shape (45,), 0 to 1; NaN where a person placed a landmark, or nothing is known of it."""
    spacing_mm: tuple[float, float] | None = None
    """(x, y) size of a film pixel in mm; None when unknown."""
    spacing_source: str = "unknown"
    anterior: str = "left"
    """The side of the film, once it is upright, that the patient faces: "left" or "right"."""
    anterior_source: str = "given"
    quarter_turns: int = 0
    """Counterclockwise ones, 0 to 3, that set upright a film that is stored on its side or upside down. Pixels are
    those of the film as it is stored all the same; see `turning.upright`."""
    pixel_aspect: float = 1.0
    """Height over width of a pixel, where the spacing is unknown; in the file only when it is not 1."""
    models: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    film_sha256: str = ""
    """SHA-256 of the film's file, by which it is found again when it was renamed or moved; empty when unknown."""
    numbering: Numbering | None = None
    """Which vertebra is which, where it was detected."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the file, such as "simulation"; kept as they are."""
    vertebrae_px: FloatArray = field(default_factory=no_vertebrae)
    """Shape (24, 4, 2), film pixels: the corners of `landmarks.VERTEBRAE` in the order of `landmarks.CORNERS`."""
    vertebrae_confidence: FloatArray = field(default_factory=no_vertebra_confidence)
    """Shape (24,), 0 to 1; NaN where unknown."""
    head_radius_px: FloatArray = field(default_factory=no_radius)
    """Shape (2,): radius of each of `HEADS` in film pixels along x; NaN where nobody sized it."""
    drawn: tuple[Drawn, ...] = ()
    """What a person measures besides the 18 parameters."""
    reviewed: frozenset[str] = frozenset()
    """The landmarks that a person looked at and left where they are."""
    whole_reviewed: bool | None = None
    """Whether a person looked at the whole film as it is now; False when it changed since, None when nobody did."""
    deviation_px: FloatArray = field(default_factory=no_deviation)
    """Shape (45,), standard deviation of landmarks along either axis as their detection estimates it, film pixels along
    y; NaN where unknown. Those of a person err as readers do, whatever is said here."""
    interval_factors: Mapping[str, float] = field(default_factory=dict)
    """Parameter key to half of a detection's 90 % interval over its standard error, as calibrated for its models."""

    def points_mm(self) -> FloatArray:
        """Shape (45, 2): x anterior +, y up +, in mm; in pixels when the spacing is unknown."""
        return self.in_frame(self.points_px)

    def in_frame(self, points_px: ArrayLike) -> FloatArray:
        """Film pixels, shape (..., 2), in the frame of `points_mm`."""
        return frame_points(points_px, self.pixel_size, self.anterior, self.quarter_turns)

    def from_frame(self, points: ArrayLike) -> FloatArray:
        """The exact inverse of `in_frame`."""
        return film_points(points, self.pixel_size, self.anterior, self.quarter_turns)

    @property
    def pixel_size(self) -> tuple[float, float]:
        """(x, y) size of a film pixel, in mm when the spacing is known, else relative."""
        return self.spacing_mm or (1.0, self.pixel_aspect)

    def corners_mm(self) -> FloatArray:
        """Shape (25, 4, 2): every known corner in the frame of `points_mm`, see `measurement.vertebrae.all_corners`."""
        return all_corners(self.in_frame(self.vertebrae_px), self.points_mm())

    def is_low(self) -> NDArray[np.bool_]:
        """Shape (45,): which of the landmarks whose confidence is known are uncertain, and nobody said to be right."""
        return np.asarray(~self.by_person() & (self.confidence < LOW_CONFIDENCE))

    def by_person(self) -> NDArray[np.bool_]:
        """Shape (45,): which landmarks a person placed, moved or reviewed."""
        reviewed = np.array([name in self.reviewed for name in NAMES])
        return np.asarray(np.isnan(self.confidence) | reviewed)

    def landmarks(self) -> dict[str, tuple[float, float]]:
        """Landmark name to film pixel (x, y); missing ones are left out."""
        there = np.isfinite(self.points_px).all(axis=1)
        points = zip(NAMES, self.points_px, there, strict=True)
        return {name: (float(x), float(y)) for name, (x, y), placed in points if placed}

    def measurements(self) -> dict[str, Measured]:
        """The 18 parameters, each with its interval or the reason why it is not given.

        Not given is what needs a landmark that is missing or not to be trusted, a distance on a film of unknown
        spacing, and what may be anything that patients have.
        """
        return dict(self._measurements)

    @cached_property
    def _measurements(self) -> dict[str, Measured]:
        points, by_person = np.where(self.trusted()[:, None], self.points_mm(), np.nan), self.by_person()
        values = spinopelvic_parameters(points)
        step = self.pixel_size[1]
        widths = half_widths(points, self.deviation_px * step, by_person, self.interval_factors, self.mm_in_frame())
        detected = {p.key: not by_person[[INDEX[name] for name in p.landmarks]].all() for p in PARAMETERS}
        return {p.key: self._measured(p, float(values[p.key]), widths[p.key], detected[p.key]) for p in PARAMETERS}

    def mm_in_frame(self) -> float:
        """Length of a millimeter in the frame of `points_mm`: 1, or where the spacing is unknown what a spine of usual
        size says.
        """
        return 1.0 if self.spacing_mm else level_distance(self.points_mm()) / TYPICAL_LEVEL_MM

    def _measured(self, parameter: Parameter, value: float, half_width: float, detected: bool) -> Measured:
        if math.isnan(value) or (self.spacing_mm is None and parameter.unit == "mm"):
            return Measured(reason=self._reason(parameter))
        if detected and half_width > ALL_PATIENTS_SD * parameter.sd:
            limits = [unit_text(parameter.unit, end) for end in (value - half_width, value + half_width)]
            return Measured(reason=f"too uncertain: between {limits[0]} and {limits[1]}")
        return Measured(value, half_width)

    def _reason(self, parameter: Parameter) -> str:
        missing = [name for name in parameter.landmarks if np.isnan(self.points_px[INDEX[name], 0])]
        if missing:
            return f"not on the film: {', '.join(missing)}"
        if self.spacing_mm is None and parameter.unit == "mm":
            return _NO_SPACING
        doubtful = [name for name in parameter.landmarks if not self.trusted()[INDEX[name]]]
        if doubtful:
            return f"not sure enough until someone looks: {', '.join(doubtful)}"
        return f"sacro-femoral distance below {SFD_MINIMUM_MM:g} mm"

    def trusted(self) -> NDArray[np.bool_]:
        """Shape (45,): which landmarks may be measured with, if they are there.

        Where another numbering is as likely, none below `LOW_CONFIDENCE` may: their levels are among the doubtful ones.
        """
        miscounted = self.numbering is not None and self.numbering.sure < 0.5
        return np.asarray(self.by_person() | (self.confidence >= (LOW_CONFIDENCE if miscounted else LEAST_TRUST)))

    def parameters(self) -> dict[str, float]:
        """The 18 parameters; NaN when not given, see `measurements`."""
        return {key: found.value for key, found in self.measurements().items()}

    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 90 % intervals of the 18 parameters, (low, high); NaN when not given or unknown."""
        return {key: (found.low, found.high) for key, found in self.measurements().items()}

    def reasons(self) -> dict[str, str]:
        """Why parameters that are not given are not: key to a few words."""
        return {key: found.reason for key, found in self.measurements().items() if found.reason}

    def constructions(self) -> dict[str, Construction]:
        """How each parameter is drawn, in the frame of `points_mm`; those that are not given have nothing to draw."""
        drawn = constructions(self.points_mm(), calibrated=self.spacing_mm is not None)
        # a distance of unknown size is drawn without its value
        withheld = {key for key, found in self.measurements().items() if found.reason and found.reason != _NO_SPACING}
        return {key: Construction(key, math.nan) if key in withheld else shown for key, shown in drawn.items()}

    def renumbered(self) -> "Annotation":
        """The same film under the other numbering; once more gives this one again.

        Raises:
            ResultError: there is no other numbering.
        """
        if self.numbering is None or self.numbering.other is None:
            raise ResultError(f"{self.film}: no other numbering of the vertebrae was found")
        other = self.numbering.other
        back = OtherNumbering(
            "the numbering that was found more probable",
            *(self.points_px, self.confidence, self.deviation_px, self.vertebrae_px, self.vertebrae_confidence),
            *(self.numbering.count, self.numbering.levels),
        )
        older = other.levels is None
        count = self.numbering.count if older else other.count
        levels = other.levels or self.numbering.levels
        return replace(
            self.changed(),
            points_px=other.points_px,
            confidence=other.confidence,
            deviation_px=other.deviation_px,
            vertebrae_px=other.vertebrae_px,
            vertebrae_confidence=other.vertebrae_confidence,
            numbering=Numbering(count, levels, 1 - self.numbering.sure, back),
            warnings=without_warnings(self.warnings, NUMBERING_WARNING),
            reviewed=self.reviewed_at(other.points_px),
        )

    def cobb(self, upper: str, lower: str) -> float:
        """The angle between any two levels in degrees, kyphosis +; NaN when not measurable.

        Raises:
            ValueError: an unknown level, or the upper one does not lie above the lower one.
        """
        return cobb(self.corners_mm(), upper, lower)

    def drawn_value(self, drawn: Drawn) -> float:
        """The value of something drawn, in its unit; NaN when not measurable."""
        if drawn.levels is not None:
            return self.cobb(*drawn.levels)
        if drawn.unit == "mm" and self.spacing_mm is None:
            return math.nan
        return line_value(drawn.kind, self.in_frame(drawn.points_px))

    def reviewed_at(self, points_px: FloatArray) -> frozenset[str]:
        """Those of `reviewed` that other landmarks, shape (45, 2), leave where they are: nobody looked at the rest."""
        same = np.abs(points_px - self.points_px).max(axis=1) < _SAME_PX
        return frozenset(name for name, stays in zip(NAMES, same, strict=True) if stays and name in self.reviewed)

    def changed(self) -> "Annotation":
        """The same film when something changes that whoever reviewed the whole of it has seen otherwise."""
        return replace(self, whole_reviewed=False) if self.whole_reviewed else self

    def with_marks_of(self, other: "Annotation") -> "Annotation":
        """This film with everything that a person or a detection marked on it in another annotation of it."""
        return replace(self, **{name: getattr(other, name) for name in MARKS})

    def with_points(self, points_px: ArrayLike, confidence: ArrayLike | None = None) -> "Annotation":
        """The same film with other landmarks."""
        sure = no_confidence() if confidence is None else np.asarray(confidence, float)
        return replace(self, points_px=np.asarray(points_px, float), confidence=sure)

    def calibrated(self, spacing_mm: tuple[float, float] | None, source: str) -> "Annotation":
        """The same landmarks with another (x, y) size of a pixel in mm; None when unknown.

        Raises:
            ValueError: a size that is not positive.
        """
        if spacing_mm is not None and not (np.all(np.isfinite(spacing_mm)) and min(spacing_mm) > 0):
            raise ValueError(f"the size of a pixel must be a positive number of millimeters, got {spacing_mm}")
        kept = without_warnings(self.warnings, SPACING_WARNING)
        film = self if spacing_mm == self.spacing_mm else self.changed()
        return replace(film, spacing_mm=spacing_mm, spacing_source=source, warnings=kept)

    def with_spacing_of(self, other: "Annotation") -> "Annotation":
        """The same landmarks with the size of a pixel, and warnings of it, as another annotation has them."""
        told = tuple(text for text in other.warnings if text.startswith(SPACING_WARNING))
        film = self.calibrated(other.spacing_mm, other.spacing_source)
        return replace(film, pixel_aspect=other.pixel_aspect, warnings=(*film.warnings, *told))

    def with_warnings_of(self, detection: "Annotation") -> "Annotation":
        """What a detection warns of as well; of the size of a pixel this film knows better."""
        others = without_warnings(detection.warnings, SPACING_WARNING)
        new = [text for text in others if text not in self.warnings]
        return replace(self, warnings=(*self.warnings, *new))

    def facing(self, side: str, source: str) -> "Annotation":
        """The same landmarks of a patient who faces "left" or "right".

        Raises:
            ValueError: another side.
        """
        if side not in ANTERIOR_SIDES:
            raise ValueError(f"the patient faces 'left' or 'right', not {side!r}")
        film = self if side == self.anterior else self.changed()
        return replace(film, anterior=side, anterior_source=source)


MARKS: Final[tuple[str, ...]] = (
    *("points_px", "confidence", "vertebrae_px", "vertebrae_confidence", "numbering"),
    *("head_radius_px", "drawn", "reviewed", "whole_reviewed", "deviation_px", "interval_factors"),
)
"""What lies on a film, as opposed to the facts about it: the fields that `Annotation.with_marks_of` takes over."""


def without_warnings(warnings: Iterable[str], beginning: str) -> tuple[str, ...]:
    """The warnings that stay when those of one kind, by how they begin, hold no more."""
    return tuple(text for text in warnings if not text.startswith(beginning))
