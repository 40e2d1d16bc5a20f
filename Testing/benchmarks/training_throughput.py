"""Films a second in training and the share of time spent waiting for films.

`python -m Testing.benchmarks.training_throughput --config Training/configs/warmup.yaml [--set KEY=VALUE] [--steps 40]`
Also under `horovodrun -np N`. The bar: waiting under 5 %.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

WARM_UP = 5
"""Steps of which the first compiles the network; not counted."""


def main() -> None:
    """Trains some steps and prints one line."""
    parser = argparse.ArgumentParser(
        prog="python -m Testing.benchmarks.training_throughput", description="Films a second in training."
    )
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from Training.config import load_config
    from Training.run.session import Session

    config = load_config(options.config, [*options.set, "run.init_from=''"])
    with tempfile.TemporaryDirectory() as folder:
        session = Session(config, Path(folder))
        start = waited = 0.0
        with session.loader as loader:
            for step, (films, points) in enumerate(loader.batches(), start=1):
                session.model.train_on_batch(films, points)
                if step == WARM_UP:
                    start, waited = time.monotonic(), loader.waited_s
                if step == WARM_UP + options.steps:
                    break
            seconds, waited = time.monotonic() - start, loader.waited_s - waited
    if session.ranks.is_first:
        speed = options.steps * config.optimizer.batch_size / seconds
        print(
            f"{config.name} {config.input_size[0]} x {config.input_size[1]}, {session.ranks.size} rank(s), "
            f"batch {config.optimizer.batch_size}, {config.run.precision}: {speed:.1f} films/s, "
            f"{1 / speed:.3f} s a film, waiting {waited / seconds:.1%}"
        )


if __name__ == "__main__":
    main()
