"""What a DICOM file's tags say of the view and of the side that the patient faces."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.dicom_dataset import as_number, items, tag_name, text, values
from SpineAlignmentLib.film.film import LIES_BY_TAG, SIDE_OF_TAG

_WORDS: Final = {
    "frontal": r"\b(?:AP|PA){1,2}\b|\bA\W?P\b|\bP\W?A\b|\bANT\w*\W*POST\w*|\bPOST\w*\W*ANT\w*|FRONTAL|CORONAL",
    "oblique": r"OBL\w*|\b[LR]\W?[AP]\W?O\b|\b[LMR]LO\b",
    "decubitus": r"DECUB\w*|\b[LR]LD\b",
    "lateral": r"\bLATERAL|MEDIO\W?LATERAL|LATERO\W?(?:MEDI|LATER)AL|\b[LR]?\W?LAT\b|\b[LR]L\b|SAGITTAL",
}
"""Of ViewPosition (0018,5101), PS3.3 C.8.7.1.1.1 and what devices write, and of meanings of view codes; where a text
names several views the first is the one."""
_FRONTAL_CODES: Final[frozenset[str]] = frozenset(
    {"399348003", "272479007", "399033003", "399160007", "399312000", "399059000", "399132005", "81654009"}
    | {"R-10206", "R-10214", "R-40888", "R-10202", "R-10204", "R-10208", "R-10216", "R-10252"}
)
_LATERAL_CODES: Final[frozenset[str]] = frozenset(
    {"399067008", "399173006", "399198007", "399260004", "399352003", "30730003"}
    | {"R-102CD", "R-10236", "R-10232", "R-10224", "R-10228", "G-A145"}
)
_OBLIQUE_CODES: Final[frozenset[str]] = frozenset(
    {"399182000", "21114003", "399135007", "399356000", "399006002", "399038007", "399184004", "399236003"}
    | {"260426006", "260427002", "399099002", "399368009", "399004004", "399325008"}
    | {"R-102C1", "G-A472", "R-10220", "R-40985", "R-10212", "R-10210", "R-10238", "R-10234"}
    | {"R-40782", "R-40783", "R-10230", "R-10226", "R-10246", "R-10254"}
)
_CODES: Final = {"frontal": _FRONTAL_CODES, "oblique": _OBLIQUE_CODES, "lateral": _LATERAL_CODES}
"""ViewCodeSequence (0054,0220); PS3.16 CID 4010, in SNOMED CT and as SNOMED RT wrote them."""
_NO_FULL_VIEWS: Final[tuple[str, ...]] = ("oblique", "decubitus")
"""Views that are said; where the film shows no spine from the side it is refused as any other."""
_TILT: Final[float] = 0.87
"""Cosine of 30 degrees: rows and columns that point less than this along an axis of the patient are oblique."""
_FROM_RIGHT_TO_LEFT, _FROM_FRONT_TO_BACK, _FROM_FOOT_TO_HEAD = range(3)
"""Axes of the patient, PS3.3 C.7.6.2.1.1."""


@dataclass(frozen=True)
class Orientation:
    """How the patient stands on the film, as the tags say it."""

    anterior: str | None = None
    source: str = "unknown"
    warnings: tuple[str, ...] = ()


def read_orientation(data: Any, path: Path, force: bool) -> Orientation:
    """The side the patient faces.

    Args:
        data: the data set.
        path: how messages call the file.
        force: take a film of another view all the same.

    Raises:
        FilmError: the tags say that the film is no lateral one.
    """
    side = _side(data)
    told = _told_views(data)
    frontal, lateral = told.get("frontal", []), told.get("lateral", [])
    others = [(name, view) for view in _NO_FULL_VIEWS for name in told.get(view, [])]
    warnings = [*side.warnings, *(f"{name} says that the view is {view}: look at the film" for name, view in others)]
    if not frontal:
        return Orientation(side.anterior, side.source, tuple(warnings))
    if lateral or side.anterior is not None:
        names = ", ".join([*lateral, *([SIDE_OF_TAG] if side.anterior else [])])
        warnings.append(f"{frontal[0]} says that the view is frontal, {names} that it is lateral: look at the film")
    elif not force:
        raise FilmError(f"{path}: not a lateral film: {frontal[0]} says that the view is frontal; --force measures it")
    else:
        warnings.append(f"not a lateral film ({frontal[0]}); its measurements mean nothing")
    return Orientation(side.anterior, side.source, tuple(warnings))


def _told_views(data: Any) -> dict[str, list[str]]:
    """Views to the tags that say them."""
    told: dict[str, list[str]] = {}
    view, word = _view_in(text(data, "ViewPosition"))
    told.setdefault(view, []).append(f"{tag_name('ViewPosition')} {word}")
    for item in items(data, "ViewCodeSequence")[:1]:
        code, meaning = text(item, "CodeValue"), text(item, "CodeMeaning")
        coded = next((name for name, codes in _CODES.items() if code in codes), "")
        told.setdefault(coded or _view_in(meaning)[0], []).append(
            f"{tag_name('ViewCodeSequence')} {(meaning or code).lower()}"
        )
    row, column = _directions(data)
    if _plane(row, column):
        told.setdefault(_plane(row, column), []).append(f"{tag_name('PatientOrientation')} {row}\\{column}")
    told.setdefault(_plane_of_axes(data), []).append(tag_name("ImageOrientationPatient"))
    return told


def _view_in(words: str) -> tuple[str, str]:
    """The view that a text names and the word for it; "" for none, and where it names two, "AP + LAT"."""
    plain = words.replace("_", " ")
    found = {view: word.group() for view, pattern in _WORDS.items() if (word := re.search(pattern, plain))}
    if set(found) == {"frontal", "lateral"}:
        return "", ""
    return next(iter(found.items()), ("", ""))


def _plane(row: str, column: str) -> str:
    """The view of a film whose rows and columns point there, "" where that is not known or is a lateral one.

    Side and lateral view are what `_side` says.
    """
    axes = {row[:1], column[:1]}
    if not axes & set("HF"):
        return ""
    across = row if column[:1] in ("H", "F") else column
    if set(across) & set("LR") and set(across) & set("AP"):
        return "oblique"
    return "frontal" if axes & set("LR") else ""


def _plane_of_axes(data: Any) -> str:
    """The view by ImageOrientationPatient (0020,0037), PS3.3 C.7.6.2.1.1; "" where rows or columns do not stand up."""
    said = [as_number(v) for v in values(data, "ImageOrientationPatient")]
    axes = [v for v in said if v is not None]
    if len(said) != 6 or len(axes) != 6:
        return ""
    row, column = (tuple(abs(v) for v in axes[start : start + 3]) for start in (0, 3))
    if max(row[_FROM_FOOT_TO_HEAD], column[_FROM_FOOT_TO_HEAD]) < _TILT:
        return ""
    across = row if column[_FROM_FOOT_TO_HEAD] >= _TILT else column
    if across[_FROM_RIGHT_TO_LEFT] >= _TILT:
        return "frontal"
    return "lateral" if across[_FROM_FRONT_TO_BACK] >= _TILT else "oblique"


def _directions(data: Any) -> tuple[str, str]:
    """Where rows and columns point, as letters; "" where it is not said. PS3.3 C.7.6.1.1.1."""
    said = [v.upper() for v in values(data, "PatientOrientation")]
    if len(said) != 2 or not all(v and set(v) <= set("APLRHF") for v in said):
        return "", ""
    return said[0], said[1]


def _side(data: Any) -> Orientation:
    """The side from PatientOrientation (0020,0020)."""
    said = values(data, "PatientOrientation")
    row, column = _directions(data)
    if not row:
        shown = "\\".join(said)[:60]
        return Orientation(warnings=(f"{SIDE_OF_TAG} holds {shown!r}; not used",) if said else ())
    row, column = row[0], column[0]
    if row in "HF":
        text_ = f"{LIES_BY_TAG} lies on its side ({row}\\{column}); turn it upright first"
        return Orientation(warnings=(text_,))
    warnings = []
    if column == "H":
        warnings.append(f"{LIES_BY_TAG} is upside down ({row}\\{column}); turn it upright first")
    if row not in "AP":
        return Orientation(warnings=tuple(warnings))
    return Orientation("left" if row == "P" else "right", SIDE_OF_TAG, tuple(warnings))
