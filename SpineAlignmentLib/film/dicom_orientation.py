"""What a DICOM file's tags say of the view and of the side that the patient faces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.dicom_dataset import items, tag_name, text, values
from SpineAlignmentLib.film.film import LIES_BY_TAG, SIDE_OF_TAG

_FRONTAL_POSITIONS: Final[frozenset[str]] = frozenset({"AP", "PA", "APPA", "PAAP", "FRONTAL"})
_LATERAL_POSITIONS: Final[frozenset[str]] = frozenset({"LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT"})
"""ViewPosition (0018,5101); PS3.3 C.8.7.1.1.1 and what devices write."""
_FRONTAL_CODES: Final[frozenset[str]] = frozenset(
    {"399348003", "272479007", "399033003", "399160007", "R-10206", "R-10214", "R-40888", "R-10202", "R-10204"}
)
_LATERAL_CODES: Final[frozenset[str]] = frozenset(
    {"399067008", "399173006", "399198007", "399260004", "399352003", "30730003"}
    | {"R-102CD", "R-10236", "R-10232", "R-10224", "R-10228", "G-A145"}
)
"""ViewCodeSequence (0054,0220); PS3.16 CID 4010, in SNOMED CT and as SNOMED RT wrote them."""
_FRONTAL_WORDS: Final[tuple[str, ...]] = ("ANTERO-POSTERIOR", "POSTERO-ANTERIOR", "ANTEROPOSTERIOR",
                                         "POSTEROANTERIOR", "FRONTAL")  # fmt: skip


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
    frontal, lateral = _told_views(data)
    if not frontal:
        return side
    if lateral or side.anterior is not None:
        others = ", ".join([*lateral, *([SIDE_OF_TAG] if side.anterior else [])])
        text_ = f"{frontal[0]} says that the view is frontal, {others} that it is lateral: look at the film"
        return Orientation(side.anterior, side.source, (*side.warnings, text_))
    if not force:
        raise FilmError(f"{path}: not a lateral film: {frontal[0]} says that the view is frontal; --force measures it")
    warning = f"not a lateral film ({frontal[0]}); its measurements mean nothing"
    return Orientation(side.anterior, side.source, (*side.warnings, warning))


def _told_views(data: Any) -> tuple[list[str], list[str]]:
    """The tags that call the view frontal, and those that call it lateral."""
    frontal, lateral = [], []
    position = text(data, "ViewPosition").replace("-", "").replace(" ", "")
    if position in _FRONTAL_POSITIONS:
        frontal.append(f"{tag_name('ViewPosition')} {position}")
    elif position in _LATERAL_POSITIONS:
        lateral.append(f"{tag_name('ViewPosition')} {position}")
    for item in items(data, "ViewCodeSequence")[:1]:
        code, meaning = text(item, "CodeValue"), text(item, "CodeMeaning")
        said = f"{tag_name('ViewCodeSequence')} {(meaning or code).lower()}"
        if code in _LATERAL_CODES or "LATERAL" in meaning or meaning == "SAGITTAL":
            lateral.append(said)
        elif code in _FRONTAL_CODES or meaning in ("AP", "PA") or any(word in meaning for word in _FRONTAL_WORDS):
            frontal.append(said)
    row, column = _directions(data)
    if row[:1] in ("L", "R") and column[:1] in ("F", "H"):
        frontal.append(f"{tag_name('PatientOrientation')} {row}\\{column}")
    return frontal, lateral


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
