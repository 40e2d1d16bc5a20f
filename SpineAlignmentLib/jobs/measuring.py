"""Given landmarks, placed or corrected by hand, measured: a result file of each and one table of all."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.jobs.film_task import PSEUDONYMS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.files import write_files
from SpineAlignmentLib.results.markups import read_landmarks
from SpineAlignmentLib.results.result_file import json_bytes, to_json
from SpineAlignmentLib.results.store import Entry, Source, Store, fingerprint_of, settings_hash
from SpineAlignmentLib.results.table import Value, film_row
from SpineAlignmentLib.results.text_table import parameter_table

_DAYS: Final[int] = 4_000_000
"""More than all calendars of patients hold."""


def measure(inputs: Sequence[Path], output: Path) -> int:
    """Measure landmark files, write `<stem>.json` and the table, and print the parameters of each.

    Returns:
        The number of files that failed.

    Raises:
        ResultError: the output folder cannot be written, or another process is at work there.
    """
    settings = settings_hash({"software": SOFTWARE})
    failed = 0
    with Store(output) as store:
        for path in inputs:
            source = Source(path, path.name)
            name = store.name(source, path.name.removesuffix(".json").removesuffix(".mrk"))
            fingerprint = ""
            try:
                annotation = read_landmarks(path)
                fingerprint = fingerprint_of(path)
                write_files({output / f"{name}.json": json_bytes(annotation)})
            except SpineAlignmentError as error:
                print(f"spine-alignment: {error}", file=sys.stderr)
                failed += 1
                reason = str(error).removeprefix(f"{path}: ")
                store.put(Entry(source, name, fingerprint, settings, {}, reason))
                continue
            known, patient, day = _pseudonyms(annotation)
            row = film_row(to_json(annotation)) | known
            store.put(Entry(source, name, fingerprint, settings, row, "", patient, day))
            print(f"{path}\n{parameter_table(annotation)}")
    return failed


def _pseudonyms(annotation: Annotation) -> tuple[dict[str, Value], str | None, int | None]:
    """What a detection with a pseudonym key left in its result file: columns, patient and day."""
    known = annotation.extra.get(PSEUDONYMS)
    if not isinstance(known, Mapping):
        return {}, None, None
    patient, study, day = known.get("patient"), known.get("study"), known.get("day")
    patient, study = (text if isinstance(text, str) else None for text in (patient, study))
    plausible = isinstance(day, int) and 0 <= day < _DAYS
    return {"patient": patient, "study": study}, patient, day if patient is not None and plausible else None
