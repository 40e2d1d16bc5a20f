"""Given landmarks, placed or corrected by hand, measured: a result file of each and one table of all."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.clinical.patient import Patient
from SpineAlignmentLib.clinical.result import with_readings
from SpineAlignmentLib.clinical.text_table import parameter_table
from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.film import GIVEN
from SpineAlignmentLib.film.paths import stem_of
from SpineAlignmentLib.jobs.film_task import PSEUDONYMS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.files import fingerprint_of, readable
from SpineAlignmentLib.results.markups import read_landmarks, without_landmark_ending
from SpineAlignmentLib.results.result_file import json_bytes, to_json
from SpineAlignmentLib.results.store import Entry, Source, Store, settings_hash
from SpineAlignmentLib.results.table import Value, film_row

_DAYS: Final[int] = 4_000_000
"""More than all calendars of patients hold."""


def measure(
    inputs: Sequence[Path],
    output: Path,
    spacing: float | tuple[float, float] | None = None,
    anterior: str | None = None,
    cobb: Sequence[tuple[str, str]] = (),
    patient: Patient | None = None,
    read: Callable[[Path], Annotation] = read_landmarks,
) -> int:
    """Measure landmark files, write `<stem>.json` and the table, and print the parameters of each.

    Args:
        inputs: landmark files.
        output: folder of the results.
        spacing: size of a pixel in mm where the user knows it, x alone or (x, y); wins over what a file says.
        anterior: "left" or "right" where the user knows which side the patient faces; wins over what a file says.
        cobb: levels whose angle is measured too, upper and lower one.
        patient: age and sex where the user gives them; what he does not is as a file names it itself.
        read: reads landmarks from a file.

    Returns:
        The number of files that failed.

    Raises:
        ResultError: the output folder cannot be written, or another process is at work there.
    """
    settings = settings_hash(
        {
            "software": SOFTWARE,
            "spacing": spacing,
            "anterior": anterior,
            "cobb": list(cobb),
            "patient": None if patient is None else patient.to_json(),
        }
    )
    failed = 0
    with Store(output) as store:
        for path in inputs:
            source = Source(path, readable(path.name))
            name = store.name(source, _stem(path))
            fingerprint = ""
            try:
                annotation = with_readings(told(read(path), spacing, anterior), patient)
                fingerprint = fingerprint_of(path)
                angles = {f"{upper}:{lower}": annotation.cobb(upper, lower) for upper, lower in cobb}
                name, kept = store.write(source, name, _stem(path), {".json": json_bytes(annotation, angles)})
            except SpineAlignmentError as error:
                print(f"spine-alignment: {error}", file=sys.stderr)
                failed += 1
                reason = str(error).removeprefix(f"{path}: ")
                store.put(Entry(source, name, fingerprint, settings, {}, reason))
                continue
            known, who, day = _pseudonyms(annotation)
            # tells the film's own row, whatever either of them is called
            of_film: dict[str, Value] = {"film_sha256": annotation.film_sha256} if annotation.film_sha256 else {}
            row = film_row(to_json(annotation)) | known | of_film
            store.put(Entry(source, name, fingerprint, settings, row, "", who, day))
            if kept:
                print(f"spine-alignment: {kept}", file=sys.stderr)
            print(f"{path}\n{parameter_table(annotation, angles)}")
    return failed


def _stem(path: Path) -> str:
    """What the film was called whose landmarks a file holds."""
    return stem_of(Path(without_landmark_ending(path.name)))


def _pseudonyms(annotation: Annotation) -> tuple[dict[str, Value], str | None, int | None]:
    """What a detection with a pseudonym key left in its result file: columns, patient and day."""
    known = annotation.extra.get(PSEUDONYMS)
    if not isinstance(known, Mapping):
        return {}, None, None
    patient, study, day = known.get("patient"), known.get("study"), known.get("day")
    patient, study = (text if isinstance(text, str) else None for text in (patient, study))
    plausible = isinstance(day, int) and 0 <= day < _DAYS
    return {"patient": patient, "study": study}, patient, day if patient is not None and plausible else None


def told(annotation: Annotation, spacing: float | tuple[float, float] | None, anterior: str | None) -> Annotation:
    """Landmarks with the spacing and the side that the user knows."""
    if spacing is not None:
        x, y = annotation.pixel_size
        annotation = annotation.calibrated(spacing if isinstance(spacing, tuple) else (spacing, spacing * y / x), GIVEN)
    return annotation if anterior is None else replace(annotation, anterior=anterior, anterior_source=GIVEN)
