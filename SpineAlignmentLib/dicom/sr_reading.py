"""Landmarks from a structured report that `sr_writing` wrote."""

import json
import math
import warnings as python_warnings
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.dicom.sr_writing import DEVIATIONS, FACTS_GROUP
from SpineAlignmentLib.dicom.vocabulary import PIXEL_CENTER, SCHEME
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.film.dicom_dataset import looks_like_dicom
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.result_file import from_json

Data = Any
_GROUP, _IDENTIFIER, _REGION, _PARAMETER = "125007", "112039", "111030", "111002"
"""Measurement Group, Tracking Identifier, Image Region, Algorithm Parameters (DCM)."""
_UNDEFINED_LENGTH: Final[int] = 0xFFFFFFFF
_HEAD: Final[int] = 132
_DEEPEST: Final[int] = 12
"""No content tree of TID 1500 is deeper."""


def may_be_report(path: Path) -> bool:
    """Whether a file says that it is DICOM, by what is in it or by its ending; archives give files any name."""
    try:
        with path.open("rb") as stream:
            return looks_like_dicom(stream.read(_HEAD)) or path.suffix.lower() == ".dcm"
    # a reader says why
    except OSError:
        return path.suffix.lower() == ".dcm"


def read_structured_report(path: Path) -> Annotation:
    """Landmarks and facts of the film from a report.

    Raises:
        ResultError: not a report with our landmarks, or a damaged one.
    """
    import pydicom

    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            data = pydicom.dcmread(path, force=True)
        whole = _is_whole(data)
        groups = [item for item in _items(data) if _name(item) == _GROUP]
        content = _content(groups)
    except OSError as error:
        raise ResultError(f"{path}: cannot read: {error.strerror or error}") from error
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from error
    # damaged files raise whatever the parser happens on; the user needs to know which file
    except Exception as error:
        raise ResultError(f"{path}: damaged or not a structured report: {type(error).__name__}") from error
    if not whole:
        raise ResultError(f"{path}: damaged: the file ends within one of its elements")
    if not content["landmarks"]:
        kind = getattr(data.get("SOPClassUID"), "name", "") or "a DICOM file"
        raise ResultError(f"{path}: no landmarks of SpineAlignment in it ({kind})")
    if "anterior" not in content:
        raise ResultError(f"{path}: its landmarks are there, but not the side the patient faces")
    return from_json(content, str(path))


def _is_whole(data: Data) -> bool:
    """Whether no element promises more than the file has; what is left of a cut report would pass for all of it."""
    from pydicom.dataelem import RawDataElement

    found = [data.get_item(tag) for tag in data.keys()]  # noqa: SIM118 (iterating converts every element)
    raw = [element for element in found if isinstance(element, RawDataElement)]
    return all(element.length in (_UNDEFINED_LENGTH, len(element.value or b"")) for element in raw)


def _content(groups: list[Data]) -> dict[str, Any]:
    """The content of a result file."""
    landmarks: dict[str, Any] = {}
    content: dict[str, Any] = {"landmarks": landmarks}
    for group in groups:
        items = list(group.get("ContentSequence", []))
        identifier = next((str(item.TextValue) for item in items if _name(item) == _IDENTIFIER), "")
        if identifier in INDEX:
            region = next(item for item in items if _name(item) == _REGION)
            x, y = (float(v) - PIXEL_CENTER for v in region.GraphicData)
            if math.isfinite(x) and math.isfinite(y):
                if identifier in landmarks:
                    raise ResultError(f"{identifier} is in this report twice; measure a report of one reading")
                landmarks[identifier] = {"x_px": x, "y_px": y, "confidence": _confidence(items)}
        elif identifier == FACTS_GROUP:
            texts = [str(item.TextValue) for item in items if _name(item) == _PARAMETER]
            content |= {key: json.loads(value) for key, value in (text.split("=", 1) for text in texts)}
    for name, deviation in content.pop(DEVIATIONS, {}).items():
        if name in landmarks:
            landmarks[name][DEVIATIONS] = deviation
    return content


def _confidence(items: list[Data]) -> float | None:
    for item in items:
        if item.get("ValueType") == "NUM" and item.ConceptNameCodeSequence[0].CodingSchemeDesignator == SCHEME:
            return float(item.MeasuredValueSequence[0].NumericValue)
    return None


def _items(item: Data, depth: int = 0) -> list[Data]:
    """Every content item of a tree, from the top."""
    if depth > _DEEPEST:
        return []
    below = list(item.get("ContentSequence", []))
    return [*below, *(deeper for child in below for deeper in _items(child, depth + 1))]


def _name(item: Data) -> str:
    name = item.get("ConceptNameCodeSequence")
    return str(name[0].get("CodeValue", "")) if name else ""
