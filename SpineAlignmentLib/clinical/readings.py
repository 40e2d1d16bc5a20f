"""Clinical readings of a film: values and classes of published schemes, each with what it was computed from.

Pure functions of the measured quantities and the age. A reading whose quantities are not measurable, or that needs an
age which is not known, is not computable and says why. Where the quantities' intervals are known they go through: a
class that the interval does not settle names every class that it reaches, such as "+ or ++".
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from SpineAlignmentLib.clinical import constants as known
from SpineAlignmentLib.clinical.constants import Band, Formula
from SpineAlignmentLib.clinical.norms import norm
from SpineAlignmentLib.clinical.quantities import LOSS, SLIP, Quantity, exactly, linear, ratio
from SpineAlignmentLib.clinical.sources import SOURCES
from SpineAlignmentLib.clinical.spine_shape import Lordosis

Quantities = Mapping[str, Quantity]


@dataclass(frozen=True)
class Reading:
    """One value, class or comparison with a target."""

    key: str
    name: str
    unit: str
    """"deg", "mm", "%", or "" for scores, ratios and types."""
    source: str
    """Key of `sources.SOURCES`."""
    value: float = math.nan
    """The value; of a comparison, measured less target. NaN where there is none."""
    low: float = math.nan
    high: float = math.nan
    target: float = math.nan
    """What a comparison compares with."""
    label: str = ""
    """The class, or several joined by "or"; "" where there is none."""
    inputs: Mapping[str, float] = field(default_factory=dict)
    """What it was computed from."""
    notes: tuple[str, ...] = ()
    reason: str = ""
    """Why it is not computable; "" where it is."""

    @property
    def computable(self) -> bool:
        """Whether it says anything."""
        return not self.reason

    def withheld(self, reason: str) -> "Reading":
        """The same reading with nothing but why it is not given."""
        return Reading(self.key, self.name, self.unit, self.source, reason=reason)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; null for what is not there."""
        content: dict[str, Any] = {
            "name": self.name,
            "value": _number(self.value),
            "unit": self.unit,
            "class": self.label or None,
            "from": {key: _number(value) for key, value in self.inputs.items()},
            "source": str(SOURCES[self.source]),
        }
        if math.isfinite(self.low) and math.isfinite(self.high):
            content |= {"low": _number(self.low), "high": _number(self.high)}
        if math.isfinite(self.target):
            content["target"] = _number(self.target)
        if self.notes:
            content["notes"] = list(self.notes)
        if self.reason:
            content["reason"] = self.reason
        return content


def readings(quantities: Quantities, age: float | None = None, shape: Lordosis | None = None) -> tuple[Reading, ...]:
    """Every reading, computable or not, in a fixed order.

    Args:
        quantities: as `quantities.quantities` makes them.
        age: in years; None when unknown.
        shape: of the lumbar lordosis; None when unknown.
    """
    given = dict(quantities)
    if age is not None:
        given["age"] = exactly(age)
    modifiers = [_sum(formula, given) for formula in known.SCHWAB]
    parts = [_sum(formula, given) for formula in known.GAP_PARTS]
    parts.insert(2, _distribution(given))
    found = (
        _mismatch(given),
        *modifiers,
        _severity(modifiers),
        *parts,
        _gap(parts, given),
        *(_sum(formula, given) for formula in _of_age(known.SUMS, age)),
        _roussouly(given, shape),
        _barrey(given),
        _largest("Slip", "largest slip forward of a lumbar vertebra", "Meyerding", SLIP, known.MEYERDING, given),
        _largest("Height loss", "largest loss of height in front, T4 to L4", "Genant", LOSS, known.GENANT, given),
    )
    return tuple(_beside_norm(reading, age) for reading in found)


def classes(bands: Sequence[Band], value: float, low: float = math.nan, high: float = math.nan) -> tuple[Band, ...]:
    """The bands that a value, or where it is known its interval, lies in; in the order of the bands.

    Args:
        bands: in rising order, the last without a limit.
        value: what is classed.
        low: lower end of its interval; NaN when unknown.
        high: upper end of its interval; NaN when unknown.
    """
    ends = (value, value) if math.isnan(low) or math.isnan(high) else (min(low, value), max(high, value))
    first, last = (next(i for i, band in enumerate(bands) if band.holds(end)) for end in ends)
    return tuple(bands[first : last + 1])


def _mismatch(given: Quantities) -> Reading:
    head = Reading("PI-LL", "PI-LL mismatch", "deg", "Schwab")
    return replace(head, **_inputs(["PI", "LL"], given), **_of(given["PI-LL"]))


