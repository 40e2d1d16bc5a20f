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
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from SpineAlignmentLib.errors import ResultError, SpineAlignmentError
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.results.files import make_folder, write_files
from SpineAlignmentLib.results.result_file import json_bytes
from Training.datasets import AnnotatedFilm, read_annotations
from Training.datasets.film import named_apart
from Training.datasets.film_files import FilmFiles, content_of
from Training.datasets.patients import patient_code
from Training.datasets.slicer import on_film

_LETTERS_IN_A_ROW: Final[int] = 5


@dataclass(frozen=True)
class Exported:
    """One film of the training folder."""

    name: str
    """Its new, neutral name."""
    source: Path
    warning: str = ""
    """Why somebody should look at it before it is shared; empty when nothing speaks for it."""


def looks_like_text(pixels: NDArray[np.generic]) -> bool:
    """Whether letters may be burned in: a row of small, equally tall shapes of the film's brightest or darkest value.

    A hint, not a proof: faint or handwritten text is not seen.
    """
    image = np.asarray(pixels, np.float32)
    low, high = float(image.min()), float(image.max())
    if high <= low:
        return False
    tolerance = 0.005 * (high - low)
    return any(_has_row(mask) for mask in (image >= high - tolerance, image <= low + tolerance))


def _has_row(mask: NDArray[np.bool_]) -> bool:
    tallest = max(12, mask.shape[0] // 20)
    pieces, _ = ndimage.label(mask)
    boxes = [
        (rows.start, rows.stop - rows.start, columns.start, columns.stop)
        for rows, columns in ndimage.find_objects(pieces)
        if 6 <= rows.stop - rows.start <= tallest and 2 <= columns.stop - columns.start <= 1.5 * tallest
    ]
    for top, height, _, _ in boxes:
        row = [b for b in boxes if abs(b[0] - top) <= 0.25 * height and abs(b[1] - height) <= 0.25 * height]
        row.sort(key=lambda b: b[2])
        run = best = 1
        for before, after in pairwise(row):
            run = run + 1 if after[2] - before[3] <= 1.5 * height else 1
            best = max(best, run)
        if best >= _LETTERS_IN_A_ROW:
            return True
    return False


def burned_in(film: Film, path: Path) -> str:
    """What speaks for text in the pixels; empty when nothing does."""
    if _declared(path) == "YES":
        return "its tag Burned In Annotation (0028,0301) says that text is in the pixels"
    return "text may be burned in" if looks_like_text(film.pixels) else ""


def _declared(path: Path) -> str:
    """Burned In Annotation (0028,0301); empty for other files and where it is absent."""
    import pydicom

    try:
        data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["BurnedInAnnotation"])
        return str(data.get("BurnedInAnnotation", "") or "")
    except (pydicom.errors.InvalidDicomError, OSError):
        return ""


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
    """Write each corrected film as a 16-bit PNG and its annotation, under a neutral name.

    Films of one patient get one new patient code: by the DICOM Patient ID and its issuer, else by the code in the
    annotation, never by the name of a file.

    Args:
        corrected: landmarks as corrected.
        films: folder of the films they were placed on, which are found by their content, see `FilmFiles`.
        output: training folder; files in it stay.
        first: number of the first new film.

    Raises:
        SpineAlignmentError: a film is missing, cannot be told or read, or its size is another than the annotation's;
            nothing was written then, unless a film cannot be read.
    """
    pairs = _pairs(corrected, films)
    make_folder(output)
    codes: dict[str, str] = {}
    done: list[Exported] = []
    for number, (given, source) in enumerate(pairs, first):
        film, item = read_film(source), on_film(given, source)
        if item.annotation.size_px not in ((0, 0), film.size_px):
            raise ResultError(f"{source}: has {film.size_px} pixels, its annotation is of {item.annotation.size_px}")
        name = f"corrected_{number:04d}"
        if (output / f"{name}.json").exists():
            raise ResultError(f"{output}: has a {name} already; give another --first")
        owner = patient_code(source) or str(item.annotation.extra.get("patient") or f"{item.name}\0{number}")
        code = codes.setdefault(owner, f"patient_{number:04d}")
        picture = _png(film.pixels)
        annotation = replace(
            item.annotation,
            film=f"{name}.png",
            size_px=film.size_px,
            spacing_mm=item.annotation.spacing_mm or film.spacing_mm,
            pixel_aspect=film.pixel_aspect,
            models=(),
            warnings=(),
            film_sha256=hashlib.sha256(picture).hexdigest(),
            extra={"patient": code, "category": item.category},
        )
        write_files({output / f"{name}.png": picture, output / f"{name}.json": json_bytes(annotation)})
        done.append(Exported(name, source, burned_in(film, source)))
    return done


def _png(pixels: NDArray[np.generic]) -> bytes:
    """16-bit gray, the film's own range stretched over it; nothing but pixels in the file."""
    image = np.asarray(pixels, np.float64)
    low, high = float(image.min()), float(image.max())
    gray = np.round((image - low) / max(high - low, 1e-9) * 65535).astype(np.uint16)
    stream = io.BytesIO()
    Image.fromarray(gray).save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when all is exported, 2 when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m Training.corrections", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=Path, required=True, help="folder of the films")
    parser.add_argument("--corrected", type=Path, required=True, help="folder of corrected .json or .mrk.json files")
    parser.add_argument("--output", type=Path, required=True, help="training folder")
    parser.add_argument("--first", type=int, default=1, help="number of the first new film (default 1)")
    options = parser.parse_args(arguments)
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
    for item in done:
        if item.warning:
            print(f"{options.output / item.name}.png: {item.warning}; look at it before sharing", file=sys.stderr)
    print(f"{options.output}: {len(done)} films of pixels and landmarks only")
    return 0


if __name__ == "__main__":
    sys.exit(main())
