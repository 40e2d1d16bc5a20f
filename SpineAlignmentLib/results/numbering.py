"""Which vertebra is which on a film: what was counted, how sure that is, and the other numbering that may be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, NAMES
from SpineAlignmentLib.results import vertebrae
from SpineAlignmentLib.results.vertebrae import no_vertebra_confidence, no_vertebrae

FloatArray = NDArray[np.float64]

_SUREST: Final[float] = 0.999
"""The most that is written of a detection's: rounded to 1, it would say that a person named the levels."""


@dataclass(frozen=True)
class OtherNumbering:
    """The runner-up."""

    text: str
    """What it says, such as "all levels from T3 down one higher"."""
    points_px: FloatArray
    """Shape (45, 2): the landmarks under it, film pixels; NaN where one is missing."""
    confidence: FloatArray
    """Shape (45,), were it the right one."""
    deviation_px: FloatArray = field(default_factory=lambda: np.full(COUNT, np.nan))
    """Shape (45,), see `annotation.Annotation.deviation_px`."""
    vertebrae_px: FloatArray = field(default_factory=no_vertebrae)
    """Shape (24, 4, 2): the corners of `landmarks.VERTEBRAE` under it."""
    vertebrae_confidence: FloatArray = field(default_factory=no_vertebra_confidence)
    """Shape (24,)."""
    count: int | None = None
    """See `Numbering`."""
    levels: tuple[str, str] | None = None
    """See `Numbering`; None in older files, which do not say."""


@dataclass(frozen=True)
class Numbering:
    """How the vertebrae of a film were counted."""

    count: int | None
    """Presacral vertebrae, C1 included; None when not all are on the film."""
    levels: tuple[str, str]
    """The highest and the lowest one found."""
    sure: float
    """Probability that every level found has its right name; 1 says that a person named them."""
    other: OtherNumbering | None = None
    """The next most probable numbering."""


def to_json(numbering: Numbering) -> dict[str, Any]:
    """The content of "numbering" in a result file."""
    other = numbering.other
    marks = () if other is None else np.column_stack([other.points_px, other.confidence, other.deviation_px])
    return {
        "count": numbering.count,
        "levels": list(numbering.levels),
        "sure": 1.0 if numbering.sure == 1.0 else min(round(numbering.sure, 3), _SUREST),
        "runner_up": None
        if other is None
        else {
            "text": other.text,
            "count": other.count,
            "levels": None if other.levels is None else list(other.levels),
            "landmarks": {
                name: None if np.isnan(mark[0]) else [round(float(v), 3) for v in mark[np.isfinite(mark)]]
                for name, mark in zip(NAMES, marks, strict=True)
            },
            "vertebrae": vertebrae.to_json(other.vertebrae_px, other.vertebrae_confidence),
        },
    }


def from_json(content: Any, name: str) -> Numbering:
    """A numbering from a result file.

    Raises:
        ResultError: it is not as `to_json` writes it.
    """
    try:
        other = content["runner_up"]
        first, last = (str(level) for level in content["levels"])
        count = None if content["count"] is None else int(content["count"])
        runner_up = None if other is None else _other(other, name)
        return Numbering(count, (first, last), vertebrae.chance(content["sure"], f"{name}: numbering"), runner_up)
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f'{name}: "numbering" is not as detect writes it ({error!r})') from error


def _other(content: Mapping[str, Any], name: str) -> OtherNumbering:
    marks = np.full((COUNT, 4), np.nan)
    for landmark, value in content["landmarks"].items():
        if value is not None:
            # x, y, confidence and deviation, which older files do not have
            marks[INDEX[landmark], : len(value)] = [float(v) for v in value]
    if np.any((marks[:, 2] < 0) | (marks[:, 2] > 1)):
        raise ValueError("a confidence of the runner-up is not from 0 to 1")
    corners = vertebrae.from_json(content.get("vertebrae"), f"{name}: runner_up")
    count, levels = content.get("count"), content.get("levels")
    return OtherNumbering(
        *(str(content["text"]), marks[:, :2], marks[:, 2], marks[:, 3], *corners),
        count=None if count is None else int(count),
        levels=None if levels is None else (str(levels[0]), str(levels[1])),
    )
