"""Whatever is not a film is refused in one line that names the file and the reason."""

import io
import struct

import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.dicom_elements import meta_of
from SpineAlignmentLib.film.identity import read_identity
from SpineAlignmentLib.film.reading import read_film
from Testing.library.dicom_words import say_syntax, write
from Testing.library.films import dicom, pattern, picture, volume


def refused(path, *reasons):
    with pytest.raises(FilmError) as error:
        read_film(path)
    text = str(error.value)
    assert str(path) in text
    assert "\n" not in text
    for reason in reasons:
        assert reason in text


def test_not_an_image(tmp_path):
    for name, content, reason in (
        ("a.txt", b"hello", "not an image"),
        ("a.dcm", b"hello", "not an image"),
        ("a.png", b"", "empty file"),
        ("a.pdf", b"%PDF-1.7\n", "not an image"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "damaged"),
        ("a.nii.gz", b"\x1f\x8b\x08\x00junk", "damaged"),
    ):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, reason)
    refused(tmp_path / "missing.dcm", "No such file")
    refused(tmp_path, "folder")


@pytest.mark.parametrize("syntax", ["uncompressed", "rle", "jpeg lossless", "jpeg 2000", "jpeg-ls"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.97])
def test_truncated_dicom(tmp_path, syntax, share):
    path = dicom(tmp_path / "a.dcm", pattern(), syntax=syntax)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(path)


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "nrrd", "mha", "nii", "nii.gz"])
def test_truncated_files(tmp_path, ending):
    path = (picture if ending in ("png", "jpg", "tif") else volume)(tmp_path / f"a.{ending}", pattern(bits=8))
    whole = path.read_bytes()
    for share in (0.1, 0.6):
        path.write_bytes(whole[: int(len(whole) * share)])
        refused(path)


def test_dicom_without_image_or_with_an_impossible_one(tmp_path):
    data = pydicom.dcmread(dicom(tmp_path / "a.dcm", pattern()))
    del data.PixelData
    data.save_as(tmp_path / "b.dcm")
    refused(tmp_path / "b.dcm", "no image")
    for rows, columns, reason in ((0, 0, "empty"), (4, 4, "small"), (60000, 60000, "large")):
        data = pydicom.dcmread(tmp_path / "a.dcm")
        data.Rows, data.Columns = rows, columns
        data.save_as(tmp_path / "b.dcm")
        refused(tmp_path / "b.dcm", reason)
    data = pydicom.dcmread(tmp_path / "a.dcm")
    data.PixelData = b""
    data.save_as(tmp_path / "b.dcm")
    refused(tmp_path / "b.dcm")


def test_more_than_one_image(tmp_path):
    frames = np.stack([pattern(), pattern()])
    path = dicom(tmp_path / "a.dcm", frames[0], NumberOfFrames=2)
    refused(path, "2 frames")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.stack([pattern()] * 5)), str(tmp_path / "a.nrrd"))
    refused(tmp_path / "a.nrrd", "volume of 96 x 224 x 5")
    pages = [Image.fromarray(pattern(bits=8)) for _ in range(2)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    refused(tmp_path / "a.tif", "2 pages")


def test_color_photo(tmp_path):
    rng = np.random.default_rng(0)
    color = rng.integers(0, 255, (200, 150, 3), dtype=np.uint8)
    for path in (picture(tmp_path / "a.png", color), picture(tmp_path / "a.jpg", color)):
        refused(path, "color")
    refused(dicom(tmp_path / "a.dcm", color, 8, "RGB"), "color")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("ending", ["nrrd", "mha", "nii", "tif"])
def test_pixels_that_are_not_numbers(tmp_path, bad, ending):
    pixels = pattern().astype(np.float32)
    pixels[100, 50] = bad
    path = tmp_path / f"a.{ending}"
    (picture if ending == "tif" else volume)(path, pixels)
    refused(path, "not numbers")


def test_blank(tmp_path):
    refused(picture(tmp_path / "a.png", np.full((200, 100), 7, np.uint8)), "blank")


@pytest.mark.parametrize(
    "spacing", [("0", "0"), ("-0.2", "0.2"), ("1e-9", "1e-9"), ("900", "900"), ("0.1", "5"), ("9", "9")]
)
def test_absurd_spacing(tmp_path, spacing):
    path = dicom(tmp_path / "a.dcm", pattern(96, 400), spacing=None, PixelSpacing=list(spacing))
    film = read_film(path)
    assert film.spacing_mm is None
    assert any("PixelSpacing (0028,0030)" in text for text in film.warnings)
    # the user knows better than the file
    assert read_film(path, spacing=(0.2, 0.2)).spacing_mm == (0.2, 0.2)


def test_spacing_that_is_no_number(tmp_path):
    path = dicom(tmp_path / "a.dcm", pattern())
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"0.2\\0.2 ", b"abc\\def "))
    film = read_film(path)
    assert film.spacing_mm is None
    assert any("abc" in text for text in film.warnings)


