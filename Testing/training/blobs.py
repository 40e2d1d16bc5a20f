"""A source of tiny films with a bright blob at each landmark's place along a line: enough to see a network learn."""

import numpy as np
from numpy.typing import NDArray


class Blobs:
    """Films whose 45 landmarks lie on a tilted line, each marked by a blob; the line moves from film to film."""

    def __init__(self, count: int = 32, missing: float = 0.1, training: bool = True) -> None:
        self.count, self.missing, self.training = count, missing, training

    def __len__(self) -> int:
        return self.count

    def get(
        self, index: int, epoch: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Training.data.film_source.FilmSource`."""
        height, width = input_size
        place = np.random.default_rng([7, index, int(self.training)])
        t = np.linspace(0.1, 0.9, 45)
        x = width * (0.5 + place.uniform(-0.2, 0.2) + place.uniform(-0.2, 0.2) * (t - 0.5))
        points = np.stack([x, height * (t + place.uniform(-0.08, 0.08))], axis=-1).astype(np.float32)
        rows, columns = np.mgrid[:height, :width]
        image = np.zeros(input_size, np.float32)
        for px, py in points[::4]:
            image += np.exp(-((columns - px) ** 2 + (rows - py) ** 2) / 8)
        image += rng.normal(0, 0.05, input_size)
        points[place.random(45) < self.missing] = np.nan
        return image.astype(np.float32), points
