"""`python -m Training.simulation.sample FOLDER`: the sample films that ship, and their annotations, made anew.

The whole film is what one looks at first, so that it shows an ordinary adult who stands square: chosen by eye from
thirty of the seed's first million people, who have no scoliosis, implant, fracture, slip or transitional vertebra and
are near the means of healthy adults (about PI 45 to 60, PT 8 to 18, SS 33 to 45, LL 48 to 65, GTK 35 to 50 degrees, a
lordotic neck, SVA below 30 mm). Its femoral heads lie over each other, it bears no text, reaches from the skull to
below the hips, and the networks err little on it. How much they err elsewhere is in the model card.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX
from SpineAlignmentLib.results.files import write_files
from SpineAlignmentLib.results.result_file import json_bytes
from Training.simulation.film import SimulatedFilm, named, simulate_film
from Training.simulation.writing import dicom_bytes

SEED: Final[int] = 2026
SPACING_MM, RANDOMIZATION = 0.38, 0.1


@dataclass(frozen=True)
class Sample:
    """A film that ships."""

    name: str
    """Of its file, without ending."""
    index: int
    """Of the seed."""
    compression_ratio: float
    """Of JPEG 2000, for a file of less than half a megabyte."""
    first: str | None = None
    """The highest vertebra on the film, whose field ends above it; None: the whole film."""


SAMPLES: Final[tuple[Sample, ...]] = (
    Sample("sample_film", 571107, 8.0),
    Sample("sample_film_fused", 227, 6.0, "C5"),
)
"""A whole film, and one of a fused lumbar spine whose field ends within the neck."""


def begun_at(made: SimulatedFilm, first: str) -> SimulatedFilm:
    """The film that a field shows whose upper edge lies halfway between a vertebra and the one above it.

    Args:
        made: the whole film.
        first: the vertebra, C3 to L5.
    """
    centers = made.annotation.points_px[[INDEX[name] for name in CENTERS], 1]
    row = CENTERS.index(f"{first}_C")
    top = int(centers[row - 1 : row + 1].mean())
    film = made.annotation
    points, corners = _below(film.points_px, top), _below(film.vertebrae_px, top)
    cut = replace(
        film,
        size_px=(film.size_px[0], film.size_px[1] - top),
        points_px=points,
        confidence=np.where(np.isnan(points[:, 0]), np.nan, film.confidence),
        vertebrae_px=corners,
        vertebrae_confidence=np.where(np.isnan(corners[..., 0]).all(axis=1), np.nan, film.vertebrae_confidence),
        extra={"simulation": {**film.extra["simulation"], "field_begins_at": first}},
    )
    return SimulatedFilm(made.pixels[top:], cut)


def _below(points: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """Film pixels (..., 2) counted from a row; NaN above it."""
    moved = points - (0, top)
    return np.where(moved[..., 1:] < 0, np.nan, moved)


def main() -> None:
    """Write each sample's .dcm and .json."""
    folder = Path(sys.argv[1])
    for sample in SAMPLES:
        made = simulate_film(SEED, sample.index, SPACING_MM, RANDOMIZATION)
        if sample.first is not None:
            made = begun_at(made, sample.first)
        annotation = json_bytes(named(made, f"{sample.name}.dcm"))
        content = dicom_bytes(made, sample.compression_ratio)
        write_files({folder / f"{sample.name}.dcm": content, folder / f"{sample.name}.json": annotation})


if __name__ == "__main__":
    main()
