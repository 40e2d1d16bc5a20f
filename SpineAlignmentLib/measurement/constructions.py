"""The geometry of each of the 18 measurements: which points, lines, plumb lines and angle arcs show it on the film.

One description serves the picture, the markups in the scene and the viewer; nothing is drawn here. Frame as in
`parameters`: x anterior +, y up +, millimeters (any other unit of length does as well: every size is taken from the
spine itself). Directions are in degrees, counterclockwise from anterior (+x) toward up (+y).

Cobb angles are shown at one endplate, between its own line and a parallel to the other endplate, so that the arc stays
on the film when the two plates are nearly parallel and moves smoothly while a landmark is dragged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX
from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS, slope, spinopelvic_parameters
from SpineAlignmentLib.measurement.shapes import Arc, Construction, Label, Point, Segment, SegmentKind
from SpineAlignmentLib.measurement.spline import natural_spline
from SpineAlignmentLib.measurement.vertebrae import cobb, cobb_plates

FloatArray = NDArray[np.float64]
TYPICAL_LEVEL_MM: Final[float] = 22.0
"""Distance of neighboring body centers when no two of them are known."""

_UP: Final[float] = 90.0
_STUB: Final[float] = 0.8
"""How much of a line is drawn at a landmark that the line points to, in levels."""
_LABEL_GAP: Final[float] = 0.45
"""Distance of a label from what it names, in levels (distance of neighboring body centers)."""


def value_text(key: str, value: float) -> str:
    """A parameter's value as it is read aloud, such as "52.1°", "31.4 mm", "0.42"; "n/a" when not measurable."""
    return unit_text(BY_KEY[key].unit, value)


def unit_text(unit: str, value: float) -> str:
    """A value in "deg", "mm" or "" as it is read aloud; see `value_text`."""
    if not np.isfinite(value):
        return "n/a"
    return {"deg": f"{value:z.1f}\N{DEGREE SIGN}", "mm": f"{value:z.1f} mm"}.get(unit, f"{value:z.2f}")


def constructions(points: ArrayLike, calibrated: bool = True) -> dict[str, Construction]:
    """How each parameter is shown, in the order of `parameters.KEYS`.

    Args:
        points: shape (45, 2) in the order of `landmarks.NAMES`, x anterior +, y up +, in mm; NaN where missing.
        calibrated: False when the size of a film pixel is unknown; then distances are shown without a value.

    Raises:
        ValueError: points of another shape.
    """
    values = {key: float(value) for key, value in spinopelvic_parameters(points).items()}
    geometry = _Geometry(np.asarray(points, float), values, calibrated)
    return {key: geometry.construction(key) for key in KEYS}


def cobb_construction(points: ArrayLike, corners: FloatArray, upper: str, lower: str) -> Construction:
    """How the angle between any two levels is shown: at the lower one, behind the spine.

    Args:
        points: the landmarks (45, 2) in the frame of `constructions`.
        corners: of all levels, see `vertebrae.all_corners`.
        upper: the level whose upper endplate counts.
        lower: the level whose lower endplate counts.

    Raises:
        ValueError: an unknown level, or the upper one does not lie above the lower one.
    """
    key = f"{upper}-{lower}"
    ends = np.concatenate(cobb_plates(corners, upper, lower))
    value = cobb(corners, upper, lower)
    if not np.isfinite(value):
        return Construction(key, np.nan)
    geometry = _Geometry(np.asarray(points, float), {key: value}, True, dict(zip(_PLATE_ENDS, ends, strict=True)))
    shown = _Cobb(_PLATE_ENDS[:2], _PLATE_ENDS[2:], True, False, 3.0)
    segments, arc, anchor = geometry._cobb(key, shown)
    return Construction(key, value, {}, segments, arc, Label(anchor, f"{key} {unit_text('deg', value)}"))


