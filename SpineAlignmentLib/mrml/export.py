"""A film's results as files."""

from pathlib import Path
from typing import Any

import slicer
import vtk

from SpineAlignmentLib import results
from SpineAlignmentLib.clinical.result import with_readings
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.film.film import Film, film_from_pixels
from SpineAlignmentLib.jobs.reporting import ENDINGS, report_bytes
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.volume_film import volume_geometry, volume_pixels
from SpineAlignmentLib.results.files import write_files


def export_results(alignment: FilmAlignment, path: Path) -> None:
    """Write results by the ending of the path: .mrk.json (landmarks as markups), .json, .csv, .pdf or .html (report).

    Raises:
        ResultError: another ending, or the place cannot be written.
    """
    name = path.name.lower()
    if name.endswith(".mrk.json"):
        storage = slicer.vtkMRMLMarkupsJsonStorageNode()
        storage.SetFileName(str(path))
        if not storage.WriteData(alignment.landmarks):
            raise ResultError(f"{path}: cannot write the landmarks there")
    elif name.endswith(".json"):
        results.write_annotation(with_readings(alignment.annotation), path)
    elif name.endswith(".csv"):
        write_files({path: results.csv_bytes([with_readings(alignment.annotation)])})
    elif path.suffix.lower() in ENDINGS:
        write_files({path: report_bytes([(alignment.annotation, seen_film(alignment))], path.suffix.lower())})
    else:
        raise ResultError(f"{path}: unknown kind of file; use .json, .csv, .mrk.json, .pdf or .html")


def seen_film(alignment: FilmAlignment) -> Film:
    """The film as the scene shows it."""
    annotation = alignment.annotation
    pixels = volume_pixels(alignment.volume, volume_geometry(alignment.volume)).copy()
    return film_from_pixels(pixels, annotation.film, annotation.spacing_mm, annotation.spacing_source)


def save_picture(render_window: Any, path: Path) -> None:
    """What a view shows, as a PNG file.

    Raises:
        ResultError: the place cannot be written.
    """
    capture = vtk.vtkWindowToImageFilter()
    capture.SetInput(render_window)
    capture.ReadFrontBufferOff()
    writer = vtk.vtkPNGWriter()
    writer.SetWriteToMemory(True)
    writer.SetInputConnection(capture.GetOutputPort())
    writer.Write()
    write_files({path: bytes(memoryview(writer.GetResult()))})
