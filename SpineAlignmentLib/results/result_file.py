"""The result file of a film (`<stem>.json`): annotations, detections and corrections share it."""

import codecs
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS
from SpineAlignmentLib.results import drawn, numbering, vertebrae
from SpineAlignmentLib.results.annotation import (
    HEADS,
    Annotation,
    no_confidence,
    no_deviation,
    no_points,
    no_radius,
)
from SpineAlignmentLib.results.doubts import doubts
from SpineAlignmentLib.results.files import write_files
from SpineAlignmentLib.results.frame import ANTERIOR_SIDES
from SpineAlignmentLib.results.measured import Measured

COMPUTED_KEYS: Final[frozenset[str]] = frozenset({"parameters", "cobb", "norms", "readings", "doubts"})
"""What follows from the landmarks: computed anew, never read from a file."""

_OWN_KEYS: Final[frozenset[str]] = COMPUTED_KEYS | frozenset(
    {"film", "size_px", "spacing_mm", "spacing_source", "anterior", "anterior_source", "turned", "pixel_aspect"}
    | {"film_sha256", "landmarks", "vertebrae", "models", "software", "warnings", "numbering"}
    | {"drawn", "reviewed", "film_reviewed", "interval_factors"}
)

MAX_NUMBER: Final[float] = 1e9
"""Beyond every coordinate, size and spacing of a film."""


def to_json(annotation: Annotation) -> dict[str, Any]:
    """The content of a result file; only plain JSON types, null instead of NaN."""
    a = annotation
    landmarks: dict[str, Any] = {}
    for name, (x, y), sure, off in zip(NAMES, a.points_px, a.confidence, a.deviation_px, strict=True):
        known = bool(np.isfinite(x) and np.isfinite(y))
        landmarks[name] = (
            {"x_px": round(float(x), 6), "y_px": round(float(y), 6), "confidence": _number(sure, 3)}
            | ({"sd_px": _number(off, 3)} if np.isfinite(off) and np.isfinite(sure) else {})
            if known
            else None
        )
    for name, radius in zip(HEADS, a.head_radius_px, strict=True):
        if landmarks[name] is not None and np.isfinite(radius):
            landmarks[name]["radius_px"] = round(float(radius), 3)
    return {
        "film": a.film,
        "size_px": [int(v) for v in a.size_px],
        "spacing_mm": None if a.spacing_mm is None else [float(v) for v in a.spacing_mm],
        "spacing_source": a.spacing_source,
        "anterior": a.anterior,
        "anterior_source": a.anterior_source,
        **({"turned": a.quarter_turns} if a.quarter_turns else {}),
        "landmarks": landmarks,
        **(
            {}
            if np.isnan(a.vertebrae_px).all()
            else {"vertebrae": vertebrae.to_json(a.vertebrae_px, a.vertebrae_confidence)}
        ),
        "parameters": {key: _parameter(BY_KEY[key].unit, found) for key, found in a.measurements().items()},
        **({"interval_factors": dict(a.interval_factors)} if a.interval_factors else {}),
        **({"drawn": [drawn.to_json(d, a.drawn_value(d)) for d in a.drawn]} if a.drawn else {}),
        **({"reviewed": [name for name in NAMES if name in a.reviewed]} if a.reviewed else {}),
        **({} if a.whole_reviewed is None else {"film_reviewed": a.whole_reviewed}),
        **({} if a.numbering is None else {"numbering": numbering.to_json(a.numbering)}),
        "models": list(a.models),
        "software": SOFTWARE,
        "warnings": list(a.warnings),
        **({"doubts": list(doubted)} if (doubted := doubts(a)) else {}),
        **({"film_sha256": a.film_sha256} if a.film_sha256 else {}),
        **({} if a.spacing_mm or a.pixel_aspect == 1.0 else {"pixel_aspect": a.pixel_aspect}),
        **a.extra,
    }


def _parameter(unit: str, found: Measured) -> dict[str, Any]:
    content: dict[str, Any] = {"value": _number(found.value), "unit": unit}
    if math.isfinite(found.half_width):
        content |= {"low": _number(found.low), "high": _number(found.high)}
    return content | ({"reason": found.reason} if found.reason else {})


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
    points, confidence, deviation, radius = no_points(), no_confidence(), no_deviation(), no_radius()
    for key, value in content["landmarks"].items():
        if key not in INDEX:
            raise ResultError(f"{name}: unknown landmark {key!r}")
        if value is None:
            continue
        if not isinstance(value, Mapping) or "x_px" not in value or "y_px" not in value:
            raise ResultError(f"{name}: landmark {key} needs x_px and y_px, or null when it is missing")
        points[INDEX[key]] = [_float(value[c], f"{name}: landmark {key}") for c in ("x_px", "y_px")]
        if value.get("confidence") is not None:
            confidence[INDEX[key]] = vertebrae.chance(value["confidence"], f"{name}: confidence of {key}")
        if value.get("sd_px") is not None:
            deviation[INDEX[key]] = _positive(value["sd_px"], f"{name}: sd_px of {key}")
        if key in HEADS and value.get("radius_px") is not None:
            radius[HEADS.index(key)] = _positive(value["radius_px"], f"{name}: radius of {key}")
    corners, corner_confidence = vertebrae.from_json(content.get("vertebrae"), name)
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
    turned = content.get("turned", 0)
    if isinstance(turned, bool) or turned not in range(4):
        raise ResultError(f"{name}: turned must be 0 to 3 quarter turns, not {turned!r}")
    looked_at = frozenset(_strings(content.get("reviewed"), f"{name}: reviewed"))
    if unknown := sorted(looked_at - INDEX.keys()):
        raise ResultError(f"{name}: reviewed: unknown landmark {unknown[0]!r}")
    return Annotation(
        film=str(content.get("film", "")),
        size_px=(int(size[0]), int(size[1])),
        points_px=points,
        confidence=confidence,
        deviation_px=deviation,
        interval_factors=_factors(content.get("interval_factors"), name),
        vertebrae_px=corners,
        vertebrae_confidence=corner_confidence,
        head_radius_px=radius,
        drawn=drawn.from_json(content.get("drawn"), name),
        reviewed=looked_at,
        whole_reviewed=_whole_reviewed(content, points, looked_at, name),
        spacing_mm=spacing,
        spacing_source=str(content.get("spacing_source", "unknown")),
        anterior=anterior,
        anterior_source=str(content.get("anterior_source", "given")),
        quarter_turns=int(turned),
        pixel_aspect=aspect,
        models=_strings(content.get("models"), f"{name}: models"),
        warnings=_strings(content.get("warnings"), f"{name}: warnings"),
        numbering=None if content.get("numbering") is None else numbering.from_json(content["numbering"], name),
        film_sha256=str(content.get("film_sha256") or ""),
        extra={k: v for k, v in content.items() if k not in _OWN_KEYS},
    )


