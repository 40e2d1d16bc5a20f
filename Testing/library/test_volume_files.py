"""NRRD, MetaImage and NIfTI files whose pixels are not what their headers say."""

import gzip
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.reading import read_film
from Testing.library.films import pattern, volume

PIXELS = pattern()
RAW = PIXELS.tobytes()
HEIGHT, WIDTH = PIXELS.shape


def packed_with_flaw(content):
    """A packed stream that a decoder follows to its end, and that is not the one that was written."""
    flawed = bytearray(content)
    flawed[-3] ^= 0x10
    return bytes(flawed)


def meta_image(path, samples=RAW, kind="MET_USHORT", size=(WIDTH, HEIGHT), **keys):
    said = {"NDims": 2, "BinaryData": True, "DimSize": f"{size[0]} {size[1]}", "ElementType": kind} | keys
    said["ElementSpacing"] = "0.2 0.2"
    text = "".join(f"{key} = {value}\n" for key, value in ({"ObjectType": "Image"} | said).items())
    path.write_bytes(f"{text}ElementDataFile = LOCAL\n".encode() + samples)
    return path


def nrrd(path, samples=RAW, kind="unsigned short", encoding="raw", size=(WIDTH, HEIGHT)):
    fields = {"type": kind, "dimension": 2, "sizes": f"{size[0]} {size[1]}", "spacings": "0.2 0.2", "endian": "little"}
    text = "".join(f"{key}: {value}\n" for key, value in (fields | {"encoding": encoding}).items())
    path.write_bytes(f"NRRD0004\n{text}\n".encode() + samples)
    return path


def nifti(path, change):
    """A NIfTI file whose bytes a function changes."""
    content = bytearray(volume(path, PIXELS).read_bytes())
    change(content)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("packed", [zlib.compress(RAW), gzip.compress(RAW)], ids=["zlib", "gzip"])
def test_packed_pixels_are_the_same_whatever_is_said_of_their_length(tmp_path, packed):
    for size in ({}, {"CompressedDataSize": len(packed)}, {"CompressedDataSize": len(packed) // 2}):
        path = meta_image(tmp_path / "a.mha", packed, CompressedData=True, **size)
        assert np.array_equal(read_film(path).pixels, PIXELS)
    film = read_film(nrrd(tmp_path / "a.nrrd", packed, encoding="gzip"))
    assert np.array_equal(film.pixels, PIXELS)
    assert film.spacing_mm == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress])
