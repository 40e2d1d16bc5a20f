"""Saved landmarks taken up again on their film: from a result file, or from markups as Slicer saves them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import slicer
from numpy.typing import NDArray

from SpineAlignmentLib import results
from SpineAlignmentLib.clinical.patient import patient_of
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, landmark_called
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.reviewing import moved

FloatArray = NDArray[np.float64]

_NO_SIZE = (0, 0)
"""Of a film that is not known, see `results.read_markups`."""


def reopen(alignment: FilmAlignment, path: Path) -> str:
    """Take over what a file holds of this film; can be undone.

    Args:
        alignment: the film's landmarks.
        path: a result file (.json), which brings spacing and side as well, or markups (.mrk.json).

    Returns:
        One line when the file does not say which film it is of, else nothing.

    Raises:
        ResultError: not such a file, or of another film.
    """
    saved, film = read_saved(path), alignment.annotation
    if not belongs_to(saved, alignment):
        alike = saved.film == film.film
        raise ResultError(f"{path.name}: of another film, {_told(saved, alike)}; this one is {_told(film, alike)}")
    if _is_markups(path):
        points = _points_of_markups(alignment, path)
        # the file says where landmarks are, not who looked at them
        with alignment.one_step():
            alignment.set_anterior(film.anterior, film.anterior_source, saved.quarter_turns or film.quarter_turns)
            alignment.set_marks(replace(moved(film, points), points_px=points))
    else:
        _take_result(alignment, saved)
    known = saved.film_sha256 and film.film_sha256
    return "" if known else f"{path.name}: cannot be told whether it is of {film.film}; look whether its landmarks fit"


def read_saved(path: Path) -> results.Annotation:
    """What a result file (.json) or markups (.mrk.json) say, by the file's name.

    Raises:
        ResultError: not such a file.
    """
    return results.read_markups(path) if _is_markups(path) else results.read_annotation(path)


def _is_markups(path: Path) -> bool:
    return path.name.lower().endswith(".mrk.json")


def _take_result(alignment: FilmAlignment, saved: results.Annotation) -> None:
    with alignment.one_step():
        _take_facts(alignment, saved)
        if saved.models:
            alignment.set_detection(saved)
        else:
            alignment.set_marks(saved)


def take_up(
    alignment: FilmAlignment, saved: results.Annotation, detection: results.Annotation | None, markups: Path
) -> None:
    """Take over what a scene holds of this film; can be undone.

    Args:
        alignment: the film's landmarks.
        saved: what was known of the film and marked on it, but for the landmarks.
        detection: what was detected on it.
        markups: the landmarks.

    Raises:
        ResultError: not such a file, or of another film.
    """
    points = _points_of_markups(alignment, markups)
    go_on_with(alignment, replace(saved, points_px=points), detection)


def go_on_with(alignment: FilmAlignment, saved: results.Annotation, detection: results.Annotation | None) -> None:
    """Take over saved work with the detection that it began with; one step to undo."""
    with alignment.one_step():
        _take_facts(alignment, saved)
        if detection is not None:
            alignment.set_detection(detection)
        alignment.set_marks(saved)


def _take_facts(alignment: FilmAlignment, saved: results.Annotation) -> None:
    """Take over the size of a pixel, the side and the patient's age and sex where they are known."""
    now = alignment.annotation
    known = saved.spacing_mm, saved.spacing_source
    # what is as it was says nothing new: the film's warnings about it stay
    if saved.spacing_mm is not None and known != (now.spacing_mm, now.spacing_source):
        alignment.set_spacing(*known)
    alignment.set_anterior(saved.anterior, saved.anterior_source, saved.quarter_turns)
    patient = patient_of(saved.extra, saved.film)
    if patient.known:
        alignment.set_patient(patient)


def belongs_to(saved: results.Annotation, alignment: FilmAlignment) -> bool:
    """Whether results are of this film: the same content where both are known, else a film of the same size.

    What Slicer saves says neither, but for landmarks of ours.
    """
    film = alignment.annotation
    if saved.film_sha256 and film.film_sha256:
        return saved.film_sha256 == film.film_sha256
    return saved.size_px in (film.size_px, _NO_SIZE)


def _told(film: results.Annotation, alike: bool) -> str:
    """Name and size of a film as far as they are known; of one that is called alike what else tells it apart."""
    size = "" if film.size_px == _NO_SIZE else f"{film.size_px[0]} x {film.size_px[1]} pixels"
    content = f"content {film.film_sha256[:8]}" if film.film_sha256 and alike else ""
    about = ", ".join(filter(None, [size, content]))
    return f"{film.film} ({about})" if about else film.film


def _points_of_markups(alignment: FilmAlignment, path: Path) -> FloatArray:
    """The landmarks in film pixels, shape (45, 2); a markups file says where they lie in the scene."""
    results.read_markups(path)  # says in one line what is wrong with the file
    node = slicer.vtkMRMLMarkupsFiducialNode()
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    storage.SetFileName(str(path))
    if not storage.ReadData(node):
        raise ResultError(f"{path.name}: not a markups point list that Slicer can read")
    ras = np.full((COUNT, 3), np.nan)
    for i in range(node.GetNumberOfControlPoints()):
        row = INDEX.get(landmark_called(node.GetNthControlPointLabel(i)))
        defined = node.GetNthControlPointPositionStatus(i) == slicer.vtkMRMLMarkupsNode.PositionDefined
        if row is not None and defined:
            ras[row] = node.GetNthControlPointPosition(i)
    geometry = volume_geometry(alignment.volume)
    points = geometry.to_pixels(ras)
    inside = np.all((points > -0.5) & (points < np.array(geometry.size_px) - 0.5), axis=1)
    beside = np.isfinite(points[:, 0]) & ~inside
    if beside.any() or not inside.any():
        said = f"{np.count_nonzero(beside)} of its landmarks lie" if inside.any() else "its landmarks lie"
        raise ResultError(f"{path.name}: {said} beside this film; open the film that they belong to")
    return points
