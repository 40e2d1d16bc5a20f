"""Weights and training state in NumPy archives, which every backend of Keras reads alike.

A file appears whole or not at all, so that a crash or a full disk leaves the one before it intact.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.results.files import write_files
from Training.config import ConfigError

Arrays = dict[str, NDArray[Any]]
STATE = "state"


def network_arrays(network: keras.Model) -> Arrays:
    """Variables of a network by name, "layer/variable"."""
    return {variable.path: keras.ops.convert_to_numpy(variable.value) for variable in network.weights}


def optimizer_arrays(optimizer: keras.optimizers.Optimizer) -> Arrays:
    """Variables of an optimizer by their place: "optimizer:0", ..."""
    values = [keras.ops.convert_to_numpy(variable.value) for variable in optimizer.variables]
    return {f"optimizer:{i}": value for i, value in enumerate(values)}


def save(path: Path, arrays: Arrays, state: dict[str, Any]) -> None:
    """Writes arrays and a JSON-able state.

    Raises:
        ResultError: the place cannot be written.
    """
    content = io.BytesIO()  # an archive that Ctrl+C leaves half written complains where its file is closed
    np.savez(content, **arrays, **{STATE: np.frombuffer(json.dumps(state).encode(), np.uint8)})
    write_files({path: content.getvalue()})


def load(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and state of a file.

    Raises:
        ConfigError: no such file, or not one of ours.
    """
    try:
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        state: dict[str, Any] = json.loads(arrays.pop(STATE).tobytes())
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such checkpoint") from error
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise ConfigError(f"{path}: not a checkpoint of this training, or damaged") from error
    return arrays, state


def restore_network(network: keras.Model, arrays: Arrays, path: Path) -> None:
    """Sets every variable of a network.

    Raises:
        ConfigError: the checkpoint is of another network.
    """
    for variable in network.weights:
        value = arrays.get(variable.path)
        if value is None or value.shape != tuple(variable.shape):
            found = "nothing" if value is None else f"shape {value.shape}"
            raise ConfigError(
                f"{path}: a checkpoint of another network: {variable.path} is {found}, expected {tuple(variable.shape)}"
            )
        variable.assign(value)


def restore_optimizer(optimizer: keras.optimizers.Optimizer, arrays: Arrays, path: Path) -> None:
    """Sets every variable of an optimizer that was built.

    Raises:
        ConfigError: the checkpoint is of another optimizer.
    """
    for i, variable in enumerate(optimizer.variables):
        value = arrays.get(f"optimizer:{i}")
        if value is None or value.shape != tuple(variable.shape):
            raise ConfigError(f"{path}: a checkpoint of another optimizer or network: {variable.path} does not fit")
        variable.assign(value)


def initialize(network: keras.Model, source: Path) -> list[str]:
    """Starts a network from the weights of another, matched by name and shape.

    Args:
        network: where to put them.
        source: a run folder, whose `best.npz` is taken, or such a file.

    Returns:
        The names of the variables that kept their own start values.

    Raises:
        ConfigError: no such file, or nothing in it fits.
    """
    path = source / "best.npz" if source.is_dir() else source
    arrays, _ = load(path)
    kept = []
    for variable in network.weights:
        value = arrays.get(variable.path)
        if value is not None and value.shape == tuple(variable.shape):
            variable.assign(value)
        else:
            kept.append(variable.path)
    if len(kept) == len(network.weights):
        raise ConfigError(f"{path}: nothing in it fits this network")
    return kept
