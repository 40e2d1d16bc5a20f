"""From a film to its 45 landmarks: the ensemble, which way the patient faces, closer looks, and how sure it is.

    from SpineAlignmentLib.detection import detect
    result = detect("film.dcm")
    print(result.parameters()["PI"], result.confidence)

The landmarks are the mean of the models' (Yeh et al., Scientific Reports 2021), each as heavy as it is sure (the paper:
unweighted), settled by what is known of the shape of spines (`shape_prior`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.close_up import SCATTER, close_up_frame, close_up_input
from SpineAlignmentLib.constructions import level_distance
from SpineAlignmentLib.engines import Network, choose_engine, load_network
from SpineAlignmentLib.film import Film, film_from_pixels, looks_inverted, read_film, turned
from SpineAlignmentLib.landmarks import CENTERS, INDEX, NAMES
from SpineAlignmentLib.models import Model, read_close_ups, read_ensemble
from SpineAlignmentLib.preprocessing import InputFrame, fit_film, fit_region, network_input
from SpineAlignmentLib.results import Annotation
from SpineAlignmentLib.shape_prior import shape_model

FloatArray = NDArray[np.float64]
Progress = Callable[[float, str], None]

SURE_OF_SIDE: Final[int] = 60
"""Percentage from which a detected facing side is not called a guess."""

MANY: Final[int] = 12
"""More landmarks than this are counted in a warning, not named."""

RIGHT: Final[float] = 1 / 3
"""Error below which a landmark counts as right, as a share of the distance of two vertebral centers: of its own level,
whatever the landmark."""

_LOGISTIC: Final[tuple[float, float]] = (4.2, 0.42)
"""Slope of the confidence, and the unsureness, in distances of two vertebral centers, at which it is one half: fitted
on 500 simulated films (3.8, 0.46), the second lowered since networks err more on real films than they know, the first
raised so that as many are right, in each tenth of the simulated ones, as it says, to 0.08."""

LOW_CONFIDENCE: Final[float] = 0.5
"""Landmarks below this are named in the result's warnings."""

HIGHER_FIRST: Final[float] = 1.0
"""`down` of `hips_in_order` for what networks learn and find. One exposure from a point shows the heads one above the
other, and which is in front is chance; a network told to name them by that alone would place both in between."""

_CENTER_ROWS: Final[list[int]] = [INDEX[name] for name in CENTERS]
_ANTERIOR: Final[list[int]] = [
    INDEX[n] for n in ("C2_AI", "C7_AI", "T1_AS", "T5_AS", "T5_AI", "T12_AI", "L1_AS", "L4_AS")
]
_POSTERIOR: Final[list[int]] = [
    INDEX[n] for n in ("C2_PI", "C7_PI", "T1_PS", "T5_PS", "T5_PI", "T12_PI", "L1_PS", "L4_PS")
]


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