def test_packed_pixels_that_are_damaged_or_too_few_are_no_film(tmp_path, pack):
    whole = pack(RAW)
    for samples, told in (
        (packed_with_flaw(whole), "damaged: its packed pixels"),
        (whole[: len(whole) // 2], "cut off: its packed pixels"),
        (pack(RAW[: len(RAW) // 2]), "cut off: .* are promised"),
        (RAW, "damaged: its packed pixels"),
    ):
        with pytest.raises(FilmError, match=told):
            read_film(meta_image(tmp_path / "a.mha", samples, CompressedData=True, CompressedDataSize=len(samples)))
        with pytest.raises(FilmError, match=told):
            read_film(nrrd(tmp_path / "a.nrrd", samples, encoding="gzip"))


@pytest.mark.parametrize("count", [len(RAW), 1 << 40])
def test_packed_pixels_that_are_far_too_many_fill_no_memory(tmp_path, count):
    packed = zlib.compress(bytes(1 << 27))
    size = (WIDTH, count // 2 // WIDTH)
    path = meta_image(tmp_path / "a.mha", packed, size=size, CompressedData=True)
    tracemalloc.start()
    with pytest.raises(FilmError, match=r"or more are there|too large for a film"):
        read_film(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()


@pytest.mark.parametrize("size", [(WIDTH, HEIGHT // 2), (WIDTH // 2, HEIGHT)])
def test_sizes_that_leave_pixels_over_are_told(tmp_path, size):
    for path in (meta_image(tmp_path / "a.mha", size=size), nrrd(tmp_path / "a.nrrd", size=size)):
        with pytest.raises(FilmError, match=f"describes {len(RAW) // 2} bytes of pixels, {len(RAW)} or more are there"):
            read_film(path)


def test_a_type_that_leaves_bytes_over_is_told(tmp_path):
    bytes_ = nifti(tmp_path / "a.nii", lambda content: struct.pack_into("<h", content, 70, 2))
    for path in (meta_image(tmp_path / "a.mha", kind="MET_UCHAR"), nrrd(tmp_path / "a.nrrd", kind="uint8_t"), bytes_):
        with pytest.raises(FilmError, match=r"bytes of pixels, .* or more are there: check its sizes, its type"):
            read_film(path)


@pytest.mark.parametrize("ending", ["mhd", "nhdr"])
def test_something_before_the_pixels_of_another_file_is_told(tmp_path, ending):
    (tmp_path / "a.raw").write_bytes(b"\1" * 1000 + RAW)
    path = (meta_image if ending == "mhd" else nrrd)(tmp_path / f"a.{ending}", b"")
    first, elsewhere, skips = {
        "mhd": ("NDims", ("LOCAL", "a.raw"), "HeaderSize = 1000"),
        "nhdr": ("type", ("type", "data file: a.raw\ntype"), "byte skip: 1000"),
    }[ending]
    text = path.read_text().replace(*elsewhere)
    path.write_text(text)
    with pytest.raises(FilmError, match="where pixels begin"):
        read_film(path)
    path.write_text(text.replace(first, f"{skips}\n{first}", 1))
    assert np.array_equal(read_film(path).pixels, PIXELS)


@pytest.mark.parametrize("kind", ["short", "unsigned short int", "int16_t", "uint16"])
def test_types_of_nrrd_are_counted_by_every_name(tmp_path, kind):
    assert np.array_equal(read_film(nrrd(tmp_path / "a.nrrd", RAW + bytes(7), kind)).pixels, PIXELS)


def test_pixels_of_nifti_do_not_begin_within_its_header(tmp_path):
    with pytest.raises(FilmError, match=r"begin at byte 0 \(vox_offset\), within its header"):
        read_film(nifti(tmp_path / "a.nii", lambda content: struct.pack_into("<f", content, 108, 0.0)))


def test_a_packed_nifti_file_of_another_name(tmp_path):
    content = gzip.compress(volume(tmp_path / "a.nii", PIXELS).read_bytes())
    (tmp_path / "b.nii").write_bytes(content)
    (tmp_path / "film").write_bytes(content)
    for name in ("b.nii", "film"):
        assert np.array_equal(read_film(tmp_path / name).pixels, PIXELS)


def test_a_nifti_2_file_is_called_so(tmp_path):
    (tmp_path / "a.nii").write_bytes(struct.pack("<i", 540) + b"n+2\0\r\n\x1a\n" + bytes(532) + RAW)
    with pytest.raises(FilmError, match="NIfTI-2"):
        read_film(tmp_path / "a.nii")


def test_rows_and_columns_at_no_right_angle_are_not_called_damage(tmp_path):
    def sheared(content):
        struct.pack_into("<2h", content, 252, 0, 1)
        struct.pack_into("<12f", content, 280, -0.2, 0.05, 0, 0, 0, -0.2, 0, 0, 0, 0, 1, 0)

    with pytest.raises(FilmError, match="no right angle"):
        read_film(nifti(tmp_path / "a.nii", sheared))


@pytest.mark.parametrize(("dots", "known"), [(72, False), (96, False), (150, True), (200, True), (300, True)])
@pytest.mark.parametrize("ending", ["nrrd", "mha", "nii"])
def test_the_dots_per_inch_of_a_picture_are_no_size_of_pixels(tmp_path, ending, dots, known):
    film = read_film(volume(tmp_path / f"a.{ending}", PIXELS, (25.4 / dots, 25.4 / dots)))
    assert (film.spacing_mm is not None) is known
    assert any(f"{dots} dots per inch" in warning for warning in film.warnings) is not known
