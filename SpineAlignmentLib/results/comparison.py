"""Two films of a patient: what differs, and which differences are larger than what the measurements may be off."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.result_file import to_json


@dataclass(frozen=True)
class Difference:
    """One parameter on two films."""

    key: str
    first: float
    second: float
    beyond: bool | None
    """Whether the difference is larger than the intervals of both values together; None where they are not known."""

    @property
    def value(self) -> float:
        """Second minus first; NaN when one is not measurable."""
        return self.second - self.first


def intervals(annotation: Annotation) -> dict[str, tuple[float, float]]:
    """Lower and upper end of the interval of each parameter that has one."""
    return _intervals(to_json(annotation)["parameters"])


def differences(first: Annotation, second: Annotation) -> tuple[Difference, ...]:
    """All parameters in their order, the second film against the first."""
    before, after = first.parameters(), second.parameters()
    spans = (intervals(first), intervals(second))
    return tuple(
        Difference(key, before[key], after[key], _beyond(after[key] - before[key], *(s.get(key) for s in spans)))
        for key in KEYS
    )


def signed_text(key: str, difference: float) -> str:
    """A difference with its sign; none when it shows as zero."""
    text = value_text(key, abs(difference))
    if not math.isfinite(difference) or not set(text) & set("123456789"):
        return text
    return ("+" if difference > 0 else "\N{MINUS SIGN}") + text


def interval_text(key: str, low: float, high: float) -> str:
    """An interval as it is read beside its value, such as "48 to 55"."""
    digits = 0 if BY_KEY[key].unit else 1
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _beyond(difference: float, *spans: tuple[float, float] | None) -> bool | None:
    """Independent errors add by their squares."""
    known = [(high - low) / 2 for low, high in (span for span in spans if span is not None)]
    if len(known) < len(spans) or not math.isfinite(difference):
        return None
    return abs(difference) > math.hypot(*known)


def _intervals(parameters: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    return {
        key: (float(found["low"]), float(found["high"]))
        for key, found in parameters.items()
        if found.get("low") is not None and found.get("high") is not None
    }
