"""The landmarks as a Slicer markups file (`.mrk.json`): a point list that opens on top of the film.

Positions are written in LPS, as the format's default is, at the place where Slicer's own reader lays the film
(`Placement`). Format: Slicer's markups schema 1.0.3.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES, landmark_called
from SpineAlignmentLib.results.annotation import SPACING_WARNING, Annotation
from SpineAlignmentLib.results.placement import Placement
from SpineAlignmentLib.results.point_table import markups_of
from SpineAlignmentLib.results.result_file import COMPUTED_KEYS, MAX_NUMBER, from_json, json_content, read_text, to_json
from SpineAlignmentLib.results.turning import turned_points

FloatArray = NDArray[np.float64]

SCHEMA: Final[str] = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
LANDMARK_ENDINGS: Final[tuple[str, ...]] = (".mrk.json", ".json", ".sr.dcm", ".fcsv", ".csv", ".tsv")
"""Of files that hold landmarks of a film."""
_FILM_KEY: Final[str] = "spineAlignmentFilm"
"""Our own entry beside "markups": the film, what is known of its landmarks but their places, and its placement. Slicer
ignores it, and leaves it out of what it saves: then a person has looked at them."""
_TRUST_KEY: Final[str] = "trust"
_TRUST: Final[tuple[str, ...]] = ("confidence", "sd_px", "radius_px")

_NO_SPACING: Final[str] = "film of unknown pixel spacing"
"""In the description of every control point of such a film, where Slicer keeps it: positions are pixels then."""
_SCALE: Final[str] = "positions times {:.9g} x {:.9g} are mm"
"""And there of a film whose size of a pixel is another one than it was laid out with, see `scale_mark`."""
_SCALED: Final[re.Pattern[str]] = re.compile(r"\bpositions times ([0-9.e+-]+) x ([0-9.e+-]+) are mm\b")
_OF_FILM: Final[re.Pattern[str]] = re.compile(r"of film (.*), SHA-256 ([0-9a-f]{64})$", re.DOTALL)
"""In each description as well, at its end: the film that the landmarks belong to, see `film_mark`."""
_TURNED: Final[re.Pattern[str]] = re.compile(r"\bfilm turned ([1-3])\b")
"""And before it, of a film that lies: quarter turns counterclockwise that set it upright."""
_UNKNOWN: Final[str] = f"{SPACING_WARNING} of the film was unknown; give it with --spacing"
_AS_PLACED: Final[str] = (
    f"{SPACING_WARNING} is that of the film when its landmarks were placed; give it with --spacing if that was wrong"
)
_SAME_SCALE: Final[float] = 1e-4
"""Slicer keeps the size of a pixel as its files have it, which round."""
_SAME_PLACE: Final[float] = 1e-3
"""In the file's unit: control points that are closer are the same one twice, which does no harm."""
_SYSTEMS: Final[dict[str, str]] = {"LPS": "LPS", "1": "LPS", "RAS": "RAS", "0": "RAS"}
"""Names of coordinate systems, and the numbers that Slicer wrote before it wrote names."""
_UNITS_MM: Final[dict[str, float]] = {"mm": 1.0, "um": 1e-3, "\u00b5m": 1e-3, "\u03bcm": 1e-3, "cm": 10.0, "m": 1e3}

_PLATES: Final[tuple[tuple[str, str], ...]] = (
    *(("C2_AI", "C2_PI"), ("C7_AI", "C7_PI"), ("T1_AS", "T1_PS"), ("T5_AS", "T5_PS"), ("T5_AI", "T5_PI")),
    *(("T12_AI", "T12_PI"), ("L1_AS", "L1_PS"), ("L4_AS", "L4_PS"), ("S1_A", "S1_P")),
)


def film_mark(annotation: Annotation) -> str:
    """How the film lies, its name and content, for the descriptions of control points, which Slicer keeps.

    "" where it stands upright and its content is not known.
    """
    turned = f"film turned {annotation.quarter_turns}" if annotation.quarter_turns else ""
    film = f"of film {annotation.film}, SHA-256 {annotation.film_sha256}" if annotation.film_sha256 else ""
    return "; ".join(filter(None, [turned, film]))


def scale_mark(spacing_mm: tuple[float, float] | None, laid_mm: tuple[float, float]) -> str:
    """How positions become mm of the patient, for the same descriptions; "" where they are.

    Slicer lays a film out as its own reader read it: without the tags that it ignores, before any calibration.

    Args:
        spacing_mm: (x, y) size of a film pixel as it is known.
        laid_mm: (x, y) size of a film pixel among the positions.
    """
    if spacing_mm is None:
        return _NO_SPACING
    x, y = spacing_mm[0] / laid_mm[0], spacing_mm[1] / laid_mm[1]
    return "" if max(abs(x - 1), abs(y - 1)) < _SAME_SCALE else _SCALE.format(x, y)