def spine_curve(points: ArrayLike, samples_per_level: int = 8) -> FloatArray:
    """A smooth curve through the vertebral body centers from C2 to L5: a natural cubic spline over the chord length.

    Args:
        points: shape (45, 2) in the order of `landmarks.NAMES`; missing centers (NaN) are bridged.
        samples_per_level: points between two neighboring centers.

    Returns:
        Shape (n, 2) from cranial to caudal; (0, 2) when fewer than two centers are known.
    """
    centers = np.asarray(points, float)[[INDEX[name] for name in CENTERS]]
    centers = centers[np.isfinite(centers).all(axis=1)]
    if len(centers):
        chord = np.linalg.norm(np.diff(centers, axis=0), axis=1)
        centers = centers[np.concatenate(([True], chord > 1e-6))]
    if len(centers) < 2:
        return np.empty((0, 2))
    knots = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(centers, axis=0), axis=1))))
    at = np.interp(np.linspace(0, len(knots) - 1, (len(knots) - 1) * samples_per_level + 1), range(len(knots)), knots)
    return natural_spline(knots, centers, at)


def level_distance(points: ArrayLike) -> float:
    """Median distance of neighboring body centers, the yardstick of every drawn size; finite and positive, always."""
    p = np.asarray(points, float)
    steps = np.linalg.norm(np.diff(p[[INDEX[name] for name in CENTERS]], axis=0), axis=1)
    steps = steps[np.isfinite(steps) & (steps > 0)]
    if len(steps):
        return float(np.median(steps))
    known = p[np.isfinite(p).all(axis=1)]
    extent = float(np.ptp(known, axis=0).max()) if len(known) > 1 else 0.0
    return extent / 12 if extent > 0 else TYPICAL_LEVEL_MM


def _direction(degrees: float) -> FloatArray:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])


def _bearing(a: FloatArray, b: FloatArray) -> float:
    return float(np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0])))


def _point(p: FloatArray) -> Point:
    return float(p[0]), float(p[1])


def _segment(a: FloatArray, b: FloatArray, kind: SegmentKind) -> Segment:
    return Segment(_point(a), _point(b), kind)


@dataclass(frozen=True)
class _Cobb:
    """The angle slope(first) - slope(second), shown at one of the two plates on one side of the spine."""

    first: tuple[str, str]
    """(posterior, anterior) ends of the endplate whose slope counts positive; "" for the horizontal."""
    second: tuple[str, str]
    at_second: bool
    toward_anterior: bool
    reach: float
    """Radius of the arc in levels."""


_PLATE_ENDS = ("upper P", "upper A", "lower P", "lower A")
_S1 = ("S1_P", "S1_A")
_HORIZONTAL = ("", "")
_COBB: Final[dict[str, _Cobb]] = {
    "SS": _Cobb(_S1, _HORIZONTAL, False, True, 2.6),
    "T1S": _Cobb(("T1_PS", "T1_AS"), _HORIZONTAL, False, True, 2.6),
    "LL": _Cobb(_S1, ("L1_PS", "L1_AS"), True, False, 3.0),
    "L4SL": _Cobb(_S1, ("L4_PS", "L4_AS"), True, False, 2.6),
    "CL": _Cobb(("C7_PI", "C7_AI"), ("C2_PI", "C2_AI"), True, False, 2.6),
    "GTK": _Cobb(("T1_PS", "T1_AS"), ("T12_PI", "T12_AI"), True, True, 3.4),
    "PTK": _Cobb(("T1_PS", "T1_AS"), ("T5_PI", "T5_AI"), True, True, 2.6),
    "MTK": _Cobb(("T5_PS", "T5_AS"), ("T12_PI", "T12_AI"), False, False, 2.6),
}


_Built = tuple[tuple[Segment, ...], Arc | None, Point]


