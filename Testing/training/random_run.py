"""A run folder as a training leaves it, of a network with random weights."""

from pathlib import Path
from typing import Any

import numpy as np

from Training.config import TrainingConfig, save_config
from Training.export.weight_storage import stored
from Training.run import checkpoint


def random_run(run: Path, config: TrainingConfig, network: Any, rng: np.random.Generator, deviation: float) -> None:
    """Gives a network random weights, as an export stores them, and writes the run folder that would have them.

    Args:
        run: the folder, made here.
        config: of the network.
        network: changed in place.
        rng: the source of chance.
        deviation: of the weights; moving variances lie between 0.5 and 2.
    """
    for variable in network.weights:
        variance = "variance" in variable.path
        variable.assign(rng.uniform(0.5, 2, variable.shape) if variance else rng.normal(0, deviation, variable.shape))
    run.mkdir()
    save_config(config, run / "config.yaml")
    arrays = {name: stored(value) for name, value in checkpoint.network_arrays(network).items()}
    checkpoint.save(run / "best.npz", arrays, {"step": 1, "metrics": {}})
    checkpoint.restore_network(network, arrays, run)
