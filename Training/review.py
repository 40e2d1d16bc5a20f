"""Annotation in stages, and where two annotators disagree (`python -m Training.review`).

An annotation is "annotated", then "reviewed" by somebody else, then "approved". Who did what and when is kept in the
annotation file under "review": {"stage": ..., "history": [{"stage", "who", "when"}, ...]}.
"""

import argparse
import csv
import io
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.errors import ResultError, SpineAlignmentError
from SpineAlignmentLib.measurement.landmarks import NAMES
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.files import make_folder, write_files
from SpineAlignmentLib.results.result_file import json_bytes, read_annotation
from Training.datasets import AnnotatedFilm, read_films
from Training.datasets.film import called_as, each
from Training.datasets.slicer import in_space, on_film

STAGES: Final[tuple[str, ...]] = ("annotated", "reviewed", "approved")


def stage_of(annotation: Annotation) -> str:
    """The stage of an annotation; empty where nobody signed it."""
    review = annotation.extra.get("review")
    return str(review.get("stage", "")) if isinstance(review, dict) else ""


def sign(annotation: Annotation, stage: str, who: str, when: datetime | None = None) -> Annotation:
    """The annotation one stage further.

    A stage may be signed again (after a correction) and any signature may be followed by "annotated" (sent back), but
    none may be skipped, and nobody reviews what they annotated.

    Raises:
        ResultError: an unknown or skipped stage, no name, or the annotator as reviewer.
    """
    if stage not in STAGES:
        raise ResultError(f"unknown stage {stage!r}; stages are {', '.join(STAGES)}")
    if not who.strip():
        raise ResultError("a signature needs a name or initials")
    reached, wanted = stage_of(annotation), STAGES.index(stage)
    if wanted > (STAGES.index(reached) + 1 if reached in STAGES else 0):
        raise ResultError(f"{annotation.film}: cannot be {stage} before it is {STAGES[wanted - 1]}")
    review = annotation.extra.get("review")
    history: list[dict[str, Any]] = (review.get("history") or []) if isinstance(review, dict) else []
    if not isinstance(history, list) or not all(isinstance(entry, dict) and "who" in entry for entry in history):
        raise ResultError(f"{annotation.film}: its review has no history of stages and who signed them; mend it")
    history = list(history)
    annotators = [_initials(entry["who"]) for entry in history if entry.get("stage") == "annotated"]
    if stage == "reviewed" and annotators and annotators[-1] == _initials(who):
        raise ResultError(f"{annotation.film}: {who} annotated it; somebody else must review it")
    time = (when or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    history.append({"stage": stage, "who": who, "when": time})
    return replace(annotation, extra={**annotation.extra, "review": {"stage": stage, "history": history}})


def _initials(who: Any) -> str:
    """Equal for one person, whose initials may be written small another time."""
    return str(who).strip().casefold()


@dataclass(frozen=True)
class Disagreement:
    """One landmark that two annotators placed apart."""

    film: str
    landmark: str
    distance: float
    """In `unit`; infinite where only one of the two labeled it."""
    unit: str
    """"mm", or "px" where the film's spacing is unknown."""


def disagreements(
    first: Sequence[AnnotatedFilm], second: Sequence[AnnotatedFilm], smallest: float = 0.0
) -> list[Disagreement]:
    """Landmarks on the films both annotated, sorted by size, one-sided labels first.

    Args:
        first: films of one annotator; their spacing counts.
        second: films of the other.
        smallest: distances below this are left out.

    Raises:
        ResultError: of a film, one annotator's points are pixels and the other's positions in space.
    """
    others = {film.name: film for film in second}
    found: list[Disagreement] = []
    for film in first:
        if film.name not in others:
            continue
        other = others[film.name]
        if in_space(film.annotation) != in_space(other.annotation):
            raise ResultError(f"{film.name}: one annotator's points are positions in mm; put the film beside them")
        spacing = film.annotation.spacing_mm
        offset = (film.points - other.points) * np.array(spacing or (1.0, film.annotation.pixel_aspect))
        distance = np.linalg.norm(offset, axis=1)
        distance[film.labeled != other.labeled] = np.inf
        unit = "mm" if spacing else "px"
        found += [
            Disagreement(film.name, NAMES[i], float(distance[i]), unit)
            for i in np.flatnonzero(distance >= smallest)
        ]  # fmt: skip
    return sorted(found, key=lambda d: (-d.distance, d.film, d.landmark))


def disagreements_csv(found: Sequence[Disagreement]) -> bytes:
    """A table of disagreements; an empty distance means that only one annotator labeled the landmark."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["film", "landmark", "distance", "unit", "note"])
    for d in found:
        alone = not np.isfinite(d.distance)
        note = "labeled by one annotator only" if alone else ""
        writer.writerow([d.film, d.landmark, "" if alone else f"{d.distance:.3f}", d.unit, note])
    return text.getvalue().encode()


def _sign(options: argparse.Namespace) -> None:
    # all files or none: the same command again would sign some of them twice
    signed = {path: json_bytes(sign(read_annotation(path), options.stage, options.who)) for path in options.files}
    write_files(signed)
    for path in signed:
        print(f"{path}: {options.stage} by {options.who}")


def _status(options: argparse.Namespace) -> None:
    films, problems = read_films(options.films)
    counts = Counter(stage_of(film.annotation) or "not signed" for film in films)
    others = sorted(set(counts) - {"not signed", *STAGES})
    print(", ".join(f"{stage}: {counts[stage]}" for stage in ("not signed", *STAGES, *others)))
    for problem in problems:
        print(problem, file=sys.stderr)


def _disagreements(options: argparse.Namespace) -> None:
    (first, one), (second, two) = read_films(options.first), read_films(options.second)
    second, others = called_as(second, first)
    pictures = {film.name: film.picture for film in (*first, *second) if film.picture is not None}
    # points that Slicer saved are placed on the film, whichever of the two has it
    (first, three), (second, four) = (
        each(films, lambda film: on_film(film, pictures.get(film.name))) for films in (first, second)
    )
    for problem in one + two + others + three + four:
        print(problem, file=sys.stderr)
    shared = {f.name for f in first} & {f.name for f in second}
    if not shared:
        raise ResultError(f"{options.first} and {options.second} have no film in common (compared by content and name)")
    found = disagreements(first, second, options.smallest)
    if options.output is None:
        print(disagreements_csv(found).decode(), end="")
    else:
        make_folder(options.output.parent)
        write_files({options.output: disagreements_csv(found)})
    print(f"{len(found)} disagreements on {len(shared)} films that both annotated", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when done, 2 when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m Training.review", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(required=True)
    signing = commands.add_parser("sign", help="move annotations to a stage")
    signing.add_argument("stage", choices=STAGES)
    signing.add_argument("files", nargs="+", type=Path, help="annotation files")
    signing.add_argument("--who", required=True, help="name or initials, kept in the file")
    signing.set_defaults(run=_sign)
    status = commands.add_parser("status", help="how many annotations are at which stage")
    status.add_argument("films", type=Path)
    status.set_defaults(run=_status)
    compare = commands.add_parser("disagreements", help="where two annotators differ, largest first")
    compare.add_argument("first", type=Path)
    compare.add_argument("second", type=Path)
    compare.add_argument("--smallest", type=float, default=0.0, help="leave out distances below this")
    compare.add_argument("--output", type=Path, help="CSV file; without it the table is printed")
    compare.set_defaults(run=_disagreements)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except SpineAlignmentError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
