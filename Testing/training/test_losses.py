"""Losses against NumPy, and that missing landmarks count nothing."""

import keras
import numpy as np
import pytest

from Training.network import losses


def test_wing_is_the_formula_and_continuous() -> None:
    x = np.linspace(-40, 40, 801)
    c = 10 - 10 * np.log(1 + 10 / 2)
    expected = np.where(np.abs(x) < 10, 10 * np.log(1 + np.abs(x) / 2), np.abs(x) - c)
    found = np.asarray(losses.wing(x.astype(np.float32)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert np.abs(np.diff(found)).max() < 0.5


def test_wing_loss_counts_in_reference_pixels() -> None:
    true = np.zeros((1, 45, 2), np.float32)
    mask = np.ones((1, 45), np.float32)
    half = losses.wing_loss(true + 3, true, mask, 2.0, 10.0, 2.0)
    full = losses.wing_loss(true + 6, true, mask, 1.0, 10.0, 2.0)
    assert float(half) == pytest.approx(float(full))
    assert float(full) == pytest.approx(2 * 10 * np.log(1 + 6 / 2), rel=1e-5)


@pytest.mark.parametrize("kind", ["gaussian", "exponential"])
def test_splotch_and_divergence_against_numpy(kind: str) -> None:
    points = np.array([[[13.0, 21.5], [30.2, 8.0]]], np.float32)
    target = np.asarray(losses.splotches(points, (10, 12), (40, 48), kind, 5.0))
    y, x = np.mgrid[:10, :12] * 4.0 + 1.5
    for k, (px, py) in enumerate(points[0]):
        r = np.hypot(x - px, y - py)
        weight = np.exp(-(r**2) / 50) if kind == "gaussian" else np.exp(-r / 5)
        np.testing.assert_allclose(target[0, :, :, k], weight / weight.sum(), rtol=1e-3, atol=1e-6)
    other = np.random.default_rng(1).random((1, 10, 12, 2)).astype(np.float32)
    other /= other.sum(axis=(1, 2), keepdims=True)
    m = (target + other) / 2
    expected = 0.5 * (target * np.log(np.maximum(target, 1e-30) / m) + other * np.log(other / m)).sum(axis=(1, 2))
    np.testing.assert_allclose(np.asarray(losses.jensen_shannon(target, other)), expected, rtol=1e-3)
    np.testing.assert_allclose(np.asarray(losses.jensen_shannon(target, target)), 0, atol=1e-5)
    assert float(np.max(expected)) < np.log(2)


def test_missing_landmarks_change_neither_loss_nor_gradient() -> None:
    rng = np.random.default_rng(2)
    predicted = rng.uniform(0, 30, (2, 45, 2)).astype(np.float32)
    true = predicted + rng.normal(0, 4, predicted.shape).astype(np.float32)
    true = np.clip(true, 0, 30)
    true[0, 5] = np.nan
    true[1, 7] = [500, 3]
    mask = np.asarray(losses.present(true, (31, 31)))
    assert mask.sum() == 88 and mask[0, 5] == 0 and mask[1, 7] == 0
    known = mask > 0
    expected = np.asarray(losses.wing(predicted - np.nan_to_num(true))).sum(axis=-1)[known].mean()
    assert float(losses.wing_loss(predicted, true, mask, 1.0, 10.0, 2.0)) == pytest.approx(float(expected), rel=1e-5)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        variable = tf.Variable(predicted)
        with tf.GradientTape() as tape:
            value = losses.wing_loss(variable, tf.constant(true), mask, 1.0, 10.0, 2.0)
        gradient = np.asarray(tape.gradient(value, variable))
        assert np.isfinite(gradient).all()
        assert (gradient[~known] == 0).all() and np.abs(gradient[known]).max() > 0


def test_a_film_without_landmarks_gives_zero() -> None:
    true = np.full((1, 45, 2), np.nan, np.float32)
    mask = losses.present(true, (31, 31))
    assert float(losses.wing_loss(np.zeros_like(true), true, mask, 1.0, 10.0, 2.0)) == 0
