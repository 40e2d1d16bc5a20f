"""Two films of a patient: what differs, and which differences are larger than what the measurements may be off."""

import math
from dataclasses import dataclass

from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.measured import Measured


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


def differences(first: Annotation, second: Annotation) -> tuple[Difference, ...]:
    """All parameters in their order, the second film against the first."""
    before, after = first.measurements(), second.measurements()
    return tuple(Difference(key, before[key].value, after[key].value, _beyond(before[key], after[key])) for key in KEYS)


def signed_text(key: str, difference: float) -> str:
    """A difference with its sign; none when it shows as zero."""
    text = value_text(key, abs(difference))
    if not math.isfinite(difference) or not set(text) & set("123456789"):
        return text
    return ("+" if difference > 0 else "-") + text


def _beyond(first: Measured, second: Measured) -> bool | None:
    """Independent errors add by their squares."""
    both = math.hypot(first.half_width, second.half_width)
    return abs(second.value - first.value) > both if math.isfinite(both) else None
