"""A film's results as files."""

from pathlib import Path
from typing import Any

import slicer
import vtk

from SpineAlignmentLib import results
from SpineAlignmentLib.clinical.result import with_readings
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.results.files import write_files


def export_results(alignment: FilmAlignment, path: Path) -> None:
    """Write results by the ending of the path: .mrk.json (landmarks as markups), .json or .csv.

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
    else:
        raise ResultError(f"{path}: unknown kind of file; use .json, .csv or .mrk.json")


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
