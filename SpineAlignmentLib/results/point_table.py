"""Point lists that 3D Slicer saves as tables: the older `.fcsv`, and what its Markups module exports (CSV, TSV).

Formats: slicer.readthedocs.io, developer guide, Markups.
"""

import csv
from collections.abc import Mapping
from typing import Any, Final

_FCSV: Final[str] = "# Markups fiducial file"
_COLUMNS: Final[str] = "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
"""Of `.fcsv` where it does not name them."""
_REST: Final[str] = "further"
_DEFINED: Final[str] = "2"
"""The status of a placed point, first of what newer versions write behind the columns of `.fcsv`."""
_AXES: Final[dict[str, str]] = {"lps": "LPS", "ras": "RAS", "xyz": ""}
"""Columns of a position, to the coordinate system that they name."""
_NO_SYSTEM: Final[str] = "0"
"""RAS, of `.fcsv` of the first versions, which did not say it."""


def markups_of(text: str) -> dict[str, Any] | None:
    """What a markups file (`.mrk.json`) of the same points holds; None for text that is no such table.

    Raises:
        ValueError: a position that is not three numbers; tells the point's label.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    rows = [line for line in lines if not line.startswith("#")]
    if not lines or not rows:
        return None
    said = dict(_pair(line) for line in lines if line.startswith("#") and "=" in line)
    separator = ","
    if lines[0].startswith(_FCSV) or "columns" in said:
        names = said.get("columns", _COLUMNS).split(",")
    else:
        separator = next((mark for mark in "\t;" if mark in rows[0]), ",")
        names = [name.strip(' "').lower() for name in rows.pop(0).split(separator)]
    axes = next((axes for axes in _AXES if set(axes) <= set(names)), "")
    if not axes or "label" not in names:
        return None
    system = _AXES[axes] or said.get("CoordinateSystem", _NO_SYSTEM)
    table = csv.DictReader(rows, names, restkey=_REST, delimiter=separator)
    points = [_point(row, axes, decimal_comma=separator != ",") for row in table]
    return {"markups": [{"type": "Fiducial", "coordinateSystem": system, "controlPoints": points}]}


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.lstrip("# ").partition("=")
    return key.strip(), value.strip()


def _point(row: Mapping[str | Any, Any], axes: str, decimal_comma: bool) -> dict[str, Any]:
    label = str(row.get("label") or "")
    further = row.get(_REST) or [_DEFINED]
    placed = str(row.get("defined") or "1").strip() != "0" and further[0].strip() in ("", _DEFINED)
    words = [str(row.get(axis) or "") for axis in axes] if placed else []
    try:
        position = [float(word.replace(",", ".") if decimal_comma else word) for word in words]
    except ValueError as error:
        raise ValueError(f"the position of {label or 'a point'} is not three numbers") from error
    return {
        "label": label,
        "position": position,
        "positionStatus": "defined" if placed else "undefined",
        "description": str(row.get("desc") or row.get("description") or ""),
    }
