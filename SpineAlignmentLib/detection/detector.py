"""From a film to its 45 landmarks: the ensemble, which way the patient faces, closer looks, and how sure it is.

    from SpineAlignmentLib.detection import detect
    result = detect("film.dcm")
    print(result.parameters()["PI"], result.confidence)

The landmarks are the mean of the models' (Yeh et al., Scientific Reports 2021), each as heavy as it is sure (the paper:
unweighted), settled by what is known of the shape of spines (`shape_prior`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.close_ups import SCATTER, close_up_frame, close_up_input
from SpineAlignmentLib.detection.confidence import confidence
from SpineAlignmentLib.detection.engines import Network, choose_engine, load_network
from SpineAlignmentLib.detection.look import HIGHER_FIRST, Look, hips_in_order, joined
from SpineAlignmentLib.detection.models import Model, read_close_ups, read_ensemble
from SpineAlignmentLib.detection.side import implausibility, settled
from SpineAlignmentLib.detection.views import region_of, resized, zoomed
from SpineAlignmentLib.film.film import GIVEN, Film, film_from_pixels, turned
from SpineAlignmentLib.film.polarity import looks_inverted
from SpineAlignmentLib.film.preprocessing import InputFrame, fit_film, fit_region, network_input
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import NAMES
from SpineAlignmentLib.results.annotation import Annotation

FloatArray = NDArray[np.float64]
Progress = Callable[[float, str], None]

MANY: Final[int] = 12
"""More landmarks than this are counted in a warning, not named."""

LOW_CONFIDENCE: Final[float] = 0.5
"""Landmarks below this are named in the result's warnings."""


@dataclass(frozen=True)
class Strategy:
    """How a film is looked at."""

    second_look_gain: float = 1.2
    """Look a second time, at the spine found alone, when that shows it this many times larger."""
    margin: float = 0.15
    """Margin around the landmarks found, as a share of their extent, for the second look."""
    zooms: tuple[float, ...] = (0.93, 1.0, 1.07)
    """Sizes of the view whose landmarks are averaged in the last look; (1.0,) is a single view."""
    trust_in_shape: float = 0.08
    """Standard deviation of a landmark for the shape model, as a share of its heatmap's; 0: the networks alone."""


