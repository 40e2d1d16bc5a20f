"""The task of finding the points of one structure in a view of it: a vertebra's corners, the rims of the heads."""

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from Training.config import TrainingConfig
from Training.network.pyramid import NormalizationFactory, build_network
from Training.run.landmarks_task import LandmarksTask
from Training.run.task import Figures, Predicted


class SingleViewTask(LandmarksTask):
    """That of landmarks, with so many points for them: the truth is (n, points, 2)."""

    predicted: tuple[str, ...] = ("coordinates", "spread")

    def __init__(self, points: int) -> None:
        self.points = points

    def network(
        self,
        config: TrainingConfig,
        input_size: tuple[int | None, int | None],
        normalization: NormalizationFactory = layers.BatchNormalization,
    ) -> keras.Model:
        """See `build_network`."""
        return build_network(config.network, input_size, normalization, self.points)

    def serving_size(self, config: TrainingConfig) -> tuple[int, int]:
        """That of the training."""
        return config.input_size

    def answers(self, outputs: dict[str, Any], config: TrainingConfig) -> dict[str, Any]:
        """Coordinates and spread of the points, in view pixels."""
        return {name: outputs[name] for name in self.predicted}

    def figures(self, predicted: Predicted, truth: NDArray[Any], config: TrainingConfig) -> Figures:
        """Errors of the points in view pixels, and how wide their heatmaps are."""
        off = np.linalg.norm(predicted["coordinates"] - truth, axis=-1)
        off = off[np.isfinite(off)]
        return {
            "mean_px": float(off.mean()) if off.size else float("nan"),
            "median_px": float(np.median(off)) if off.size else float("nan"),
            "point_90_px": float(np.percentile(off, 90)) if off.size else float("nan"),
            "spread_px": float(predicted["spread"].mean()),
        }