def _beside_norm(reading: Reading, age: float | None) -> Reading:
    """A reading without classes of its own that has a norm: whether it is usual."""
    usual = norm(reading.key, age)
    if usual is None or not reading.computable or reading.label:
        return reading
    low, high = usual.usual
    bands = (Band(low, "below usual"), Band(high, "usual", closed=True), Band(math.inf, "above usual"))
    label = _label(classes(bands, reading.value, reading.low, reading.high))
    note = f"{usual.cohort}: {low:.1f} to {high:.1f}"
    return replace(reading, label=label, notes=(*reading.notes, note))


def _largest(key: str, name: str, source: str, prefix: str, bands: Sequence[Band], given: Quantities) -> Reading:
    """The largest of what is known of single levels, with its class."""
    head = Reading(key, name, "%", source)
    of = {name.removeprefix(prefix): q.value for name, q in given.items() if name.startswith(prefix) and q.known}
    if not of:
        return replace(head, reason="corners of the vertebrae unknown")
    level = max(of, key=lambda name: of[name])
    return replace(head, value=of[level], label=_label(classes(bands, of[level])), inputs=of, notes=(level,))


def _of_kyphosis(formula: Formula, given: Quantities) -> tuple[Formula, tuple[str, ...]]:
    """The formula with the kyphosis that there is, and what is to be said of it."""
    if "TK" not in formula.terms:
        return formula, ()
    meant, instead = known.KYPHOSES
    there = meant in given and given[meant].known
    terms = {(meant if there else instead) if key == "TK" else key: factor for key, factor in formula.terms.items()}
    return replace(formula, terms=terms), () if there else (known.TK_STANDS_IN,)


def _sum(formula: Formula, given: Quantities) -> Reading:
    formula, notes = _of_kyphosis(formula, given)
    head = Reading(formula.key, formula.name, formula.unit, formula.source, notes=notes)
    needed = [*([formula.measured] if formula.measured else []), *formula.terms]
    inputs = _inputs(needed, given)
    if "reason" in inputs:
        return replace(head, **inputs)
    adult = formula.ages is None or "age" not in given or given["age"].value >= known.ADULT_AGE
    if not adult:
        return replace(head, **inputs, reason="the formula is one of adults")
    if formula.ages is not None and "age" not in given:
        return replace(head, **inputs, reason="age unknown")
    target = math.nan
    total = linear(formula.terms, formula.constant, given)
    if formula.measured:
        target = total.value
        opposite = {key: -factor for key, factor in formula.terms.items()}
        total = linear({formula.measured: 1.0, **opposite}, -formula.constant, given)
    label = _label(classes(formula.bands, total.value, total.low, total.high)) if formula.bands else ""
    return replace(head, **inputs, **_of(total), target=target, label=label)


def _of_age(formulas: Iterable[Formula], age: float | None) -> list[Formula]:
    """One formula a key: that of the age; where there is none the first, which then says what it lacks."""
    chosen: dict[str, Formula] = {}
    for formula in formulas:
        fits = age is not None and formula.ages is not None and formula.ages[0] <= age < formula.ages[1]
        if fits or formula.key not in chosen:
            chosen[formula.key] = formula
    return list(chosen.values())


def _severity(modifiers: Sequence[Reading]) -> Reading:
    key, name = "SRS-Schwab", "SRS-Schwab severity, number of plus signs"
    for modifier in modifiers:
        if not modifier.computable:
            return Reading(key, name, "", "severity", reason=modifier.reason)
    total, low, high = _points(modifiers, [formula.bands for formula in known.SCHWAB])
    label = _label(classes(known.SCHWAB_SEVERITY, total, low, high))
    inputs = {m.key.removeprefix("SRS-Schwab "): m.value for m in modifiers}
    return Reading(key, name, "", "severity", total, low, high, label=label, inputs=inputs)


def _distribution(given: Quantities) -> Reading:
    head = Reading("GAP LDI", "lordosis distribution index, L4-S1 of L1-S1", "%", "GAP")
    inputs = _inputs(["L4SL", "LL"], given)
    if "reason" in inputs:
        return replace(head, **inputs)
    share = ratio(given["L4SL"], given["LL"])
    if not share.known:
        return replace(head, **inputs, reason="LL is not above zero")
    bands = classes(known.GAP_LDI, share.value, share.low, share.high)
    return replace(head, **inputs, **_of(share), label=_label(bands))


