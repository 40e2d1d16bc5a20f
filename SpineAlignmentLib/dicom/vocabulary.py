"""How landmarks and parameters are coded in DICOM.

Standard codes where pydicom's dictionaries have them: vertebrae (CID 7602, 7603), sacrum, femoral head, Cobb angle
(CID 7550). Spinopelvic parameters and corners have none; they get codes of one private scheme (PS3.16, 8.2), whose
values are the project's own keys and landmark names.
"""

from typing import Any, Final

from SpineAlignmentLib.measurement.landmarks import PRESACRAL_LEVELS
from SpineAlignmentLib.measurement.parameters import BY_KEY

SCHEME: Final[str] = "99SPINEALIGN"
SCHEME_NAME: Final[str] = "SpineAlignment landmarks and spinopelvic parameters"

PIXEL_CENTER: Final[float] = 0.5
"""DICOM counts from the corner of the first pixel (PS3.3 C.18.6.1.1, C.10.5.1.2), ours from its center."""

COBB_ANGLES: Final[frozenset[str]] = frozenset({"LL", "CL", "GTK", "PTK", "MTK", "L4SL"})
"""Parameters that are the angle between two endplates."""

_ENDS: Final[dict[str, str]] = {
    "D": "center of the dens",
    "C": "center of the vertebral body",
    "AI": "anterior end of the inferior endplate",
    "PI": "posterior end of the inferior endplate",
    "AS": "anterior end of the superior endplate",
    "PS": "posterior end of the superior endplate",
    "A": "anterior edge of the superior endplate",
    "P": "posterior edge of the superior endplate",
    "1": "center, the head further anterior",
    "2": "center, the head further posterior",
}
_UNITS: Final[dict[str, tuple[str, str]]] = {
    "deg": ("deg", "degree"),
    "mm": ("mm", "millimeter"),
    "": ("1", "no units"),
}


def plain(text: str) -> str:
    """A text of ours in the letters that every character set has."""
    return text.replace("\N{DEGREE SIGN}", " deg").replace("\N{NO-BREAK SPACE}", " ")


def parameter_code(key: str) -> Any:
    """The code of a parameter, a `pydicom.sr.coding.Code`."""
    from pydicom.sr.coding import Code

    return Code(key, SCHEME, BY_KEY[key].name[0].upper() + BY_KEY[key].name[1:])


def parameter_label(key: str) -> str:
    """The tracking identifier of a parameter's group: viewers show it where they do not know the code."""
    return f"{key} {BY_KEY[key].name}"


def unit_code(unit: str) -> Any:
    """The UCUM code of a parameter's unit."""
    from pydicom.sr.coding import Code

    value, meaning = _UNITS[unit]
    return Code(value, "UCUM", meaning)


def landmark_code(name: str) -> Any:
    """The code of a landmark."""
    from pydicom.sr.coding import Code

    where, end = name.split("_")
    part = {"FH": "Femoral head"}.get(where, where)
    return Code(name, SCHEME, f"{part} {_ENDS[end]}")


def evaluations_code() -> Any:
    """The heading of the qualitative evaluations of a measurement report (TID 1500)."""
    from pydicom.sr.coding import Code

    return Code("C0034375", "UMLS", "Qualitative Evaluations")


def site_code(name: str) -> Any:
    """The anatomic structure that a landmark lies on."""
    from pydicom.sr.codedict import codes

    where = name.split("_")[0]
    if where in PRESACRAL_LEVELS:
        return getattr(codes.SCT, f"{where}Vertebra")
    return codes.SCT.Sacrum if where == "S1" else codes.SCT.StructureOfHeadOfFemur
