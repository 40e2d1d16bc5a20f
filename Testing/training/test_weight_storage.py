"""Weights come back from storage to within half a step of their channel, in their order and shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from Training.export.weight_storage import pack, rounded, stored, unpack

kernels = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=4, max_side=5),
    elements=st.floats(-8, 8, width=32),
)


@given(kernels)
def test_a_value_moves_by_half_a_step_at_most(kernel: np.ndarray) -> None:
    codes, steps = rounded(kernel)
    assert codes.shape == kernel.shape and steps.shape == kernel.shape[-1:]
    assert np.all(np.abs(stored(kernel) - kernel) <= 0.5001 * steps)


@given(kernels)
def test_storing_again_changes_nothing(kernel: np.ndarray) -> None:
    assert np.array_equal(rounded(stored(kernel))[0], rounded(kernel)[0])


@given(st.lists(st.one_of(kernels, arrays(np.float32, st.integers(1, 6), elements=st.floats(-8, 8, width=32)))))
def test_weights_come_back_in_their_order(weights: list[np.ndarray]) -> None:
    packed = pack(weights)
    back = unpack(packed.codes, packed.steps, packed.others, [w.shape for w in weights])
    assert len(back) == len(weights)
    for value, weight in zip(back, weights, strict=True):
        np.testing.assert_array_equal(np.asarray(value), stored(weight))


def test_another_networks_weights_are_refused() -> None:
    packed = pack([np.ones((3, 3, 2, 4), np.float32), np.ones(4, np.float32)])
    for inputs, used in ((1, 36), (3, 108)):
        with pytest.raises(ValueError, match=f"{used} of 72"):
            unpack(packed.codes, packed.steps, packed.others, [(3, 3, inputs, 4), (4,)])
