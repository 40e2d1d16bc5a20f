"""Gray films that DICOM files hold in color, and what their tags say of it."""

import io

import numpy as np
import pytest
from PIL import Image

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.reading import read_film
from Testing.library import dicom_words
from Testing.library.dicom_words import dataset, say_syntax
from Testing.library.films import pattern

GRAY = pattern(bits=8)
EQUAL = np.repeat(GRAY[..., None], 3, axis=2)
LUMINANCE = np.stack([GRAY, np.full_like(GRAY, 128), np.full_like(GRAY, 128)], axis=-1)
BASELINE = "1.2.840.10008.1.2.4.50"


def written(path, samples, said, content=None, syntax="", **tags):
    """A DICOM file of samples, shape (height, width, 3), or of what they are stored as."""
    known = {"SamplesPerPixel": 3, "PhotometricInterpretation": said, "PlanarConfiguration": 0} | tags
    data = dataset(GRAY, "JPEG 2000" if syntax else "explicit little endian", known)
    content = samples.tobytes() if content is None else content
    content += b"\0" * (len(content) % 2)
    data.PixelData = dicom_words.encapsulate([content]) if syntax else content
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", bool(syntax)
    data.save_as(path)
    return say_syntax(path, syntax) if syntax else path


def jpeg(samples, said, **options):
    """A JPEG stream without the segments that say whether it holds red, green and blue; `said` names it."""
    buffer = io.BytesIO()
    image = Image.fromarray(samples)
    image.save(buffer, "JPEG", quality=95, subsampling=0, keep_rgb=said == "RGB", **options)
    content, kept, at = buffer.getvalue(), b"\xff\xd8", 2
    while content[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        kept += b"" if content[at + 1] in (0xE0, 0xEE) else content[at:end]
        at = end
    return kept + content[at:]


@pytest.mark.parametrize("said", ["RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_ICT"])
@pytest.mark.parametrize("samples", [EQUAL, LUMINANCE], ids=["equal", "luminance"])
def test_samples_of_a_gray_film_win_over_what_is_said_of_them(tmp_path, samples, said):
    assert np.array_equal(read_film(written(tmp_path / "a.dcm", samples, said)).pixels, GRAY)


@pytest.mark.parametrize("said", ["RGB", "YBR_FULL", "YBR_FULL_422", "MONOCHROME2"])
@pytest.mark.parametrize("stored", ["RGB", "YCbCr"])
def test_a_jpeg_of_a_gray_film_wins_over_what_is_said_of_it(tmp_path, stored, said):
    path = written(tmp_path / "a.dcm", EQUAL, said, jpeg(EQUAL, stored), BASELINE)
    assert np.abs(read_film(path).pixels.astype(int) - GRAY).max() <= 4


@pytest.mark.parametrize("said", ["YBR_FULL_422", "YBR_PARTIAL_422"])
def test_two_pixels_that_share_their_color(tmp_path, said):
    pairs = np.full((GRAY.shape[0], GRAY.shape[1] // 2, 4), 128, np.uint8)
    pairs[..., 0], pairs[..., 1] = GRAY[:, ::2], GRAY[:, 1::2]
    assert np.array_equal(read_film(written(tmp_path / "a.dcm", pairs, said)).pixels, GRAY)


def test_an_image_in_color_is_none_whatever_is_said(tmp_path):
    y, x = np.mgrid[: GRAY.shape[0], : GRAY.shape[1]]
    color = np.stack([GRAY, x * 255 // x.max(), y * 255 // y.max()], axis=-1).astype(np.uint8)
    for said in ("RGB", "YBR_FULL"):
        for content, syntax in ((None, ""), (jpeg(color, said), BASELINE)):
            with pytest.raises(FilmError, match="a color image"):
                read_film(written(tmp_path / "a.dcm", color, said, content, syntax))


def test_bone_is_bright_where_a_gray_film_in_color_says_that_it_is_dark(tmp_path):
    said = "MONOCHROME1"
    native = written(tmp_path / "a.dcm", 255 - EQUAL, said)
    compressed = written(tmp_path / "b.dcm", EQUAL, said, jpeg(255 - EQUAL, "YCbCr"), BASELINE)
    for path in (native, compressed):
        found = read_film(path).pixels.astype(int)
        assert np.abs((found - found.min()) - (GRAY.astype(int) - GRAY.min())).max() <= 4


def test_what_is_missing_of_a_palette_is_not_called_damage(tmp_path):
    path = written(tmp_path / "a.dcm", GRAY, "PALETTE COLOR", SamplesPerPixel=1)
    with pytest.raises(FilmError, match=r"PhotometricInterpretation \(0028,0004\) is PALETTE COLOR, without a palette"):
        read_film(path)


@pytest.mark.parametrize("said", ["CMYK", "HSV"])
def test_retired_colors_are_called_so(tmp_path, said):
    with pytest.raises(FilmError, match=f"{said} is not supported"):
        read_film(written(tmp_path / "a.dcm", EQUAL, said))
