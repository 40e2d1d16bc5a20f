"""Whatever the transfer syntax and the tags around them: the same pixels."""

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.reading import read_film
from Testing.library import dicom_words
from Testing.library.dicom_words import SYNTAXES, dataset, say_syntax, write
from Testing.library.films import pattern

WIDTH, HEIGHT = 64, 150
PADDED = 24
"""Rows of padding at the top, where there is some."""


@st.composite
def stored_films(draw):
    """How a film may be stored: syntax, bits, sign, tables, garbage, padding, polarity."""
    bits = draw(st.sampled_from([8, 10, 12, 14, 16]))
    return {
        "syntax": draw(st.sampled_from(list(SYNTAXES))),
        "bits": bits,
        "signed": draw(st.booleans()),
        "extended": draw(st.booleans()),
        "garbage": draw(st.sampled_from(["none", "overlay", "noise"])) if bits in (10, 12, 14) else "none",
        "left": draw(st.booleans()) if bits in (10, 12) else False,
        "slope": draw(st.sampled_from([None, "1", "0.25", "-1", "-2"])),
        "table": draw(st.sampled_from([None, None, "rising", "falling"])),
        "padding": draw(st.sampled_from([None, "low", "high", "range"])),
        "photometric": draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2"])),
    }


def stored(case, rng):
    """The words and the tags of a film, its gray values, shape (HEIGHT, WIDTH), and where it is padding."""
    top = 2 ** case["bits"] - 1
    gray = np.round(top / 8 + pattern(WIDTH, HEIGHT, 12) / 4095 * top * 3 / 4).astype(np.int64)
    turned = case["photometric"] == "MONOCHROME1"
    if case["table"] is not None:
        turned ^= case["table"] == "falling"
    elif case["slope"] is not None:
        turned ^= float(case["slope"]) < 0
    values = top - gray if turned else gray.copy()
    offset = (top + 1) // 2 if case["signed"] else 0
    values -= offset
    tags = {"PhotometricInterpretation": case["photometric"], "PixelRepresentation": int(case["signed"])}
    tags |= {"BitsStored": case["bits"], "HighBit": case["bits"] - 1}
    padded = np.zeros(gray.shape, bool)
    if case["padding"] is not None:
        padded[:PADDED] = True
        low, span = (-offset, top // 16) if case["padding"] != "high" else (top - offset, 0)
        values[:PADDED] = low + (np.arange(WIDTH) % (span + 1) if case["padding"] == "range" else 0)
        tags["PixelPaddingValue"] = low
        if case["padding"] == "range":
            tags["PixelPaddingRangeLimit"] = low + span
    size = 8 if case["bits"] == 8 else 16
    words = (values & ((1 << size) - 1 if case["extended"] and case["garbage"] == "none" else top)).astype(
        f"u{size // 8}"
    )
    if case["left"]:
        words = (words & top) << (16 - case["bits"])
        tags["HighBit"] = 15
    elif case["garbage"] == "noise":
        words |= (rng.integers(0, 1 << (16 - case["bits"]), words.shape) << case["bits"]).astype(np.uint16)
    elif case["garbage"] == "overlay":
        words[60:80, 10:30] |= 1 << 15
    if case["slope"] is not None and case["table"] is None:
        tags |= {"RescaleSlope": case["slope"], "RescaleIntercept": "-1024"}
    if case["table"] is not None:
        entries = np.round(np.linspace(0, 4095, top + 1)).astype(np.uint16)
        entries = entries[::-1] if case["table"] == "falling" else entries
        tags["ModalityLUTSequence"] = dicom_words.table(
            entries, -offset, 12, case["signed"], case["syntax"] == "big endian"
        )
    return words, tags, gray, padded


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored_films(), st.integers(0, 2**32 - 1))
def test_the_same_film_however_stored(tmp_path, case, seed):
    words, tags, gray, padded = stored(case, np.random.default_rng(seed))
    film = read_film(write(tmp_path / "a.dcm", words, case["syntax"], **tags))
    read, true = film.pixels.astype(float), gray.astype(float)
    if padded.any():
        assert (read[padded] == read[~padded].min()).all()
    read, true = read[~padded], true[~padded]
    read, true = (v - v.min() for v in (read, true))
    step = 1 / 4095 if case["table"] else 0.0
    assert np.abs(read / read.max() - true / true.max()).max() <= 1.5 * step + 1e-6
    assert not [w for w in film.warnings if "spacing" not in w and "Padding" not in w]


