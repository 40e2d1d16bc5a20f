"""What the product finds on the films of a study: the library's own detection, in worker processes.

Threads of an engine do not add up on films this small, so that each worker runs one thread on its own films.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from SpineAlignmentLib.errors import ModelError, ResultError, SpineAlignmentError
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
            FilmError, ResultError, ModelError: the film, its annotation or the models cannot be used.
        """
        from SpineAlignmentLib.film.checks import checked_spacing
        from SpineAlignmentLib.film.reading import read_film

        assert film.picture is not None
        given = film.annotation
        if given.spacing_mm is not None:
            name, advice = str(film.picture), "mend spacing_mm there"
            checked_spacing(given.spacing_mm, given.size_px, name, "of its annotation", advice)
        read = read_film(film.picture, given.spacing_mm)
        film.check_size(read.size_px)
        return _detector(self).detect(read, force=True)


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

    Raises:
        ModelError: the models cannot be used, on any film.
        ResultError: a number of processes that cannot be, or one of them was ended from outside.
    """
    if workers < 0:
        raise ResultError(f"--workers {workers}: a number of processes, or 0 for one on each core")
    seen = [film for film in films if film.picture is not None]
    problems = [f"{film.name}: the annotation has no film beside it" for film in films if film.picture is None]
    count = min(workers or len(os.sched_getaffinity(0)), len(seen))
    attempt, shown = partial(_attempt, detect), partial(tqdm, total=len(seen), disable=None, unit="film")
    answers = list(shown(map(attempt, seen)) if count <= 1 else shown(_in_processes(attempt, seen, count)))
    found = [
        replace(film, annotation=answer)
        for film, answer in zip(seen, answers, strict=True)
        if isinstance(answer, Annotation)
    ]
    return found, problems + [answer for answer in answers if isinstance(answer, str)]


def _in_processes(
    attempt: Callable[[AnnotatedFilm], Annotation | str], films: Sequence[AnnotatedFilm], count: int
) -> Iterator[Annotation | str]:
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_deaf)
    try:
        yield from pool.map(attempt, films)
    except BrokenProcessPool as error:
        raise ResultError("a process was ended from outside, perhaps for want of memory; try --workers 1") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _deaf() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all of them; the first process ends the others


def _attempt(detect: Detect, film: AnnotatedFilm) -> Annotation | str:
    try:
        return detect(film)
    except ModelError:
        raise  # no other film fares better
    except SpineAlignmentError as error:
        return f"{film.name}: {error}"