class Detector:
    """The ensemble, loaded once and used on any number of films; may be shared by threads."""

    def __init__(
        self,
        models: Path | None = None,
        engine: str = "auto",
        threads: int | None = None,
        strategy: Strategy | None = None,
    ) -> None:
        """Load the ensemble.

        Args:
            models: folder with ensemble.json, or of one model; None for the ensemble that ships.
            engine: "auto", "onnx" or "tensorflow".
            threads: processor threads of one network run; None for all.
            strategy: how films are looked at.

        Raises:
            ModelError: a model or the engine is missing, or a model was altered.
        """
        self.models: tuple[Model, ...] = read_ensemble(models)
        self.engine = choose_engine(engine)
        self.strategy = strategy or Strategy()
        self.networks, self.close_ups = (
            [(model, load_network(model, self.engine, threads)) for model in group]
            for group in (self.models, read_close_ups(models))
        )

    def detect(self, film: Film, progress: Progress | None = None) -> Annotation:
        """Find the 45 landmarks of a film.

        Args:
            film: the film; without a facing side, the side is detected.
            progress: called with the share done, 0 to 1, and what is being done.
        """
        say = progress or (lambda share, stage: None)
        say(0.0, "looking at the film")
        film, first = self._first_look(film)
        say(0.5, "looking at the spine")
        last = self._second_look(film, first.named()).named()
        say(0.9, "measuring")
        return self._annotation(film, last)

    def _first_look(self, film: Film) -> tuple[Film, Look]:
        """The film as it should be looked at, facing side and polarity settled, and the first look at all of it."""
        told = film.anterior is not None and film.anterior_source == GIVEN
        sides = (film.anterior or "",) if told else ("left", "right")
        candidates = [film.facing(side, film.anterior_source) for side in sides]
        if film.polarity_doubt or (film.polarity_source != GIVEN and looks_inverted(film.pixels)):
            candidates += [turned(candidate) for candidate in candidates]
        frames = [fit_film(c.size_px, c.pixel_size, c.anterior or "", self._input_size) for c in candidates]
        if len(candidates) == 1:
            return film, self.look(film, frames[0])
        # one model settles it; the others join afterwards
        looks = [self.look(c, f, self.networks[:1]) for c, f in zip(candidates, frames, strict=True)]
        doubt = [implausibility(look, c.anterior or "") for look, c in zip(looks, candidates, strict=True)]
        best, chosen = settled(film, candidates, doubt)
        first = looks[best]
        if len(self.networks) > 1:
            first = joined([first, self.look(chosen, first.frame, self.networks[1:])])
        return chosen, first

    def _second_look(self, film: Film, first: Look) -> Look:
        """Look again at the spine alone, where the film is much larger than the spine."""
        region = region_of(
            first.most_probable(self.strategy.trust_in_shape), film.size_px, self.strategy.margin, film.pixel_size
        )
        frame = fit_region(region, film.pixel_size, film.anterior or "left", self._input_size)
        if first.frame.step[1] / frame.step[1] < self.strategy.second_look_gain:
            frame = first.frame
        frames = [zoomed(frame, zoom) for zoom in self.strategy.zooms]
        look = joined([self.look(film, f) for f in frames])
        return joined([look, *(self._close_up(film, frame, look, *close_up) for close_up in self.close_ups)])

    def _close_up(self, film: Film, whole: InputFrame, look: Look, model: Model, network: Network) -> Look:
        """What a close-up's network sees around the landmarks of a look, at the scale of the `whole` spine's frame."""
        assert model.region is not None
        near = close_up_frame(model.region, whole, look.mean)
        views = [zoomed(near, zoom) for zoom in self.strategy.zooms]
        found, wide = network(np.stack([close_up_input(film.pixels, view) for view in views]))
        points = np.repeat(look.mean[None], len(views), axis=0)
        spread = np.full(points.shape[:2], np.inf)
        for i, view in enumerate(views):
            points[i, model.region.rows] = view.to_film(found[i])
            spread[i, model.region.rows] = SCATTER * wide[i] * view.step[1]
            points[i] = look.frame.to_film(hips_in_order(look.frame.to_network(points[i]), HIGHER_FIRST))
        step = np.abs(whole.step)
        away = np.linalg.norm((points.mean(axis=0) - look.mean) / step, axis=1) * step[1]
        return Look(look.frame, points, np.hypot(spread, model.region.doubt * away))

    @property
    def _input_size(self) -> tuple[int, int]:
        return self.models[0].input_size

    def look(self, film: Film, frame: InputFrame, networks: Sequence[tuple[Model, Network]] | None = None) -> Look:
        """Run the networks on the part of the film that a frame shows."""
        seen: dict[tuple[int, int], tuple[InputFrame, NDArray[np.float32]]] = {}
        points, spread = [], []
        for model, network in networks or self.networks:
            if model.input_size not in seen:
                fitted = resized(frame, model.input_size)
                seen[model.input_size] = (fitted, network_input(film.pixels, fitted))
            fitted, image = seen[model.input_size]
            found, wide = network(image[None])
            points.append(fitted.to_film(hips_in_order(found[0], HIGHER_FIRST)))
            spread.append(wide[0] * fitted.step[1])
        return Look(frame, np.array(points), np.array(spread))

    def _annotation(self, film: Film, look: Look) -> Annotation:
        points = look.most_probable(self.strategy.trust_in_shape)
        sure = confidence(look, points, film.pixel_size)
        width, height = film.size_px
        slack = 0.01 * height
        off = ((points < -slack) | (points > np.array([width, height]) - 1 + slack)).any(axis=1)
        warnings = list(film.warnings)
        if off.any():
            warnings.append(f"off the film: {_listed(off)}")
        weak = (sure < LOW_CONFIDENCE) & ~off
        if weak.any():
            warnings.append(f"low confidence: {_listed(weak)}")
        return Annotation(
            film=film.name,
            size_px=film.size_px,
            points_px=np.where(off[:, None], np.nan, points),
            confidence=np.where(off, np.nan, sure),
            spacing_mm=film.spacing_mm,
            spacing_source=film.spacing_source,
            anterior=film.anterior or "left",
            anterior_source=film.anterior_source,
            pixel_aspect=film.pixel_aspect,
            models=tuple(model.name for model, _ in (*self.networks, *self.close_ups)),
            warnings=tuple(warnings),
            film_sha256=film.sha256,
        )


@lru_cache(maxsize=2)
def shared_detector(models: Path | None = None, engine: str = "auto") -> Detector:
    """A detector that is loaded once and kept; see `Detector`."""
    return Detector(models, engine)


def detect(
    film: Film | str | Path | NDArray[np.generic],
    spacing: float | tuple[float, float] | None = None,
    anterior: str | None = None,
    models: Path | None = None,
    engine: str = "auto",
    progress: Progress | None = None,
    force: bool = False,
) -> Annotation:
    """Find the 45 landmarks of a film; `Annotation.parameters` of what it returns gives the 18 parameters.

    Args:
        film: a film, the path of its file, or its pixels of shape (height, width) with bone bright.
        spacing: size of a pixel in mm, x or (x, y), where the user knows it.
        anterior: "left" or "right", the side the patient faces, where the user knows it; detected otherwise.
        models: folder of the models; None for those that ship.
        engine: "auto", "onnx" or "tensorflow".
        progress: called with the share done, 0 to 1, and what is being done.
        force: measure a film whose tags say that it is no lateral one.

    Raises:
        FilmError: the file is not a film.
        ModelError: a model or the engine is missing, or a model was altered.
    """
    if isinstance(film, str | Path):
        film = read_film(film, spacing, anterior, force)
    else:
        film = film if isinstance(film, Film) else film_from_pixels(np.asarray(film))
        film = film if spacing is None else film.calibrated(spacing)
        film = film if anterior is None else film.facing(anterior)
    return shared_detector(models, engine).detect(film, progress)


def _listed(which: NDArray[np.bool_]) -> str:
    names = np.array(NAMES)[which]
    return ", ".join(names) if len(names) <= MANY else f"{len(names)} of {len(NAMES)} landmarks"
