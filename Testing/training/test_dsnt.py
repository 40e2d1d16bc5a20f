"""DSNT against its closed form."""

import numpy as np
import pytest

from Training.network.dsnt import dsnt, flat_softmax


def test_softmax_sums_to_one_and_survives_large_logits() -> None:
    logits = np.random.default_rng(0).normal(0, 300, (2, 6, 5, 3)).astype(np.float32)
    heatmaps = np.asarray(flat_softmax(logits))
    assert np.isfinite(heatmaps).all()
    np.testing.assert_allclose(heatmaps.sum(axis=(1, 2)), 1, atol=1e-5)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 7), (9, 11)])
def test_single_cell_gives_its_center(row: int, column: int) -> None:
    heatmaps = np.zeros((1, 10, 12, 1), np.float32)
    heatmaps[0, row, column, 0] = 1
    points, spread = dsnt(heatmaps, (40, 48))
    # X = (2j - W - 1) / W with j from 1, and an image of P pixels has X = (2x + 1 - P) / P.
    x = ((2 * (column + 1) - 12 - 1) / 12 * 48 + 48 - 1) / 2
    y = ((2 * (row + 1) - 10 - 1) / 10 * 40 + 40 - 1) / 2
    np.testing.assert_allclose(np.asarray(points)[0, 0], [x, y], atol=1e-4)
    np.testing.assert_allclose(np.asarray(spread), 0, atol=1e-3)


def test_gaussian_heatmap_gives_its_mean_and_deviation() -> None:
    y, x = np.mgrid[:100, :80] * 2.0 + 0.5
    weight = np.exp(-((x - 71.3) ** 2 + (y - 102.8) ** 2) / (2 * 9.0**2))
    heatmaps = (weight / weight.sum())[None, :, :, None].astype(np.float32)
    points, spread = dsnt(heatmaps, (200, 160))
    np.testing.assert_allclose(np.asarray(points)[0, 0], [71.3, 102.8], atol=1e-2)
    np.testing.assert_allclose(np.asarray(spread)[0, 0], 9.0, rtol=1e-3)
