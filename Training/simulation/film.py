"""A complete simulated film: patient, projection, look, and the annotation that says where its landmarks are."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.results.annotation import Annotation
from Training.simulation.appearance.chain import Look, film
from Training.simulation.patient import generator, project, sample_patient
from Training.simulation.projection import Window
from Training.simulation.stream import sample_film

_VIEW, _LOOK, _SYSTEM = 3, 4, 6
_BITS = 12


@dataclass(frozen=True)
class SimulatedFilm:
    """Pixels and truth of one film."""

    pixels: NDArray[np.uint16]
    """(height, width), 12 bits, bone bright."""
    annotation: Annotation


def simulate_film(
    seed: int,
    index: int,
    spacing: float = 0.36,
    randomization: float = 0.5,
    system: int | None = None,
    presacral_count: int | None = None,
) -> SimulatedFilm:
    """Film `index` of a seed; the same bytes whenever and wherever it is made.

    Args:
        seed, index: which film.
        spacing: size of a film pixel, mm.
        randomization: strength of its look, 0 plausible to 1.5 well past it.
        system: which X-ray system takes the film, with an exposure and a processing of its own; None: any.
        presacral_count: of vertebrae, 23 to 25; None: as in the population.
    """
    patient = sample_patient(seed, index, presacral_count=presacral_count)
    plane = patient.beam.project(patient.landmarks)
    crown, lowest = patient.anatomy.crown + 60.0, float(np.nanmin(plane[:, 1])) - 340.0
    canvas = (int(crown - lowest), 560)
    coarse = Window(float(np.nanmean(plane[:, 0])) + 300.0, crown, canvas, 1.0)
    left, top, right, bottom = sample_film(coarse.to_pixels(plane), canvas, generator(seed, index, _VIEW))
    size = (int((bottom - top) / spacing), int((right - left) / spacing))
    window = Window(coarse.left - left - 0.5, coarse.top - top - 0.5, size, spacing)
    projection = project(patient, window)
    rng = generator(seed, index, _LOOK)
    look = Look.sample(rng, randomization)
    if system is not None:
        own = Look.sample(np.random.default_rng([system, _SYSTEM]), randomization)
        look = replace(look, exposure=own.exposure, lookup=own.lookup)
    gray = film(projection, look, rng)
    points, corners, rims = projection.landmarks.copy(), projection.corners.copy(), projection.rims
    points[~_visible(points, size)] = np.nan
    corners[~_visible(corners, size)] = np.nan
    name = f"simulated_{seed}_{index:05d}"
    annotation = Annotation(
        film=name,
        size_px=(size[1], size[0]),
        points_px=points,
        confidence=np.where(np.isnan(points[:, 0]), np.nan, 1.0),
        vertebrae_px=corners,
        vertebrae_confidence=np.where(np.isnan(corners[..., 0]).all(axis=1), np.nan, 1.0),
        head_radius_px=np.linalg.norm(rims - rims.mean(axis=1, keepdims=True), axis=2).mean(axis=1),
        spacing_mm=(spacing, spacing),
        spacing_source="simulated",
        anterior="left",
        anterior_source="simulated",
        extra={"simulation": {"seed": seed, "index": index, **patient.metadata(), "look": look.metadata()}},
    )
    return SimulatedFilm(np.round(gray * (2**_BITS - 1)).astype(np.uint16), annotation)


def _visible(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which points (..., 2) lie on a film of (height, width)."""
    x, y = points[..., 0], points[..., 1]
    return np.asarray((x >= -0.5) & (x <= size[1] - 0.5) & (y >= -0.5) & (y <= size[0] - 0.5))


def named(made: SimulatedFilm, file_name: str) -> Annotation:
    """The film's annotation, saying in which file the film is."""
    return replace(made.annotation, film=file_name)