@dataclass(frozen=True)
class Look:
    """What the models saw on one part of the film."""

    frame: InputFrame
    points: FloatArray
    """Shape (k, 45, 2): the landmarks of each model and view, film pixels."""
    spread: FloatArray
    """Shape (k, 45): standard deviation of the heatmaps, of a close-up a share of it (`SCATTER`), in film pixels
    along y; infinite for landmarks that a view does not show."""

    @property
    def mean(self) -> FloatArray:
        """Shape (45, 2): the ensemble's landmarks, film pixels; weighted by the inverse variance of the heatmaps."""
        return np.asarray(np.sum(self._weight[..., None] * self.points, axis=0))

    @property
    def deviation(self) -> FloatArray:
        """Shape (45,): the harmonic mean of the heatmaps' variances as a standard deviation, film pixels along y."""
        views = np.isfinite(self.spread).sum(axis=0)
        return np.asarray(np.sqrt(views / np.sum(self._precision, axis=0)))

    @property
    def apart(self) -> FloatArray:
        """Shape (45,): standard deviation of the models' and views' landmarks, film pixels."""
        return np.asarray(np.sqrt(np.sum(self._weight * np.sum((self.points - self.mean) ** 2, axis=2), axis=0)))

    @property
    def _precision(self) -> FloatArray:
        return np.asarray(np.maximum(self.spread, 1e-6) ** -2.0)

    @property
    def _weight(self) -> FloatArray:
        return np.asarray(self._precision / self._precision.sum(axis=0))

    def named(self) -> "Look":
        """The same look with the femoral heads in the order of landmarks, FH_1 further anterior, in every view."""
        mean = self.frame.to_network(self.mean)
        if hips_in_order(mean) is mean:
            return self
        order = np.arange(len(mean))
        order[[INDEX["FH_1"], INDEX["FH_2"]]] = INDEX["FH_2"], INDEX["FH_1"]
        return Look(self.frame, self.points[:, order], self.spread[:, order])

    def most_probable(self, trust: float) -> FloatArray:
        """Shape (45, 2): the ensemble's landmarks, moved to where the shape of spines makes them most probable.

        Args:
            trust: in the shape, see `Strategy.trust_in_shape`.
        """
        if trust <= 0:
            return self.mean
        square = self.frame.to_network(self.mean)  # square pixels, the patient facing left, as the model has them
        # the models' disagreement stays out of it: it grows where one of them is right
        moved = shape_model().most_probable(square, trust * self.deviation / self.frame.step[1])
        return self.frame.to_film(hips_in_order(moved))


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
        sides = ("left", "right") if film.anterior is None else (film.anterior,)
        candidates = [film.facing(side, film.anterior_source) for side in sides]
        if not film.polarity_known and looks_inverted(film.pixels):
            candidates += [turned(candidate) for candidate in candidates]
        frames = [fit_film(c.size_px, c.pixel_size, c.anterior or "", self._input_size) for c in candidates]
        if len(candidates) == 1:
            return film, self.look(film, frames[0])
        # one model settles it; the others join afterwards
        looks = [self.look(c, f, self.networks[:1]) for c, f in zip(candidates, frames, strict=True)]
        doubt = [implausibility(look, c.anterior or "") for look, c in zip(looks, candidates, strict=True)]
        best = int(np.argmin(doubt))
        chosen, first = candidates[best], looks[best]
        if film.anterior is None:
            chosen = _told_side(chosen, doubt[best], min(d for c, d in zip(candidates, doubt, strict=True)
                                                         if c.anterior != chosen.anterior))  # fmt: skip
        if len(self.networks) > 1:
            first = _joined([first, self.look(chosen, first.frame, self.networks[1:])])
        return chosen, first

    def _second_look(self, film: Film, first: Look) -> Look:
        """Look again at the spine alone, where the film is much larger than the spine."""
        region = region_of(
            first.most_probable(self.strategy.trust_in_shape), film.size_px, self.strategy.margin, film.pixel_size
        )
        frame = fit_region(region, film.pixel_size, film.anterior or "left", self._input_size)
        if first.frame.step[1] / frame.step[1] < self.strategy.second_look_gain:
            frame = first.frame
        frames = [_zoomed(frame, zoom) for zoom in self.strategy.zooms]
        look = _joined([self.look(film, f) for f in frames])
        return _joined([look, *(self._close_up(film, frame, look, *close_up) for close_up in self.close_ups)])

    def _close_up(self, film: Film, whole: InputFrame, look: Look, model: Model, network: Network) -> Look:
        """What a close-up's network sees around the landmarks of a look, at the scale of the `whole` spine's frame."""
        assert model.region is not None
        near = close_up_frame(model.region, whole, look.mean)
        views = [_zoomed(near, zoom) for zoom in self.strategy.zooms]
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
                fitted = _resized(frame, model.input_size)
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
) -> Annotation:
    """Find the 45 landmarks of a film; `Annotation.parameters` of what it returns gives the 18 parameters.

    Args:
        film: a film, the path of its file, or its pixels of shape (height, width) with bone bright.
        spacing: size of a pixel in mm, x or (x, y), where the user knows it.
        anterior: "left" or "right", the side the patient faces, where the user knows it; detected otherwise.
        models: folder of the models; None for those that ship.
        engine: "auto", "onnx" or "tensorflow".
        progress: called with the share done, 0 to 1, and what is being done.

    Raises:
        FilmError: the file is not a film.
        ModelError: a model or the engine is missing, or a model was altered.
    """
    if isinstance(film, str | Path):
        film = read_film(film, spacing, anterior)
    else:
        film = film if isinstance(film, Film) else film_from_pixels(np.asarray(film))
        film = film if spacing is None else film.calibrated(spacing)
        film = film if anterior is None else film.facing(anterior)
    return shared_detector(models, engine).detect(film, progress)


def _told_side(film: Film, doubt: float, other_doubt: float) -> Film:
    """The film with the side that was detected, and how sure that is."""
    odds = (other_doubt / max(doubt, 1e-9)) ** 3
    sure = round(100 * odds / (1 + odds))
    film = film.facing(film.anterior or "", f"detected ({sure} % sure)")
    if sure >= SURE_OF_SIDE:
        return film
    text = f"which side the patient faces is a guess ({film.anterior}, {sure} % sure): look, or give it with --anterior"
    return replace(film, warnings=(*film.warnings, text))


