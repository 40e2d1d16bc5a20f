"""PNG files are read back by a library as they were drawn."""

import io
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from SpineAlignmentLib.results.png import png_file


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_every_pixel_and_text_returns(height: int, width: int, seed: int) -> None:
    colors = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    content = png_file(Image.fromarray(colors), {"Title": "two lines\nof text"})
    with Image.open(io.BytesIO(content)) as image:
        assert (image.mode, image.size) == ("RGB", (width, height))
        assert image.info["Title"] == "two lines\nof text"
        assert np.array_equal(np.asarray(image), colors)


def test_a_smooth_picture_is_no_larger_than_with_filters_tried() -> None:
    y, x = np.mgrid[:300, :200]
    colors = np.repeat((120 + 60 * np.sin(x / 31) + 40 * np.cos(y / 57)).astype(np.uint8)[..., None], 3, axis=2)
    picture, tried = Image.fromarray(colors), io.BytesIO()
    picture.save(tried, "PNG", compress_level=1)
    assert len(png_file(picture, {})) < 1.1 * len(tried.getvalue())


def test_without_isal_it_is_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    colors = np.random.default_rng(3).integers(0, 256, (30, 20, 3), np.uint8)
    monkeypatch.setitem(sys.modules, "isal", None)
    with Image.open(io.BytesIO(png_file(Image.fromarray(colors), {}))) as image:
        assert np.array_equal(np.asarray(image), colors)
