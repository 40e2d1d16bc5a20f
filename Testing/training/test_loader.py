"""Batches are fixed by seed and step, shared among ranks, and the same from worker processes."""

import cv2
import numpy as np

from Testing.training.tiny import BLOBS
from Training.config import OptimizerConfig, SourceConfig
from Training.data.loader import BatchLoader
from Training.run.schedule import Schedule

FILMS = SourceConfig(BLOBS, {"count": 5})


def loader(**options: int) -> BatchLoader:
    return BatchLoader(FILMS, (32, 16), 4, 3, **{"workers": 0} | options)


def take(source: BatchLoader, first: int, count: int) -> list[np.ndarray]:  # type: ignore[type-arg]
    with source:
        batches = source.batches(first)
        return [next(batches)[0] for _ in range(count)]


def test_any_step_can_be_the_first() -> None:
    whole = take(loader(), 0, 5)
    np.testing.assert_array_equal(take(loader(), 3, 2), whole[3:])
    assert whole[0].shape == (4, 32, 16, 1)


def test_workers_and_ranks_change_nothing() -> None:
    whole = take(loader(), 1, 2)
    np.testing.assert_array_equal(take(loader(workers=2, prefetch=3), 1, 2), whole)
    halves = [take(loader(rank=rank, ranks=2), 1, 2) for rank in (0, 1)]
    for step in range(2):
        np.testing.assert_array_equal(np.concatenate([halves[0][step], halves[1][step]]), whole[step])


def test_an_epoch_shows_every_film_once() -> None:
    from Training.data.loader import _order

    shown = [request.number for step in range(5) for request in loader().requests(step)]
    assert shown == list(range(20))
    orders = [_order(5, 3, epoch).tolist() for epoch in range(4)]
    assert all(sorted(order) == list(range(5)) for order in orders) and len({tuple(o) for o in orders}) > 1


def test_schedules() -> None:
    cosine = Schedule.from_config(OptimizerConfig(learning_rate=0.1, length=110, warmup_steps=10, final_rate=0.1), 7.0)
    values = [float(cosine(step)) for step in (0, 9, 10, 60, 110)]
    np.testing.assert_allclose(values, [0.01, 0.1, 0.1, 0.055, 0.01], rtol=1e-4)
    paper = OptimizerConfig(
        learning_rate=0.005, unit="epochs", length=120, schedule="drops", drops={100: 0.1}, warmup_steps=0
    )
    drops = Schedule.from_config(paper, 41.5)
    assert drops.length == 4980
    np.testing.assert_allclose([float(drops(s)) for s in (0, 4149, 4150)], [0.005, 0.005, 0.0005], rtol=1e-5)


def test_a_worker_keeps_to_one_core() -> None:
    with loader(workers=1) as source:
        assert source.pool is not None
        assert source.pool.submit(cv2.getNumThreads).result() == 1