def _gap(parts: Sequence[Reading], given: Quantities) -> Reading:
    head = Reading("GAP", "global alignment and proportion score", "", "GAP")
    for part in parts:
        if not part.computable:
            return replace(head, reason=f"{part.key.removeprefix('GAP ')}: {part.reason}")
    if "age" not in given:
        return replace(head, reason="age unknown")
    age = given["age"].value
    if age < known.ADULT_AGE:
        return replace(head, reason="the score is one of adults")
    rpv, rll, rsa = (formula.bands for formula in known.GAP_PARTS)
    older = 1.0 if age >= known.GAP_AGE else 0.0
    total, low, high = (p + older for p in _points(parts, [rpv, rll, known.GAP_LDI, rsa]))
    label = _label(classes(known.GAP_CLASSES, total, low, high))
    inputs = {part.key.removeprefix("GAP "): part.value for part in parts} | {"age": age}
    return replace(head, value=total, low=low, high=high, label=label, inputs=inputs, notes=(known.GAP_DISPUTED,))


def _points(parts: Sequence[Reading], bands: Sequence[Sequence[Band]]) -> tuple[float, float, float]:
    """The sum of the points of several readings, and the lowest and highest that their intervals allow."""
    total = low = high = 0
    for part, of in zip(parts, bands, strict=True):
        reached = [band.points for band in classes(of, part.value, part.low, part.high)]
        total += classes(of, part.value)[0].points
        low, high = low + min(reached), high + max(reached)
    certain = all(math.isnan(part.low) for part in parts)
    return float(total), math.nan if certain else float(low), math.nan if certain else float(high)


def _roussouly(given: Quantities, shape: Lordosis | None) -> Reading:
    head = Reading("Roussouly", "Roussouly type", "", "Roussouly")
    inputs = _inputs(["SS", "PI", "PT"], given)
    if "reason" in inputs:
        return replace(head, **inputs)
    ss, pi, pt = given["SS"], given["PI"], given["PT"]
    flat, steep = known.ROUSSOULY_SS
    low_type = "1 or 2" if shape is None else "1" if shape.apex == "L5" else "2"
    bands = (Band(flat, low_type), Band(steep, "3", closed=True), Band(math.inf, "4"))
    labels = [band.label for band in classes(bands, ss.value, ss.low, ss.high)]
    limits = ((pi, known.ANTEVERTED_PI), (pt, known.ANTEVERTED_PT))
    possible = all(min(q.value, _else(q.low, q.value)) <= limit for q, limit in limits) and labels != [low_type]
    certain = all(max(q.value, _else(q.high, q.value)) <= limit for q, limit in limits)
    if possible:
        kept = [label for label in labels if label == low_type] if certain else labels
        labels = [*kept, "3 anteverted"]
    note = "apex of the lordosis unknown" if shape is None else f"apex {shape.apex}, inflection {shape.inflection}"
    return replace(head, **inputs, label=" or ".join(labels), notes=(note,))


def _barrey(given: Quantities) -> Reading:
    head = Reading("Barrey ratio", "Barrey ratio", "", "Barrey")
    inputs = _inputs(["Barrey"], given)
    if "reason" in inputs:
        return replace(head, **inputs)
    found = given["Barrey"]
    if given["SFD"].value < 0:
        note = "sacro-femoral distance below zero (hip axis behind the sacrum's edge): the ratio's sign turns"
        return replace(head, **inputs, **_of(found), notes=(note,))
    label = _label(classes(known.BARREY, found.value, found.low, found.high))
    return replace(head, **inputs, **_of(found), label=label)


def _inputs(needed: Sequence[str], given: Quantities) -> dict[str, Any]:
    """`inputs` of a reading, with its `reason` where something that it needs is not there."""
    inputs = {key: given[key].value for key in needed if key in given and given[key].known}
    for key in needed:
        if key not in given:
            return {"inputs": inputs, "reason": f"{key} unknown"}
        if not given[key].known:
            why = given[key].reason
            return {"inputs": inputs, "reason": f"{key} is not measurable" + (f": {why}" if why else "")}
    return {"inputs": inputs}


def _of(quantity: Quantity) -> dict[str, Any]:
    return {"value": quantity.value, "low": quantity.low, "high": quantity.high}


def _label(bands: Sequence[Band]) -> str:
    return " or ".join(dict.fromkeys(band.label for band in bands))


def _else(value: float, other: float) -> float:
    return value if math.isfinite(value) else other


_DIGITS: Final[int] = 4


def _number(value: float) -> float | None:
    return round(float(value), _DIGITS) if math.isfinite(value) else None
