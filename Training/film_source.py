"""Where training films come from: one protocol, and the kinds of source that a configuration can name.

Importing this module is cheap, since loader processes do: no engine, no simulator.
"""

import importlib
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from Training.config import ConfigError, SourceConfig

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
            The image, float32 (height, width), as `SpineAlignmentLib.preprocessing.network_input` makes it; and the
            landmarks, float32 (45, 2), (x, y) in pixels of that image, NaN where missing.
        """
        ...


KINDS: Final[dict[str, str]] = {
    "annotated": "Training.annotated_films:AnnotatedFilms",
    "simulated": "Training.simulation.stream:SimulatedFilms",
}
"""Kind of source to the class that reads it."""


def build_source(config: SourceConfig, training: bool) -> FilmSource:
    """The source that a configuration names.

    Args:
        config: its kind, one of `KINDS` or "module:Class", and the options its class takes.
        training: whether films are augmented, passed to the class as `training`.

    Raises:
        ConfigError: unknown kind, options the class does not take, or nothing to read.
    """
    target = KINDS.get(config.kind, config.kind)
    module, colon, name = target.partition(":")
    if not colon:
        raise ConfigError(f"unknown kind of films {config.kind!r}; known are {', '.join(KINDS)}, or give module:Class")
    try:
        maker: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"films of kind {config.kind!r}: {error}") from error
    try:
        source: FilmSource = maker(**config.options, training=training)
    except TypeError as error:
        raise ConfigError(f"films of kind {config.kind!r} do not take these options: {error}") from error
    if len(source) == 0:
        raise ConfigError(f"films of kind {config.kind!r}: none found with {config.options}")
    return source
