"""The small network that looks at one vertebra: the pyramid of `Training.network.pyramid` with four heatmaps."""

from typing import Any

import keras
from keras import layers

from SpineAlignmentLib.measurement.landmarks import CORNERS
from Training.config import NetworkConfig
from Training.network.pyramid import NetworkBuilder, NormalizationFactory


class VertebraBuilder(NetworkBuilder):
    """Lays out the network of single vertebrae."""

    @staticmethod
    def head(x: Any, name: str, **options: Any) -> Any:
        """Logits of the corners' heatmaps."""
        return layers.Conv2D(len(CORNERS), 1, name=name, dtype="float32", **options)(x)


def build_vertebra_network(
    config: NetworkConfig,
    input_size: tuple[int | None, int | None],
    normalization: NormalizationFactory = layers.BatchNormalization,
) -> keras.Model:
    """The network of single vertebrae; arguments and answers as `pyramid.build_network` has them, of four corners."""
    return VertebraBuilder(config, input_size, normalization).build()
