"""A trained run to the model folder that ships: SavedModel, its ONNX twin and `model.json`.

Both take `films`, float32 (N, H, W, 1), as `SpineAlignmentLib.film.preprocessing.network_input` makes them, and return
`coordinates`, float32 (N, 45, 2), in input pixels, `spread`, float32 (N, 45), in input pixels, and `heatmaps`, float32
(N, rows, columns, 45), each of sum 1; a close-up answers with the landmarks of its region alone. The network of bodies
takes films of any size and answers with maps, see `SpineAlignmentLib.detection.bodies_network`. The SavedModel is the
source; the twin is converted from it. Weights trained with another backend of Keras are exported the same way.

Kernels are rounded to seven bits, see `Training.export.weight_storage`.
"""

import datetime
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from SpineAlignmentLib.detection.close_ups import REGIONS
from SpineAlignmentLib.detection.models import CLOSEST, ONNX_FILE, SAVED_MODEL, WEIGHTS_FILE, Model
from SpineAlignmentLib.errors import ModelError
from SpineAlignmentLib.measurement import landmarks
from SpineAlignmentLib.results.files import make_folder, write_files
from Training.config import ConfigError, TrainingConfig, config_from_dict, load_config
from Training.export.weight_storage import Packed, pack, unpack


def check_names(runs: Sequence[Path]) -> None:
    """Refuse runs of one name, of which the last alone would be exported.

    Raises:
        ConfigError: there are such runs, or no run.
    """
    seen: dict[str, Path] = {}
    for run in runs:
        name = load_config(run / "config.yaml").name
        if name in seen:
            raise ConfigError(f"{seen[name]} and {run} are both called {name}; change name in one config.yaml")
        seen[name] = run


def export_run(run: Path, output: Path, name: str = "") -> Path:
    """Writes `output/<name>` from a run's best weights; a folder of that name is replaced when all is done.

    Args:
        run: run folder with `config.yaml` and `best.npz`.
        output: folder of models.
        name: of the model; the run's own when empty.

    Returns:
        The model folder.

    Raises:
        ConfigError: no such run, or its weights do not fit its configuration.
        ResultError: the folder of models cannot be written to.
    """
    from Training.run import checkpoint
    from Training.run.tasks import task_of

    config = load_config(run / "config.yaml")
    arrays, state = checkpoint.load(run / "best.npz")
    network = restored(config, arrays, run / "best.npz", task_of(config).conversion_size(config))
    weights = [variable.numpy() for variable in network.weights]
    name = name or config.name
    make_folder(output)
    target = output / name
    with tempfile.TemporaryDirectory(dir=output, prefix=".export-") as temporary:
        folder = Path(temporary) / name
        _write_networks(network, config, pack(weights), folder)
        _write_description(describe(config, state, name, folder), folder)
        _replace(target, folder)
    return target


def export_again(model: Model) -> Path:
    """Writes the networks of an exported model anew, as this version exports them; its weights stay as stored.

    Returns:
        The model folder.

    Raises:
        ModelError: the SavedModel is missing or altered, or does not fit its configuration.
    """
    from Training.run.tasks import task_of

    config = config_from_dict(model.about["training"]["config"], str(model.folder / "model.json"))
    task = task_of(config)
    network = task.network(config, task.conversion_size(config))
    packed = stored_weights(model)
    with tempfile.TemporaryDirectory(dir=model.folder.parent, prefix=".export-") as temporary:
        folder = Path(temporary) / model.name
        _write_networks(network, config, packed, folder)
        _write_description({**model.about, "checksums": checksums(folder)}, folder)
        _replace(model.folder, folder)
    return model.folder


def stored_weights(model: Model) -> Packed:
    """The weights of an exported model.

    Raises:
        ModelError: the SavedModel is missing or altered, or was stored by an earlier version.
    """
    import tensorflow as tf

    loaded = tf.saved_model.load(str(model.verified(SAVED_MODEL)))
    try:
        return Packed(*(getattr(loaded, part.name).numpy() for part in fields(Packed)))
    except AttributeError as error:
        raise ModelError(f"{model.folder}: its weights do not fit its configuration; export it again") from error


def restored(config: TrainingConfig, arrays: dict[str, Any], path: Path, size: tuple[int | None, int | None]) -> Any:
    """The network for films of a size with these weights, in float32 whatever the training's precision was.

    Raises:
        ConfigError: the weights, from `path`, do not fit.
    """
    import keras

    from Training.run import checkpoint
    from Training.run.tasks import task_of

    keras.mixed_precision.set_dtype_policy("float32")
    network = task_of(config).network(config, size)
    checkpoint.restore_network(network, arrays, path)
    return network


def serving_function(network: Any, config: TrainingConfig, weights: Callable[[], Mapping[str, Any]]) -> Any:
    """The TensorFlow function with the exported signature; `weights` says by path, when it runs, what the network's
    are."""
    import tensorflow as tf

    from Training.run.tasks import task_of

    task = task_of(config)
    films = tf.TensorSpec([None, *network.input_shape[1:3], 1], tf.float32, name="films")

    @tf.function(input_signature=[films])  # type: ignore[untyped-decorator]
    def serve(films: Any) -> dict[str, Any]:
        values = weights()
        trainable = [values[weight.path] for weight in network.trainable_variables]
        fixed = [values[weight.path] for weight in network.non_trainable_variables]
        outputs, _ = network.stateless_call(trainable, fixed, films, training=False)
        return task.answers(outputs, config)

    return serve


