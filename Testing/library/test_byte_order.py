"""Words whose bytes stand the other way round than their file says."""

import numpy as np
import pytest

from SpineAlignmentLib.film.checks import has_bytes_turned
from SpineAlignmentLib.film.reading import read_film
from Testing.library.dicom_words import write
from Testing.library.films import pattern, volume

GRAY = pattern(96, 224, 12)


@pytest.mark.parametrize("syntax", ["explicit little endian", "implicit little endian", "big endian"])
@pytest.mark.parametrize(
    ("gray", "tags"),
    [
        (GRAY, {"BitsStored": 12, "HighBit": 11}),
        (GRAY * 16, {}),
        ((GRAY.astype(np.int16) - 1024).view(np.uint16), {"PixelRepresentation": 1}),
        (GRAY.astype(np.uint32) * 5, {}),
    ],
    ids=["12 bits", "16 bits", "signed", "32 bits"],
)
def test_words_of_the_other_order_are_read_and_said(tmp_path, syntax, gray, tags):
    right = read_film(write(tmp_path / "a.dcm", gray, syntax, **tags))
    turned = read_film(write(tmp_path / "b.dcm", gray.byteswap(), syntax, **tags))
    assert np.array_equal(turned.pixels, right.pixels)
    said = "the bytes of the pixels' words stand the other way round"
    assert [any(said in warning for warning in film.warnings) for film in (right, turned)] == [False, True]


@pytest.mark.parametrize("ending", ["nrrd", "mha", "nii"])
def test_words_of_a_volume_of_the_other_order_are_read_and_said(tmp_path, ending):
    film = read_film(volume(tmp_path / f"a.{ending}", GRAY.byteswap()))
    assert np.array_equal(film.pixels, GRAY)
    assert any("the other way round than the header says" in warning for warning in film.warnings)


def test_words_of_the_right_order_are_left_alone():
    rng = np.random.default_rng(4)
    noise = rng.integers(0, 65536, GRAY.shape).astype(np.uint16)
    eight = pattern(bits=8).astype(np.uint16)
    border = np.where(np.arange(GRAY.shape[1]) < 20, 65535, GRAY).astype(np.uint16)
    around_zero = (GRAY.astype(np.int16) - 2048) // 64
    blank = np.zeros_like(GRAY)
    for words in (GRAY, GRAY << 4, eight, eight << 8, eight * 257, border, noise, noise >> 4, around_zero, blank):
        assert not has_bytes_turned(words)
