"""Directions of edges in a patch, whatever the film's pixels and brightness."""

import numpy as np
import pytest

from SpineAlignmentLib.detection.edges import Rises, rises_around

CELLS = np.arange(-12, 13), np.arange(-8, 9)


def rises_of(pixel_mm: float, noise: float = 0.0, seed: int = 0) -> Rises:
    """Of a film that gets brighter at x = 20 mm, on axes that are turned by 30 degrees about (20, 20) mm."""
    size = round(40 / pixel_mm)
    x = (np.arange(size) - size / 2 + 0.5) * pixel_mm
    film = np.broadcast_to(50 + 100 * np.clip(x / 0.8 + 0.5, 0, 1), (size, size))
    film = film + np.random.default_rng(seed).normal(0, noise, film.shape)
    turn = np.radians(30.0)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = np.full(2, (size / 2 - 0.5) * pixel_mm)
    return rises_around(film, middle, axes, CELLS, 0.75, 0.7, np.full(2, pixel_mm))


@pytest.mark.parametrize("pixel_mm", [0.15, 0.36, 0.97])
def test_a_rise_has_its_direction_in_the_frame_of_the_patch(pixel_mm: float) -> None:
    rises = rises_of(pixel_mm)
    here = rises.along[12, 8], rises.across[12, 8]
    assert np.degrees(np.arctan2(here[1], here[0])) == pytest.approx(-30, abs=2)
    assert np.hypot(*here) > 0.9
    assert np.hypot(rises.along, rises.across).max() <= 1 + 1e-6


def test_fine_pixels_do_not_bring_their_noise() -> None:
    """Four times as many pixels, each twice as noisy, say the same as coarse ones."""
    clean = rises_of(0.4)
    fine, coarse = (
        np.mean([(rises_of(mm, noise, seed).along - clean.along) ** 2 for seed in range(8)])
        for mm, noise in ((0.2, 60.0), (0.4, 30.0))
    )
    assert fine < 1.3 * coarse