def test_one_millimeter_only_means_unknown_on_a_film_too_large_for_it(tmp_path):
    film = read_film(dicom(tmp_path / "a.dcm", pattern(700, 1800), spacing=(1.0, 1.0)))
    assert film.spacing_mm is None
    assert any("1 mm" in text for text in film.warnings)


@pytest.mark.parametrize("given_spacing", [0.0, -1.0, float("nan"), 1e6, (0.1, 9.0)])
def test_impossible_given_spacing(tmp_path, given_spacing):
    path = picture(tmp_path / "a.png", pattern(bits=8))
    with pytest.raises(FilmError, match=r"spacing|shape"):
        read_film(path, spacing=given_spacing)


def test_unreadable_file(tmp_path, monkeypatch):
    path = picture(tmp_path / "a.png", pattern(bits=8))

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    # permissions do not stop the superuser, who may run these tests
    monkeypatch.setattr(type(path), "open", denied)
    refused(path, "Permission denied")


_SEEDS = {}


def seed(kind):
    """The bytes of a small good film of a kind, made once."""
    if not _SEEDS:
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory() as folder:
            small = pattern(40, 60, 8)
            for syntax in ("uncompressed", "rle", "jpeg lossless", "jpeg 2000", "jpeg-ls"):
                _SEEDS[syntax] = dicom(Path(folder) / "a.dcm", small, 8, syntax=syntax).read_bytes()
            for ending in ("png", "jpg", "tif"):
                _SEEDS[ending] = picture(Path(folder) / f"a.{ending}", small).read_bytes()
            for ending in ("nrrd", "mha", "nii"):
                _SEEDS[ending] = volume(Path(folder) / f"a.{ending}", small).read_bytes()
    return _SEEDS[kind]


KINDS = ["uncompressed", "rle", "jpeg 2000", "jpeg-ls", "png", "jpg", "tif", "nrrd", "mha", "nii"]
changes = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=6)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KINDS), changes, st.floats(0.05, 1))
@example("nrrd", [(0.1, b"\xff\xff")], 1.0)
def test_damaged_files_are_read_or_refused(tmp_path, kind, damage, share):
    content = bytearray(seed(kind))
    for place, value in damage:
        at = int(place * (len(content) - 1))
        content[at : at + len(value)] = value
    check(tmp_path, bytes(content[: int(share * len(content))]))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=600))
