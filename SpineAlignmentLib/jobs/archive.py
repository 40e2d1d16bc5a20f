"""A folder of films, one after the other and on every processor core: results of each, one table of all.

A film that fails is reported in one line and does not stop the others; results of a film appear whole or not at all.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from SpineAlignmentLib.clinical.patient import Patient, checked_age
from SpineAlignmentLib.clinical.result import with_readings
from SpineAlignmentLib.clinical.text_table import parameter_table
from SpineAlignmentLib.detection.detector import Detector
from SpineAlignmentLib.errors import FilmError, ResultError, SpineAlignmentError
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.paths import result_names
from SpineAlignmentLib.film.patient_tags import age_and_sex
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.jobs.progress import ProgressBar
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.files import make_folder, write_files
from SpineAlignmentLib.results.markups import markups_bytes
from SpineAlignmentLib.results.result_file import json_bytes
from SpineAlignmentLib.results.table import csv_bytes

FurtherFiles = Callable[[Path, Film, Annotation], Mapping[str, bytes]]
"""A film's file, the film and its result to ending and content of each file."""

MAX_WORKERS: Final[int] = 8
"""Films at work at a time; each takes a few hundred MB."""


@dataclass(frozen=True)
class Archive:
    """Films to detect and where their results go."""

    films: Sequence[Path]
    output: Path
    spacing: float | tuple[float, float] | None = None
    anterior: str | None = None
    models: Path | None = None
    engine: str = "auto"
    patient: Patient | None = None
    """Age and sex that the user gives."""
    patient_tags: bool = False
    """Whether age and sex may be taken from each film's tags."""
    further: Sequence[FurtherFiles] = ()
    """What makes further files of a film, such as DICOM results."""

    def run(self) -> int:
        """Detect every film and write `<stem>.json`, `.mrk.json`, `.png` and `results.csv`.

        Returns:
            The number of films that failed.

        Raises:
            ResultError: the output folder cannot be written.
            ModelError: the models or the engine are not right.
        """
        make_folder(self.output)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        workers = max(1, min(cores, len(self.films), MAX_WORKERS))
        detector = Detector(self.models, self.engine, threads=max(1, cores // workers))
        names = result_names(self.films)
        done: dict[int, Annotation] = {}
        bar = ProgressBar(len(self.films))
        bar.show()
        with ThreadPoolExecutor(workers) as pool:
            jobs = {pool.submit(self._film, detector, path, names[i]): i for i, path in enumerate(self.films)}
            try:
                for job in as_completed(jobs):
                    bar.clear()
                    try:
                        done[jobs[job]] = job.result()
                    except SpineAlignmentError as error:
                        print(f"spine-alignment: {error}", file=sys.stderr)
                    bar.step()
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            finally:
                bar.clear()
                finished = [done[i] for i in sorted(done)]
                if finished:
                    write_files({self.output / "results.csv": csv_bytes(finished)})
        self._tell(finished, names[min(done)] if done else "")
        return len(self.films) - len(finished)

    def _film(self, detector: Detector, path: Path, name: str) -> Annotation:
        from SpineAlignmentLib.results.picture import png_bytes

        places = [self.output / f"{name}{ending}" for ending in (".json", ".mrk.json", ".png")]
        if path in places or (path.exists() and any(p.exists() and p.samefile(path) for p in places)):
            raise FilmError(f"{path}: its results would replace the film itself; choose another output folder")
        try:
            film = read_film(path, self.spacing, self.anterior)
            found = with_readings(detector.detect(film), self._patient(path))
            picture = png_bytes(film, found)
        except MemoryError as error:
            raise FilmError(f"{path}: not enough memory to detect its landmarks") from error
        contents = (json_bytes(found), markups_bytes(found, film.placement), picture)
        files = dict(zip(places, contents, strict=True))
        for make in self.further:
            files |= {self.output / f"{name}{end}": content for end, content in make(path, film, found).items()}
        write_files(files)
        return found

    def _patient(self, path: Path) -> Patient | None:
        if self.patient is not None or not self.patient_tags:
            return self.patient
        age, sex = age_and_sex(path)
        try:
            return Patient(None if age is None else checked_age(age), sex, "DICOM tags")
        except ResultError as error:
            raise FilmError(f"{path}: its tags say {error}, or leave out --use-patient-tags") from error

    def _tell(self, finished: Sequence[Annotation], name: str) -> None:
        if len(self.films) == 1 and finished:
            print(f"{finished[0].film}\n{parameter_table(finished[0])}\n  picture: {self.output / f'{name}.png'}")
        elif finished:
            print(f"{len(finished)} of {len(self.films)} films done; table: {self.output / 'results.csv'}")
