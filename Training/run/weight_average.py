"""Networks averaged in their weights.

Networks that went on from the same weights can be averaged variable by variable. The mean keeps more of what the start
knew than any of them, and does better on films unlike those of the training (model soups, Wortsman et al., ICML
2022; robust fine-tuning, Wortsman et al., CVPR 2022). The mean of networks of different starts is of no use.
"""

from collections.abc import Sequence
from pathlib import Path

from SpineAlignmentLib.results.files import make_folder
from Training.config import ConfigError, TrainingConfig, load_config, save_config


def average_run(sources: Sequence[Path], shares: Sequence[float], run: Path, output: Path) -> Path:
    """A run folder of averaged weights, which exports as any other.

    Args:
        sources: weights files (`best.npz`) or run folders.
        shares: of each, in the same order; they add up to 1.
        run: folder whose configuration and number of steps the average takes over; its metrics are not the average's.
        output: folder to write; `config.yaml` and `best.npz` there are replaced.

    Returns:
        `output`.

    Raises:
        ConfigError: no such run or file, or weights of different networks, or of different tasks.
        ResultError: the folder cannot be written to.
    """
    from Training.run import checkpoint

    config = load_config(run / "config.yaml")
    _, state = checkpoint.load(run / "best.npz")
    paths = [source / "best.npz" if source.is_dir() else source for source in sources]
    for source in sources:
        own = load_config(source / "config.yaml") if source.is_dir() else config
        if (own.task, own.region) != (config.task, config.region):
            raise ConfigError(
                f"{source}: learned {_learned(own)}, and {run} {_learned(config)}; average runs of one kind"
            )
    mean: checkpoint.Arrays = {}
    for path, share in zip(paths, shares, strict=True):
        arrays, _ = checkpoint.load(path)
        shapes = {name: array.shape for name, array in arrays.items()}
        if mean and shapes != {name: array.shape for name, array in mean.items()}:
            raise ConfigError(f"{path}: another network than {paths[0]}; average runs that began with the same weights")
        mean = {name: mean.get(name, 0) + share * array for name, array in arrays.items()}
    make_folder(output)
    save_config(config, output / "config.yaml")
    checkpoint.save(output / "best.npz", mean, {"step": state["step"], "averaged": len(paths)})
    return output


def _learned(config: TrainingConfig) -> str:
    return f"the close-up {config.region}" if config.region else f"the task {config.task}"