@example(b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100")
@example(struct.pack("<i", 348) + b"\0" * 340 + b"n+1\0" + b"\0" * 100)
def test_any_bytes_are_refused(tmp_path, content):
    check(tmp_path, content)


def check(folder, content):
    path = folder / "film"
    path.write_bytes(content)
    try:
        film = read_film(path)
    except FilmError as error:
        said = str(error)
    else:
        said = str(path)
        assert film.pixels.ndim == 2
        assert np.isfinite(film.pixels.astype(float)).all()
        assert film.spacing_mm is None or min(film.spacing_mm) > 0
    assert str(path) in said
    assert "\n" not in said


def test_error_of_a_decoder_is_one_line(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(pattern(bits=8)).save(stream, "PNG")
    content = bytearray(stream.getvalue())
    content[60:80] = b"\0" * 20
    (tmp_path / "a.png").write_bytes(content)
    refused(tmp_path / "a.png")


@pytest.mark.parametrize("syntax", ["rle", "jpeg lossless", "jpeg 2000", "jpeg-ls"])
def test_fragment_longer_than_the_file(tmp_path, syntax):
    # found by fuzzing: the decoder made room for 3 GB before it looked
    path = dicom(tmp_path / "a.dcm", pattern(40, 60, 8), 8, syntax=syntax)
    content = bytearray(path.read_bytes())
    last_fragment = content.rindex(b"\xfe\xff\x00\xe0")
    content[last_fragment + 7] = 0xC0
    path.write_bytes(content)
    refused(path, "damaged: the file ends within its compressed pixels")


def test_element_longer_than_the_file_does_not_matter_behind_the_pixels(tmp_path):
    # found by fuzzing: 96 s for a file of 3 kB, in a decoder that made room for what the element promises
    pixels = pattern(40, 60, 8)
    path = dicom(tmp_path / "a.dcm", pixels, 8)
    path.write_bytes(path.read_bytes() + b"\xee\x89\x34\x12OB\0\0\xff\xff\xff\xdf")
    assert np.array_equal(read_film(path).pixels, pixels)


@pytest.mark.parametrize("said", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.98"])
@pytest.mark.parametrize("count", [1, 3])
def test_native_pixels_in_fragments(tmp_path, said, count):
    gray = pattern()
    data = pydicom.dcmread(dicom(tmp_path / "a.dcm", gray))
    data.PixelData = encapsulate([gray.tobytes()], fragments_per_frame=count)
    data["PixelData"].is_undefined_length = True
    # pydicom writes fragments of compressed pixels only
    data.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.90")
    data.save_as(tmp_path / "a.dcm")
    film = read_film(say_syntax(tmp_path / "a.dcm", said))
    assert np.array_equal(film.pixels, gray) and not film.warnings


def test_empty_pixels_are_named(tmp_path):
    data = pydicom.dcmread(dicom(tmp_path / "a.dcm", pattern()))
    data.PixelData = b""
    data.save_as(tmp_path / "a.dcm")
    with pytest.raises(FilmError, match=r"PixelData \(7FE0,0010\) holds 0 bytes"):
        read_film(tmp_path / "a.dcm")


@pytest.mark.parametrize("bits", [8, 12])
def test_rows_and_columns_that_stand_for_each_other(tmp_path, bits):
    gray = pattern(bits=bits)
    film = read_film(dicom(tmp_path / "a.dcm", gray, bits, Rows=gray.shape[1], Columns=gray.shape[0]))
    assert np.array_equal(film.pixels, gray)
    assert any("read the other way round" in warning for warning in film.warnings)


@pytest.mark.parametrize("noise", [0, 300])
def test_rows_of_a_film_that_is_noisy_are_as_long_as_is_said(tmp_path, noise):
    gray = pattern() // 2 + np.random.default_rng(3).integers(0, noise + 1, pattern().shape).astype(np.uint16)
    for film in (gray, np.ascontiguousarray(gray.T), gray * (1 + np.arange(len(gray))[:, None] % 2).astype(np.uint16)):
        assert np.array_equal(read_film(dicom(tmp_path / "a.dcm", film)).pixels, film)


@pytest.mark.parametrize("front", [b"--5f\r\nContent-Type: application/dicom\r\n\r\n", bytes(60)])
def test_what_was_put_in_front_of_a_film_does_not_matter(tmp_path, front):
    whole = dicom(tmp_path / "a.dcm", pattern()).read_bytes()
    for content in (front + whole + b"\r\n--5f--\r\n", whole[128:], whole[40:]):
        (tmp_path / "a").write_bytes(content)
        film = read_film(tmp_path / "a")
        assert np.array_equal(film.pixels, pattern()) and film.spacing_mm == (0.2, 0.2)
        assert read_identity(tmp_path / "a").patient_id == "SECRET-77"
    (tmp_path / "a").write_bytes(front + whole + front + whole)
    refused(tmp_path / "a", "several DICOM files in one")


def test_a_bare_data_set_in_big_endian_order(tmp_path):
    whole = write(tmp_path / "a.dcm", pattern(), "big endian").read_bytes()
    (tmp_path / "a.dcm").write_bytes(whole[meta_of(whole).end :])
    assert np.array_equal(read_film(tmp_path / "a.dcm").pixels, pattern())
