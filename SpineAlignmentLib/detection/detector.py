"""From a film to its 45 landmarks: the ensemble, which way the patient faces, closer looks, and how sure it is.

    from SpineAlignmentLib.detection import detect
    result = detect("film.dcm")
    print(result.parameters()["PI"], result.confidence)

The landmarks are the mean of the models' (Yeh et al., Scientific Reports 2021), each as heavy as it is sure (the paper:
unweighted), settled by what is known of the shape of spines (`shape_prior`).
"""

import importlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from heapq import nlargest
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.calibration import read_calibration
from SpineAlignmentLib.detection.close_look import seen_close_up
from SpineAlignmentLib.detection.closest_look import ClosestLook, ClosestNetworks
from SpineAlignmentLib.detection.corners import mm_per_pixel, strengths_at, with_corners
from SpineAlignmentLib.detection.engines import Network, choose_engine, load_answers, load_network
from SpineAlignmentLib.detection.extent import SMALLER, alike, counting_grid, first_frame, own_scale, shows, view_of
from SpineAlignmentLib.detection.head_circles import with_heads
from SpineAlignmentLib.detection.look import HIGHER_FIRST, Look, hips_in_order, joined
from SpineAlignmentLib.detection.lying import LIES, as_it_lies, in_doubt, set_upright, turns_to_upright
from SpineAlignmentLib.detection.models import (
    CLOSEST,
    Model,
    read_close_ups,
    read_closest_model,
    read_ensemble,
)
from SpineAlignmentLib.detection.numbering import count
from SpineAlignmentLib.detection.placing import level_sureness
from SpineAlignmentLib.detection.refusal import doubt, no_spine, other_side
from SpineAlignmentLib.detection.reporting import annotation, calibrated, insisted, told, unnumbered
from SpineAlignmentLib.detection.side import WHOLE_SPINE, implausibility, landmarks_seen, settled
from SpineAlignmentLib.detection.side_by_side import SideBySide
from SpineAlignmentLib.detection.sightings import Sighting
from SpineAlignmentLib.detection.spine import Spine, find_spine, seen_closely
from SpineAlignmentLib.detection.unknown_scale import LIKELY, Found, least_doubtful, likeness, other_scales
from SpineAlignmentLib.detection.views import as_wide_as, resized, zoomed
from SpineAlignmentLib.film.burned_in import text_warning
from SpineAlignmentLib.film.film import CLAIMED_SIDES, GIVEN, Film, film_from_pixels, turned
from SpineAlignmentLib.film.polarity import looks_inverted
from SpineAlignmentLib.film.preprocessing import INPUT_SIZE, InputFrame, network_input
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import HEADS, Annotation

FloatArray = NDArray[np.float64]
Progress = Callable[[float, str], None]
Inputs = dict[InputFrame, NDArray[np.float32]]
"""Of networks, by the part of a film that they show."""


LEAST_LEVELS: Final[int] = 2
"""Fewer vertebrae than this are no spine."""


