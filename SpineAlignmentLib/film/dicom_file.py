"""Films from DICOM files (CR, DX, RF, SC): pixels, polarity, spacing and facing direction.

Tags are read by pydicom; each concern of theirs has a module of its own.
"""

from pathlib import Path
from typing import Any

from SpineAlignmentLib.errors import ResultPictureError
from SpineAlignmentLib.film.burned_in import DECLARED
from SpineAlignmentLib.film.dicom_dataset import photometric_of, read_dataset, tag_name, text
from SpineAlignmentLib.film.dicom_gray import bone_bright
from SpineAlignmentLib.film.dicom_orientation import read_orientation
from SpineAlignmentLib.film.dicom_place import placement_of
from SpineAlignmentLib.film.dicom_spacing import read_spacing
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.reader import ReadOptions
from SpineAlignmentLib.results.files import RESULT_MARK
from SpineAlignmentLib.results.placement import plain_placement


def read(path: Path, options: ReadOptions) -> Film:
    """Read a DICOM file.

    Raises:
        FilmError: not one gray image, not a lateral film, or the picture of a result.
    """
    data = read_dataset(path)
    if text(data, "DerivationDescription").startswith(RESULT_MARK.upper()):
        raise ResultPictureError(path)
    side = read_orientation(data, path, options.force)
    gray = bone_bright(data, path)
    size = (gray.pixels.shape[1], gray.pixels.shape[0])
    spacing = read_spacing(data, size, path, options.spacing_given)
    photometric = photometric_of(data) if text(data, "PhotometricInterpretation") else ""
    return Film(
        path.name,
        gray.pixels,
        spacing.spacing_mm,
        spacing.source,
        spacing.aspect,
        side.anterior,
        side.source,
        polarity_source=f"{tag_name('PhotometricInterpretation')} {photometric}" if photometric else "",
        polarity_doubt=gray.polarity_doubt,
        placement=placement_of(data) or plain_placement(spacing.spacing_mm),
        warnings=(*gray.warnings, *spacing.warnings, *side.warnings, *_text_warnings(data)),
    )


def _text_warnings(data: Any) -> tuple[str, ...]:
    """Burned In Annotation (0028,0301), PS3.3 C.7.6.1; a tag that is absent or says no is no proof of none."""
    return (DECLARED,) if text(data, "BurnedInAnnotation") == "YES" else ()
