"""What the product finds on the films of a study: the library's own detection, in worker processes.

Threads of an engine do not add up on films this small, so that each worker runs one thread on its own films.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.results.annotation import Annotation
from Training.datasets.film import AnnotatedFilm

if TYPE_CHECKING:
    from SpineAlignmentLib.detection.detector import Detector

Detect = Callable[[AnnotatedFilm], Annotation]


@dataclass(frozen=True)
class LibraryDetector:
    """The product's detection, as the command line runs it; the facing side is detected too.

    Only the pixel spacing of the annotation is passed on, as a user passes it.
    """

    models: Path | None = None
    """Folder with ensemble.json, or of one model; None for the ensemble that ships."""
    engine: str = "auto"
    threads: int | None = 1
    calibrated: bool = True
    """Whether the models' calibration is used."""

    def __call__(self, film: AnnotatedFilm) -> Annotation:
        """Find the landmarks of one film.

        Raises:
            FilmError, ModelError: the film or the models cannot be used.
        """
        from SpineAlignmentLib.film.reading import read_film

        assert film.picture is not None
        return _detector(self).detect(read_film(film.picture, film.annotation.spacing_mm), force=True)


@lru_cache(maxsize=1)
def _detector(settings: LibraryDetector) -> "Detector":
    """Loaded once in each process."""
    from SpineAlignmentLib.detection.calibration import Calibration
    from SpineAlignmentLib.detection.detector import Detector

    detector = Detector(settings.models, settings.engine, settings.threads)
    if not settings.calibrated:
        detector.calibration = Calibration()
    return detector


def predict(films: Sequence[AnnotatedFilm], detect: Detect, workers: int = 0) -> tuple[list[AnnotatedFilm], list[str]]:
    """Detect landmarks on every film that has a picture.

    Args:
        films: the films.
        detect: what finds the landmarks of one film; must survive being sent to another process.
        workers: processes; 0 takes one for each core, 1 works in this process.

    Returns:
        The films with the found landmarks in place of the annotated ones, and one line for each that failed.
    """
    seen = [film for film in films if film.picture is not None]
    problems = [f"{film.name}: the annotation has no film beside it" for film in films if film.picture is None]
    count = min(workers or len(os.sched_getaffinity(0)), len(seen))
    if count <= 1:
        answers = [_attempt(detect, film) for film in seen]
    else:
        with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
            answers = list(pool.map(partial(_attempt, detect), seen, chunksize=4))
    found = [
        replace(film, annotation=answer)
        for film, answer in zip(seen, answers, strict=True)
        if isinstance(answer, Annotation)
    ]
    return found, problems + [answer for answer in answers if isinstance(answer, str)]


def _attempt(detect: Detect, film: AnnotatedFilm) -> Annotation | str:
    try:
        return detect(film)
    except SpineAlignmentError as error:
        return f"{film.name}: {error}"
