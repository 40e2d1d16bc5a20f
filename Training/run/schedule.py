"""Learning rate by step: linear warm-up, then a cosine or drops."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from Training.config import OptimizerConfig


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of a configuration, a function of the optimizer's own step counter alone."""

    def __init__(self, rate: float, length: int, warmup: int, final: float, drops: dict[int, float]) -> None:
        """With `drops`, step to factor, the rate falls there; without, it follows a cosine down to `final` times it."""
        self.rate, self.length, self.warmup, self.final, self.drops = rate, length, warmup, final, drops

    @classmethod
    def from_config(cls, config: OptimizerConfig, steps_per_epoch: float) -> Self:
        """Epochs become steps."""
        unit = steps_per_epoch if config.unit == "epochs" else 1.0
        drops = {round(at * unit): factor for at, factor in config.drops.items()}
        length = max(1, round(config.length * unit))
        return cls(
            config.learning_rate,
            length,
            config.warmup_steps,
            config.final_rate,
            drops if config.schedule == "drops" else {},
        )

    def __call__(self, step: Any) -> Any:
        """The rate of one step."""
        step = ops.cast(step, "float32")
        rate = ops.minimum((step + 1) / max(self.warmup, 1), 1.0) * self.rate
        if self.drops:
            for at, factor in self.drops.items():
                rate = rate * ops.where(step >= at, factor, 1.0)
            return rate
        share = ops.clip((step - self.warmup) / max(self.length - self.warmup, 1), 0.0, 1.0)
        return rate * (self.final + (1 - self.final) * (1 + ops.cos(np.pi * share)) / 2)

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {
            "rate": self.rate,
            "length": self.length,
            "warmup": self.warmup,
            "final": self.final,
            "drops": self.drops,
        }