@dataclass(frozen=True)
class Strategy:
    """How a film is looked at."""

    zooms: tuple[float, ...] = (0.93, 1.0, 1.07)
    """Sizes of the view whose landmarks are averaged in the last look; (1.0,) is a single view."""
    sure: float = 0.8
    """A whole spine whose numbering is at least so sure at first sight is not looked at in several sizes."""
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
        self.calibration = read_calibration(models)
        looking_closer = read_close_ups(models)
        closest = [read_closest_model(task, models) for task in CLOSEST]
        if closest[0] is None:  # on whose bodies and image the others look
            closest = [None] * len(closest)
        self._names = tuple(model.name for model in (*self.models, *looking_closer, *closest) if model is not None)
        self._side_by_side = SideBySide(threads)
        # sessions of ONNX Runtime are made side by side; TensorFlow loads one model after the other
        with ThreadPoolExecutor(1 if self.engine == "tensorflow" else None) as pool:
            pool.submit(importlib.import_module, "scipy.interpolate")  # what a first detection would wait for
            networks, close_ups = (
                [(model, pool.submit(load_network, model, self.engine, threads)) for model in group]
                for group in (self.models, looking_closer)
            )
            answers = [None if m is None else pool.submit(load_answers, m, self.engine, threads) for m in closest]
        self.networks = [(model, loaded.result()) for model, loaded in networks]
        self.close_ups = [(model, loaded.result()) for model, loaded in close_ups]
        bodies, vertebra, heads = (None if loaded is None else loaded.result() for loaded in answers)
        self.closest = None if bodies is None else ClosestNetworks(bodies, vertebra, heads)

    def detect(self, film: Film, progress: Progress | None = None, force: bool = False) -> Annotation:
        """Find the 45 landmarks of a film; one that lies on its side or upside down is turned for it, if that is sure.

        Args:
            film: the film; without a facing side, the side is detected.
            progress: called with the share done, 0 to 1, and what is being done.
            force: measure even where no lateral spine is found.

        Raises:
            FilmError: no lateral spine on it, unless forced.
        """
        say = progress or (lambda share, stage: None)
        found = self._seen(film, say)
        result, turns = found.result, 0
        if (result is None or in_doubt(result)) and self.closest is not None:
            turns = turns_to_upright(film, self.closest.bodies, result)
        if turns:
            other = self._seen(set_upright(film, turns, force), say, force)
            if result is not None and found.doubt <= other.doubt:
                return result
            if other.result is not None and (turned_back := as_it_lies(film, other.result, turns)) is not None:
                return turned_back
            if other.result is not None and not (force or in_doubt(other.result)):
                raise other_side(film.name, LIES[turns][0], other.result.anterior)
        if not force and (turns or result is None):
            raise no_spine(film, LIES.get(turns))
        if result is None:
            result = self._found(*self._first_look(film), say, force).result
            assert result is not None
        return result

    def _seen(self, film: Film, say: Progress, force: bool = False) -> Found:
        """What there is on a film as it lies, at its own scale."""
        say(0.0, "looking at the film")
        found = self._found(*self._first_look(film), say, force)

        def go_on(share: float, stage: str) -> None:
            say(0.9, "looking at other scales")

        # no more of them than these are kept in memory
        likely = nlargest(LIKELY, map(self._first_look, other_scales(film, found)), key=lambda seen: likeness(seen[2]))
        return least_doubtful(film, found, (self._found(*seen, go_on) for seen in likely))

    def _found(self, film: Film, first: Look, spine: Spine | None, say: Progress, force: bool = False) -> Found:
        """What there is on a film as it lies, at the scale that it was first seen at, see `_first_look`."""
        if spine is None or len(spine.path.levels) < LEAST_LEVELS:
            return self._without_levels(film, first.named(), force)
        say(0.4, "looking at the spine")
        seen = first.named()
        look, grid = self._second_look(film, seen, spine)
        if look is not seen:
            spine = find_spine(look, grid, film.size_px) or spine
        path = spine.path
        if len(path.levels) < LEAST_LEVELS:
            return self._without_levels(film, look.named(), force)
        say(0.7, "looking closely")
        look, closest = self._close_look(film, look.named(), spine)
        spine = seen_closely(spine, look, None if closest is None else closest.bodies)
        if len(spine.path.levels) < LEAST_LEVELS:
            return self._without_levels(film, look, force)
        counted = count(spine.levels)
        say(0.9, "measuring")
        result = annotation(film, look, spine, counted, self._names, self.strategy.trust_in_shape)
        strengths = None if closest is None else strengths_at(result, closest.bodies)
        doubted = doubt(look, spine, counted.path, strengths)
        if doubted > 0 and not force:
            return Found(None, doubted)
        text = text_warning(film.pixels, result.warnings)
        if text and text not in result.warnings:
            result = replace(result, warnings=(*result.warnings, text))
        if closest is not None:
            l6_centers = spine.l6_center(counted.path), spine.l6_center(counted.runner_up)
            result = with_corners(result, closest.bodies, l6_centers, level_sureness(counted))
        result = calibrated(result, self.calibration)
        if doubted > 0:
            result = insisted(result)
        heads = () if closest is None else closest.heads
        return Found(told(with_heads(result, film.pixels, mm_per_pixel(result), heads)), doubted)

    def _without_levels(self, film: Film, look: Look, force: bool) -> Found:
        """What is left to say of a film without a spine to whoever insists; nothing when nobody does."""
        return Found(unnumbered(film, look, self._names, self.strategy.trust_in_shape) if force else None)

    def _first_look(self, film: Film) -> tuple[Film, Look, Spine | None]:
        """The film as it should be looked at, facing side, polarity and scale settled, and what is seen at first."""
        told = film.anterior is not None and film.anterior_source not in CLAIMED_SIDES
        sides = (film.anterior or "",) if told else ("left", "right")
        candidates = [film.facing(side, film.anterior_source) for side in sides]
        if film.polarity_doubt or (film.polarity_source != GIVEN and looks_inverted(film.pixels)):
            candidates += [turned(candidate) for candidate in candidates]
        # where something is to be settled, one model does so, and the others join afterwards
        settling = self.networks if len(candidates) == 1 and film.spacing_mm is not None else self.networks[:1]
        inputs: list[Inputs] = [{} for _ in candidates]
        frames = [first_frame(candidate, INPUT_SIZE) for candidate in candidates]
        asked = zip(candidates, frames, inputs, strict=True)
        looks = self._side_by_side([partial(self.look, c, frame, settling, seen) for c, frame, seen in asked])
        if film.spacing_mm is None:
            looks = self._at_its_scale(candidates, looks)
        best, chosen = settled(film, candidates, [implausibility(look) for look in looks])
        first = looks[best]
        if others := self.networks[len(settling) :]:
            first = joined([first, self.look(chosen, first.frame, others, inputs[best])])
        return chosen, first, find_spine(first, counting_grid(chosen, first), chosen.size_px)

    def _at_its_scale(self, candidates: Sequence[Film], looks: Sequence[Look]) -> list[Look]:
        """The looks at a film of unknown scale, of the size in the view at which most landmarks are seen."""
        sizes = [list(looks)]
        if max(landmarks_seen(look) for look in looks) < WHOLE_SPINE:
            for size in SMALLER:
                frames = [zoomed(look.frame, size) for look in looks]
                asked = zip(candidates, frames, strict=True)
                sizes.append(self._side_by_side([partial(self.look, c, f, self.networks[:1]) for c, f in asked]))
        return max(sizes, key=lambda same: max(landmarks_seen(look) for look in same))

    def _second_look(self, film: Film, first: Look, spine: Spine) -> tuple[Look, InputFrame]:
        """Look again at the spine alone, at the scale that the networks know; and the grid on which levels count.

        Where the first look shows a whole spine at about that scale, and leaves no doubt of its levels, it is enough.
        """
        path = spine.path
        size = float(np.exp(np.median(np.log(path.steps))))
        grid = own_scale(spine.grid, size)
        expected = spine.grid.to_film(spine.expected(spine.centers(path)))
        on_film = np.clip(expected, 0, np.array(film.size_px) - 1)
        frame = view_of(expected, grid, INPUT_SIZE)
        shown = shows(first.frame, on_film, 16)
        sure = path.count is not None and count(spine.levels).sureness >= self.strategy.sure
        if sure and shown and alike(first.frame, frame):
            return first, grid
        again = abs(first.frame.step[1] / frame.step[1] - 1) > 0.01 or not shown
        zooms = (1.0,) if sure else self.strategy.zooms
        looks = [self.look(film, zoomed(frame, zoom)) for zoom in zooms if again or zoom != 1.0]
        return joined(looks if again else [first, *looks]), grid

    def _close_look(self, film: Film, look: Look, spine: Spine) -> tuple[Look, ClosestLook | None]:
        """A look joined by the close-ups whose part is on the film; and its bodies and heads, whatever their levels."""
        centers = spine.centers(spine.path)
        expected = spine.grid.to_film(spine.expected(centers))
        hips = look.mean[[INDEX[name] for name in HEADS]].mean(axis=0)
        calls: list[Callable[[], Look | ClosestLook]] = [
            partial(seen_close_up, film, look, expected, model, network)
            for model, network in self.close_ups
            if model.region is not None and np.isfinite(centers[model.region.rows, 0]).any()
        ]
        if self.closest is not None:  # it takes as long as all of the others
            calls.insert(0, partial(self.closest.look, film, expected, hips))
        answers = self._side_by_side(calls)
        closest = next((answer for answer in answers if isinstance(answer, ClosestLook)), None)
        return joined([look, *(answer for answer in answers if isinstance(answer, Look))]).named(), closest

    def look(
        self,
        film: Film,
        frame: InputFrame,
        networks: Sequence[tuple[Model, Network]] | None = None,
        inputs: Inputs | None = None,
    ) -> Look:
        """Run the networks on the part of the film that a frame shows.

        Args:
            film: the film.
            frame: where to look.
            networks: those that look; None for all.
            inputs: what networks saw of this film before; what they see now is added.
        """
        inputs = {} if inputs is None else inputs
        views, runs = [], []
        for model, network in networks or self.networks:
            view = resized(frame, model.input_size)
            if network.any_size:
                view = as_wide_as(view, film.size_px)
            if view not in inputs:
                inputs[view] = network_input(film.pixels, view, model.input_size[0])
            views.append(view)
            runs.append(partial(network, inputs[view][None]))
        answers = self._side_by_side(runs)
        points = [
            view.to_film(hips_in_order(answer.points[0], HIGHER_FIRST))
            for view, answer in zip(views, answers, strict=True)
        ]
        spread = [answer.spread[0] * view.step[1] for view, answer in zip(views, answers, strict=True)]
        sightings = tuple(Sighting(view, answer.heatmaps[0]) for view, answer in zip(views, answers, strict=True))
        return Look(frame, np.array(points), np.array(spread), sightings)


@lru_cache(maxsize=2)
def shared_detector(models: Path | None = None, engine: str = "auto") -> Detector:
    """A detector that is loaded once and kept; see `Detector`."""
    return Detector(models, engine)


def detect(
    film: Film | str | Path | NDArray[np.generic],
    spacing: float | tuple[float, float] | None = None,
    anterior: str | None = None,
    models: str | Path | None = None,
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
    return shared_detector(None if models is None else Path(models), engine).detect(film, progress, force)