def markups_bytes(annotation: Annotation, placement: Placement) -> bytes:
    """A point list of the 45 landmarks in their fixed order; those off the film have the status "missing"."""
    positions = placement.to_lps(annotation.points_px)
    points = [_control_point(i, annotation, positions[i]) for i in range(len(NAMES))]
    x_mm, y_mm = np.linalg.norm([placement.x_step, placement.y_step], axis=1)
    scale = scale_mark(annotation.spacing_mm, (float(x_mm), float(y_mm)))
    for point in points:
        point["description"] = "; ".join(filter(None, [point["description"], scale, film_mark(annotation)]))
    known = to_json(annotation)
    film = {k: v for k, v in known.items() if k != "landmarks" and k not in COMPUTED_KEYS}
    marks = {name: mark for name, mark in known["landmarks"].items() if mark}
    film[_TRUST_KEY] = {name: {key: mark[key] for key in _TRUST if key in mark} for name, mark in marks.items()}
    film["placement"] = {"origin": placement.origin, "x_step": placement.x_step, "y_step": placement.y_step}
    markup = {
        "type": "Fiducial",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": True,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(NAMES),
        "controlPoints": points,
        "measurements": [],
        "display": {"visibility": True, "opacity": 1.0, "glyphType": "Sphere3D", "glyphScale": 1.0, "textScale": 1.5},
    }
    content = {"@schema": SCHEMA, "markups": [markup], _FILM_KEY: film}
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _control_point(index: int, annotation: Annotation, position: FloatArray) -> dict[str, Any]:
    known = bool(np.isfinite(position).all())
    sure = annotation.confidence[index]
    return {
        "id": str(index + 1),
        "label": NAMES[index],
        "description": f"confidence {sure:.2f}" if known and np.isfinite(sure) else "",
        "associatedNodeID": "",
        "position": [round(float(v), 4) for v in position] if known else [0.0, 0.0, 0.0],
        "orientation": [-1.0, -0.0, -0.0, -0.0, -1.0, -0.0, 0.0, 0.0, 1.0],
        "selected": True,
        "locked": False,
        "visibility": True,
        "positionStatus": "defined" if known else "missing",
    }


def without_landmark_ending(name: str) -> str:
    """What the film was called of which a file of this name holds landmarks; a name of any other file stays."""
    return next((name[: -len(end)] for end in LANDMARK_ENDINGS if name.lower().endswith(end)), name)


def read_markups(path: str | Path) -> Annotation:
    """Landmarks from a markups file, one of ours or a point list saved by Slicer with landmark names as labels.

    What Slicer saves as a table (`.fcsv`, `.csv`, `.tsv`) is read as well.

    A list saved by Slicer keeps of its film name, content and size of a pixel, where it was one of ours. Its positions,
    in mm, take the place of pixels of 1 mm, and the facing side follows from the landmarks themselves (the front of an
    endplate is anterior of its back).

    Raises:
        ResultError: the file cannot be read, is not a point list, none of its labels is a landmark, or more than one
            list or point is the same landmark at different places.
    """
    path = Path(path)
    content = _content(path)
    try:
        lists = [markup for markup in content["markups"] if _placed(markup)]
        markup = (lists or content["markups"])[0]
        points = markup["controlPoints"]
        system, units = str(markup.get("coordinateSystem", "LPS")), markup.get("coordinateUnits", "mm")
        said = [str(point.get("description", "")) for point in points]
        positions = np.full((len(NAMES), 3), np.nan)
        twice = ""
        for point in _placed(markup):
            row, position = INDEX[_name(point)], _position(point, path)
            if np.isfinite(positions[row]).all() and np.abs(position - positions[row]).max() > _SAME_PLACE:
                twice = _name(point)
            positions[row] = position
        if np.any(np.abs(positions) > MAX_NUMBER):
            raise ValueError("a position beyond every film")
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ResultError(f"{path}: not a markups point list") from error
    if len(lists) > 1:
        raise ResultError(f"{path}: landmarks are in {len(lists)} of its lists; save each list to a file of its own")
    if twice:
        raise ResultError(f"{path}: two control points at different places are labeled {twice}; delete or rename one")
    if system.upper() not in _SYSTEMS:
        raise ResultError(f'{path}: unknown coordinateSystem {system[:20]!r}; expected "LPS" or "RAS"')
    if _SYSTEMS[system.upper()] == "RAS":
        positions[:, :2] *= -1
    if isinstance(units, list) and units:
        units = units[0]  # a coded entry: value, scheme, meaning
    if not isinstance(units, str) or units not in _UNITS_MM:
        raise ResultError(f'{path}: unknown coordinateUnits {str(units)[:20]!r}; expected "mm" or "um"')
    positions *= _UNITS_MM[units]
    if not np.isfinite(positions).all(axis=1).any():
        raise ResultError(f"{path}: no control point is labeled with a landmark name such as S1_A")
    film = content.get(_FILM_KEY)
    return _ours(film, positions, path) if isinstance(film, dict) else _from_positions(positions, path, said)


