"""Films as writers get them wrong, or as few write them: read right, or refused in one true line."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import MAX_UNPACKED
from SpineAlignmentLib.film.dicom_elements import meta_of
from SpineAlignmentLib.film.identity import read_identity
from SpineAlignmentLib.film.reading import read_film
from Testing.library.dicom_words import SYNTAXES, dataset, say_syntax, write
from Testing.library.films import pattern, picture

GRAY8, GRAY12, GRAY16 = (pattern(96, 224, bits) for bits in (8, 12, 16))
TWELVE = {"BitsStored": 12, "HighBit": 11}
CREATOR = b"\x19\0\x10\0LO\x04\0ACME"
COLOR = np.repeat(GRAY8[..., None], 3, axis=2)


def same(film, gray):
    """Whether a film's pixels are these gray values but for where they begin."""
    read = film.pixels.astype(np.int64)
    return np.array_equal(read - read.min(), gray.astype(np.int64) - int(gray.min()))


def item(content, length=None):
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(content) if length is None else length) + content


SEQUENCES = {
    "ends nowhere": b"SQ\0\0\xff\xff\xff\xff" + item(b"\x19\0\x11\x10LO\x04\0abcd", 0xFFFFFFFF)
    + b"\xfe\xff\x0d\xe0\0\0\0\0",
    "holds no items": b"SQ\0\0\xff\xff\xff\xff" + b"notanitem" * 3 + b"\xfe\xff\xdd\xe0\0\0\0\0",
    "is longer than the file": b"SQ\0\0\xf0\xff\xff\x0f" + item(b"abcdefgh"),
    "has an item that is longer": b"SQ\0\0\x10\0\0\0" + item(b"garbage!", 255),
    "is garbage": b"SQ\0\0\x10\0\0\0garbage garbage!",
}  # fmt: skip


@pytest.mark.parametrize("kind", SEQUENCES)
@pytest.mark.parametrize("syntax", ["explicit little endian", "implicit little endian", "RLE"])
def test_a_broken_private_sequence_does_not_matter(tmp_path, kind, syntax):
    path = write(tmp_path / "a.dcm", GRAY12, syntax, **TWELVE, PixelSpacing=["0.21", "0.2"])
    content = path.read_bytes()
    explicit = syntax != "implicit little endian"
    at = content.index(b"\x28\0\x02\0US" if explicit else b"\x28\0\x02\0\x02\0\0\0")
    broken = SEQUENCES[kind]
    private = CREATOR + b"\x19\0\x10\x10" + broken
    if not explicit:
        private = CREATOR.replace(b"LO\x04\0", b"\x04\0\0\0") + b"\x19\0\x10\x10" + broken[4:]
    path.write_bytes(content[:at] + private + content[at:])
    film = read_film(path)
    assert np.array_equal(film.pixels, GRAY12)
    assert film.spacing_mm == (0.2, 0.21)