def by_path(network: Any, weights: Sequence[Any]) -> dict[str, Any]:
    """Weights in the order of a network's, by their paths: of another size, it may have them in another order."""
    return {weight.path: value for weight, value in zip(network.weights, weights, strict=True)}


def _servable(network: Any, config: TrainingConfig, packed: Packed) -> Any:
    """A TensorFlow module that keeps the weights, in the order of a network's, packed and unpacks them when it runs."""
    import tensorflow as tf

    from Training.run.tasks import task_of

    module = tf.Module()
    task = task_of(config)
    shapes = [tuple(weight.shape) for weight in network.weights]
    for name, values in asdict(packed).items():
        setattr(module, name, tf.Variable(values, trainable=False, name=name))

    def weights() -> dict[str, Any]:
        codes, steps, others = (tf.convert_to_tensor(part) for part in (module.codes, module.steps, module.others))
        return by_path(network, unpack(codes, steps, others, shapes))

    module.serve = serving_function(task.network(config, task.serving_size(config)), config, weights)
    return module


def describe(config: TrainingConfig, state: dict[str, Any], name: str, folder: Path) -> dict[str, Any]:
    """The content of `model.json`."""
    named = REGIONS[config.region].landmarks if config.region else landmarks.NAMES
    return {
        "name": name,
        "task": config.task,
        "input_size": list(config.input_size),
        "region": config.region,
        "landmarks": [] if config.task in CLOSEST else list(named),
        "regularization": config.loss.regularization,
        "training": {
            "config": portable(config),
            "data": config.description,
            "steps": state["step"],
            "averaged": state.get("averaged", 1),
        },
        "git_revision": git_revision(),
        "metrics": state.get("metrics", {}),
        "checksums": checksums(folder),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def checksums(folder: Path) -> dict[str, str]:
    """Path inside a folder to the SHA-256 of the file, of all its files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def portable(config: TrainingConfig) -> dict[str, Any]:
    """The configuration without absolute paths, which say something about a machine and nothing about the model."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items()}
        return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value

    plain: dict[str, Any] = strip(config.to_dict())
    return plain


def update_ensemble(output: Path, names: list[str]) -> None:
    """Makes `ensemble.json` list these models: those that see the whole film, close-ups and the networks of vertebrae.

    Raises:
        ConfigError: a model that is not there, or whose input differs from the others'.
        ResultError: the folder cannot be written to.
    """
    listed: dict[str, list[str]] = {"models": [], "close_ups": [], **{task: [] for task in sorted(CLOSEST)}}
    sizes = set()
    for name in names:
        path = output / name / "model.json"
        if not path.is_file():
            raise ConfigError(f"{path}: no such model; export it first")
        about = json.loads(path.read_text(encoding="utf-8"))
        task = about.get("task")
        kind = task if task in CLOSEST else "close_ups" if about.get("region") else "models"
        listed[kind].append(name)
        if kind == "models":
            sizes.add(tuple(about["input_size"]))
    if len(sizes) > 1:
        raise ConfigError(f"{output}: models of different input sizes {sorted(sizes)} cannot form an ensemble")
    path = output / "ensemble.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    content |= {kind: members for kind, members in listed.items() if members}
    write_files({path: (json.dumps(content, indent=1) + "\n").encode()})


def sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def git_revision() -> str:
    """The revision of the code, "unknown" outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _write_networks(network: Any, config: TrainingConfig, packed: Packed, folder: Path) -> None:
    """SavedModel and ONNX twin, of weights as stored, in the order of the network's."""
    from Training.export.onnx_twin import write_onnx
    from Training.run.tasks import task_of

    task = task_of(config)
    free = config.input_size if task.conversion_size(config) != task.serving_size(config) else None
    shapes = [tuple(weight.shape) for weight in network.weights]
    _write_saved_model(_servable(network, config, packed), folder / SAVED_MODEL)
    weights = [np.asarray(values) for values in unpack(packed.codes, packed.steps, packed.others, shapes)]
    function = serving_function(network, config, lambda: by_path(network, weights))
    write_onnx(function, shapes, packed, folder / ONNX_FILE, folder / WEIGHTS_FILE, free)


def _write_description(description: Mapping[str, Any], folder: Path) -> None:
    (folder / "model.json").write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def _replace(target: Path, folder: Path) -> None:
    if target.exists():
        shutil.rmtree(target)
    folder.replace(target)


def _write_saved_model(module: Any, folder: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    _forget_shapes(folder / "saved_model.pb")


def _forget_shapes(path: Path) -> None:
    """Removes the shapes noted at every node of a graph, a quarter of its file; TensorFlow infers them on loading."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for part in model.meta_graphs:
        for nodes in (part.graph_def.node, *(function.node_def for function in part.graph_def.library.function)):
            for node in nodes:
                node.attr.pop("_output_shapes", None)
    path.write_bytes(model.SerializeToString(deterministic=True))
