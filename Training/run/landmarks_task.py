"""The task of the paper: 45 landmarks from the whole film, or a close-up's own."""

from typing import Any, Final

import keras
from keras import layers, ops

from SpineAlignmentLib.detection.close_ups import REGIONS
from Training.config import TrainingConfig
from Training.network import losses, metrics
from Training.network.pyramid import NormalizationFactory, build_network
from Training.run.task import Figures, Predicted, TaskModel

Tensor = Any


class LandmarkModel(TaskModel):
    """The network with its loss; landmarks that are NaN or off the film count nothing."""

    def __init__(self, network: keras.Model, config: TrainingConfig) -> None:
        super().__init__(network, config, ("wing", "global_wing", "divergence"))

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Any = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Wing of both stages and, when regularized, the divergence of stage 2; y is (N, 45, 2) in input pixels."""
        loss, size, pixel = self.config.loss, self.config.input_size, self.config.pixel
        mask = losses.present(y, size)
        wing = losses.wing_loss(y_pred["coordinates"], y, mask, pixel, loss.wing_w, loss.wing_epsilon)
        first = losses.wing_loss(y_pred["global_coordinates"], y, mask, pixel, loss.wing_w, loss.wing_epsilon)
        self.parts["wing"].update_state(wing)
        self.parts["global_wing"].update_state(first)
        total = wing + loss.global_weight * first
        if loss.regularization != "none":
            heatmaps = y_pred["heatmaps"]
            shape = (int(heatmaps.shape[1]), int(heatmaps.shape[2]))
            width = max(loss.regularization_width / pixel, loss.minimal_cells * size[0] / shape[0])
            safe = ops.where(mask[..., None] > 0, y, 0.0)
            target = losses.splotches(safe, shape, size, loss.regularization, width)
            divergence = losses.masked_mean(losses.jensen_shannon(heatmaps, target), mask)
            self.parts["divergence"].update_state(divergence)
            total = total + loss.regularization_weight * divergence
        return total


_LANDMARK_AXES: Final[dict[str, int]] = {"coordinates": 1, "spread": 1, "heatmaps": 3}
"""What an exported network answers, and which axis of it counts landmarks."""


class LandmarksTask:
    """See `Training.run.task.Task`; the truth is (n, 45, 2)."""

    predicted: tuple[str, ...] = ("coordinates", "spread", "global_spread")

    def network(
        self,
        config: TrainingConfig,
        input_size: tuple[int | None, int | None],
        normalization: NormalizationFactory = layers.BatchNormalization,
    ) -> keras.Model:
        """See `build_network`."""
        return build_network(config.network, input_size, normalization)

    def model(self, network: keras.Model, config: TrainingConfig) -> keras.Model:
        """The network with its loss."""
        return LandmarkModel(network, config)

    def serving_size(self, config: TrainingConfig) -> tuple[int | None, int | None]:
        """That of the training for a close-up; else any, so that a view need not be larger than the film."""
        return config.input_size if config.region else (None, None)

    def conversion_size(self, config: TrainingConfig) -> tuple[int, int]:
        """That of the training; see `Training.export.any_size`."""
        return config.input_size

    def answers(self, outputs: dict[str, Any], config: TrainingConfig) -> dict[str, Any]:
        """Coordinates, spread and heatmaps, of a close-up those of its region alone."""
        answers = {name: outputs[name] for name in _LANDMARK_AXES}
        if not config.region:
            return answers
        rows = REGIONS[config.region].rows
        return {name: ops.take(answer, rows, axis=_LANDMARK_AXES[name]) for name, answer in answers.items()}

    def figures(self, predicted: Predicted, truth: Any, config: TrainingConfig) -> Figures:
        """Errors in pixels of the reference height, and how wide the heatmaps are."""
        figures = metrics.summarize(predicted["coordinates"], truth, config.pixel)
        for name in ("spread", "global_spread"):
            figures |= metrics.spread_by_region(name, predicted[name], truth, config.pixel)
        return figures
