"""Where training films come from: one protocol, and the kinds of source that a configuration can name.

Importing this module is cheap, since loader processes do: no engine, no simulator.
"""

import importlib
from typing import Any, Final, Protocol, get_type_hints

import numpy as np
from numpy.typing import NDArray

from Training.config import ConfigError, SourceConfig, converted

FloatArray = NDArray[np.float32]


class FilmSource(Protocol):
    """Films with landmarks, ready for the network; must be cheap to make again in each loader process."""

    def __len__(self) -> int:
        """Number of films; an epoch shows each once."""
        ...

    def get(
        self, index: int, epoch: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """One film, augmented where the source is one for training.

        Args:
            index: which film, 0 to len - 1.
            epoch: how often the film was shown before.
            input_size: (height, width) of the network's input.
            rng: the only source of chance, so that a resumed training sees the same films.

        Returns:
            The image, float32 (height, width), as `network_input` of `film.preprocessing` makes it; and the landmarks,
            float32 (45, 2), (x, y) in pixels of that image, NaN where missing, the femoral heads in the order of
            `HIGHER_FIRST` of `detection.look`; for the task "bodies" every body, float32 (25, 5, 2), as
            `Training.simulation.body_windows.BodyWindows` has them; for "vertebra" its corners, float32 (4, 2);
            for "heads" points on both rims, float32 (16, 2), see `Training.simulation.head_windows.HeadWindows`.
        """
        ...


KINDS: Final[dict[str, str]] = {
    "annotated": "Training.data.annotated_films:AnnotatedFilms",
    "simulated": "Training.simulation.stream:SimulatedFilms",
    "simulated_bodies": "Training.simulation.body_windows:BodyWindows",
    "simulated_vertebrae": "Training.simulation.vertebra_windows:VertebraWindows",
    "simulated_heads": "Training.simulation.head_windows:HeadWindows",
    "fold": "Training.data.film_source:Fold",
    "mixture": "Training.data.film_source:Mixture",
}
"""Kind of source to the class that reads it."""


def build_source(config: SourceConfig, training: bool, region: str = "") -> FilmSource:
    """The source that a configuration names.

    Args:
        config: its kind, one of `KINDS` or "module:Class", and the options its class takes.
        training: whether films are augmented, passed to the class as `training`.
        region: name of the close-up that is shown instead of the whole film, passed to the class as `region`.

    Raises:
        ConfigError: unknown kind, options the class does not take, or nothing to read.
    """
    target = KINDS.get(config.kind, config.kind)
    module, colon, name = target.partition(":")
    if not (module and colon):
        raise ConfigError(f"unknown kind of films {config.kind!r}; known are {', '.join(KINDS)}, or give module:Class")
    try:
        maker: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"films of kind {config.kind!r}: {error}") from error
    try:
        kinds = get_type_hints(maker.__init__)
        where = f"films of kind {config.kind!r}"
        options = {name: converted(kinds.get(name, Any), value, where, name) for name, value in config.options.items()}
        part = {"region": region} if region else {}
        source: FilmSource = maker(**options, **part, training=training)
        count = len(source)
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(f"films of kind {config.kind!r} do not take these options: {error}") from error
    if count == 0:
        raise ConfigError(f"films of kind {config.kind!r}: none found with {config.options}")
    return source


class Fold:
    """One part of another source, for cross-validation; films of one group (a patient) stay together.

    Args:
        source: kind and options of the whole.
        folds: number of parts.
        fold: the part held out, 0 to folds - 1.
        held_out: this part alone; else all others.
        seed: of the split.
        region: see `build_source`.
        training: whether films are augmented.
    """

    def __init__(
        self,
        source: dict[str, Any],
        fold: int,
        folds: int = 5,
        held_out: bool = False,
        seed: int = 0,
        region: str = "",
        training: bool = True,
    ) -> None:
        if folds < 2 or not 0 <= fold < folds:
            raise ConfigError(f"there is no fold {fold} of {folds}; folds count from 0, and there are 2 or more")
        self.source = build_source(converted(SourceConfig, source, "films of kind 'fold'", "source"), training, region)
        groups = getattr(self.source, "groups", None) or list(range(len(self.source)))
        distinct = sorted(set(groups))
        if len(distinct) < folds:
            raise ConfigError(f"{len(distinct)} patients or films cannot be split into {folds} folds")
        order = np.random.default_rng([seed, folds]).permutation(len(distinct))
        part = {group: int(place) % folds for group, place in zip(distinct, order, strict=True)}
        self.indices = [i for i, group in enumerate(groups) if (part[group] == fold) == held_out]

    def __len__(self) -> int:
        return len(self.indices)

    def get(
        self, index: int, epoch: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """See `FilmSource`."""
        return self.source.get(self.indices[index], epoch, input_size, rng)


class Mixture:
    """Several sources as one: a hospital's own films among simulated ones.

    Args:
        sources: kind and options of each.
        repeats: how often an epoch shows the films of each; once when empty.
        region: see `build_source`.
        training: whether films are augmented.
    """

    def __init__(
        self,
        sources: list[dict[str, Any]],
        repeats: tuple[int, ...] = (),
        region: str = "",
        training: bool = True,
    ) -> None:
        configs = [
            converted(SourceConfig, s, "films of kind 'mixture'", f"sources[{i}]") for i, s in enumerate(sources)
        ]
        self.sources = [build_source(config, training, region) for config in configs]
        counts = [len(source) for source in self.sources]
        times = list(repeats) or [1] * len(counts)
        if len(times) != len(counts):
            raise ConfigError(f"a mixture of {len(counts)} sources needs as many repeats, got {len(times)}")
        pairs = zip(counts, times, strict=True)
        self.places = [(i, j) for i, (count, n) in enumerate(pairs) for _ in range(n) for j in range(count)]

    def __len__(self) -> int:
        return len(self.places)

    def get(
        self, index: int, epoch: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """See `FilmSource`."""
        which, inner = self.places[index]
        return self.sources[which].get(inner, epoch, input_size, rng)