def read_text(path: Path) -> str:
    """The text of a file, in UTF-8 or UTF-16.

    Raises:
        ResultError: the file cannot be read, or is no text.
    """
    try:
        content = path.read_bytes()
        # editors of Windows put a byte-order mark in front, or write UTF-16
        marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if marked else "utf-8-sig")
    except OSError as error:
        raise ResultError(f"{path}: cannot read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ResultError(f"{path}: not a JSON file: no text in UTF-8") from error


def read_json(path: Path, finite: bool = True) -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        finite: whether NaN and infinite numbers, which JSON does not have and Python writes, are refused.

    Raises:
        ResultError: the file cannot be read, is not JSON, or has an entry twice.
    """
    return json_content(read_text(path), path, finite)


def json_content(text: str, path: Path, finite: bool = True) -> Any:
    """The content of a JSON file's text; see `read_json`."""
    try:
        numbers: dict[str, Any] = {"parse_constant": _no_constant, "parse_float": _finite} if finite else {}
        content = json.loads(text, object_pairs_hook=_once, **numbers)
        if "\\ud" in text.lower():
            # half of a surrogate pair is no text, and no file can hold it
            json.dumps(content, ensure_ascii=False).encode()
    except _TwiceError as error:
        raise ResultError(f"{path}: {error}") from error
    # besides JSON's own errors: text that is no text, numbers of more digits than Python reads, nesting without end
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path}: not a JSON file: {error}") from error
    return content


def read_annotation(path: str | Path) -> Annotation:
    """Landmarks from a result file (`<stem>.json`).

    Raises:
        ResultError: the file cannot be read or is not a landmark file.
    """
    path = Path(path)
    return from_json(read_json(path), str(path))


def json_bytes(annotation: Annotation, cobb: Mapping[str, float] | None = None) -> bytes:
    """The result file as bytes, with further angles under "cobb" where given, such as {"T4:T12": 31.0}."""
    angles = {key: {"value": _number(value), "unit": "deg"} for key, value in (cobb or {}).items()}
    content = to_json(annotation) | ({"cobb": angles} if angles else {})
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def write_annotation(annotation: Annotation, path: str | Path) -> None:
    """Write a result file, whole or not at all.

    Raises:
        ResultError: the place cannot be written.
    """
    write_files({Path(path): json_bytes(annotation)})


class _TwiceError(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a JSON file; Python takes the last of equal names without a word."""
    content: dict[str, Any] = {}
    for name, value in pairs:
        if name in content and content[name] != value:
            what = f"{name} is" if name in INDEX else "an entry is"
            raise _TwiceError(f"{what} there twice, each with another value; delete one")
        content[name] = value
    return content


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _no_constant(digits[:20])


def _number(value: float, digits: int = 15) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def _float(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ResultError(f"{what}: {value!r} is not a number")
    # also false for NaN; a whole number may be too large to become a float, or to be printed
    if not -MAX_NUMBER < value < MAX_NUMBER:
        raise ResultError(f"{what}: not a number that a film can have")
    return float(value)


def _positive(value: Any, what: str) -> float:
    number = _float(value, what)
    if not number > 0:
        raise ResultError(f"{what}: {number:g} is not above zero")
    return number


def _whole_reviewed(
    content: Mapping[str, Any], points: NDArray[np.float64], looked_at: frozenset[str], name: str
) -> bool | None:
    value = content.get("film_reviewed")
    if value not in (None, True, False):
        raise ResultError(f"{name}: film_reviewed must be true or false, not {value!r}")
    # older files say it by naming every landmark
    there = {known for known, row in INDEX.items() if np.isfinite(points[row, 0])}
    return bool(value) if value is not None else True if there and there <= looked_at else None


def _factors(value: Any, name: str) -> dict[str, float]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ResultError(f"{name}: interval_factors: expected numbers by parameter, got {value!r}")
    return {key: _positive(value[key], f"{name}: interval factor of {key}") for key in KEYS if key in value}


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