@pytest.mark.parametrize("groups", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"])
def test_an_enhanced_object_says_things_of_its_frame(tmp_path, groups):
    measures, transformation, group = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = ["0.25", "0.2"]
    transformation.RescaleSlope, transformation.RescaleIntercept = "-1", "4095"
    group.PixelMeasuresSequence, group.PixelValueTransformationSequence = [measures], [transformation]
    path = write(tmp_path / "a.dcm", 4095 - GRAY12, **TWELVE, NumberOfFrames="1", **{groups: [group]})
    film = read_film(path)
    assert film.spacing_mm == (0.2, 0.25)
    assert same(film, GRAY12)


def test_a_deflated_bomb_is_refused_before_it_fills_the_memory(tmp_path):
    path = write(tmp_path / "a.dcm", GRAY12, "deflated")
    content = path.read_bytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(b"\x09\0\x01\x10OB\0\0" + struct.pack("<I", 2 * MAX_UNPACKED))
    zeros = bytes(1 << 22)
    packed += b"".join(packer.compress(zeros) for _ in range(MAX_UNPACKED // len(zeros) + 2)) + packer.flush()
    path.write_bytes(content[: meta_of(content).end] + packed)
    with pytest.raises(FilmError, match=r"a\.dcm: too large for a film: more than \d+ MB when inflated"):
        read_film(path)


def test_what_cannot_be_inflated_is_damaged(tmp_path):
    path = write(tmp_path / "a.dcm", GRAY12, "deflated")
    content = path.read_bytes()
    path.write_bytes(content[: meta_of(content).end] + b"\xff" * 500)
    with pytest.raises(FilmError, match="deflated data set cannot be inflated"):
        read_film(path)


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress])
def test_a_data_set_that_is_packed_and_not_only_deflated(tmp_path, pack):
    path = write(tmp_path / "a.dcm", GRAY12, **TWELVE, PatientID="T-1")
    content, start = path.read_bytes(), meta_of(path.read_bytes()).end
    path.write_bytes(content[:start] + pack(content[start:]))
    say_syntax(path, SYNTAXES["deflated"])
    assert np.array_equal(read_film(path).pixels, GRAY12)
    assert read_identity(path).patient_id == "T-1"


@pytest.mark.parametrize("stored_as", ["explicit little endian", "implicit little endian"])
def test_a_film_that_is_said_to_be_deflated_and_is_not(tmp_path, stored_as):
    path = write(tmp_path / "a.dcm", GRAY12, stored_as, **TWELVE, PixelSpacing=["0.21", "0.2"], PatientID="T-1")
    say_syntax(path, SYNTAXES["deflated"])
    film = read_film(path)
    assert np.array_equal(film.pixels, GRAY12) and film.spacing_mm == (0.2, 0.21)
    (warning,) = film.warnings
    assert warning.startswith("TransferSyntaxUID (0002,0010) says Deflated") and "not compressed" in warning
    assert read_identity(path).patient_id == "T-1"
    # a flaw before the pixels as in any other film
    content = path.read_bytes()
    at = content.index(b"\x28\0\x02\0")
    path.write_bytes(content[:at] + b"\x27\0\x10\0??\xff\xff" + content[at:])
    assert np.array_equal(read_film(path).pixels, GRAY12)


@pytest.mark.parametrize("syntax", ["explicit little endian", "big endian"])
@pytest.mark.parametrize("gray", [GRAY12, GRAY16, GRAY8.astype(np.uint16)], ids=["12", "16", "8 of 16"])
def test_pixels_of_twice_the_bits_that_are_said(tmp_path, gray, syntax):
    path = write(tmp_path / "a.dcm", gray, syntax, BitsAllocated=8, BitsStored=8, HighBit=7)
    film = read_film(path)
    assert np.array_equal(film.pixels, gray)
    assert any("BitsAllocated (0028,0100) = 8" in w for w in film.warnings)


@pytest.mark.parametrize(
    ("gray", "tags", "told"),
    [
        (GRAY8, {"Rows": 112}, "2 times"),
        (GRAY12, {"Rows": 56}, "4 times"),
        (COLOR.reshape(224, -1), {"Columns": 96}, "3 times"),
        (GRAY12, {"Columns": 90}, "rows of 90 pixels do not line up"),
        (GRAY8, {"Columns": 93}, "rows of 93 pixels do not line up"),
    ],
)
def test_pixels_that_the_tags_leave_over_are_refused_where_the_film_is_not_sure(tmp_path, gray, tags, told):
    with pytest.raises(FilmError, match=rf"a\.dcm: PixelData \(7FE0,0010\) holds .*{told}.*Rows \(0028,0010\)"):
        read_film(write(tmp_path / "a.dcm", gray, **tags))


@pytest.mark.parametrize("again", [1, 2])
@pytest.mark.parametrize("same", [False, True])
def test_pixels_that_are_filled_up_with_zeros_or_stored_again_are_read_once(tmp_path, again, same):
    data = dataset(GRAY8, "explicit little endian", {})
    data.PixelData += again * (GRAY8.tobytes() if same else bytes(GRAY8.nbytes))
    data.save_as(tmp_path / "a.dcm")
    film = read_film(tmp_path / "a.dcm")
    assert np.array_equal(film.pixels, GRAY8)
    assert any("the rest is " in w for w in film.warnings)


@pytest.mark.parametrize("gray", [GRAY8, GRAY12])
def test_rows_that_the_tags_leave_over_are_said(tmp_path, gray):
    film = read_film(write(tmp_path / "a.dcm", gray, Rows=200))
    assert np.array_equal(film.pixels, gray[:200])
    assert any("PixelData (7FE0,0010) holds" in w and "Rows (0028,0010)" in w for w in film.warnings)


@pytest.mark.parametrize("bits", [1, 4, 12, 64])
def test_allocated_bits_that_cannot_be_read_are_named(tmp_path, bits):
    with pytest.raises(FilmError, match=rf"BitsAllocated \(0028,0100\) is {bits}; 8, 16 and 32 can be read"):
        read_film(write(tmp_path / "a.dcm", GRAY12, BitsAllocated=bits, BitsStored=1, HighBit=0))


@pytest.mark.parametrize("surplus", [1, 2, 60])
def test_what_fills_up_the_end_of_the_pixels_is_no_news(tmp_path, surplus):
    data = dataset(GRAY8, "explicit little endian", {"PixelSpacing": ["0.2", "0.2"]})
    data.PixelData += bytes(surplus)
    data.save_as(tmp_path / "a.dcm")
    film = read_film(tmp_path / "a.dcm")
    assert np.array_equal(film.pixels, GRAY8) and film.warnings == ()


@pytest.mark.parametrize(
    ("stored_as", "said"),
    [
        ("explicit little endian", "1.2.840.10008.1.2.2"),
        ("big endian", "1.2.840.10008.1.2.1"),
        ("explicit little endian", "1.2.840.10008.1.2"),
        ("implicit little endian", "1.2.840.10008.1.2.1"),
    ],
)
def test_another_order_of_bytes_than_is_said(tmp_path, stored_as, said):
    path = say_syntax(write(tmp_path / "a.dcm", GRAY12, stored_as, **TWELVE, PixelSpacing=["0.21", "0.2"]), said)
    film = read_film(path)
    assert np.array_equal(film.pixels, GRAY12)
    assert film.spacing_mm == (0.2, 0.21)


@pytest.mark.parametrize("syntax", ["explicit little endian", "RLE", "JPEG lossless", "JPEG-LS"])
@pytest.mark.parametrize("told", [0, 1])
def test_a_sign_that_tears_values_of_all_bits_apart(tmp_path, told, syntax):
    gray = GRAY16 if told else GRAY16.astype(np.int32) - 32768
    words = gray.astype(np.int32).astype(np.uint16)
    film = read_film(write(tmp_path / "a.dcm", words, syntax, PixelRepresentation=told))
    assert same(film, gray)
    assert any("PixelRepresentation (0028,0103)" in w for w in film.warnings)


@pytest.mark.parametrize("syntax", ["explicit little endian", "RLE", "JPEG-LS"])
@pytest.mark.parametrize(("bits", "stored", "high"), [(12, 12, 11), (12, 16, 15), (10, 12, 11), (12, 12, 15)])
def test_a_sign_that_tears_values_of_fewer_bits_apart(tmp_path, syntax, bits, stored, high):
    gray = pattern(96, 224, bits).astype(np.int32) - (1 << bits - 1)
    words = (gray & (1 << bits) - 1).astype(np.uint16) << (high + 1 - stored)
    film = read_film(write(tmp_path / "a.dcm", words, syntax, BitsStored=stored, HighBit=high))
    assert same(film, gray)
    assert any("PixelRepresentation (0028,0103) = 0" in w for w in film.warnings)


def test_a_sign_that_is_right_is_not_blamed_for_too_many_bits(tmp_path):
    words = ((GRAY12.astype(np.int32) - 2048) & 4095).astype(np.uint16)
    film = read_film(write(tmp_path / "a.dcm", words, BitsStored=16, HighBit=15, PixelRepresentation=1))
    assert same(film, GRAY12.astype(np.int32) - 2048)
    (told,) = (w for w in film.warnings if "bits" in w)
    assert "BitsStored (0028,0101) = 16" in told and "12 bits are read, signed" in told


def test_a_sign_that_tears_values_below_an_overlay_apart(tmp_path):
    words = ((GRAY12.astype(np.int32) - 2048) & 4095).astype(np.uint16)
    words[60:80, 10:30] |= 1 << 15
    film = read_film(write(tmp_path / "a.dcm", words, **TWELVE))
    assert same(film, GRAY12.astype(np.int32) - 2048)


@pytest.mark.parametrize("value", [3900, 4094])
def test_a_painted_border_says_nothing_of_the_sign(tmp_path, value):
    gray = GRAY12 // 3 + 1
    gray[:, :10] = gray[:, -10:] = gray[:20] = value
    film = read_film(write(tmp_path / "a.dcm", gray, **TWELVE))
    assert np.array_equal(film.pixels, gray)
    assert not any("PixelRepresentation" in w for w in film.warnings)


def test_burned_in_marks_of_the_highest_value_say_nothing_of_the_sign(tmp_path):
    gray = GRAY12.copy()
    gray[:60, :60] = 0
    gray[10:40:4, 5:50] = 65535
    film = read_film(write(tmp_path / "a.dcm", gray))
    assert np.array_equal(film.pixels, gray)


@pytest.mark.parametrize("told", [0, 1])
@pytest.mark.parametrize("by_plane", [False, True])
def test_planes_of_color_as_they_lie(tmp_path, told, by_plane):
    tags = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": told}
    data = dataset(GRAY8, "explicit little endian", tags)
    data.PixelData = (COLOR.transpose(2, 0, 1) if by_plane else COLOR).tobytes()
    data.save_as(tmp_path / "a.dcm")
    film = read_film(tmp_path / "a.dcm")
    assert np.array_equal(film.pixels, GRAY8)
    assert any("PlanarConfiguration (0028,0006)" in w for w in film.warnings) == (told != by_plane)


@pytest.mark.parametrize(
    ("gray", "missing", "tags"),
    [
        (GRAY8, ("BitsAllocated", "BitsStored", "HighBit"), {}),
        (GRAY12, ("BitsAllocated", "PixelRepresentation"), TWELVE),
        (GRAY8, (), {"SamplesPerPixel": 3}),
        (255 - GRAY8, (), {"PhotometricInterpretation": "MONOCHROME 1"}),
    ],
)
def test_tags_that_are_missing_or_wrong_where_the_pixels_say_it(tmp_path, gray, missing, tags):
    data = dataset(gray, "explicit little endian", tags)
    for keyword in missing:
        delattr(data, keyword)
    data.save_as(tmp_path / "a.dcm")
    assert same(read_film(tmp_path / "a.dcm"), GRAY8 if gray.dtype == np.uint8 else GRAY12)


def test_what_only_python_takes_for_a_number(tmp_path):
    path = write(tmp_path / "a.dcm", GRAY12, PixelSpacing=["0.21", "0.2"])
    path.write_bytes(path.read_bytes().replace(b"0.21\\0.2", b"0_.2\\0.2"))
    assert read_film(path).spacing_mm is None


def tiff(pixels, sample_format):
    """An uncompressed TIFF of one strip; Pillow writes few kinds of numbers."""
    height, width = pixels.shape
    bits = pixels.dtype.itemsize * 8
    fields = ((256, width), (257, height), (258, bits), (259, 1), (262, 1), (273, 8), (277, 1), (278, height),
              (279, pixels.nbytes), (339, sample_format))  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    content = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    return (
        b"II*\0" + struct.pack("<I", 8 + len(content)) + content + struct.pack("<H", len(fields)) + entries + bytes(4)
    )


def test_tiff_of_32_bits_without_a_sign(tmp_path):
    gray = GRAY16.astype(np.uint32) * 65000
    (tmp_path / "a.tif").write_bytes(tiff(gray, 1))
    assert same(read_film(tmp_path / "a.tif"), gray)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32])