def hips_in_order(points: FloatArray, down: float = 0.0) -> FloatArray:
    """Network landmarks, shape (45, 2), patient facing left, with FH_1 the further anterior of the two heads.

    Args:
        points: the landmarks; not changed.
        down: how much height counts beside: FH_1 is the head with the smaller x + down y.
    """
    first, second = INDEX["FH_1"], INDEX["FH_2"]
    if not points[first] @ (1.0, down) > points[second] @ (1.0, down):  # nor when one is missing
        return points
    swapped = points.copy()
    swapped[[first, second]] = points[[second, first]]
    return swapped


def region_of(
    points: FloatArray, size_px: tuple[int, int], margin: float, pixel_size: tuple[float, float] = (1.0, 1.0)
) -> tuple[float, float, float, float]:
    """The part of the film that holds the landmarks with a margin: (left, top, right, bottom), film pixels.

    Args:
        points: shape (45, 2), film pixels.
        size_px: (width, height) of the film.
        margin: on each side, as a share of the landmarks' height.
        pixel_size: (x, y), so that the margin is as wide as it is high; only the ratio matters.
    """
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    reach_y = margin * max(high[1] - low[1], 1.0)
    reach_x = reach_y * pixel_size[1] / pixel_size[0]
    width, height = size_px
    left, right = max(low[0] - reach_x, -0.5), min(high[0] + reach_x, width - 0.5)
    top, bottom = max(low[1] - reach_y, -0.5), min(high[1] + reach_y, height - 0.5)
    if right - left < 1 or bottom - top < 1:
        return -0.5, -0.5, width - 0.5, height - 0.5
    return float(left), float(top), float(right), float(bottom)


def implausibility(look: Look, anterior: str) -> float:
    """How little a look resembles a spine that faces `anterior`; compare it between the two sides.

    The heatmaps' spread against the spine's own level distance, and the share of levels out of order or of endplates
    with their front behind.
    """
    points = look.mean
    level = level_distance(points)
    spread = float(np.mean(look.spread)) / level
    centers = points[_CENTER_ROWS]
    disorder = float(np.mean(np.diff(centers[:, 1]) <= 0))
    front = (points[_POSTERIOR, 0] - points[_ANTERIOR, 0]) * (1 if anterior == "left" else -1)
    extent = float(np.ptp(centers[:, 1])) / max(look.frame.input_size[0] * look.frame.step[1], 1e-9)
    return spread + disorder + float(np.mean(front <= 0)) + max(0.0, 0.3 - extent)


def unsureness(look: Look, points: FloatArray, pixel_size: tuple[float, float]) -> FloatArray:
    """How unsure the networks are of a landmark, shape (45,), in distances of two vertebral centers.

    The heatmaps' spread, the models' disagreement, and how far the shape of the spine moved the landmark, together.

    Args:
        look: what the models saw.
        points: the landmarks they led to, film pixels.
        pixel_size: (x, y), only the ratio matters.
    """
    scale = np.array([pixel_size[0] / pixel_size[1], 1.0])
    square = Look(look.frame, look.points * scale, look.spread)
    moved = np.sum((points * scale - square.mean) ** 2, axis=1)
    unsure = np.sqrt(square.deviation**2 + square.apart**2 + moved)
    return np.asarray(unsure / level_distance(points * scale))


def confidence(look: Look, points: FloatArray, pixel_size: tuple[float, float]) -> FloatArray:
    """The chance that a landmark is off by less than a third of the distance of two vertebrae, shape (45,), 0 to 1.

    A logistic function of `unsureness`, which has the same arguments. `Training.evaluate` draws how well it keeps its
    word.
    """
    slope, half = _LOGISTIC
    return np.asarray(1 / (1 + (unsureness(look, points, pixel_size) / half) ** slope))


def _listed(which: NDArray[np.bool_]) -> str:
    names = np.array(NAMES)[which]
    return ", ".join(names) if len(names) <= MANY else f"{len(names)} of {len(NAMES)} landmarks"


def _joined(looks: Sequence[Look]) -> Look:
    return Look(
        looks[0].frame,
        np.concatenate([look.points for look in looks]),
        np.concatenate([look.spread for look in looks]),
    )


def _zoomed(frame: InputFrame, zoom: float) -> InputFrame:
    return replace(frame, step=(frame.step[0] / zoom, frame.step[1] / zoom))


def _resized(frame: InputFrame, input_size: tuple[int, int]) -> InputFrame:
    """The same view for a network of another input size."""
    if frame.input_size == input_size:
        return frame
    grow = max(frame.input_size[0] / input_size[0], frame.input_size[1] / input_size[1])
    return InputFrame(input_size, frame.center, (frame.step[0] * grow, frame.step[1] * grow))