class _Geometry:
    """The points of one film and what the constructions share."""

    def __init__(
        self,
        points: FloatArray,
        values: dict[str, float],
        calibrated: bool,
        further: dict[str, FloatArray] | None = None,
    ) -> None:
        self._p = points
        self._values = values
        self._calibrated = calibrated
        self._level = level_distance(points)
        self._derived = {
            "HA": (self.at("FH_1") + self.at("FH_2")) / 2,
            "M": (self.at("S1_A") + self.at("S1_P")) / 2,
            **(further or {}),
        }

    def at(self, name: str) -> FloatArray:
        return np.asarray(self._p[INDEX[name]] if name in INDEX else self._derived[name])

    def construction(self, key: str) -> Construction:
        value = self._values[key]
        if not np.isfinite(value):
            return Construction(key, np.nan)
        segments, arc, anchor = self._cobb(key, _COBB[key]) if key in _COBB else _BUILDERS[key](self, key)
        names = [*BY_KEY[key].landmarks]
        names += [name for name, needs in (("HA", "FH_1"), ("M", "S1_A")) if needs in names]
        shown = value if self._calibrated or BY_KEY[key].unit != "mm" else np.nan
        text = key if np.isnan(shown) else f"{key} {value_text(key, shown)}"
        return Construction(
            key, shown, {name: _point(self.at(name)) for name in names}, segments, arc, Label(anchor, text)
        )

    def _arc(self, key: str, vertex: FloatArray, start_deg: float, radius: float) -> tuple[Arc, Point]:
        arc = Arc(_point(vertex), radius, start_deg, self._values[key])
        middle = _direction(start_deg + self._values[key] / 2)
        return arc, _point(vertex + (radius + _LABEL_GAP * self._level) * middle)

    def _plate_bearing(self, ends: tuple[str, str]) -> float:
        return 0.0 if ends == _HORIZONTAL else -float(slope(self.at(ends[0]), self.at(ends[1])))

    def _plate(self, ends: tuple[str, str]) -> Segment:
        """An endplate, drawn a little past its ends."""
        p, a = self.at(ends[0]), self.at(ends[1])
        past = 0.25 * self._level * _direction(self._plate_bearing(ends))
        return _segment(p - past, a + past, "endplate")

    def _cobb(self, key: str, c: _Cobb) -> _Built:
        shown, carried = (c.second, c.first) if c.at_second else (c.first, c.second)
        vertex = (self.at(shown[0]) + self.at(shown[1])) / 2
        turn = 0.0 if c.toward_anterior else 180.0
        radius = c.reach * self._level
        long = 1.12 * radius
        own = vertex + long * _direction(self._plate_bearing(shown) + turn)
        other = vertex + long * _direction(self._plate_bearing(carried) + turn)
        level = c.second == _HORIZONTAL
        segments = [
            self._plate(shown),
            _segment(vertex, own, "line"),
            _segment(vertex, other, "plumb" if level else "parallel"),
        ]
        if not level:
            segments.insert(1, self._plate(carried))
        arc, anchor = self._arc(key, vertex, self._plate_bearing(c.first) + turn, radius)
        return tuple(segments), arc, anchor

    def _pelvic_incidence(self, key: str) -> _Built:
        m, ha = self.at("M"), self.at("HA")
        down = self._plate_bearing(_S1) - 90.0
        radius = 0.6 * max(float(np.linalg.norm(ha - m)), self._level)
        segments = (
            self._plate(_S1),
            self._hips(),
            _segment(m, ha, "line"),
            _segment(m, m + 1.3 * radius * _direction(down), "parallel"),
        )
        return segments, *self._arc(key, m, down, radius)

    def _pelvic_tilt(self, key: str) -> _Built:
        m, ha = self.at("M"), self.at("HA")
        length = max(float(np.linalg.norm(m - ha)), self._level)
        segments = (
            self._hips(),
            _segment(ha, m, "line"),
            _segment(ha, ha + 1.1 * length * _direction(_UP), "plumb"),
        )
        return segments, *self._arc(key, ha, _UP, 0.5 * length)

    def _hips(self) -> Segment:
        return _segment(self.at("FH_1"), self.at("FH_2"), "line")

    def _pelvic_angle(self, key: str, target: str, reach: float) -> _Built:
        """The angle at HA between M and a body center; the line through M goes on to the arc."""
        ha, m, top = self.at("HA"), self.at("M"), self.at(target)
        radius = reach * self._level
        beyond = ha + max(float(np.linalg.norm(m - ha)), 1.03 * radius) * _direction(_bearing(ha, m))
        segments = (self._hips(), _segment(ha, beyond, "line"), *self._limb(ha, top, radius))
        return segments, *self._arc(key, ha, _bearing(ha, top), radius)

    def _limb(self, vertex: FloatArray, target: FloatArray, radius: float) -> tuple[Segment, ...]:
        """From the vertex to a little past the arc, and the last piece before the target: what lies between shows
        nothing, and of many such angles would make a fan."""
        along, length = _direction(_bearing(vertex, target)), float(np.linalg.norm(target - vertex))
        past, last = 1.05 * radius, _STUB * self._level
        if length - past < 2 * last:
            return (_segment(vertex, target, "line"),)
        return (
            _segment(vertex, vertex + past * along, "line"),
            _segment(target - last * along, target, "line"),
        )

    def _global_tilt(self, key: str) -> _Built:
        m, ha, c7 = self.at("M"), self.at("HA"), self.at("C7_C")
        radius = 7.5 * self._level
        beyond = m + 1.05 * radius * _direction(_bearing(ha, m))
        segments = (_segment(ha, m, "line"), _segment(m, beyond, "parallel"), *self._limb(m, c7, radius))
        return segments, *self._arc(key, m, _bearing(m, c7), radius)

    def _spinosacral(self, key: str) -> _Built:
        m, c7 = self.at("M"), self.at("C7_C")
        radius = 1.7 * self._level
        plate = self._plate_bearing(_S1)
        segments = (
            self._plate(_S1),
            _segment(m, m + 1.12 * radius * _direction(plate), "endplate"),
            *self._limb(m, c7, radius),
        )
        return segments, *self._arc(key, m, plate, radius)

    def _odontoid_hip(self, key: str) -> _Built:
        ha, dens = self.at("HA"), self.at("C2_D")
        radius = 0.62 * float(np.linalg.norm(dens - ha))
        segments = (*self._limb(ha, dens, radius), _segment(ha, ha + 1.03 * radius * _direction(_UP), "plumb"))
        return segments, *self._arc(key, ha, _bearing(ha, dens), radius)

    def _plumb_distance(self, top: str, bottom: str) -> _Built:
        """The plumb line from `top` down to the height of `bottom`, and the distance of the two along the floor."""
        a, b = self.at(top), self.at(bottom)
        foot = np.array([a[0], b[1]])
        past = foot - np.array([0.0, 0.5 * self._level])
        segments = (_segment(a, past, "plumb"), _segment(b, foot, "distance"))
        return segments, None, _point((b + foot) / 2 - np.array([0.0, _LABEL_GAP * self._level]))

    def _barrey(self, key: str) -> _Built:
        c7, s1, ha = self.at("C7_C"), self.at("S1_P"), self.at("HA")
        foot, over = np.array([c7[0], s1[1]]), np.array([s1[0], ha[1]])
        segments = (
            _segment(c7, foot, "plumb"),
            _segment(s1, foot, "distance"),
            _segment(s1, over, "plumb"),
            _segment(over, ha, "distance"),
        )
        return segments, None, _point((over + ha) / 2 - np.array([0.0, 2 * _LABEL_GAP * self._level]))


_BUILDERS: Final[dict[str, Callable[[_Geometry, str], _Built]]] = {
    "PI": _Geometry._pelvic_incidence,
    "PT": _Geometry._pelvic_tilt,
    "SVA": lambda geometry, _: geometry._plumb_distance("C7_C", "S1_P"),
    "cSVA": lambda geometry, _: geometry._plumb_distance("C2_C", "C7_PS"),
    "LPA": lambda geometry, key: geometry._pelvic_angle(key, "L1_C", 6.6),
    "TPA": lambda geometry, key: geometry._pelvic_angle(key, "T1_C", 9.5),
    "SSA": _Geometry._spinosacral,
    "GT": _Geometry._global_tilt,
    "Barrey": _Geometry._barrey,
    "OD-HA": _Geometry._odontoid_hip,
}