@pytest.mark.parametrize("syntax", ["explicit little endian", "RLE", "JPEG lossless", "JPEG-LS", "JPEG 2000", "HTJ2K"])
def test_values_larger_than_bits_stored(tmp_path, syntax):
    gray = pattern(WIDTH, HEIGHT, 12)
    film = read_film(write(tmp_path / "a.dcm", gray, syntax, BitsStored=10, HighBit=9))
    assert np.array_equal(film.pixels, gray)
    assert any("BitsStored (0028,0101) = 10" in w for w in film.warnings)


@pytest.mark.parametrize("told", [0, 1])
def test_sign_of_a_stream_and_of_the_tag_differ(tmp_path, told):
    import openjpeg.utils

    gray = pattern(WIDTH, HEIGHT, 12)
    signed = gray.astype(np.int16) - 2048
    # a signed stream of signed values, and an unsigned one of the same values' bits
    stream = signed if told == 0 else (signed & 4095).astype(np.uint16)
    content = bytes(openjpeg.utils.encode_array(stream, bits_stored=12, photometric_interpretation=2))
    data = dataset(gray, "JPEG 2000", {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": told})
    data.PixelData = dicom_words.encapsulate([content + b"\0" * (len(content) % 2)])
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "a.dcm")
    assert np.array_equal(read_film(tmp_path / "a.dcm").pixels, signed)


@pytest.mark.parametrize(
    ("stored_as", "said", "order"),
    [
        ("explicit little endian", "1.2.840.10008.1.2.4.70", "<"),
        ("explicit little endian", "1.2.840.113619.5.2", ">"),
        ("JPEG 2000", "1.2.840.10008.1.2.4.70", "<"),
    ],
)
def test_wrong_and_private_transfer_syntaxes(tmp_path, stored_as, said, order):
    gray = pattern(WIDTH, HEIGHT, 12)
    words = gray.byteswap() if order == ">" else gray
    path = say_syntax(write(tmp_path / "a.dcm", words, stored_as), said)
    assert np.array_equal(read_film(path).pixels, gray)


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("1.2.840.10008.1.2.4.103", "MPEG-4.*"),
        ("1.2.840.10008.1.2.4.110", "JPEG XL Lossless "),
        ("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression "),
        ("1.2.840.10008.1.2.4.112", "JPEG XL "),
        ("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression "),
        ("1.2.840.113619.5.99", "an unknown method, 1.2.840.113619.5.99, "),
    ],
)
def test_unsupported_compression_is_named_and_not_called_damaged(tmp_path, syntax, name):
    data = dataset(pattern(WIDTH, HEIGHT, 12), "JPEG 2000", {})
    data.PixelData = dicom_words.encapsulate([b"\0\0\0\x01" * 500])
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "a.dcm")
    say_syntax(tmp_path / "a.dcm", syntax)
    with pytest.raises(FilmError, match=rf"by {name}\(Transf.*\(0002,0010\).*not supported.*as JPEG 2000") as error:
        read_film(tmp_path / "a.dcm")
    assert "damaged" not in str(error.value)


def test_end_of_compressed_pixels_is_not_marked(tmp_path):
    gray = pattern(WIDTH, HEIGHT, 12)
    path = write(tmp_path / "a.dcm", gray, "JPEG 2000")
    content = path.read_bytes()
    path.write_bytes(content.removesuffix(b"\xfe\xff\xdd\xe0\0\0\0\0"))
    assert len(path.read_bytes()) < len(content)
    assert np.array_equal(read_film(path).pixels, gray)


