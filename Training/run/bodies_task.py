"""The task of finding every vertebral body on a window of a film, with its corners."""

from typing import Any, Final

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from SpineAlignmentLib.detection.bodies_network import Bodies, read_maps
from Training.config import TrainingConfig
from Training.network import bodies_losses as losses
from Training.network.bodies import build_bodies_network, probabilities
from Training.network.pyramid import NormalizationFactory
from Training.run.task import Figures, Predicted, TaskModel

Tensor = Any

POINTS_WEIGHT: Final[float] = 0.2
"""Of the Wing loss of a coordinate against the focal loss of a center: about equal once bodies are found."""
LEVELS_WEIGHT: Final[float] = 0.1
GLOBAL_WEIGHT: Final[float] = 0.5
"""Of the first stage."""
REACH_PX: Final[float] = 8.0
"""A body is found when its center is at most so far off; what is not found counts as `LOST_PX`."""
LOST_PX: Final[float] = 20.0


class BodiesModel(TaskModel):
    """The network with its loss."""

    def __init__(self, network: keras.Model, config: TrainingConfig) -> None:
        super().__init__(network, config, ("heat", "points", "levels", "global"))

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Any = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """The loss of both stages; y is (N, 25, 5, 2) in input pixels."""
        loss = self.config.loss
        target = losses.targets(y, int(y_pred["heat"].shape[1]), int(y_pred["heat"].shape[2]))
        totals = {}
        for stage in ("", "global_"):
            parts = {
                "heat": losses.focal(y_pred[f"{stage}heat"], target.heat),
                "points": losses.points_loss(y_pred[f"{stage}points"], target, loss.wing_w, loss.wing_epsilon),
                "levels": losses.levels_loss(y_pred[f"{stage}levels"], target),
            }
            totals[stage] = parts["heat"] + POINTS_WEIGHT * parts["points"] + LEVELS_WEIGHT * parts["levels"]
            if not stage:
                for name, value in parts.items():
                    self.parts[name].update_state(value)
        self.parts["global"].update_state(totals["global_"])
        return totals[""] + GLOBAL_WEIGHT * totals["global_"]


class BodiesTask:
    """See `Training.run.task.Task`; the truth is (n, 25, 5, 2), see `Training.simulation.body_windows.BodyWindows`."""

    predicted: Final[tuple[str, ...]] = ("heat", "points", "levels")

    def network(
        self,
        config: TrainingConfig,
        input_size: tuple[int | None, int | None],
        normalization: NormalizationFactory = layers.BatchNormalization,
    ) -> keras.Model:
        """See `build_bodies_network`."""
        return build_bodies_network(config.network, input_size, normalization)

    def model(self, network: keras.Model, config: TrainingConfig) -> keras.Model:
        """The network with its loss."""
        return BodiesModel(network, config)

    def serving_size(self, config: TrainingConfig) -> tuple[None, None]:
        """Any."""
        return None, None

    def conversion_size(self, config: TrainingConfig) -> tuple[None, None]:
        """Any: its maps are doubled in one node each, see `Training.export.onnx_twin`."""
        return None, None

    def answers(self, outputs: dict[str, Any], config: TrainingConfig) -> dict[str, Any]:
        """See `probabilities`."""
        return probabilities(outputs)

    def figures(self, predicted: Predicted, truth: NDArray[Any], config: TrainingConfig) -> Figures:
        """How many bodies are found, how many that are none, and how far corners are off, in input pixels."""
        found, false, errors, named = 0, 0, [], 0
        for i, bodies in enumerate(truth):
            seen = read_maps(_film(predicted, i))
            own, extra = _matched(seen, bodies[:-1])
            false += extra
            for level, body in own.items():
                found += 1
                named += int(np.argmax(body.levels) == level)
                distance = np.linalg.norm(body.corners - bodies[level, 1:], axis=-1)
                errors.append(distance[np.isfinite(distance)])
        present = int(np.isfinite(truth[:, :-1, 0, 0]).sum())
        off = np.concatenate([np.zeros(0), *errors])
        mean = float(off.mean()) if off.size else LOST_PX
        share = found / max(present, 1)
        return {
            "mean_px": share * mean + (1 - share) * LOST_PX + false / max(present, 1) * LOST_PX / 2,
            "corner_px": float(np.median(off)) if off.size else float("nan"),
            "corner_90_px": float(np.percentile(off, 90)) if off.size else float("nan"),
            "found": share,
            "false": false / max(present, 1),
            "named": named / max(found, 1),
        }


def _film(predicted: Predicted, i: int) -> dict[str, NDArray[Any]]:
    """The maps of film i as an exported model answers, see `Training.network.bodies.probabilities`."""
    heat, levels = (np.asarray(predicted[name][i], float) for name in ("heat", "levels"))
    weight = np.exp(levels - levels.max(axis=-1, keepdims=True))
    shares = weight / weight.sum(axis=-1, keepdims=True)
    return {"heat": 1 / (1 + np.exp(-heat)), "points": predicted["points"][i], "levels": shares}


def _matched(seen: Bodies, bodies: NDArray[Any]) -> tuple[dict[int, Any], int]:
    """Found bodies by the row of the true one (24, 5, 2) that they show, and how many show none."""
    own: dict[int, Any] = {}
    extra = 0
    for body in sorted(seen.vertebrae, key=lambda b: -b.strength):
        distance = np.linalg.norm(bodies[:, 0] - body.center, axis=-1)
        distance = np.where(np.isfinite(distance), distance, np.inf)
        level = int(distance.argmin())
        if distance[level] <= REACH_PX and level not in own:
            own[level] = body
        else:
            extra += 1
    return own, extra
