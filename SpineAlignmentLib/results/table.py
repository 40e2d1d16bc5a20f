"""The table of many films: one row a film, from what result files hold.

A row is a mapping of column names to values. A column is in the table when one of its rows has it, so that intervals
and readings appear where they are known; the 18 parameters are always there.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.measurement.parameters import PARAMETERS, Parameter
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.drawn import from_json, names
from SpineAlignmentLib.results.measured import by_reason
from SpineAlignmentLib.results.result_file import to_json

Value = str | float | int | None
Row = Mapping[str, Value]

_FIRST: Final[tuple[str, ...]] = (
    *("file", "result", "status", "reason", "fingerprint", "software", "models", "settings", "date"),
    *("patient", "study", "key", "day"),
    *("patient_id", "patient_name", "birth_date", "study_uid", "study_date", "accession"),
    *("film", "film_sha256", "spacing_x_mm", "spacing_y_mm", "spacing_source", "anterior", "anterior_source", "turned"),
    *("age", "sex", "lowest_confidence", "numbering_confidence"),
)
_LAST: Final[tuple[str, ...]] = ("not_given", "warnings")
_FORMULA_STARTS: Final[tuple[str, ...]] = ("=", "+", "-", "@", "\t", "\r")
"""Text that begins so is run as a formula by spreadsheets."""


def label(parameter: Parameter, bound: str = "") -> str:
    """The column of a parameter, such as "PI (deg)"; `bound` is "low" or "high" for an end of its interval."""
    name = f"{parameter.key} {bound}" if bound else parameter.key
    return f"{name} ({parameter.unit})" if parameter.unit else name


_PARAMETER_COLUMNS: Final[tuple[str, ...]] = tuple(label(p, b) for p in PARAMETERS for b in ("", "low", "high"))


def film_row(content: Mapping[str, Any]) -> dict[str, Value]:
    """The row of a film: how it was read, its parameters, readings, why parameters are empty, and warnings.

    Args:
        content: what its result file holds, as `result_file.to_json` gives it.
    """
    spacing = content["spacing_mm"] or (None, None)
    sure = [mark["confidence"] for mark in content["landmarks"].values() if mark and mark["confidence"] is not None]
    row: dict[str, Value] = {
        "film": content["film"],
        "software": content["software"],
        "models": "; ".join(content["models"]),
        "spacing_x_mm": spacing[0],
        "spacing_y_mm": spacing[1],
        "spacing_source": content["spacing_source"],
        "anterior": content["anterior"],
        "anterior_source": content["anterior_source"],
        "lowest_confidence": min(sure, default=None),
    }
    if content.get("turned"):
        row["turned"] = content["turned"]
    numbering = content.get("numbering")
    if isinstance(numbering, Mapping):
        row["numbering_confidence"] = round(numbering["sure"], 3)
    for p in PARAMETERS:
        found = content["parameters"][p.key]
        row[label(p)] = _rounded(found["value"])
        row |= {label(p, bound): _rounded(found[bound]) for bound in ("low", "high") if bound in found}
    said_of = ((p.key, content["parameters"][p.key].get("reason")) for p in PARAMETERS)
    if reasons := by_reason((key, reason) for key, reason in said_of if reason):
        row["not_given"] = "; ".join(f"{', '.join(keys)} ({reason})" for reason, keys in reasons.items())
    said = "; ".join([*content.get("doubts", ()), *content["warnings"]])
    return row | _drawn(content) | _readings(content) | {"warnings": said}


def columns_of(names: Iterable[str]) -> list[str]:
    """All columns of a table whose rows have these, in the table's order; the 18 parameters are always there."""
    known = dict.fromkeys((*names, *(label(p) for p in PARAMETERS)))
    further = [name for name in known if name not in {*_FIRST, *_PARAMETER_COLUMNS, *_LAST}]
    return [name for name in (*_FIRST, *_PARAMETER_COLUMNS, *further, *_LAST) if name in known]


def csv_lines(columns: Iterable[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """The table as CSV, UTF-8, line by line."""
    names = list(columns)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        yield _taken(text)
        writer.writerow([_cell(row.get(name)) for name in names])
    yield _taken(text)


def csv_bytes(annotations: Iterable[Annotation]) -> bytes:
    """The table of annotations, one row a film."""
    rows = [film_row(to_json(annotation)) for annotation in annotations]
    return b"".join(csv_lines(columns_of(name for row in rows for name in row), rows))


def _taken(text: io.StringIO) -> bytes:
    line = text.getvalue()
    text.seek(0)
    text.truncate()
    return line.encode()


def _cell(value: Value) -> str | float:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    return "" if value is None else value


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if value is not None and np.isfinite(value) else None


def _drawn(content: Mapping[str, Any]) -> dict[str, Value]:
    """Columns of what a person drew, such as "Cobb T4-L2 (deg)" and "Distance 1 (mm)"."""
    entries = content.get("drawn", [])
    called = names(from_json(entries, str(content.get("film"))))
    return {f"{name} ({e['unit']})": _rounded(e["value"]) for name, e in zip(called, entries, strict=True)}


def _readings(content: Mapping[str, Any]) -> dict[str, Value]:
    """Columns of clinical readings, where a result has them: age and sex, and of each reading its value and class."""
    readings, patient = content.get("readings"), content.get("patient")
    found: dict[str, Value] = {}
    if isinstance(patient, Mapping):
        found |= {key: patient[key] for key in ("age", "sex") if isinstance(patient.get(key), str | int | float)}
    for key, reading in readings.items() if isinstance(readings, Mapping) else ():
        if isinstance(reading, Mapping):
            unit = f" ({reading['unit']})" if reading.get("unit") else ""
            for name, part in ((f"reading {key}{unit}", "value"), (f"class {key}", "class")):
                value = reading.get(part)
                found[name] = value if isinstance(value, str | int | float) else None
    return found
