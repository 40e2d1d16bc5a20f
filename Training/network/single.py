"""The small networks that look at one structure: the pyramid of `Training.network.pyramid` with heatmaps of its own."""

from typing import Any

import keras
from keras import layers

from Training.config import NetworkConfig
from Training.network.pyramid import NetworkBuilder, NormalizationFactory


class SingleViewBuilder(NetworkBuilder):
    """Lays out a network that finds so many points."""

    def __init__(
        self,
        config: NetworkConfig,
        input_size: tuple[int | None, int | None],
        normalization: NormalizationFactory,
        points: int,
    ) -> None:
        super().__init__(config, input_size, normalization)
        self.points = points

    def head(self, x: Any, name: str, **options: Any) -> Any:
        """Logits of the points' heatmaps."""
        return layers.Conv2D(self.points, 1, name=name, dtype="float32", **options)(x)


def build_single_network(
    config: NetworkConfig,
    input_size: tuple[int | None, int | None],
    points: int,
    normalization: NormalizationFactory = layers.BatchNormalization,
) -> keras.Model:
    """A network of single views; arguments and answers as `pyramid.build_network` has them, of so many points."""
    return SingleViewBuilder(config, input_size, normalization, points).build()
