"""Landmarks on a film and what follows from them: one structure for annotations, detections and corrections.

The file format is the same for all three (`read_annotation`, `write_annotation`): pixel coordinates of the original
film with (0, 0) at the center of its first pixel, x to the right, y down.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.files import write_files
from SpineAlignmentLib.landmarks import COUNT, INDEX, NAMES
from SpineAlignmentLib.parameters import KEYS, PARAMETERS, spinopelvic_parameters

FloatArray = NDArray[np.float64]

ANTERIOR_SIDES: Final[tuple[str, str]] = ("left", "right")

_OWN_KEYS: Final[frozenset[str]] = frozenset(
    {"film", "size_px", "spacing_mm", "spacing_source", "anterior", "anterior_source", "pixel_aspect"}
    | {"landmarks", "parameters", "models", "warnings"}
)


def _no_points() -> FloatArray:
    return np.full((COUNT, 2), np.nan)


def _no_confidence() -> FloatArray:
    return np.full(COUNT, np.nan)


@dataclass(frozen=True)
class Annotation:
    """The 45 landmarks of one film, found or placed by hand, with what is needed to measure them."""

    film: str
    """File name of the film, without its folder."""
    size_px: tuple[int, int]
    """(width, height) of the film in pixels."""
    points_px: FloatArray = field(default_factory=_no_points)
    """Shape (45, 2), film pixels (x, y); NaN where a landmark is missing."""
    confidence: FloatArray = field(default_factory=_no_confidence)
    """Shape (45,), 0 to 1; NaN where unknown."""
    spacing_mm: tuple[float, float] | None = None
    """(x, y) size of a film pixel in mm; None when unknown."""
    spacing_source: str = "unknown"
    anterior: str = "left"
    """The side of the film the patient faces: "left" or "right"."""
    anterior_source: str = "given"
    pixel_aspect: float = 1.0
    """Height over width of a pixel, where the spacing is unknown; in the file only when it is not 1."""
    models: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the file, such as "simulation"; kept as they are."""

    def points_mm(self) -> FloatArray:
        """Shape (45, 2): x anterior +, y up +, in mm; in pixels when the spacing is unknown."""
        return frame_points(self.points_px, self.spacing_mm or (1.0, self.pixel_aspect), self.anterior)

    def parameters(self) -> dict[str, float]:
        """The 18 parameters; NaN when not measurable, which includes distances on a film of unknown spacing."""
        values = spinopelvic_parameters(self.points_mm())
        unknown = self.spacing_mm is None
        return {p.key: math.nan if unknown and p.unit == "mm" else float(values[p.key]) for p in PARAMETERS}

    def with_points(self, points_px: ArrayLike, confidence: ArrayLike | None = None) -> "Annotation":
        """The same film with other landmarks."""
        sure = _no_confidence() if confidence is None else np.asarray(confidence, float)
        return replace(self, points_px=np.asarray(points_px, float), confidence=sure)


def frame_points(points_px: ArrayLike, spacing: tuple[float, float] | None, anterior: str) -> FloatArray:
    """Film pixels, shape (..., 2), in the frame of `parameters`: x anterior +, y up +, mm (pixels without spacing)."""
    return np.asarray(np.asarray(points_px, float) * _frame_step(spacing, anterior))


def film_points(points: ArrayLike, spacing: tuple[float, float] | None, anterior: str) -> FloatArray:
    """The exact inverse of `frame_points`."""
    return np.asarray(np.asarray(points, float) / _frame_step(spacing, anterior))


def _frame_step(spacing: tuple[float, float] | None, anterior: str) -> FloatArray:
    if anterior not in ANTERIOR_SIDES:
        raise ValueError(f"anterior must be 'left' or 'right', got {anterior!r}")
    x, y = spacing or (1.0, 1.0)
    return np.array([-x if anterior == "left" else x, -y])


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
        "warnings": list(a.warnings),
        **({} if a.spacing_mm or a.pixel_aspect == 1.0 else {"pixel_aspect": a.pixel_aspect}),
        **a.extra,
    }


def from_json(content: Any, name: str = "annotation") -> Annotation:
    """An annotation from the content of a result file; parameters are computed anew, never read.

    Args:
        content: what `json.load` returned.
        name: how errors call the file.

    Raises:
        ResultError: something is missing or not as described in `to_json`.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("landmarks"), Mapping):
        raise ResultError(f'{name}: not a landmark file: it has no "landmarks"')
    points, confidence = _no_points(), _no_confidence()
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
