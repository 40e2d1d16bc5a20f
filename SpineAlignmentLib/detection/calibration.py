"""What was measured of a detection on annotated films: how right its confidence is, and how far its parameters err.

`calibration.json` in a folder of models, named in `ensemble.json` with its SHA-256; `python -m Training.calibrate`
writes both. Without it confidence stays as the networks have it, and detected parameters have no interval.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.models import listing_of, read_description, verify
from SpineAlignmentLib.errors import ModelError
from SpineAlignmentLib.measurement.parameters import KEYS

FloatArray = NDArray[np.float64]

CALIBRATION_FILE: Final[str] = "calibration.json"
LISTED_AS: Final[str] = "calibration"
"""Its key in `ensemble.json`."""


@dataclass(frozen=True)
class Calibration:
    """How a detection's own word is taken; as it stands by default."""

    slope: float = 1.0
    offset: float = 0.0
    """The chance that a landmark is right is the logistic function of slope times the logit of its raw confidence, plus
    the offset (Platt, "Probabilistic outputs for support vector machines", 1999)."""
    factors: Mapping[str, float] = field(default_factory=dict)
    """Parameter key to half of its 90 % interval over its standard error."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What it was measured on."""

    def confidence(self, raw: FloatArray) -> FloatArray:
        """The chance that landmarks are right, 0 to 1, of any shape; NaN stays."""
        inside = np.clip(raw, 1e-9, 1 - 1e-9)
        return np.asarray(1 / (1 + np.exp(-self.offset) * (1 / inside - 1) ** self.slope))

    def to_json(self) -> dict[str, Any]:
        """The content of the file."""
        return {
            "confidence": {"slope": self.slope, "offset": self.offset},
            "factors": dict(self.factors),
            "about": dict(self.about),
        }


def calibration_bytes(calibration: Calibration) -> bytes:
    """The file."""
    return (json.dumps(calibration.to_json(), indent=1, allow_nan=False) + "\n").encode()


def read_calibration(folder: Path | None = None) -> Calibration:
    """The calibration of an ensemble, the shipped one by default; one that changes nothing where there is none.

    Raises:
        ModelError: it is missing, was altered, or is not right.
    """
    listing = listing_of(folder)
    content = read_description(listing) if listing.exists() else None
    entry = content.get(LISTED_AS) if isinstance(content, Mapping) else None
    if entry is None:
        return Calibration()
    path = listing.parent / CALIBRATION_FILE
    try:
        expected = str(entry["sha256"])
    except (KeyError, TypeError) as error:
        raise ModelError(f'{listing}: expected {{"{LISTED_AS}": {{"sha256": checksum}}}}') from error
    verify(path, expected, "calibration")
    return _parsed(read_description(path), path)


def _parsed(content: Mapping[str, Any], path: Path) -> Calibration:
    try:
        slope, offset = (float(content["confidence"][key]) for key in ("slope", "offset"))
        factors = {key: float(content["factors"][key]) for key in KEYS if key in content["factors"]}
        about = dict(content["about"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: not a calibration ({error!r})") from error
    if not (slope > 0 and math.isfinite(offset) and all(0 < f < math.inf for f in factors.values())):
        raise ModelError(f"{path}: not a calibration (slope and factors must be positive)")
    return Calibration(slope, offset, factors, about)
