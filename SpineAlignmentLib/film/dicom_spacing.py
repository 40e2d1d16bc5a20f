"""The pixel spacing that a DICOM file's tags give, in the order of trust; a broken tag hides no good one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import checked_spacing, is_placeholder
from SpineAlignmentLib.film.dicom_dataset import as_number, number, tag_name, values
from SpineAlignmentLib.film.film import SPACING_UNKNOWN
from SpineAlignmentLib.results.annotation import SPACING_WARNING

_TAGS: Final[tuple[str, ...]] = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
"""Calibrated to the patient, at the detector, at the scanned sheet. PS3.3 10.7.1.1, 10.7.1.3, C.8.11.4."""
_SAME: Final[float] = 1e-4
"""Spacings that differ by less than this, relatively, are the same: tags are rounded."""
_MAGNIFICATION: Final[str] = "EstimatedRadiographicMagnificationFactor"


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
    for keyword in _TAGS:
        spacing = _tagged(data, keyword, size, path, warnings)
        if spacing is None:
            continue
        aspect = spacing[1] / spacing[0]
        if given:
            return Spacing(aspect=aspect)
        detector = _tagged(data, "ImagerPixelSpacing", size, path, [])
        if keyword == "PixelSpacing" and detector is not None and _same(spacing, detector):
            keyword = "ImagerPixelSpacing"  # equal values mean: not calibrated; PS3.3 10.7.1.3
        if keyword == "ImagerPixelSpacing":
            warnings.append(
                f"{SPACING_WARNING} is that of the detector, not calibrated to the patient{_magnification(data)}"
            )
        return Spacing(spacing, tag_name(keyword), aspect, tuple(warnings))
    aspect = _aspect_ratio(data, path, warnings)
    return Spacing(aspect=aspect, warnings=() if given else tuple(warnings))


def _tagged(
    data: Any, keyword: str, size: tuple[int, int], path: Path, warnings: list[str]
) -> tuple[float, float] | None:
    """The (x, y) of a tag; None, and why, where it is absent or not to be believed."""
    said = values(data, keyword)
    if not said:
        return None
    numbers = [as_number(v) for v in said]
    shown = "\\".join(said)[:60]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        warnings.append(f"{SPACING_WARNING}: {tag_name(keyword)} holds {shown!r}, not two numbers; not used")
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
        warnings.append(f"{SPACING_WARNING}: {tag_name(keyword)} holds {shown!r}, which no film has; not used")
        return None


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(abs(a - b) <= _SAME * b for a, b in zip(one, other, strict=True))


def _magnification(data: Any) -> str:
    """EstimatedRadiographicMagnificationFactor (0018,1114), when it says anything."""
    factor = number(data, _MAGNIFICATION)
    if factor is None or not 1.0 < factor < 3.0:
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
