"""The pixel spacing that a DICOM file's tags give, in the order of trust; a broken tag hides no good one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import checked_spacing, is_placeholder, screen_dots
from SpineAlignmentLib.film.dicom_dataset import as_number, number, tag_name, text, values
from SpineAlignmentLib.film.film import SPACING_UNKNOWN
from SpineAlignmentLib.results.annotation import SPACING_WARNING

_Size = tuple[float, float]
_PATIENT: Final[str] = "PixelSpacing"
"""Of the patient where the film was calibrated. PS3.3 10.7.1.1."""
_PLANES: Final[dict[str, str]] = {
    "ImagerPixelSpacing": "the detector",
    "NominalScannedPixelSpacing": "the scanned film",
}
"""Never calibrated, and where they were measured. PS3.3 C.8.11.4, C.8.6.1.1."""
_SAME: Final[float] = 0.01
"""Spacings that differ by less than this, relatively, are the same: tags are rounded, and a spine is magnified more."""
_ROUNDED: Final[float] = 0.04
"""The most that is put down to rounding, where a tag has few digits."""
_MOST_MAGNIFIED: Final[float] = 2.0
"""The spine would be half way between tube and detector; on films of standing patients it is magnified 1.05 to 1.5."""
_PLACEHOLDER: Final[tuple[float, float]] = (1.0, 1.0)
_MAGNIFICATION: Final[str] = "EstimatedRadiographicMagnificationFactor"
_DIFFERENT: Final[float] = 0.05
"""An estimated magnification that is off by more than this, relatively, is another one."""
_TYPE: Final[str] = "PixelSpacingCalibrationType"
_MEASURED: Final[str] = "FIDUCIAL"
"""Its value where an object of known size was measured on the film itself. PS3.3 10.7.1.2."""
_CALIBRATED: Final[tuple[str, ...]] = (_MEASURED, "GEOMETRY")


@dataclass(frozen=True)
class Spacing:
    """What the tags say of the size of a pixel."""

    spacing_mm: tuple[float, float] | None = None
    """(x, y); None where it is not known."""
    source: str = SPACING_UNKNOWN
    aspect: float = 1.0
    """Height over width of a pixel."""
    warnings: tuple[str, ...] = ()


def read_spacing(data: Any, size: tuple[int, int], path: Path, given: bool) -> Spacing:
    """The spacing of a film.

    Args:
        data: the data set.
        size: (width, height) of the film in pixels.
        path: how messages call the file.
        given: the user gives the spacing: only the pixel's shape is of use, and nothing is judged.
    """
    warnings: list[str] = []
    found = _believed(data, size, path, warnings)
    if found is None:
        aspect = _aspect_ratio(data, path, warnings)
        return Spacing(aspect=aspect, warnings=() if given else tuple(warnings))
    keyword, spacing = found
    aspect = spacing[1] / spacing[0]
    if given:
        return Spacing(aspect=aspect)
    if keyword is None:
        return Spacing(aspect=aspect, warnings=tuple(warnings))
    if keyword in _PLANES:
        where = f"{SPACING_WARNING} is that of {_PLANES[keyword]}, not calibrated to the patient"
        warnings.append(f"{where}{_magnification(data)}")
    if dots := screen_dots(spacing):
        why = f"{tag_name(keyword)} is {dots} dots per inch, which a picture leaves that was made DICOM"
        warnings.append(f"{SPACING_WARNING}: {why}; check lengths")
    return Spacing(spacing, tag_name(keyword), aspect, tuple(warnings))


def _believed(data: Any, size: tuple[int, int], path: Path, warnings: list[str]) -> tuple[str | None, _Size] | None:
    """The tag that gives the size of a pixel, and its (x, y); no tag: its shape alone is known; None: nothing is."""
    patient = _tagged(data, _PATIENT, size, path, warnings)
    planes = ((k, _tagged(data, k, size, path, warnings if patient is None else [])) for k in _PLANES)
    known = ((keyword, plane) for keyword, plane in planes if plane is not None)
    if patient is None:
        return next(known, None)
    others = {keyword: plane for keyword, plane in known if plane != _PLACEHOLDER or patient == _PLACEHOLDER}
    for keyword, plane in others.items():
        if _same(data, patient, plane):  # equal values mean: not calibrated; PS3.3 10.7.1.1
            if text(data, _TYPE) in _CALIBRATED:
                warnings.append(
                    f"{SPACING_WARNING}: {tag_name(_TYPE)} calls {tag_name(_PATIENT)} calibrated, "
                    f"which is that of {_PLANES[keyword]}: taken as not calibrated"
                )
            return keyword, plane
    if not others:
        return _PATIENT, patient
    return _settled(data, patient, *next(iter(others.items())), warnings)


def _settled(data: Any, patient: _Size, keyword: str, plane: _Size, warnings: list[str]) -> tuple[str | None, _Size]:
    """Which is used of PixelSpacing and the spacing of the detector or scanned film that it differs from.

    Lengths on a film are those of the patient magnified, the same in all directions: what is calibrated is smaller than
    at the detector, by no more than tubes stand close, and of the same shape. A larger one may be that of an image made
    smaller since, beside what was true of the detector, or a mistake: then no lengths are known.
    """
    x, y = (there / here for here, there in zip(patient, plane, strict=True))
    shape = abs(x / y - 1) > 2 * _SAME
    larger = min(x, y) < 1 - _SAME
    possible = not larger and max(x, y) < _MOST_MAGNIFIED * (1 - _SAME)
    if patient == _PLACEHOLDER:
        reason = "is a placeholder for an unknown size, beside"
    elif shape:
        reason = "makes pixels of another shape than"
    elif not possible:
        reason = "is larger than" if larger else f"is {x:.3g} times smaller than"
    else:
        _compare_estimate(data, (x + y) / 2, keyword, warnings)
        return _PATIENT, patient
    # a slot scanner magnifies across its slot alone, and what is calibrated has square pixels then
    square = shape and possible and patient[0] == patient[1] and patient != _PLACEHOLDER
    used = square or text(data, _TYPE) == _MEASURED
    what = f"{tag_name(_PATIENT)} {_shown(data, _PATIENT)} {reason} {tag_name(keyword)} {_shown(data, keyword)}"
    if larger and not (shape or used or patient == _PLACEHOLDER):
        warnings.append(f"{SPACING_WARNING}: {what}; no lengths are measured, give the right one with --spacing")
        return None, plane
    end = f"used for its {'square pixels' if square else 'calibration'}; check lengths" if used else "not used"
    warnings.append(f"{SPACING_WARNING}: {what}; {end}")
    return (_PATIENT, patient) if used else (keyword, plane)


def _compare_estimate(data: Any, found: float, keyword: str, warnings: list[str]) -> None:
    """Say where EstimatedRadiographicMagnificationFactor (0018,1114) is another magnification than was corrected."""
    said = number(data, _MAGNIFICATION)
    if said is not None and 1.0 < said < _MOST_MAGNIFIED and abs(said / found - 1) > _DIFFERENT:
        warnings.append(
            f"{SPACING_WARNING}: {tag_name(_PATIENT)} is {found:.3g} times smaller than {tag_name(keyword)}, "
            f"{tag_name(_MAGNIFICATION)} says {said:g}; {_PATIENT} is used, check lengths"
        )


def _tagged(data: Any, keyword: str, size: tuple[int, int], path: Path, warnings: list[str]) -> _Size | None:
    """The (x, y) of a tag; None, and why, where it is absent or not to be believed."""
    said = values(data, keyword)
    if not said:
        return None
    numbers = [as_number(v) for v in said]
    shown = _shown(data, keyword)
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        warnings.append(f"{SPACING_WARNING}: {tag_name(keyword)} holds {shown}, not two numbers; not used")
        return None
    spacing = (numbers[1], numbers[0])
    if is_placeholder(spacing, size):
        warnings.append(
            f"{SPACING_WARNING}: {tag_name(keyword)} says 1 mm, which no film of this size has; taken as unknown"
        )
        return None
    try:
        return checked_spacing(spacing, size, str(path), tag_name(keyword))
    except FilmError:
        warnings.append(f"{SPACING_WARNING}: {tag_name(keyword)} holds {shown}, which no film has; not used")
        return None


def _shown(data: Any, keyword: str) -> str:
    return repr("\\".join(values(data, keyword))[:60])


def _same(data: Any, patient: _Size, plane: _Size) -> bool:
    """Whether PixelSpacing is another spacing as it stands there, or rounded to the digits that it has."""
    digits = min(len(word.partition(".")[2]) for word in values(data, _PATIENT))
    half = 0.5 * 10.0**-digits
    return all(abs(a - b) <= max(_SAME * b, min(half, _ROUNDED * b)) for a, b in zip(patient, plane, strict=True))


def _magnification(data: Any) -> str:
    """EstimatedRadiographicMagnificationFactor (0018,1114), when it says anything."""
    factor = number(data, _MAGNIFICATION)
    if factor is None or not 1.0 < factor < _MOST_MAGNIFIED:
        return ""
    return f"; lengths in the patient are about {factor:g} times shorter ({tag_name(_MAGNIFICATION)})"


def _aspect_ratio(data: Any, path: Path, warnings: list[str]) -> float:
    """PixelAspectRatio (0028,0034): height and width of a pixel."""
    said = values(data, "PixelAspectRatio")
    if not said:
        return 1.0
    numbers = [as_number(v) for v in said]
    if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None and min(numbers[0], numbers[1]) > 0:
        try:
            return checked_spacing((1.0, numbers[0] / numbers[1]), (1, 1), str(path), "")[1]
        except FilmError:
            pass
    shown = "\\".join(said)[:60]
    warnings.append(
        f"{SPACING_WARNING}: {tag_name('PixelAspectRatio')} holds {shown!r}, no ratio of a pixel; taken as 1\\1"
    )
    return 1.0