def test_tiff_of_numbers_with_a_sign(tmp_path, kind):
    bits = np.dtype(kind).itemsize * 8
    gray = ((GRAY16.astype(np.int64) << max(0, bits - 16) >> max(0, 16 - bits)) - 2 ** (bits - 1)).astype(kind)
    (tmp_path / "a.tif").write_bytes(tiff(gray, 2))
    assert same(read_film(tmp_path / "a.tif"), gray)


def test_tiff_of_a_kind_that_is_not_supported_is_not_called_damaged_alone(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff(GRAY16.astype(np.float64), 3))
    with pytest.raises(FilmError, match=r"TIFF picture is damaged, or of a kind that is not supported; save it anew"):
        read_film(tmp_path / "a.tif")


@pytest.mark.parametrize(
    "steps", ["spacings: nan 0.2 0.25", "space dimension: 2\nspace directions: none (0.2,0) (0,0.25)"]
)
def test_samples_of_nrrd_have_no_distance(tmp_path, steps):
    header = f"NRRD0004\ntype: uint8\ndimension: 3\n{steps}\nsizes: 3 96 224\nkinds: vector domain domain\n"
    header += "encoding: raw\n\n"
    (tmp_path / "a.nrrd").write_bytes(header.encode() + COLOR.tobytes())
    film = read_film(tmp_path / "a.nrrd")
    assert np.array_equal(film.pixels, GRAY8)
    assert film.spacing_mm == pytest.approx((0.2, 0.25))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks /proc how large the process is")
def test_a_chunk_of_png_longer_than_the_file_takes_no_memory(tmp_path):
    # found by fuzzing: the decoder made room for 4 GB
    resource = pytest.importorskip("resource")
    path = picture(tmp_path / "a.png", GRAY8)
    content = path.read_bytes()
    end = content.rindex(b"IEND") - 4
    path.write_bytes(content[:end] + b"\xff\xff\xff\xf0IDAT" + content[end:])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 30), limits[1]))
    try:
        with pytest.raises(FilmError, match="damaged"):
            read_film(path)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
