"""The table of many films: one row a film."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from SpineAlignmentLib.measurement.parameters import KEYS, PARAMETERS
from SpineAlignmentLib.results.annotation import Annotation


def csv_bytes(annotations: Iterable[Annotation]) -> bytes:
    """One row a film: the film, how it was read, its 18 parameters (empty when not measurable) and its warnings.

    Where results carry "readings" (see `clinical.with_readings`), age, sex, and value and class of each reading follow.
    """
    annotations = list(annotations)
    readings = _reading_columns(annotations)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["film", "spacing_x_mm", "spacing_y_mm", "spacing_source", "anterior", "anterior_source", "lowest_confidence"]
        + [f"{p.key} ({p.unit})" if p.unit else p.key for p in PARAMETERS]
        + ["warnings"]
        + (["age", "sex", *readings] if readings else [])
    )
    for a in annotations:
        values = a.parameters()
        lowest = float(np.nanmin(a.confidence)) if np.isfinite(a.confidence).any() else math.nan
        writer.writerow(
            [a.film, *(a.spacing_mm or ("", "")), a.spacing_source, a.anterior, a.anterior_source, _cell(lowest, 3)]
            + [_cell(values[key], 4) for key in KEYS]
            + ["; ".join(a.warnings)]
            + (_reading_cells(a, readings) if readings else [])
        )
    return text.getvalue().encode()


def _reading_columns(annotations: Iterable[Annotation]) -> dict[str, tuple[str, str]]:
    """Title of each column to the reading's key and which of its entries it holds; those of all films together."""
    columns: dict[str, tuple[str, str]] = {}
    for annotation in annotations:
        for key, reading in annotation.extra.get("readings", {}).items():
            unit = f" ({reading['unit']})" if reading["unit"] else ""
            columns[f"reading {key}{unit}"] = (key, "value")
            columns[f"class {key}"] = (key, "class")
    return columns


def _reading_cells(annotation: Annotation, columns: Mapping[str, tuple[str, str]]) -> list[Any]:
    patient, readings = annotation.extra.get("patient", {}), annotation.extra.get("readings", {})
    cells = [patient.get("age"), patient.get("sex"), *(readings.get(key, {}).get(of) for key, of in columns.values())]
    return ["" if cell is None else cell for cell in cells]


def _cell(value: float, digits: int) -> str | float:
    return round(value, digits) if np.isfinite(value) else ""
