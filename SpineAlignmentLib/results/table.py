"""The table of many films: one row a film."""

import csv
import io
import math
from collections.abc import Iterable

import numpy as np

from SpineAlignmentLib.measurement.parameters import KEYS, PARAMETERS
from SpineAlignmentLib.results.annotation import Annotation


def csv_bytes(annotations: Iterable[Annotation]) -> bytes:
    """One row a film: the film, how it was read, its 18 parameters (empty when not measurable) and its warnings."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["film", "spacing_x_mm", "spacing_y_mm", "spacing_source", "anterior", "anterior_source", "lowest_confidence"]
        + [f"{p.key} ({p.unit})" if p.unit else p.key for p in PARAMETERS]
        + ["warnings"]
    )
    for a in annotations:
        values = a.parameters()
        lowest = float(np.nanmin(a.confidence)) if np.isfinite(a.confidence).any() else math.nan
        writer.writerow(
            [a.film, *(a.spacing_mm or ("", "")), a.spacing_source, a.anterior, a.anterior_source, _cell(lowest, 3)]
            + [_cell(values[key], 4) for key in KEYS]
            + ["; ".join(a.warnings)]
        )
    return text.getvalue().encode()


def _cell(value: float, digits: int) -> str | float:
    return round(value, digits) if np.isfinite(value) else ""
