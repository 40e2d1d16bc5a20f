"""Five-fold cross-validation over the regularization's type and width, and the selection of the best.

`python -m Training.cross_validation --config CONFIG --output runs/selection [--launcher "horovodrun -np 4"]`

Each fold of each candidate is one training in its own process and folder. The same command continues an interrupted
selection: finished folds are kept, an unfinished training resumes. The measure is the paper's weighted localization
error (error over the distance to the nearest annotated neighbor, median over films, maximum over landmarks) on the
films of all held-out folds together; lower is better.
"""

import argparse
import csv
import dataclasses
import io
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.files import make_folder, write_files
from Training.config import ConfigError, Regularization, SourceConfig, TrainingConfig, load_config, save_config
from Training.network import metrics

WIDTH_PX: Final[float] = 41.2 / 6
"""d of Yeh et al. 2021: width of the widest splotch, in pixels of a film 864 pixels high."""

DIVISORS: Final[tuple[int, ...]] = (1, 2, 4)
HELD_OUT: Final[str] = "held_out.npz"


@dataclass(frozen=True)
class Candidate:
    """One way to regularize."""

    regularization: Regularization
    divisor: int
    """The width is d / divisor; 0 without regularization."""

    @property
    def name(self) -> str:
        """Of its folder: "exponential-4", "none"."""
        return f"{self.regularization}-{self.divisor}" if self.divisor else self.regularization

    def configure(self, base: TrainingConfig, fold: int, folds: int) -> TrainingConfig:
        """The training of one fold: all other parts of the base's training films train, this one validates."""
        loss = dataclasses.replace(base.loss, regularization=self.regularization)
        if self.divisor:
            loss = dataclasses.replace(loss, regularization_width=WIDTH_PX / self.divisor)
        whole = dataclasses.asdict(base.data.training)
        parts = [
            SourceConfig(
                "fold", {"source": whole, "folds": folds, "fold": fold, "held_out": held, "seed": base.run.seed}
            )
            for held in (False, True)
        ]
        data = dataclasses.replace(base.data, training=parts[0], validation=parts[1])
        return dataclasses.replace(base, name=f"{base.name}-{self.name}-{fold}", loss=loss, data=data)


def grid() -> list[Candidate]:
    """The paper's: Gaussian and exponential of three widths, and none."""
    kinds: tuple[Regularization, ...] = ("exponential", "gaussian")
    return [Candidate(kind, divisor) for kind in kinds for divisor in DIVISORS] + [Candidate("none", 0)]


def select(
    base: TrainingConfig, output: Path, folds: int, candidates: list[Candidate], launcher: tuple[str, ...] = ()
) -> list[tuple[Candidate, float]]:
    """Trains what is not trained yet and writes `selection.csv`.

    Args:
        base: everything but the regularization and the split.
        output: folder of the selection.
        folds: number of parts.
        candidates: what to compare.
        launcher: put before each training's command, such as ("horovodrun", "-np", "4").

    Returns:
        Candidates and scores, best first.

    Raises:
        ConfigError: a training failed; what it said is shown above.
    """
    scores = []
    for candidate in candidates:
        parts = [
            _fold(base, output / candidate.name / f"fold-{i}", candidate, i, folds, launcher) for i in range(folds)
        ]
        predicted, true = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        scores.append((candidate, metrics.localization_score(predicted, true)))
        print(f"{candidate.name}: weighted localization error {scores[-1][1]:.3f}", flush=True)
        _write(output / "selection.csv", sorted(scores, key=lambda item: item[1]))
    return sorted(scores, key=lambda item: item[1])


def _fold(
    base: TrainingConfig, run: Path, candidate: Candidate, fold: int, folds: int, launcher: tuple[str, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Predicted and true landmarks of the held-out films."""
    done, config, wanted = run / HELD_OUT, run / "fold.yaml", candidate.configure(base, fold, folds)
    if done.exists() and load_config(config).to_dict() != wanted.to_dict():
        raise ConfigError(f"{run}: holds a fold of another selection; give another --output")
    if not done.exists():
        make_folder(run)
        save_config(wanted, config)
        program = [sys.executable, "-m", "Training.cross_validation", "--fold", str(config), "--output", str(run)]
        if subprocess.run([*launcher, *program], check=False).returncode:
            raise ConfigError(f"{run}: its training failed; the same command continues after the cause is removed")
    with np.load(done) as archive:
        return archive["predicted"], archive["true"]


def train_fold(config: TrainingConfig, run: Path) -> None:
    """One training; its best weights' predictions on the held-out films go to `held_out.npz`."""
    from Training.data.loader import validation_films
    from Training.run import checkpoint
    from Training.run.session import Session

    session = Session(config, run)
    session.run()
    if session.ranks.is_first:
        films, true = validation_films(config.data.validation, config.input_size, config.run.seed, config.region)
        arrays, _ = checkpoint.load(run / "best.npz")
        checkpoint.restore_network(session.averaged, arrays, run / "best.npz")
        predicted = session.predict_with(session.averaged, films)["coordinates"]
        content = io.BytesIO()
        np.savez(content, predicted=predicted, true=true)
        write_files({run / HELD_OUT: content.getvalue()})


def _write(path: Path, scores: list[tuple[Candidate, float]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["regularization", "width_px", "weighted_localization_error"])
    for candidate, score in scores:
        width = f"{WIDTH_PX / candidate.divisor:.3f}" if candidate.divisor else ""
        writer.writerow([candidate.regularization, width, f"{score:.4f}"])
    write_files({path: text.getvalue().encode()})


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 done, 2 wrong configuration or a failed training, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m Training.cross_validation", description="Select the regularization."
    )
    parser.add_argument("--config", type=Path, help="configuration whose training films are split into folds")
    parser.add_argument("--fold", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--output", required=True, type=Path, help="folder of the selection")
    parser.add_argument("--folds", type=int, default=5)
    names = {candidate.name: candidate for candidate in grid()}
    parser.add_argument("--candidates", nargs="+", choices=names, default=list(names), metavar="NAME")
    parser.add_argument("--launcher", default="", help='put before each training, such as "horovodrun -np 4"')
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override, as section.key=value"
    )
    options = parser.parse_args(arguments)
    if (options.config is None) == (options.fold is None):
        parser.error("--config is required")
    if options.folds < 2:
        parser.error("--folds must be at least 2")
    try:
        launcher = tuple(shlex.split(options.launcher))
    except ValueError as error:
        parser.error(f"--launcher: {error}")
    try:
        if options.fold:
            train_fold(load_config(options.fold), options.output)
            return 0
        base = load_config(options.config, options.set)
        chosen = [names[name] for name in options.candidates]
        scores = select(base, options.output, options.folds, chosen, launcher)
    except (ConfigError, ResultError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    print(f"best: {scores[0][0].name} ({scores[0][1]:.3f}); all in {options.output / 'selection.csv'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
