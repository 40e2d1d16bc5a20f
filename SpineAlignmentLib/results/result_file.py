"""The result file of a film (`<stem>.json`): annotations, detections and corrections share it."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import PARAMETERS
from SpineAlignmentLib.results.annotation import ANTERIOR_SIDES, Annotation, no_confidence, no_points
from SpineAlignmentLib.results.files import write_files

COMPUTED_KEYS: Final[frozenset[str]] = frozenset({"parameters", "norms", "readings"})
"""What follows from the landmarks: computed anew, never read from a file."""

_OWN_KEYS: Final[frozenset[str]] = COMPUTED_KEYS | frozenset(
    {"film", "size_px", "spacing_mm", "spacing_source", "anterior", "anterior_source", "pixel_aspect"}
    | {"landmarks", "models", "software", "warnings"}
)


def to_json(annotation: Annotation) -> dict[str, Any]:
    """The content of a result file; only plain JSON types, null instead of NaN."""
    a = annotation
    landmarks: dict[str, Any] = {}
    for name, (x, y), sure in zip(NAMES, a.points_px, a.confidence, strict=True):
        known = bool(np.isfinite(x) and np.isfinite(y))
        landmarks[name] = (
            {"x_px": round(float(x), 6), "y_px": round(float(y), 6), "confidence": _number(sure, 3)} if known else None
        )
    values = a.parameters()
    return {
        "film": a.film,
        "size_px": [int(v) for v in a.size_px],
        "spacing_mm": None if a.spacing_mm is None else [float(v) for v in a.spacing_mm],
        "spacing_source": a.spacing_source,
        "anterior": a.anterior,
        "anterior_source": a.anterior_source,
        "landmarks": landmarks,
        "parameters": {p.key: {"value": _number(values[p.key]), "unit": p.unit} for p in PARAMETERS},
        "models": list(a.models),
        "software": SOFTWARE,
        "warnings": list(a.warnings),
        **({} if a.spacing_mm or a.pixel_aspect == 1.0 else {"pixel_aspect": a.pixel_aspect}),
        **a.extra,
    }


def from_json(content: Any, name: str = "annotation") -> Annotation:
    """An annotation from the content of a result file, without its `COMPUTED_KEYS`.

    Args:
        content: what `json.load` returned.
        name: how errors call the file.

    Raises:
        ResultError: something is missing or not as described in `to_json`.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("landmarks"), Mapping):
        raise ResultError(f'{name}: not a landmark file: it has no "landmarks"')
    points, confidence = no_points(), no_confidence()
    for key, value in content["landmarks"].items():
        if key not in INDEX:
            raise ResultError(f"{name}: unknown landmark {key!r}")
        if value is None:
            continue
        if not isinstance(value, Mapping) or "x_px" not in value or "y_px" not in value:
            raise ResultError(f"{name}: landmark {key} needs x_px and y_px, or null when it is missing")
        points[INDEX[key]] = [_float(value[c], f"{name}: landmark {key}") for c in ("x_px", "y_px")]
        if value.get("confidence") is not None:
            confidence[INDEX[key]] = _float(value["confidence"], f"{name}: confidence of {key}")
    anterior = content.get("anterior", "left")
    if anterior not in ANTERIOR_SIDES:
        raise ResultError(f'{name}: anterior must be "left" or "right", not {anterior!r}')
    size = _pair(content.get("size_px"), f"{name}: size_px") or (0.0, 0.0)
    spacing = _pair(content.get("spacing_mm"), f"{name}: spacing_mm")
    if spacing is not None and min(spacing) <= 0:
        raise ResultError(f"{name}: spacing_mm must be positive, not {list(spacing)}")
    aspect = _float(content.get("pixel_aspect", 1.0), f"{name}: pixel_aspect")
    if aspect <= 0:
        raise ResultError(f"{name}: pixel_aspect must be positive, not {aspect}")
    return Annotation(
        film=str(content.get("film", "")),
        size_px=(int(size[0]), int(size[1])),
        points_px=points,
        confidence=confidence,
        spacing_mm=spacing,
        spacing_source=str(content.get("spacing_source", "unknown")),
        anterior=anterior,
        anterior_source=str(content.get("anterior_source", "given")),
        pixel_aspect=aspect,
        models=_strings(content.get("models"), f"{name}: models"),
        warnings=_strings(content.get("warnings"), f"{name}: warnings"),
        extra={k: v for k, v in content.items() if k not in _OWN_KEYS},
    )


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ResultError: the file cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultError(f"{path}: cannot read: {error.strerror or error}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ResultError(f"{path}: not a JSON file: {error}") from error


def read_annotation(path: str | Path) -> Annotation:
    """Landmarks from a result file (`<stem>.json`).

    Raises:
        ResultError: the file cannot be read or is not a landmark file.
    """
    path = Path(path)
    return from_json(read_json(path), str(path))


def json_bytes(annotation: Annotation) -> bytes:
    """The result file as bytes."""
    return (json.dumps(to_json(annotation), indent=1, allow_nan=False) + "\n").encode()


def write_annotation(annotation: Annotation, path: str | Path) -> None:
    """Write a result file, whole or not at all.

    Raises:
        ResultError: the place cannot be written.
    """
    write_files({Path(path): json_bytes(annotation)})


def _number(value: float, digits: int = 15) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def _float(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ResultError(f"{what}: {value!r} is not a number")
    return float(value)


def _pair(value: Any, what: str) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ResultError(f"{what}: expected two numbers, got {value!r}")
    return _float(value[0], what), _float(value[1], what)


def _strings(value: Any, what: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ResultError(f"{what}: expected a list, got {value!r}")
    return tuple(str(v) for v in value)