def test_pad_byte_is_missing(tmp_path):
    gray = pattern(63, 149, 8)
    path = write(tmp_path / "a.dcm", gray)
    path.write_bytes(path.read_bytes()[:-1])
    assert np.array_equal(read_film(path).pixels, gray)


@pytest.mark.parametrize("value", ["1,0", "abc", "0", "-1,5"])
def test_a_slope_that_is_none_is_said(tmp_path, value):
    gray = pattern(WIDTH, HEIGHT, 12)
    path = write(tmp_path / "a.dcm", gray, RescaleSlope="1.25")
    path.write_bytes(path.read_bytes().replace(b"1.25", f"{value:4s}".encode()))
    film = read_film(path)
    assert any("RescaleSlope (0028,1053)" in w for w in film.warnings)
    read = film.pixels.astype(float)
    assert (np.corrcoef(read.ravel(), gray.ravel())[0, 1] > 0) == (not value.startswith("-"))


def test_a_table_that_cannot_be_used_is_said(tmp_path):
    gray = pattern(WIDTH, HEIGHT, 12)
    broken = dicom_words.table(np.arange(16), 0, 12, False)
    del broken[0].LUTData
    film = read_film(write(tmp_path / "a.dcm", gray, ModalityLUTSequence=broken))
    assert np.array_equal(film.pixels, gray)
    assert any("ModalityLUTSequence (0028,3000)" in w for w in film.warnings)


def test_a_table_for_eyes_counts_by_its_direction(tmp_path):
    gray = pattern(WIDTH, HEIGHT, 12)
    falling = dicom_words.table(np.arange(4095, -1, -1), 0, 12, False)
    film = read_film(write(tmp_path / "a.dcm", 4095 - gray, VOILUTSequence=falling))
    assert np.array_equal(film.pixels - film.pixels.min(), gray - gray.min())


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (1, -1024), (-1, 1023), (4, 100)])
def test_entries_of_a_table_for_eyes_beyond_the_film_do_not_count(tmp_path, slope, intercept):
    gray = pattern(WIDTH, HEIGHT, 10)
    stored = 1023 - gray if slope < 0 else gray
    first = min(intercept, 1023 * slope + intercept)
    entries = np.concatenate([np.linspace(10, 4000, abs(slope) * 1023 + 1).round(), np.zeros(3000)]).astype(int)
    told = {"RescaleSlope": str(slope), "RescaleIntercept": str(intercept)}
    rising = dicom_words.table(entries, first, 12, True)
    film = read_film(write(tmp_path / "a.dcm", stored, VOILUTSequence=rising, **told))
    assert np.array_equal(film.pixels - film.pixels.min(), gray - gray.min())


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("said", ["MONOCHROME2", "YBR_FULL_422", "RGB"])
def test_lossy_jpeg_of_a_gray_film_even_in_color(tmp_path, said, progressive):
    gray = pattern(WIDTH, HEIGHT, 8)
    samples = 1 if said == "MONOCHROME2" else 3
    content = io.BytesIO()
    Image.fromarray(gray if samples == 1 else np.repeat(gray[..., None], 3, axis=2)).save(
        content, "JPEG", quality=95, progressive=progressive
    )
    tags = {"SamplesPerPixel": samples, "PhotometricInterpretation": said}
    data = dataset(gray, "JPEG 2000", tags | ({"PlanarConfiguration": 0} if samples == 3 else {}))
    data.PixelData = dicom_words.encapsulate([content.getvalue() + b"\0" * (len(content.getvalue()) % 2)])
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "a.dcm")
    say_syntax(tmp_path / "a.dcm", "1.2.840.10008.1.2.4.50")
    assert np.abs(read_film(tmp_path / "a.dcm").pixels.astype(int) - gray).max() <= 3


