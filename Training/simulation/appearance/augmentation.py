"""Training-only damage to a film or a network input: blur, bias, gamma, noise, erased patches."""

import numpy as np

from Training.simulation.appearance import filters, textures
from Training.simulation.appearance.projection_layers import Layer


def augment(image: Layer, spacing_mm: float, rng: np.random.Generator, strength: float = 1.0) -> Layer:
    """A damaged copy of a film (0 to 1, shape (height, width)); landmarks keep their places.

    Args:
        strength: 0 changes nothing; 1 is the common dose.
    """
    out = image.copy()
    if strength <= 0:
        return out
    shape = (out.shape[0], out.shape[1])
    if rng.random() < 0.3 * strength:
        out = _blur(out, float(rng.uniform(0.3, 1.8)) * strength / spacing_mm, rng)
    if rng.random() < 0.4 * strength:
        bias = textures.smooth_field(rng, shape, spacing_mm, float(rng.uniform(80, 400)))
        out *= 1 + np.clip(np.float32(0.12 * strength) * bias, -0.6, 0.6)
    if rng.random() < 0.3 * strength:
        out = np.clip(out, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.3 * strength)))
    if rng.random() < 0.3 * strength:
        out += np.float32(rng.uniform(0.002, 0.03) * strength) * textures.white_noise(rng, shape)
    if rng.random() < 0.35 * strength:
        _erase(out, spacing_mm, rng)
    return np.asarray(np.clip(out, 0, 1, out=out), np.float32)


def _blur(image: Layer, sigma: float, rng: np.random.Generator) -> Layer:
    """Round or one-directional blur."""
    if sigma < 0.3:
        return image
    if rng.random() < 0.6:
        return filters.gaussian(image, sigma)
    sigmas = (sigma * 1.6, 0.3) if rng.random() < 0.5 else (0.3, sigma * 1.6)
    return filters.gaussian(image, *sigmas)


def _erase(image: Layer, spacing_mm: float, rng: np.random.Generator) -> None:
    """Cover a few rectangles by even gray, noise, or another part of the film."""
    height, width = image.shape
    for _ in range(int(rng.integers(1, 4))):
        rows = int(np.clip(rng.uniform(15, 110) / spacing_mm, 1, height - 1))
        columns = int(np.clip(rng.uniform(15, 90) / spacing_mm, 1, width - 1))
        top, left = int(rng.integers(height - rows)), int(rng.integers(width - columns))
        patch = image[top : top + rows, left : left + columns]
        kind = rng.random()
        if kind < 0.5:
            patch[:] = np.float32(rng.random())
        elif kind < 0.7:
            patch[:] = patch.mean() + np.float32(0.1) * textures.white_noise(rng, (rows, columns))
        else:
            other_top, other_left = int(rng.integers(height - rows)), int(rng.integers(width - columns))
            patch[:] = image[other_top : other_top + rows, other_left : other_left + columns].copy()