def _placed(markup: dict[str, Any]) -> list[dict[str, Any]]:
    """The placed control points of a markup that are labeled with a landmark; a file may hold others beside them."""
    points = [p for p in markup.get("controlPoints", ()) if p.get("positionStatus", "defined") == "defined"]
    return [p for p in points if _name(p) in INDEX and p.get("position") is not None]


def _name(point: dict[str, Any]) -> str:
    return landmark_called(str(point.get("label", "")))


def _position(point: dict[str, Any], path: Path) -> FloatArray:
    try:
        return np.array(point["position"], float).reshape(3)
    except (TypeError, ValueError, OverflowError) as error:
        what = f"the position of {_name(point)} is not three numbers"
        raise ResultError(f"{path}: not a markups point list: {what}") from error


def _content(path: Path) -> Any:
    """What a markups or result file holds, or a table of Slicer's points.

    Raises:
        ResultError: the file cannot be read or is none of these.
    """
    text = read_text(path)
    if text.lstrip()[:1] in ("{", "["):
        return json_content(text, path)
    try:
        table = markups_of(text)
    except ValueError as error:
        raise ResultError(f"{path}: {error}") from error
    if table is None and path.name.lower().endswith(".json"):
        return json_content(text, path)  # says what is wrong with it
    if table is None:
        kinds = ".json, .mrk.json, .sr.dcm, or Slicer's points as .fcsv, .csv or .tsv"
        raise ResultError(f"{path}: not a landmark file; what can be measured is {kinds}")
    return table


def _ours(film: dict[str, Any], positions: FloatArray, path: Path) -> Annotation:
    film = dict(film)
    try:
        trust = {name: {key: known[key] for key in _TRUST if key in known}
                 for name, known in film.pop(_TRUST_KEY, {}).items()}  # fmt: skip
        lies = film.pop("placement")
        placement = Placement(_triple(lies["origin"]), _triple(lies["x_step"]), _triple(lies["y_step"]))
        points_px = placement.to_film(positions)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, np.linalg.LinAlgError) as error:
        raise ResultError(f"{path}: its film entry has no valid placement") from error
    landmarks = {
        name: {"x_px": float(x), "y_px": float(y), **trust.get(name, {})}
        for name, (x, y) in zip(NAMES, points_px, strict=True)
        if np.isfinite(x)
    }
    return from_json({**film, "landmarks": landmarks}, str(path))


def _triple(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    if max(abs(x), abs(y), abs(z)) > MAX_NUMBER:
        raise ValueError("a place beyond every film")
    return x, y, z


def _from_positions(positions: FloatArray, path: Path, said: list[str]) -> Annotation:
    spacing = _spacing_said(said)
    films = {found.groups() for text in said if (found := _OF_FILM.search(text))}
    # points of two films in one list belong to neither
    film, sha256 = films.pop() if len(films) == 1 else (path.name, "")
    known = positions[np.isfinite(positions).all(axis=1)]
    flat = int(np.argmin(np.ptp(known, axis=0)))
    # the plane's own axes, x across and y down: axial views lie with the back down, the others with the feet down
    across, down = {0: (1, -3), 1: (0, -3), 2: (0, 2)}[flat]
    y = -positions[:, 2] if down == -3 else positions[:, 1]
    points = np.stack([positions[:, across], y], axis=1)
    turns = next((int(found[1]) for text in said if (found := _TURNED.search(text))), 0)
    x = turned_points(points, (1, 1), turns)[:, 0]
    reach = [x[INDEX[a]] - x[INDEX[p]] for a, p in _PLATES]
    reach = [r for r in reach if np.isfinite(r)]
    if not reach or np.median(reach) == 0:
        raise ResultError(f"{path}: cannot tell which side the patient faces: no endplate has both ends")
    return Annotation(
        film=film,
        size_px=(0, 0),
        points_px=points,
        spacing_mm=spacing,
        spacing_source="positions in mm",
        anterior="left" if float(np.median(reach)) < 0 else "right",
        anterior_source="endplates",
        quarter_turns=turns,
        warnings=(_UNKNOWN if spacing is None else _AS_PLACED,),
        film_sha256=sha256,
    )


def _spacing_said(said: list[str]) -> tuple[float, float] | None:
    """The mm of a unit of positions, (x, y), as descriptions of control points say; None where it is not known."""
    scales = {(float(found[1]), float(found[2])) for text in said if (found := _SCALED.search(text))}
    if any(_NO_SPACING in text for text in said) or len(scales) > 1:
        return None
    return scales.pop() if scales else (1.0, 1.0)


def read_landmarks(path: str | Path) -> Annotation:
    """Landmarks from `<stem>.json`, `<stem>.mrk.json` or a table of Slicer's points, told apart by content.

    Raises:
        ResultError: the file cannot be read or is neither.
    """
    path = Path(path)
    content = _content(path)
    if isinstance(content, dict) and "markups" in content:
        return read_markups(path)
    return from_json(content, str(path))
