"""The typed configuration of one training, read from YAML; every error names the file and the key.

Lengths in `LossConfig` are pixels of a film 864 pixels high (`REFERENCE_HEIGHT`), the paper's, whatever the size of the
input; the loss converts them.
"""

import dataclasses
import difflib
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from SpineAlignmentLib.detection.close_ups import REGIONS
from SpineAlignmentLib.results.files import write_files

REFERENCE_HEIGHT: Final[int] = 864
"""Height in pixels of the paper's films."""


Regularization = Literal["exponential", "gaussian", "none"]


class ConfigError(ValueError):
    """A configuration that cannot be used; the message is one line that names the file and the key."""


@dataclass(frozen=True)
class NetworkConfig:
    """Widths and depths of the two-stage network; the lists go from the finest pyramid level to the coarsest."""

    channels: tuple[int, ...] = (16, 32, 64, 96)
    backbone_blocks: tuple[int, ...] = (2, 3, 5, 5)
    pyramid_channels: int = 48
    refine_blocks: tuple[int, ...] = (0, 1, 2, 3)
    refine_channels: int = 16
    head_channels: int = 32
    head_blocks: int = 2
    fine_channels: int = 16
    fine_blocks: int = 0
    """Above 0: the pyramid sees the film at half size and these blocks add full-size detail."""

    residual_blocks: int = 23
    """The sum of all blocks, stated to be checked: the paper's network has 25."""


@dataclass(frozen=True)
class LossConfig:
    """Wing loss on both stages' coordinates, Jensen-Shannon regularization of the second stage's heatmaps."""

    wing_w: float = 10.0
    wing_epsilon: float = 2.0
    global_weight: float = 1.0
    """Weight of the first stage's Wing loss; the second stage's is 1."""

    regularization: Regularization = "none"
    regularization_width: float = 1.72
    """Width of the splotch, in pixels of the reference height; never less than `minimal_cells` heatmap cells."""

    minimal_cells: float = 0.75
    regularization_weight: float = 10.0


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam with its schedule; lengths count in steps or, for the paper's, in epochs."""

    learning_rate: float = 0.002
    unit: Literal["steps", "epochs"] = "steps"
    length: int = 1000
    schedule: Literal["cosine", "drops"] = "cosine"
    drops: dict[int, float] = field(default_factory=dict)
    """With schedule "drops": from this step or epoch on, the learning rate is multiplied by this factor."""

    final_rate: float = 0.01
    """With schedule "cosine": the last learning rate, as a share of the first."""

    warmup_steps: int = 100
    clip_norm: float = 0.0
    """Largest norm of all gradients together; 0: no clipping."""

    average: float = 0.0
    """Momentum of the running average of the weights that is validated and exported; 0: the weights themselves."""

    batch_size: int = 8
    """Films in a step, over all ranks together."""


@dataclass(frozen=True)
class SourceConfig:
    """Where films come from: a kind that `Training.data.film_source` knows and its options."""

    kind: str = "annotated"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DataConfig:
    """Training and validation films, and how they are loaded."""

    training: SourceConfig = field(default_factory=SourceConfig)
    validation: SourceConfig = field(default_factory=SourceConfig)
    workers: int = 1
    """Loader processes of each rank; 0 loads in the training process."""

    prefetch: int = 4
    """Batches that are prepared ahead."""


@dataclass(frozen=True)
class RunConfig:
    """How the training runs on this machine."""

    precision: Literal["mixed_bfloat16", "mixed_float16", "float32"] = "mixed_bfloat16"
    threads: int = 0
    """Threads of the engine; 0: its own choice."""

    jit_compile: bool = False
    deterministic: bool = False
    seed: int = 0
    log_steps: int = 20
    checkpoint_steps: int = 500
    validation_steps: int = 1000
    patience: int = 0
    """Validations without a better one after which the training stops; 0: never."""

    init_from: str = ""
    """A run folder (its best weights) or weights file that the training starts from; layers are matched by name."""

    frozen: tuple[str, ...] = ()
    """Beginnings of the names of layers that keep their weights and statistics, such as "global_" for all of stage 1's
    features: on few films, or on films that differ from those of before, the rest forgets less (Lee et al., "Surgical
    Fine-Tuning Improves Adaptation to Distribution Shifts", ICLR 2023)."""


