"""Learning from corrections: continue from trained models on a hospital's own films (`python -m Training.finetune`).

Each model of the ensemble goes on from its shipped weights, at a small learning rate, on the given films and, against
forgetting, on as many films of the kind it already knows (`--rehearsal`). A part of the patients of either kind chooses
the best step, and what is exported lies between the shipped weights and the learned ones, which forgets less (Wortsman
et al., Robust fine-tuning of zero-shot models, CVPR 2022). The new folder of models can be given to `detect --models`
and to the module; what changed is measured on films that took no part. An interrupted fine-tuning goes on when the same
command is given again.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.detection.models import (
    CLOSEST,
    Model,
    listing_of,
    read_close_ups,
    read_closest_model,
    read_ensemble,
)
from SpineAlignmentLib.errors import ModelError, ResultError, SpineAlignmentError
from SpineAlignmentLib.results.files import make_folder, write_files
from Training.config import (
    ConfigError,
    DataConfig,
    SourceConfig,
    TrainingConfig,
    config_from_dict,
    load_config,
    save_config,
)
from Training.datasets import read_films
from Training.export.model_folder import update_ensemble
from Training.export.weight_storage import unpack
from Training.run.weight_average import average_run

MINIMUM_FILMS: Final[int] = 5
FOLDS: Final[int] = 5
"""One of so many parts of the patients chooses the best step."""
VALIDATIONS: Final[int] = 5
"""How often the best step is looked for."""


@dataclass(frozen=True)
class Settings:
    """How a model is continued."""

    films: Path
    """Folder of corrected films."""
    rehearsal: Path | None = None
    """Folder of annotated films of the kind the models know."""
    steps: int = 120
    batch: int = 4
    learning_rate: float = 5e-4
    augmentation: float = 0.3
    """Strength of the augmentation, 1 is the paper's: a few steps should teach the new kind, not films turned by 30
    degrees."""
    blend: float = 0.5
    """Share of the learned weights in what is exported, the rest are the shipped ones; 1: the learned ones alone."""
    threads: int = 0
    seed: int = 0


def continued(model: Model, settings: Settings, weights: Path) -> TrainingConfig:
    """The configuration of a model's training, changed for going on from `weights` on other films.

    Raises:
        ModelError: the model does not say how it was trained.
    """
    try:
        config = config_from_dict(model.about["training"]["config"], str(model.folder / "model.json"))
    except (KeyError, TypeError, ConfigError) as error:
        raise ModelError(
            f"{model.folder}: does not say how it was trained, so it cannot be continued ({error})"
        ) from error
    count = len(read_films(settings.films)[0])
    data = DataConfig(_films(settings, count, False), _films(settings, count, True), workers=1, prefetch=2)
    optimizer = replace(
        config.optimizer, learning_rate=settings.learning_rate, unit="steps", length=settings.steps, schedule="cosine",
        warmup_steps=min(10, settings.steps // 4), batch_size=settings.batch, average=0.9, clip_norm=100.0,
    )  # fmt: skip
    every = max(1, settings.steps // VALIDATIONS)
    run = replace(
        config.run, precision="float32", threads=settings.threads, seed=settings.seed, log_steps=every,
        checkpoint_steps=every, validation_steps=every, patience=0, init_from=str(weights), jit_compile=False,
    )  # fmt: skip
    description = f"{config.description} Fine-tuned on {count} corrected films."
    return replace(config, description=description.strip(), data=data, optimizer=optimizer, run=run)


def _films(settings: Settings, count: int, held_out: bool) -> SourceConfig:
    """The films that train, or those that choose the best step: as many known ones as of the `count` corrected ones."""

    def part(folder: Path, folds: int) -> dict[str, Any]:
        whole = {"kind": "annotated", "options": {"folder": str(folder), "strength": settings.augmentation}}
        options = {"source": whole, "folds": folds, "fold": 0, "held_out": held_out, "seed": settings.seed}
        return {"kind": "fold", "options": options}

    corrected = part(settings.films, FOLDS)
    if settings.rehearsal is None:
        return SourceConfig(**corrected)
    known = read_films(settings.rehearsal)[0]
    folds = min(max(2, len(known) * FOLDS // count), len({film.patient for film in known}))
    share = (1 / folds) / (1 / FOLDS) if held_out else (1 - 1 / folds) / (1 - 1 / FOLDS)
    ratio = len(known) / count * share
    sources = [corrected, part(settings.rehearsal, folds)]
    repeats = [max(1, round(ratio)), max(1, round(1 / ratio))]
    return SourceConfig("mixture", {"sources": sources, "repeats": repeats})


def extract_weights(model: Model, path: Path) -> None:
    """The weights of a shipped model as a checkpoint that training can start from.

    Raises:
        ModelError: the SavedModel is missing or altered, or does not fit its configuration.
    """
    from Training.export.model_folder import stored_weights
    from Training.run import checkpoint
    from Training.run.tasks import task_of

    config = config_from_dict(model.about["training"]["config"], str(model.folder / "model.json"))
    network = task_of(config).network(config, config.input_size)
    packed = stored_weights(model)
    try:
        values = unpack(packed.codes, packed.steps, packed.others, [tuple(v.shape) for v in network.weights])
    except ValueError as error:  # another network's
        raise ModelError(f"{model.folder}: its weights do not fit its configuration; export it again") from error
    arrays = {variable.path: np.asarray(value) for variable, value in zip(network.weights, values, strict=True)}
    checkpoint.save(path, arrays, {"step": 0, "metrics": {}})


def finetune(models: Path | None, settings: Settings, output: Path, work: Path) -> Path:
    """Continue every model of an ensemble, close-ups too, and export the results; each training has its own process.

    Networks of single vertebrae and the like, see `CLOSEST`, stay as they are: nobody corrects what they learn from.

    Args:
        models: folder with ensemble.json, or of one model; None for the ensemble that ships.
        settings: films and training.
        output: folder of the new models, with ensemble.json.
        work: folder for runs, which can be continued when interrupted.

    Raises:
        SpineAlignmentError: too few films, the models' own folder as output, or a training that fails; its own message
            was printed.
    """
    if output.resolve() == listing_of(models).parent.resolve():
        raise ResultError(f"{output}: holds the models that are continued; give another --output")
    for folder in (settings.films, settings.rehearsal):
        _check_films(folder)
    make_folder(work)
    make_folder(output)
    runs = []
    for model in (*read_ensemble(models), *read_close_ups(models)):
        weights, config, run = (work / f"{model.name}{end}" for end in (".npz", ".yaml", ""))
        wanted = continued(model, settings, weights)
        if (run / "config.yaml").exists() and load_config(run / "config.yaml").to_dict() != wanted.to_dict():
            raise ResultError(f"{run}: holds a fine-tuning on other films or with other settings; give another --work")
        extract_weights(model, weights)
        save_config(wanted, config)
        _command("Training.train", "--config", str(config), "--run", str(run))
        # between shipped and learned weights, beside the run, which can still be continued
        between = average_run(
            [weights, run], [1 - settings.blend, settings.blend], run, run.with_name(f"{run.name}_blended")
        )
        runs += ["--run", str(between)]
    _command("Training.export", *runs, "--output", str(output), "--ensemble")
    update_ensemble(output, _carried_over(models, output))
    return output


def _carried_over(models: Path | None, output: Path) -> list[str]:
    """Copies the networks that are not continued into the folder of the new models; their names."""
    kept = [model for task in CLOSEST if (model := read_closest_model(task, models)) is not None]
    for model in kept:
        shutil.copytree(model.folder, output / model.name, dirs_exist_ok=True)
    return [model.name for model in kept]


def _check_films(folder: Path | None) -> None:
    """Raises ResultError where a folder has too few films, or one that cannot be used."""
    if folder is None:
        return
    films, problems = read_films(folder)
    if problems:
        raise ResultError(problems[0])
    if len({film.patient for film in films}) < MINIMUM_FILMS:
        raise ResultError(f"{folder}: has films of fewer than {MINIMUM_FILMS} patients; add some first")


def _command(module: str, *arguments: str) -> None:
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run([sys.executable, "-m", module, *arguments], env=environment, check=False)
    if done.returncode:
        raise ModelError(f"{module} ended with status {done.returncode}; its message is above")


def measure(films: Path, models: Path | None, workers: int = 0) -> dict[str, float]:
    """Headline figures of models on annotated films, see `Training.evaluation.localization.headline`.

    Raises:
        SpineAlignmentError: no annotated film.
    """
    from Training.evaluation.localization import headline
    from Training.evaluation.prediction import LibraryDetector, predict
    from Training.evaluation.study import StudyError, build_study

    truth, problems = read_films(films)
    predicted, failed = predict(truth, LibraryDetector(models), workers)
    for problem in [*problems, *failed]:
        print(problem, file=sys.stderr)
    try:
        return headline(build_study(truth, predicted))
    except StudyError as error:
        raise ResultError(f"{films}: {error}") from error


def compare(sets: dict[str, Path], before: Path | None, after: Path, workers: int = 0) -> dict[str, dict[str, Any]]:
    """Headline figures before and after, for each set of films by name."""
    return {
        name: {"before": measure(films, before, workers), "after": measure(films, after, workers)}
        for name, films in sets.items()
    }


def comparison_lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """One line for each set of films."""
    lines = []
    for name, figures in found.items():
        old, new = figures["before"], figures["after"]
        error = [f["median_error_mm"] for f in (old, new)]
        level = [100 * f["wrong_level_rate"] for f in (old, new)]
        lines.append(
            f"{name}: {old['films']:.0f} films, median error {error[0]:.2f} -> {error[1]:.2f} mm "
            f"({100 * (error[1] / error[0] - 1):+.1f} %), wrong level {level[0]:.1f} -> {level[1]:.1f} %"
        )
    return lines


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = argparse.ArgumentParser(prog="python -m Training.finetune", description=(__doc__ or "").splitlines()[0])
    p.add_argument("--films", type=Path, required=True, help="folder of corrected films, see Training.corrections")
    p.add_argument("--output", type=Path, required=True, help="folder of the new models")
    p.add_argument("--models", type=Path, help="folder of models to continue; without it the ensemble that ships")
    p.add_argument("--rehearsal", type=Path, help="annotated films of the kind the models know, against forgetting")
    p.add_argument("--held-out", type=Path, help="annotated films of the new kind that took no part, to measure on")
    p.add_argument("--standard", type=Path, help="annotated films of the known kind, to measure on")
    p.add_argument("--work", type=Path, help="folder of the runs (default: OUTPUT/runs)")
    p.add_argument("--steps", type=int, default=Settings.steps)
    p.add_argument("--batch", type=int, default=Settings.batch, help="films in a step")
    p.add_argument("--learning-rate", type=float, default=Settings.learning_rate)
    p.add_argument("--augmentation", type=float, default=Settings.augmentation, help="its strength; 1 is the paper's")
    p.add_argument("--blend", type=float, default=Settings.blend, help="share of the learned weights, 0 to 1")
    p.add_argument("--threads", type=int, default=0, help="of the engine in training; 0: its own choice")
    p.add_argument("--seed", type=int, default=0)
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when the new models are written, 2 when they cannot be, 130 when interrupted."""
    o = parser().parse_args(arguments)
    settings = Settings(
        o.films, o.rehearsal, o.steps, o.batch, o.learning_rate, o.augmentation, o.blend, o.threads, o.seed
    )  # fmt: skip
    sets = {name: films for name, films in (("held-out films", o.held_out), ("standard films", o.standard)) if films}
    try:
        if o.steps < 1 or o.batch < 1:
            raise ResultError("--steps and --batch must be at least 1")
        if not 0 < o.blend <= 1:
            raise ResultError("--blend must lie above 0 and not above 1")
        for folder in sets.values():  # told now, not when the training has ended
            if not any(film.labeled.any() for film in read_films(folder)[0]):
                raise ResultError(f"{folder}: no annotated film found")
        finetune(o.models, settings, o.output, o.work or o.output / "runs")
        found = compare(sets, o.models, o.output)
        said = {
            "settings": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(settings).items()},
            "sets": found,
        }
        write_files({o.output / "finetuning.json": (json.dumps(said, indent=1) + "\n").encode()})
    except (SpineAlignmentError, ConfigError) as error:
        print(f"finetune: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("finetune: interrupted; the same command goes on", file=sys.stderr)
        return 130
    for line in comparison_lines(found):
        print(line)
    print(f"{o.output}: new models; use them with: spine-alignment detect FILM --models {o.output} -o OUT")
    return 0


if __name__ == "__main__":
    sys.exit(main())