def test_lossy_jpeg_of_12_bits(tmp_path):
    import imagecodecs

    gray = pattern(WIDTH, HEIGHT, 12)
    data = dataset(gray, "JPEG 2000", {"BitsStored": 12, "HighBit": 11})
    content = bytes(imagecodecs.jpeg_encode(gray, bitspersample=12, level=98))
    data.PixelData = dicom_words.encapsulate([content + b"\0" * (len(content) % 2)])
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "a.dcm")
    say_syntax(tmp_path / "a.dcm", "1.2.840.10008.1.2.4.51")
    assert np.abs(read_film(tmp_path / "a.dcm").pixels.astype(int) - gray).max() <= 8


def test_pixels_of_floating_point(tmp_path):
    gray = pattern(WIDTH, HEIGHT, 12)
    data = dataset(gray, "explicit little endian", {"BitsAllocated": 32})
    del data.PixelData, data.BitsStored, data.HighBit
    data.FloatPixelData = gray.astype(np.float32).tobytes()
    data.save_as(tmp_path / "a.dcm")
    assert np.array_equal(read_film(tmp_path / "a.dcm").pixels, gray)


@pytest.mark.parametrize("kind", ["Float", "DoubleFloat"])
@pytest.mark.parametrize(
    ("value", "limit"), [(-1e30, None), (-3.3e38, -1e30), (1e30, None), (np.nan, None), (-0.1, None)]
)
def test_padding_of_floating_point(tmp_path, kind, value, limit):
    gray = pattern(WIDTH, HEIGHT, 12)
    pixels = gray.astype(np.float32 if kind == "Float" else np.float64)
    pixels[:PADDED] = value
    data = dataset(gray, "explicit little endian", {"BitsAllocated": 32})
    del data.PixelData, data.BitsStored, data.HighBit
    setattr(data, f"{kind}PixelData", pixels.tobytes())
    setattr(data, f"{kind}PixelPaddingValue", value)
    if limit is not None:
        setattr(data, f"{kind}PixelPaddingRangeLimit", limit)
    data.save_as(tmp_path / "a.dcm")
    film = read_film(tmp_path / "a.dcm")
    assert np.array_equal(film.pixels[PADDED:], gray[PADDED:])
    assert (film.pixels[:PADDED] == gray[PADDED:].min()).all()
    assert any(f"{kind}PixelPaddingValue (0028,012" in w and "16 %" in w for w in film.warnings)


@pytest.mark.parametrize("floating", [False, True])
@pytest.mark.parametrize("limit", [2000, 3900])
def test_a_range_of_padding_that_shows_a_film_is_not_used(tmp_path, floating, limit):
    gray = pattern(WIDTH, HEIGHT, 12)
    gray[:PADDED] = 0
    data = dataset(gray, "explicit little endian", {"BitsStored": 12, "HighBit": 11})
    kind = "Float" if floating else ""
    if floating:
        del data.PixelData
        data.FloatPixelData, data.FloatPixelPaddingValue = gray.astype(np.float32).tobytes(), 0.0
        data.FloatPixelPaddingRangeLimit = float(limit)
    else:
        data.PixelPaddingValue, data.PixelPaddingRangeLimit = 0, limit
    data.save_as(tmp_path / "a.dcm")
    film = read_film(tmp_path / "a.dcm")
    assert np.array_equal(film.pixels[PADDED:], gray[PADDED:])
    assert (film.pixels[:PADDED] == gray[PADDED:].min()).all()
    assert any(f"{kind}PixelPaddingRangeLimit (0028,012" in w and "not used" in w for w in film.warnings)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size there")
def test_no_room_for_temporary_files_is_not_a_damaged_film(tmp_path):
    path = write(tmp_path / "a.dcm", pattern(WIDTH, HEIGHT, 12), "JPEG-LS")
    code = (
        "import resource; from SpineAlignmentLib.film.reading import read_film; "
        "from SpineAlignmentLib.errors import FilmError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"try: read_film({str(path)!r})\n"
        "except FilmError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "no space left" in run.stdout and "damaged" not in run.stdout
