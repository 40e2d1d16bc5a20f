"""The command `python -m Training.evaluate`: films, models and readers in, one report out."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from SpineAlignmentLib.errors import ResultError, SpineAlignmentError
from SpineAlignmentLib.results.files import make_folder
from Training.data.splits import read_split
from Training.datasets import AnnotatedFilm, load_mapping, read_films
from Training.datasets.film import called_as, each
from Training.datasets.slicer import on_film
from Training.evaluation.learning_speed import read_training_log
from Training.evaluation.study import Study, StudyError, build_study


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = argparse.ArgumentParser(
        prog="python -m Training.evaluate",
        description="Evaluate models on annotated films: one HTML report, figures as PNG and SVG, numbers as CSV.",
    )
    p.add_argument("--films", required=True, type=Path, help="folder of annotated films (the ground truth)")
    p.add_argument("--mapping", help="of a foreign data set: a YAML file or the name of one that ships")
    p.add_argument("--split", nargs=2, metavar=("FILE", "PART"), help="only the films of a part of a split file")
    p.add_argument("--models", type=Path, help="folder of models; without it the ensemble that ships")
    p.add_argument("--engine", choices=("auto", "onnx", "tensorflow"), default="auto")
    p.add_argument("--results", type=Path, help="results of 'detect' on these films, instead of detecting anew")
    p.add_argument("--readers", nargs="*", default=[], type=Path, help="folders of further readers' annotations")
    p.add_argument("--log", type=Path, help="validation.csv of a training run, for the learning speed")
    p.add_argument("--title", default="Evaluation of SpineAlignment")
    p.add_argument("--subject", default="", help="what the films are, a sentence for the report")
    p.add_argument("--workers", type=int, default=0, help="processes that detect (default: one for each core)")
    p.add_argument("--limit", type=int, help="only the first films, for a quick look")
    p.add_argument("--output", required=True, type=Path)
    return p


def describe(films: Sequence[AnnotatedFilm]) -> str:
    """What the films are, as far as their files say."""
    simulated = sum("simulation" in film.annotation.extra for film in films)
    if simulated == len(films):
        return f"{len(films)} simulated films; their landmarks are exact. No figure here is of a real radiograph."
    if simulated:
        return f"{len(films)} films, {simulated} of them simulated."
    return f"{len(films)} films; the landmarks that readers placed are taken as the truth."


def read_readers(
    folders: Sequence[Path], truth: Sequence[AnnotatedFilm], notes: list[str]
) -> dict[str, Sequence[AnnotatedFilm]]:
    """Further readers by folder name; files that cannot be read become notes.

    Args:
        folders: of their annotations, with or without films.
        truth: the films, on which the positions that Slicer saved are placed.
        notes: what the report has to say; it grows.

    Raises:
        ResultError: a folder does not exist or holds no annotation, or two have one name.
    """
    readers: dict[str, Sequence[AnnotatedFilm]] = {}
    pictures = {film.name: film.picture for film in truth}
    for folder in folders:
        if folder.name in readers:
            raise ResultError(f"two readers are called {folder.name}; rename one of the folders")
        read, problems = read_films(folder)
        if not read:
            raise ResultError(f"{folder}: no annotation of a reader found")
        named, others = called_as(read, truth)
        placed, more = each(named, lambda film: on_film(film, pictures.get(film.name)))
        readers[folder.name] = placed
        notes += problems + others + more
    return readers


def gather(options: argparse.Namespace) -> Study:
    """Read the films and readers, detect or read results, and bring them together.

    Raises:
        SpineAlignmentError, StudyError: nothing to evaluate.
    """
    if options.limit is not None and options.limit < 1:
        raise ResultError(f"--limit {options.limit}: a number of films, 1 or more")
    mapping = load_mapping(options.mapping) if options.mapping else None
    truth, notes = read_films(options.films, mapping)
    if options.split:
        wanted = read_split(*options.split)
        if truth and not any(film.name in wanted for film in truth):
            raise ResultError(
                f"{options.films}: has none of the films of part {options.split[1]} of {options.split[0]}"
            )
        truth = [film for film in truth if film.name in wanted]
    truth = truth[: options.limit]
    if not truth:
        raise ResultError(f"{options.films}: no annotated film found")
    readers = read_readers(options.readers, truth, notes)
    if options.results is not None:
        read, problems = read_films(options.results)
        predictions, others = called_as(read, truth)
        problems += others
    else:
        from Training.evaluation.prediction import LibraryDetector, predict

        make_folder(options.output)  # told before the films are detected on, which takes long
        labeled = [film for film in truth if film.labeled.any()]
        predictions, problems = predict(labeled, LibraryDetector(options.models, options.engine), options.workers)
    for problem in problems:
        print(problem, file=sys.stderr)
    return build_study(truth, predictions, readers, [*notes, *problems])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the report is written, 2 when there is nothing to evaluate, 130 after Ctrl+C."""
    options = parser().parse_args(arguments)
    start = time.monotonic()
    try:
        spread: pd.DataFrame | None = read_training_log(options.log) if options.log else None
        study = gather(options)
        from Training.evaluation.report import build_report, write_report

        found = time.monotonic()
        page = write_report(
            build_report(study, options.title, options.subject or describe(study.films), spread), options.output
        )
    except (SpineAlignmentError, StudyError, ValueError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("evaluate: interrupted; no report was written", file=sys.stderr)
        return 130
    for note in study.notes:
        print(note, file=sys.stderr)
    if options.log and spread is None:
        print(f"{options.log}: carries no spread of stage-1 heatmaps; no learning speed", file=sys.stderr)
    seconds = time.monotonic()
    print(f"{page}: {len(study.films)} films, {found - start:.0f} s to detect, {seconds - found:.0f} s to report")
    return 0
