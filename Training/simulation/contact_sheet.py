"""Simulated films at a glance: `python -m Training.simulation.contact_sheet --films DIR --output DIR`.

Two pictures from a folder of simulated films with their annotations: all films side by side, and regions at the film's
own resolution with the landmarks that lie there.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.preprocessing import fit_region, resample
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.files import make_folder
from SpineAlignmentLib.results.result_file import read_annotation

Picture = NDArray[np.uint8]

REGIONS: Final[tuple[tuple[str, float], ...]] = (
    *(("C4_C", 45.0), ("T2_C", 50.0), ("T6_C", 55.0), ("T10_C", 60.0)),
    *(("L1_C", 60.0), ("L4_C", 60.0), ("S1_A", 65.0), ("FH_1", 60.0)),
)
"""Landmark in the middle of each zoomed region, and half the region's side in mm."""
_SHEET_HEIGHT: Final[int] = 300
_ZOOM: Final[int] = 380
_PER_ROW: Final[int] = 10
_MARK: Final[tuple[int, int, int]] = (255, 90, 60)


def _gray(film: Film, region: tuple[float, float, float, float], size: tuple[int, int]) -> Picture:
    """A region (left, top, right, bottom) of a film on a picture of (height, width)."""
    image, inside = resample(film.pixels, fit_region(region, film.pixel_size, "left", size))
    low, high = np.percentile(image[inside], (0.5, 99.7)) if inside.any() else (0.0, 1.0)
    return np.asarray(np.clip((image - low) / max(high - low, 1e-6), 0, 1) * inside * 255, np.uint8)


def sheet(films: list[Film]) -> Image.Image:
    """Every film at one height, in rows of ten."""
    rows = []
    for first in range(0, len(films), _PER_ROW):
        pictures = []
        for film in films[first : first + _PER_ROW]:
            width, height = film.size_px
            size = (_SHEET_HEIGHT, max(1, round(_SHEET_HEIGHT * width / height)))
            pictures.append(_gray(film, (-0.5, -0.5, width - 0.5, height - 0.5), size))
        rows.append(np.hstack(pictures))
    wide = max(row.shape[1] for row in rows)
    return Image.fromarray(np.vstack([np.pad(row, ((0, 4), (0, wide - row.shape[1]))) for row in rows]))


def zoom(film: Film, annotation: Annotation, name: str, half_mm: float) -> Image.Image:
    """The region around a landmark with all landmarks in it."""
    half = half_mm / film.pixel_size[1]
    center = annotation.points_px[INDEX[name]]
    region = (center[0] - half, center[1] - half, center[0] + half, center[1] + half)
    picture = Image.fromarray(_gray(film, region, (_ZOOM, _ZOOM))).convert("RGB")
    draw = ImageDraw.Draw(picture)
    frame = fit_region(region, film.pixel_size, "left", (_ZOOM, _ZOOM))
    for x, y in frame.to_network(annotation.points_px[np.isfinite(annotation.points_px[:, 0])]):
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), outline=_MARK, width=1)
    draw.text((6, 4), name, fill=_MARK)
    return picture


def zooms(films: list[Film], annotations: list[Annotation]) -> Image.Image:
    """One region of each of the first films that have it."""
    pictures: list[Image.Image] = []
    for (name, half_mm), start in zip(REGIONS, range(len(REGIONS)), strict=True):
        for shift in range(len(films)):
            k = (start + shift) % len(films)
            if np.isfinite(annotations[k].points_px[INDEX[name], 0]):
                pictures.append(zoom(films[k], annotations[k], name, half_mm))
                break
    canvas = Image.new("RGB", (4 * _ZOOM, (len(pictures) + 3) // 4 * _ZOOM))
    for k, picture in enumerate(pictures):
        canvas.paste(picture, (k % 4 * _ZOOM, k // 4 * _ZOOM))
    return canvas


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 done, 1 a film cannot be read or the sheets not be written, 2 there is no film."""
    parser = argparse.ArgumentParser(prog="python -m Training.simulation.contact_sheet", description=__doc__)
    parser.add_argument("--films", type=Path, required=True, help="folder that python -m Training.simulation wrote")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    paths = [p for p in sorted(options.films.glob("*")) if p.suffix in (".png", ".dcm")]
    if not paths:
        print(f"{options.films}: no simulated films; make some with python -m Training.simulation", file=sys.stderr)
        return 2
    try:
        films = [read_film(path) for path in paths]
        annotations = [read_annotation(path.with_suffix(".json")) for path in paths]
        make_folder(options.output)
    except SpineAlignmentError as error:
        print(error, file=sys.stderr)
        return 1
    sheet(films).save(options.output / "simulated_films.webp", quality=60, method=6)
    zooms(films, annotations).save(options.output / "simulated_regions.webp", quality=70, method=6)
    return 0


if __name__ == "__main__":
    sys.exit(main())
