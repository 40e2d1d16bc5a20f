"""The picture of a result as a secondary capture (PS3.3 A.8.1), for viewers that show images alone."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.dicom.new_object import new_object
from SpineAlignmentLib.film.burned_in import text_warning
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.files import RESULT_MARK
from SpineAlignmentLib.results.picture import draw

if TYPE_CHECKING:
    from SpineAlignmentLib.film.film import Film

Data = Any
SERIES_NUMBER: Final[int] = 9703
DESCRIPTION: Final[str] = "SpineAlignment picture"


def secondary_capture(film: "Film", annotation: Annotation, header: Data) -> Data:
    """The film with its measurements as an image in color, with UIDs of its own.

    It has no pixel spacing, since it is not to be measured on, and shows no name of a file, which may be a patient's.

    Args:
        film: its pixels.
        annotation: landmarks on the film.
        header: the film's data set, see `film_header.film_header`.
    """
    import highdicom as hd
    from pydicom.uid import ExplicitVRLittleEndian

    pixels = np.asarray(draw(film, replace(annotation, film="")).convert("RGB"))
    capture = hd.sc.SCImage.from_ref_dataset(
        ref_dataset=header,
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        # where its rows and its columns lead to, as it was measured
        patient_orientation=("P" if annotation.anterior == "left" else "A", "F"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        device_serial_number=SOFTWARE,
        **new_object(SERIES_NUMBER, DESCRIPTION),
    )
    # made by a workstation (PS3.3 C.8.6.1); the side is wanted of paired body parts (C.7.3.1), which are not told apart
    capture.ConversionType, capture.Laterality = "WSD", header.get("Laterality") or ""
    # keeps the picture from being taken for a film
    capture.DerivationDescription = f"{RESULT_MARK}: a film with its measurements"
    capture.SourceImageSequence = [_source(header)]
    if flag := _burned_in(film, header):
        capture.BurnedInAnnotation = flag
    return capture


def _burned_in(film: "Film", header: Data) -> str:
    """Burned In Annotation (0028,0301), PS3.3 C.7.6.1.1.1: the film's own, since the picture adds no name or date.

    Empty where the film does not say and nothing is seen: an absent tag says that there may be some.
    """
    if text_warning(film.pixels, film.warnings):
        return "YES"
    return "NO" if str(header.get("BurnedInAnnotation") or "").strip().upper() == "NO" else ""


def _source(header: Data) -> Data:
    """The film as an item of the Source Image Sequence (0008,2112), with its purpose (CID 7202)."""
    import highdicom as hd
    from pydicom.dataset import Dataset
    from pydicom.sr.codedict import codes

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    purpose = codes.cid7202.SourceImageForImageProcessingOperation
    item.PurposeOfReferenceCodeSequence = [hd.sr.CodedConcept.from_code(purpose)]
    return item
