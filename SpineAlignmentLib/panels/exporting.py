"""A film's results as files of every kind that the module writes; a picture of the view apart."""

from pathlib import Path

from SpineAlignmentLib.clinical.result import with_readings
from SpineAlignmentLib.dicom.results import ENDINGS, dicom_result
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.export import export_results, seen_film
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.files import write_files


def export_film(spine: SpineScene, alignment: FilmAlignment, path: Path) -> None:
    """Write results by the ending of the path: one of those of `export_results`, .sr.dcm (structured report) or
    .gsps.dcm (presentation state).

    Raises:
        ResultError: another ending, the place cannot be written, or the film was not loaded from a DICOM file.
        FilmError: the film's file cannot be read any more.
    """
    ending = next((known for known in ENDINGS if path.name.lower().endswith(known)), None)
    if ending is None:
        export_results(alignment, path)
        return
    if not volume_geometry(alignment.volume).as_stored:
        raise ResultError(
            f"{alignment.volume.GetName()}: shown turned or mirrored against its file, which DICOM "
            "results refer to; measure the file itself with spine-alignment detect"
        )
    file = spine.file_of(alignment.volume)
    write_files({path: dicom_result(ending, file, seen_film(alignment), with_readings(alignment.annotation))})
