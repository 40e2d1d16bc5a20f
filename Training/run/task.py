"""What a training teaches: a network, its loss, and the figures of a validation."""

from typing import Any, Protocol

import keras
from keras import layers
from numpy.typing import NDArray

from Training.config import TrainingConfig
from Training.network.pyramid import NormalizationFactory

Predicted = dict[str, NDArray[Any]]
Figures = dict[str, float]


class TaskModel(keras.Model):
    """A network with its loss, which each task computes in its own `compute_loss`."""

    def __init__(self, network: keras.Model, config: TrainingConfig, parts: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.parts = {name: keras.metrics.Mean(name) for name in parts}

    def call(self, films: Any, training: bool | None = None) -> dict[str, Any]:
        """The network's outputs by name."""
        outputs: dict[str, Any] = self.network(films, training=training)
        return outputs


class Task(Protocol):
    """One kind of training; the truth of a film is an array, NaN where something is missing."""

    @property
    def predicted(self) -> tuple[str, ...]:
        """The outputs of the network that a validation looks at."""

    def network(
        self,
        config: TrainingConfig,
        input_size: tuple[int | None, int | None],
        normalization: NormalizationFactory = layers.BatchNormalization,
    ) -> keras.Model:
        """The network for films of (height, width); `normalization` makes its batch normalization layers."""

    def model(self, network: keras.Model, config: TrainingConfig) -> keras.Model:
        """The network with its loss."""

    def serving_size(self, config: TrainingConfig) -> tuple[int | None, int | None]:
        """(height, width) of the films that the exported model takes; None: any."""

    def conversion_size(self, config: TrainingConfig) -> tuple[int | None, int | None]:
        """(height, width) of the films of the function that its ONNX twin is converted from."""

    def answers(self, outputs: dict[str, Any], config: TrainingConfig) -> dict[str, Any]:
        """What the exported model answers with, by name, from the network's outputs."""

    def figures(self, predicted: Predicted, truth: NDArray[Any], config: TrainingConfig) -> Figures:
        """The figures of a validation; the least "mean_px" is the best."""
