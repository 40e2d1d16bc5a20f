"""The task of finding the four corners of one vertebra in a view of it."""

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from Training.config import TrainingConfig
from Training.network.pyramid import NormalizationFactory
from Training.network.vertebra import build_vertebra_network
from Training.run.landmarks_task import LandmarksTask
from Training.run.task import Figures, Predicted


class VertebraTask(LandmarksTask):
    """That of landmarks, with corners for them: the truth is (n, 4, 2), see `Training.simulation.vertebra_windows`."""

    predicted: tuple[str, ...] = ("coordinates", "spread")

    def network(
        self,
        config: TrainingConfig,
        input_size: tuple[int | None, int | None],
        normalization: NormalizationFactory = layers.BatchNormalization,
    ) -> keras.Model:
        """See `build_vertebra_network`."""
        return build_vertebra_network(config.network, input_size, normalization)

    def serving_size(self, config: TrainingConfig) -> tuple[int, int]:
        """That of the training."""
        return config.input_size

    def answers(self, outputs: dict[str, Any], config: TrainingConfig) -> dict[str, Any]:
        """Coordinates and spread of the corners, in view pixels."""
        return {name: outputs[name] for name in self.predicted}

    def figures(self, predicted: Predicted, truth: NDArray[Any], config: TrainingConfig) -> Figures:
        """Errors of the corners in view pixels, and how wide their heatmaps are."""
        off = np.linalg.norm(predicted["coordinates"] - truth, axis=-1)
        off = off[np.isfinite(off)]
        return {
            "mean_px": float(off.mean()) if off.size else float("nan"),
            "median_px": float(np.median(off)) if off.size else float("nan"),
            "corner_90_px": float(np.percentile(off, 90)) if off.size else float("nan"),
            "spread_px": float(predicted["spread"].mean()),
        }
