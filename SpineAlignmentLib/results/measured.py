"""What is known of a parameter: its value and interval, or why it is not given."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.measurement.parameters import BY_KEY


@dataclass(frozen=True)
class Measured:
    """What is known of a parameter."""

    value: float = math.nan
    """NaN when it is not given."""
    half_width: float = math.nan
    """Of the 90 % interval, the value in its middle; NaN when unknown."""
    reason: str = ""
    """Why it is not given; "" when it is."""

    @property
    def low(self) -> float:
        """The lower end of its interval."""
        return self.value - self.half_width

    @property
    def high(self) -> float:
        """The upper end of its interval."""
        return self.value + self.half_width


def interval_text(key: str, found: Measured) -> str:
    """A parameter's interval as it is read beside its value, such as "48 to 55"; "" where it is not known."""
    if not math.isfinite(found.half_width):
        return ""
    unit = BY_KEY[key].unit
    digits = 2 if not unit else 0 if found.half_width >= 2 else 1
    return f"{found.low:z.{digits}f} to {found.high:z.{digits}f}"


def reason_text(reason: str) -> str:
    """A reason for those who do not know landmarks by name, such as "not on the film: S1, femoral heads"."""
    told, colon, names = reason.rpartition(": ")
    landmarks = names.split(", ")
    if not all(name in INDEX for name in landmarks):
        return reason
    # one of them is on the film where only the other is named, and its circle is drawn
    heads = "a femoral head" if sum(name.startswith("FH_") for name in landmarks) == 1 else "femoral heads"
    structures = (heads if name.startswith("FH_") else name.split("_")[0] for name in landmarks)
    return f"{told}{colon}{', '.join(dict.fromkeys(structures))}"


def by_reason(reasons: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Each reason, with all that lack something for it, once each; from pairs of what lacks it and why."""
    found: dict[str, list[str]] = {}
    for key, reason in dict.fromkeys(reasons):
        found.setdefault(reason, []).append(key)
    return found
