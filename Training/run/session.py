"""One training: network, optimizer, films and schedule put together, run, validated, checkpointed and resumed.

A run folder holds `config.yaml`, `last.npz` (everything needed to continue), `best.npz` (the weights that validated
best), `training.csv`, `validation.csv` and TensorBoard events.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from SpineAlignmentLib.results.files import make_folder
from Training.config import ConfigError, TrainingConfig, load_config, save_config
from Training.data.film_source import build_source
from Training.data.loader import BatchLoader, FloatArray, validation_films
from Training.run import checkpoint
from Training.run.distributed import Ranks
from Training.run.logs import RunLog
from Training.run.schedule import Schedule
from Training.run.tasks import task_of

PREDICTION_BATCH = 8


@dataclass
class Progress:
    """Where a training stands; kept in its checkpoint."""

    step: int = 0
    best: float = float("inf")
    """Lowest mean error in reference pixels at a validation."""

    since_best: int = 0
    """Validations since then."""

    best_figures: dict[str, float] = field(default_factory=dict)


def make_optimizer(config: TrainingConfig, steps_per_epoch: float) -> keras.optimizers.Optimizer:
    """Adam as configured; with float16 its loss is scaled so that small gradients survive."""
    settings = config.optimizer
    optimizer = keras.optimizers.Adam(
        Schedule.from_config(settings, steps_per_epoch),
        global_clipnorm=settings.clip_norm or None,
        use_ema=settings.average > 0,
        ema_momentum=settings.average or 0.99,
    )
    if config.run.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def prepare_engine(config: TrainingConfig) -> None:
    """Precision, threads, seeds and determinism, before anything is built."""
    keras.mixed_precision.set_dtype_policy(config.run.precision)
    keras.utils.set_random_seed(config.run.seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if config.run.threads:
            try:
                tf.config.threading.set_intra_op_parallelism_threads(config.run.threads)
                tf.config.threading.set_inter_op_parallelism_threads(1)
            except RuntimeError as error:
                if tf.config.threading.get_intra_op_parallelism_threads() != config.run.threads:
                    raise ConfigError(f"run.threads: the engine has already started: {error}") from error
        if config.run.deterministic:
            tf.config.experimental.enable_op_determinism()


def _freeze(network: keras.Model, beginnings: Sequence[str]) -> None:
    """Layers whose names begin so keep their weights, and their batch normalization its moving statistics.

    Raises:
        ConfigError: no layer's name begins so, or nothing is left to train.
    """
    for beginning in beginnings:
        chosen = [layer for layer in network.layers if layer.name.startswith(beginning)]
        if not chosen:
            raise ConfigError(f"run.frozen: no layer's name begins with {beginning!r}")
        for layer in chosen:
            layer.trainable = False
    if not network.trainable_variables:
        raise ConfigError("run.frozen: no layer is left to train")


class Session:
    """One training in one run folder; starts anew or continues where the folder's checkpoint stands."""

    def __init__(self, config: TrainingConfig, folder: Path, ranks: Ranks | None = None) -> None:
        """Builds everything and restores the checkpoint, if there is one.

        Raises:
            ConfigError: anything about the configuration, the films or the checkpoint that does not fit.
            ResultError: the folder cannot be written to.
        """
        self.config, self.folder = config, folder
        prepare_engine(config)
        self.ranks = ranks or Ranks()
        self._check_folder()
        data, settings = config.data, config.optimizer
        if settings.batch_size % self.ranks.size:
            raise ConfigError(f"optimizer.batch_size {settings.batch_size} cannot be shared by {self.ranks.size} ranks")
        self.loader = BatchLoader(
            data.training, config.input_size, settings.batch_size, config.run.seed,
            workers=data.workers, prefetch=data.prefetch, rank=self.ranks.rank, ranks=self.ranks.size,
            region=config.region,
        )  # fmt: skip
        build_source(data.validation, False, config.region)  # that nothing is there is said now, not hours later
        self.task = task_of(config)
        self.network = self.task.network(config, config.input_size, self.ranks.normalization)
        self.averaged = self.task.network(config, config.input_size)
        for network in (self.network, self.averaged):
            _freeze(network, config.run.frozen)
        self.model = self.task.model(self.network, config)
        self.optimizer = self.ranks.distribute(make_optimizer(config, self.loader.steps_per_epoch))
        self.optimizer.build(self.network.trainable_variables)
        # JAX knows no other fast way than compiling.
        compiled = config.run.jit_compile or keras.backend.backend() == "jax"
        self.model.compile(self.optimizer, jit_compile=compiled, auto_scale_loss=False)
        self.steps = Schedule.from_config(settings, self.loader.steps_per_epoch).length
        self.progress = Progress()
        self._restore()
        if self.ranks.is_first:
            make_folder(folder)
            save_config(config, folder / "config.yaml")
        self.validation: tuple[FloatArray, FloatArray] | None = None

    @property
    def last(self) -> Path:
        """The checkpoint to continue from."""
        return self.folder / "last.npz"

    def run(self, until: int | None = None) -> Progress:
        """Trains to the end of the schedule, to `until` steps, or until no validation is better any more."""
        end = min(self.steps, until or self.steps)
        log = RunLog(self.folder, self.progress.step) if self.ranks.is_first else None
        bar = tqdm(total=end, initial=self.progress.step, disable=None if log else True, unit="step", smoothing=0.05)
        try:
            with self.loader:
                self._loop(end, log, bar)
        finally:
            bar.close()
            if log:
                log.close()
        return self.progress

    def _loop(self, end: int, log: RunLog | None, bar: Any) -> None:
        run, progress = self.config.run, self.progress
        since = _Window(self.loader)
        if progress.step >= end:
            return
        for films, points in self.loader.batches(progress.step):
            since.add(self.model.train_on_batch(films, points, return_dict=True))
            progress.step += 1
            bar.update()
            finished = progress.step >= end
            if progress.step % run.log_steps == 0 or finished:
                means, speed = since.figures(len(films) * self.ranks.size)
                row = self.ranks.mean(means) | speed
                if not np.isfinite(row["loss"]):
                    raise ConfigError(
                        f"{self.folder}: the loss is no number at step {progress.step}; lower learning_rate"
                    )
                if log:
                    log.training(progress.step, row | {"learning_rate": self._learning_rate()})
                bar.set_postfix(loss=f"{row['loss']:.2f}")
            if progress.step % run.validation_steps == 0 or finished:
                self._validate(log)
            stopped = 0 < run.patience <= progress.since_best
            if progress.step % run.checkpoint_steps == 0 or finished or stopped:
                self._save()
                since.restart()  # saving is neither training nor waiting
            if finished or stopped:
                return

    def _learning_rate(self) -> float:
        return float(ops.convert_to_numpy(self.optimizer.learning_rate))

    def averaged_network(self) -> keras.Model:
        """The network that is validated and exported: running averages of the weights where these are kept."""
        for target, value in zip(self.averaged.weights, self.network.weights, strict=True):
            target.assign(ops.convert_to_numpy(value.value))  # a copy: JAX gives a shared buffer away
        if self.config.optimizer.average > 0:
            inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
            averages = inner._model_variables_moving_average
            for target, value in zip(self.averaged.trainable_variables, averages, strict=True):
                target.assign(ops.convert_to_numpy(value.value))
        return self.averaged

    def predict(self, films: FloatArray) -> dict[str, FloatArray]:
        """What the averaged network finds on films (n, height, width, 1), see `predict_with`."""
        return self.predict_with(self.averaged_network(), films)

    def predict_with(self, network: keras.Model, films: FloatArray) -> dict[str, FloatArray]:
        """The outputs that the task's validation looks at, of films (n, height, width, 1), by a given network."""
        found: dict[str, list[FloatArray]] = {name: [] for name in self.task.predicted}
        for i in range(0, len(films), PREDICTION_BATCH):
            outputs = network.predict_on_batch(films[i : i + PREDICTION_BATCH])
            for name, parts in found.items():
                parts.append(np.asarray(outputs[name]))
        nothing = {name: np.zeros((0, *network.output[name].shape[1:]), np.float32) for name in self.task.predicted}
        return {name: np.concatenate([nothing[name], *parts]) for name, parts in found.items()}

    def validate(self) -> dict[str, float]:
        """Figures over the validation films, each rank working on its share of them."""
        if self.validation is None:
            config = self.config
            films, points = validation_films(config.data.validation, config.input_size, config.run.seed, config.region)
            self.validation = films[self.ranks.rank :: self.ranks.size], points[self.ranks.rank :: self.ranks.size]
        films, points = self.validation
        predicted = {name: self.ranks.gather(values) for name, values in self.predict(films).items()}
        return self.task.figures(predicted, self.ranks.gather(points), self.config)

    def _validate(self, log: RunLog | None) -> None:
        start = time.monotonic()
        figures, progress = self.validate(), self.progress
        if figures["mean_px"] < progress.best:
            progress.best, progress.since_best, progress.best_figures = figures["mean_px"], 0, figures
            if log:
                arrays = checkpoint.network_arrays(self.averaged)
                checkpoint.save(self.folder / "best.npz", arrays, {"step": progress.step, "metrics": figures})
        else:
            progress.since_best += 1
        if log:
            log.validation(progress.step, figures | {"seconds": time.monotonic() - start})

    def _save(self) -> None:
        if self.ranks.is_first:
            arrays = checkpoint.network_arrays(self.network) | checkpoint.optimizer_arrays(self.optimizer)
            checkpoint.save(self.last, arrays, self.progress.__dict__)

    def _restore(self) -> None:
        if self.last.exists():
            arrays, state = checkpoint.load(self.last)
            checkpoint.restore_network(self.network, arrays, self.last)
            checkpoint.restore_optimizer(self.optimizer, arrays, self.last)
            self.progress = Progress(**state)
        elif self.config.run.init_from:
            kept = checkpoint.initialize(self.network, Path(self.config.run.init_from))
            if self.ranks.is_first:
                fitted = len(self.network.weights) - len(kept)
                print(f"{fitted} variables from {self.config.run.init_from}, {len(kept)} start anew", flush=True)
        self.ranks.broadcast(self.network.weights + self.optimizer.variables)

    def _check_folder(self) -> None:
        """A folder belongs to one training: what shapes the network and its films may not change on the way."""
        path = self.folder / "config.yaml"
        if path.exists() and self.last.exists():
            before = load_config(path)
            for name, old, new in (
                ("network", before.network, self.config.network),
                ("input_size", before.input_size, self.config.input_size),
                ("optimizer.batch_size", before.optimizer.batch_size, self.config.optimizer.batch_size),
                ("run.seed", before.run.seed, self.config.run.seed),
            ):
                if old != new:
                    raise ConfigError(f"{self.folder}: holds a training with another {name}; give another folder")


class _Window:
    """Losses, speed and waiting over the steps since the last time it was asked."""

    def __init__(self, loader: BatchLoader) -> None:
        self.loader = loader
        self.sums: dict[str, float] = {}
        self.steps = self.timed_steps = 0
        self.restart()

    def restart(self) -> None:
        """Starts the clock anew; the losses stay."""
        self.time, self.waited, self.timed_steps = time.monotonic(), self.loader.waited_s, 0

    def add(self, losses_of_step: dict[str, Any]) -> None:
        """One more step."""
        self.steps += 1
        self.timed_steps += 1
        for name, value in losses_of_step.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)

    def figures(self, films_per_step: int) -> tuple[dict[str, float], dict[str, float]]:
        """Mean losses; films a second of all ranks and the share of time spent waiting for them."""
        seconds = max(time.monotonic() - self.time, 1e-9)
        waiting = (self.loader.waited_s - self.waited) / seconds
        speed = {"films_per_s": self.timed_steps * films_per_step / seconds, "waiting": waiting}
        means = {name: total / self.steps for name, total in self.sums.items()}
        self.sums, self.steps = {}, 0
        self.restart()
        return means, speed
