"""Corrected films to a training folder without anybody's identity: pixels and landmarks only.

`python -m Training.corrections --films DIR --corrected DIR --output DIR`. File names, dates, UIDs and every DICOM tag
stay behind. What is burned into the pixels cannot: such films are named in a warning, to be looked at before sharing.
"""

import argparse
import hashlib
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from SpineAlignmentLib.errors import ResultError, SpineAlignmentError
from SpineAlignmentLib.film.burned_in import text_warning
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.results.files import make_folder, write_files
from SpineAlignmentLib.results.result_file import json_bytes
from SpineAlignmentLib.results.turning import upright
from Training.datasets import AnnotatedFilm, read_annotations
from Training.datasets.film import named_apart
from Training.datasets.film_files import FilmFiles, content_of
from Training.datasets.patients import patient_code
from Training.datasets.slicer import on_film


@dataclass(frozen=True)
class Exported:
    """One film of the training folder."""

    name: str
    """Its new, neutral name."""
    source: Path
    warning: str = ""
    """Why somebody should look at it before it is shared; empty when nothing speaks for it."""


def _pairs(corrected: Sequence[AnnotatedFilm], films: Path) -> list[tuple[AnnotatedFilm, Path]]:
    """Each annotation with the film it was placed on; of copies of one film with equal landmarks the first.

    Raises:
        ResultError: a film is missing or cannot be told, or two annotations of one film differ.
    """
    files = FilmFiles(films)
    first: dict[str, tuple[AnnotatedFilm, Path]] = {}
    for given in corrected:
        place = Path(given.place or given.name)
        source = files.find(given.annotation, place)
        content = content_of(source) or str(source.resolve())
        other, its_source = first.setdefault(content, (given, source))
        if other is not given and not np.array_equal(other.points, given.points, equal_nan=True):
            both = f"{source}" if source == its_source else f"{its_source} and {source}, which are one film"
            raise ResultError(f"{other.name} and {given.name} are different landmarks of {both}; keep one of them")
    return list(first.values())


def export(corrected: Sequence[AnnotatedFilm], films: Path, output: Path, first: int = 1) -> list[Exported]:
    """Write each corrected film, upright, as a 16-bit PNG and its annotation, under a neutral name.

    Films of one patient get one new patient code: by the DICOM Patient ID and its issuer, else by the code in the
    annotation, never by the name of a file.

    Args:
        corrected: landmarks as corrected.
        films: folder of the films they were placed on, which are found by their content, see `FilmFiles`.
        output: training folder; files in it stay.
        first: number of the first new film.

    Raises:
        SpineAlignmentError: a film is missing, cannot be told or read, or its size is another than the annotation's;
            nothing is left of the others then.
    """
    pairs = _pairs(corrected, films)
    make_folder(output)
    codes: dict[str, str] = {}
    done: list[Exported] = []
    try:
        for number, (given, source) in enumerate(pairs, first):
            done.append(_export(given, source, output, number, codes))
    except BaseException:
        # of films that stay the next run would make second copies, of other patients by their codes
        for item in done:
            for end in (".png", ".json"):
                (output / f"{item.name}{end}").unlink(missing_ok=True)
        raise
    return done


def _export(given: AnnotatedFilm, source: Path, output: Path, number: int, codes: dict[str, str]) -> Exported:
    """Write one film; `codes`, the new code of each patient, grows."""
    film, item = read_film(source), on_film(given, source)
    replace(item, picture=source).check_size(film.size_px)
    name = f"corrected_{number:04d}"
    if (output / f"{name}.json").exists():
        raise ResultError(f"{output}: has a {name} already; give another --first")
    owner = patient_code(source) or str(item.annotation.extra.get("patient") or f"{item.name}\0{number}")
    code = codes.setdefault(owner, f"patient_{number:04d}")
    told = replace(
        item.annotation,
        size_px=film.size_px,
        spacing_mm=item.annotation.spacing_mm or film.spacing_mm,
        pixel_aspect=film.pixel_aspect,
    )
    # networks learn from films that stand
    picture = _png(film.upright(told.quarter_turns).pixels)
    annotation = replace(
        upright(told),
        film=f"{name}.png",
        models=(),
        warnings=(),
        film_sha256=hashlib.sha256(picture).hexdigest(),
        extra={"patient": code, "category": item.category},
    )
    write_files({output / f"{name}.png": picture, output / f"{name}.json": json_bytes(annotation)})
    return Exported(name, source, text_warning(film.pixels, film.warnings))


def _png(pixels: NDArray[np.generic]) -> bytes:
    """16-bit gray, the film's own range stretched over it; nothing but pixels in the file."""
    image = np.asarray(pixels, np.float64)
    low, high = float(image.min()), float(image.max())
    gray = np.round((image - low) / max(high - low, 1e-9) * 65535).astype(np.uint16)
    stream = io.BytesIO()
    Image.fromarray(gray).save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when all is exported, 2 when it cannot be, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m Training.corrections", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=Path, required=True, help="folder of the films")
    parser.add_argument("--corrected", type=Path, required=True, help="folder of corrected .json or .mrk.json files")
    parser.add_argument("--output", type=Path, required=True, help="training folder")
    parser.add_argument("--first", type=int, default=1, help="number of the first new film (default 1)")
    options = parser.parse_args(arguments)
    if options.first < 0:
        parser.error("--first must be 0 or more")
    try:
        read, problems = read_annotations(options.corrected)
        corrected = named_apart(read)
        for problem in problems:
            print(problem, file=sys.stderr)
        if not corrected:
            raise ResultError(f"{options.corrected}: no corrected landmarks found")
        done = export(corrected, options.films, options.output, options.first)
    except SpineAlignmentError as error:
        print(f"corrections: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("corrections: interrupted; nothing was written", file=sys.stderr)
        return 130
    for item in done:
        if item.warning:
            print(f"{options.output / item.name}.png: {item.warning}", file=sys.stderr)
    print(f"{options.output}: {len(done)} films of pixels and landmarks only")
    return 0


if __name__ == "__main__":
    sys.exit(main())
