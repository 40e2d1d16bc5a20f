"""Two films of a patient: what differs, and which differences are larger than what the measurements may be off."""

import math
from dataclasses import dataclass

from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.measured import Measured, interval_text


@dataclass(frozen=True)
class Difference:
    """One parameter on two films."""

    key: str
    first: float
    second: float
    half_width: float
    """Half of the difference's 90 % interval, that of two independent errors; NaN where it is not known."""

    @property
    def value(self) -> float:
        """Second minus first; NaN when one is not measurable."""
        return self.second - self.first

    @property
    def beyond(self) -> bool | None:
        """Whether the difference is larger than what both values may be off; None where that is not known."""
        return abs(self.value) > self.half_width if math.isfinite(self.half_width) else None

    @property
    def interval_text(self) -> str:
        """Its interval as it is read beside it; "" where it is not known."""
        return interval_text(self.key, Measured(self.value, self.half_width))


def differences(first: Annotation, second: Annotation) -> tuple[Difference, ...]:
    """All parameters in their order, the second film against the first."""
    before, after = first.measurements(), second.measurements()
    # independent errors add by their squares
    off = {key: math.hypot(before[key].half_width, after[key].half_width) for key in KEYS}
    return tuple(Difference(key, before[key].value, after[key].value, off[key]) for key in KEYS)


def signed_text(key: str, difference: float) -> str:
    """A difference with its sign; none when it shows as zero."""
    text = value_text(key, abs(difference))
    if not math.isfinite(difference) or not set(text) & set("123456789"):
        return text
    return ("+" if difference > 0 else "-") + text