@dataclass(frozen=True)
class TrainingConfig:
    """One training."""

    name: str
    description: str = ""
    region: str = ""
    """Name of the close-up that is learned instead of the whole film, see `SpineAlignmentLib.detection.close_ups`."""

    task: Literal["landmarks", "bodies", "vertebra", "heads"] = "landmarks"
    """What is learned: the 45 landmarks, every vertebral body on a window of a film, a single vertebra, or the rims of
    the femoral heads."""

    input_size: tuple[int, int] = (864, 480)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    data: DataConfig = field(default_factory=DataConfig)
    run: RunConfig = field(default_factory=RunConfig)

    @property
    def pixel(self) -> float:
        """Size of an input pixel in pixels of the reference height."""
        return 1.0 if self.region or self.task != "landmarks" else REFERENCE_HEIGHT / self.input_size[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as YAML and JSON hold them."""
        return typing.cast(dict[str, Any], _plain(dataclasses.asdict(self)))


def load_config(path: str | Path, overrides: typing.Sequence[str] = ()) -> TrainingConfig:
    """Reads and checks a YAML file.

    Args:
        path: the file.
        overrides: "section.key=value" texts that win over the file.

    Raises:
        ConfigError: no such file, no YAML, an unknown or missing key, a value of the wrong type or out of range.
    """
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the configuration: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text in UTF-8") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: a configuration is a mapping of keys, this is {type(data).__name__}")
    for text in overrides:
        _override(data, text)
    return config_from_dict(data, str(path))


def config_from_dict(data: dict[str, Any], where: str) -> TrainingConfig:
    """Checks plain values, `where` they come from being named in errors; see `load_config`."""
    config = typing.cast(TrainingConfig, converted(TrainingConfig, data, where, ""))
    _check(config, where)
    return config


def save_config(config: TrainingConfig, path: Path) -> None:
    """Writes the configuration so that `load_config` reads the same one.

    Raises:
        ResultError: the place cannot be written; a file that was there stays.
    """
    write_files({path: yaml.safe_dump(config.to_dict(), sort_keys=False).encode()})


def _override(data: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set {text}: write it as section.key=value")
    *sections, last = key.split(".")
    for section in sections:
        data = data.setdefault(section, {})
        if not isinstance(data, dict):
            raise ConfigError(f"--set {text}: {section} is not a section")
    try:
        data[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text}: the value is not valid YAML") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def converted(kind: Any, value: Any, where: str, key: str) -> Any:
    """`value` as the annotated type `kind`.

    Raises:
        ConfigError: it is none; `where` and `key` say which one.
    """
    place = f"{where}: {key}" if key else where
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _convert_section(typing.cast(type, kind), value, where, key)
    if origin is Literal:
        if value not in arguments:
            raise ConfigError(f"{place} must be one of {', '.join(map(str, arguments))}, got {value!r}")
        return value
    if origin in (tuple, list):
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{place} must be a list, got {value!r}")
        if origin is tuple and arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise ConfigError(f"{place} must have {len(arguments)} values, got {len(value)}")
        return origin(converted(arguments[0], v, where, f"{key}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{place} must be a mapping, got {value!r}")
        return {
            converted(arguments[0], k, where, key): converted(arguments[1], v, where, f"{key}.{k}")
            for k, v in value.items()
        }
    if kind is Any or origin or not isinstance(kind, type):  # what only films of other modules may ask for
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{place} must be {kind.__name__}, got {value!r}")
    return value


def _convert_section(kind: type, value: Any, where: str, key: str) -> Any:
    place = f"{where}: {key}" if key else where
    if not isinstance(value, dict):
        raise ConfigError(f"{place} must be a mapping of keys, got {value!r}")
    types_of = typing.get_type_hints(kind)
    for name in value:
        if name not in types_of:
            near = difflib.get_close_matches(str(name), types_of, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(types_of)}"
            raise ConfigError(f"{place}: unknown key {name!r}{hint}")
    for item in dataclasses.fields(kind):
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and item.name not in value:
            raise ConfigError(f"{place}: the key {item.name} is missing")
    prefix = f"{key}." if key else ""
    return kind(**{name: converted(types_of[name], v, where, prefix + name) for name, v in value.items()})


def _check(config: TrainingConfig, where: str) -> None:
    """Ranges, and values that must fit each other."""
    network, optimizer, run = config.network, config.optimizer, config.run
    levels = {len(network.channels), len(network.backbone_blocks), len(network.refine_blocks)}
    step = 32 if config.task == "bodies" else 8 if network.fine_blocks else 4
    blocks = sum(network.backbone_blocks) + sum(network.refine_blocks) + network.head_blocks + network.fine_blocks
    positive = {
        "optimizer.learning_rate": optimizer.learning_rate,
        "optimizer.length": optimizer.length,
        "optimizer.batch_size": optimizer.batch_size,
        "loss.wing_w": config.loss.wing_w,
        "loss.wing_epsilon": config.loss.wing_epsilon,
        "loss.regularization_width": config.loss.regularization_width,
        "run.log_steps": run.log_steps,
        "run.checkpoint_steps": run.checkpoint_steps,
        "run.validation_steps": run.validation_steps,
        "data.prefetch": config.data.prefetch,
    }
    for key, value in positive.items():
        if not value > 0:
            raise ConfigError(f"{where}: {key} must be above 0, got {value}")
    _check_widths(network, where)
    not_negative = {
        "optimizer.warmup_steps": optimizer.warmup_steps,
        "optimizer.clip_norm": optimizer.clip_norm,
        "optimizer.final_rate": optimizer.final_rate,
        "data.workers": config.data.workers,
        "run.threads": run.threads,
        "run.patience": run.patience,
        "run.seed": run.seed,
    }
    for key, value in not_negative.items():
        if not value >= 0:
            raise ConfigError(f"{where}: {key} must be 0 or more, got {value}")
    if run.seed >= 2**32:
        raise ConfigError(f"{where}: run.seed must be below 2**32, got {run.seed}")
    if config.region and config.region not in REGIONS:
        raise ConfigError(f"{where}: region must be one of {', '.join(REGIONS)}, got {config.region!r}")
    if config.region and config.input_size != REGIONS[config.region].input_size:
        size = list(REGIONS[config.region].input_size)
        raise ConfigError(
            f"{where}: input_size of region {config.region} must be {size}, got {list(config.input_size)}"
        )
    if len(levels) != 1:
        raise ConfigError(f"{where}: network.channels, backbone_blocks and refine_blocks must have the same length")
    if any(size <= 0 or size % step for size in config.input_size):
        raise ConfigError(f"{where}: input_size must be multiples of {step}, got {list(config.input_size)}")
    if blocks != network.residual_blocks:
        raise ConfigError(
            f"{where}: network.residual_blocks is {network.residual_blocks}, but the blocks add up to {blocks}"
        )
    if not 0 <= optimizer.average < 1:
        raise ConfigError(f"{where}: optimizer.average must be at least 0 and below 1, got {optimizer.average}")


def _check_widths(network: NetworkConfig, where: str) -> None:
    """Every level has channels, and no number of blocks is negative."""
    for name, value in dataclasses.asdict(network).items():
        numbers, least = value if isinstance(value, tuple) else (value,), int(name.endswith("channels"))
        if not numbers or min(numbers) < least:
            raise ConfigError(f"{where}: network.{name} must be {least} or more, got {value}")
