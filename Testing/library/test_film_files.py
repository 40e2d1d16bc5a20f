"""Files as cameras, scanners, editors and research tools leave them."""

import gzip
import json
import os
import re
import struct
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import NO_SPACING
from SpineAlignmentLib.film.found_films import found_films
from SpineAlignmentLib.film.paths import film_files, legal_name, stem_of
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.results.files import write_files
from Testing.library.films import dicom, pattern, picture, volume

PIXELS = pattern(bits=8)


def test_first_picture_of_a_phone_is_the_film(tmp_path):
    preview = Image.fromarray(PIXELS[::2, ::2])
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[preview], quality=95)
    film = read_film(tmp_path / "a.jpg")
    assert np.abs(film.pixels.astype(int) - PIXELS).max() <= 12
    assert any("2 pictures" in w for w in film.warnings)


def test_first_picture_of_a_png_is_the_film(tmp_path):
    other = Image.fromarray(255 - PIXELS)
    Image.fromarray(PIXELS).save(tmp_path / "a.png", save_all=True, append_images=[other])
    assert np.array_equal(read_film(tmp_path / "a.png").pixels, PIXELS)


def png_of_16_bits(path, samples):
    """A PNG file of shape (height, width, samples), which Pillow does not write."""
    height, width, count = samples.shape
    rows = b"".join(b"\0" + row.tobytes() for row in samples.astype(">u2"))
    header = struct.pack(">2I5B", width, height, 16, {2: 4, 3: 2, 4: 6}[count], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(v)) + k + v + struct.pack(">I", zlib.crc32(k + v)) for k, v in parts)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def test_all_bits_of_a_gray_film_in_color_are_read(tmp_path):
    gray = pattern()
    color, full = np.stack([gray] * 3, axis=-1), np.full_like(gray, 65535)[..., None]
    for samples in (color, np.concatenate([color, full], axis=-1)):
        assert np.array_equal(read_film(png_of_16_bits(tmp_path / "a.png", samples)).pixels, gray)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(color, isVector=True), str(tmp_path / "a.tif"))
    assert np.array_equal(read_film(tmp_path / "a.tif").pixels, gray)
    film = read_film(png_of_16_bits(tmp_path / "a.png", np.stack([gray, full[..., 0]], axis=-1)))
    assert np.array_equal(film.pixels, gray >> 8)
    assert any("upper 8 of its 16 bits" in warning for warning in film.warnings)


def test_what_is_packed_is_said(tmp_path):
    (tmp_path / "a.dcm.gz").write_bytes(gzip.compress(dicom(tmp_path / "a.dcm", pattern()).read_bytes()))
    with pytest.raises(FilmError, match="packed by gzip"):
        read_film(tmp_path / "a.dcm.gz")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.write(tmp_path / "a.dcm")
    with pytest.raises(FilmError, match="a zip file; unpack it"):
        read_film(tmp_path / "a.zip")


SHOWN_BY_ITK = {
    **dict.fromkeys((1, 5), PIXELS),
    **dict.fromkeys((2, 6), PIXELS[:, ::-1]),
    **dict.fromkeys((3, 7), PIXELS[::-1, ::-1]),
    **dict.fromkeys((4, 8), PIXELS[::-1]),
}


def asking(path, orientation, color=False, **options):
    """A picture that asks to be turned."""
    pixels = np.stack([PIXELS] * 3, axis=-1) if color else PIXELS
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(pixels).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_that_asks_to_be_turned_is_measured_as_slicer_shows_it(tmp_path, orientation, compression, color):
    path = asking(tmp_path / "a.tif", orientation, color, compression=compression)
    film = read_film(path)
    shown = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    assert np.array_equal(film.pixels, shown[..., 0] if shown.ndim == 3 else shown)
    said = [w for w in film.warnings if "asks to be turned" in w]
    assert [f"orientation {orientation}" in w for w in said] == [True] * (orientation > 1)
    assert [("as stored" in w) for w in said] == [orientation == 5] * (orientation > 1)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_tiff_of_16_bits_is_flipped_as_one_of_8(tmp_path, orientation):
    Image.fromarray(PIXELS.astype(np.uint16) * 256).save(tmp_path / "a.tif", tiffinfo={274: orientation})
    assert np.array_equal(read_film(tmp_path / "a.tif").pixels // 256, SHOWN_BY_ITK[orientation])


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("kind", ["png", "jpg", "mpo"])
def test_other_pictures_that_ask_to_be_turned_are_measured_as_stored(tmp_path, kind, orientation):
    path = tmp_path / f"a.{kind}"
    further = {"save_all": True, "append_images": [Image.fromarray(PIXELS[::2, ::2])]} if kind == "mpo" else {}
    film = read_film(asking(path, orientation, **further, **({} if kind == "png" else {"quality": 95})))
    assert film.size_px == (PIXELS.shape[1], PIXELS.shape[0])
    assert np.abs(film.pixels.astype(int) - PIXELS).max() <= 12
    assert any(f"(orientation {orientation}); measured as stored" in w for w in film.warnings)


def test_an_orientation_in_words_turns_no_tiff(tmp_path):
    """Pillow knows those of XMP, ITK does not."""
    words = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    Image.fromarray(PIXELS).save(tmp_path / "a.tif", tiffinfo={700: words})
    assert np.array_equal(read_film(tmp_path / "a.tif").pixels, PIXELS)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_preview_of_half_the_size_is_rounded_up(tmp_path, rows):
    pixels = np.pad(PIXELS, ((0, rows), (0, 0)), mode="edge")
    small = Image.fromarray(np.ascontiguousarray(pixels[::2, ::2]))
    Image.fromarray(pixels).save(tmp_path / "a.tif", save_all=True, append_images=[small], tiffinfo={274: 6})
    assert read_film(tmp_path / "a.tif").size_px == (pixels.shape[1], pixels.shape[0])


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_thumbnail_is_no_second_film(tmp_path, marked, first):
    film, small = Image.fromarray(PIXELS), Image.fromarray(PIXELS[::4, ::4])
    if marked:
        small.encoderinfo = {"tiffinfo": {254: 1}}
    (small if first else film).save(
        tmp_path / "a.tif", save_all=True, append_images=[film if first else small],
        tiffinfo={254: 1} if marked and first else {},
    )  # fmt: skip
    assert np.array_equal(read_film(tmp_path / "a.tif").pixels, PIXELS)


@pytest.mark.parametrize("fields", ["", "spacings: nan nan\n", "spacings: NaN 0.2\n"])
def test_nrrd_without_spacing(tmp_path, fields):
    path = tmp_path / "a.nrrd"
    header = f"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 96 224\nencoding: raw\n{fields}\n"
    path.write_bytes(header.encode() + PIXELS.tobytes())
    if fields:
        with pytest.raises(FilmError, match=r"spacing nan x .*--spacing"):
            read_film(path)
        assert read_film(path, spacing=0.2).spacing_mm == (0.2, 0.2)
    else:
        film = read_film(path)
        assert film.spacing_mm is None and NO_SPACING in film.warnings


@pytest.mark.parametrize(
    ("unit", "spacing"),
    [("mm", (0.2, 0.25)), ("um", (0.2, 0.25)), ("in", (5.08, 6.35)), ("Inches", (5.08, 6.35)), ("furlong", None)],
)
def test_units_of_nrrd(tmp_path, unit, spacing):
    steps = (200, 250) if unit == "um" else (0.2, 0.25)
    header = (
        "NRRD0004\ntype: uint8\ndimension: 2\nsizes: 96 224\nencoding: raw\n"
        f'space dimension: 2\nspace units: "{unit}" "{unit}"\nspace directions: ({steps[0]},0) (0,{steps[1]})\n\n'
    )
    (tmp_path / "a.nrrd").write_bytes(header.encode() + PIXELS.tobytes())
    found = read_film(tmp_path / "a.nrrd").spacing_mm
    assert found == (None if spacing is None else pytest.approx(spacing))


@pytest.mark.parametrize(
    ("steps", "known"),
    [((0.0, 0.0), None), ((0.2, 0.25), (0.2, 0.25)), ((np.nan, 0.2), "refused"), ((0.0, 0.2), "refused")],
)
def test_spacing_of_nifti(tmp_path, steps, known):
    path = volume(tmp_path / "a.nii", PIXELS)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2f", content, 80, *steps)
    struct.pack_into("<2h", content, 252, 0, 0)
    path.write_bytes(content)
    if known == "refused":
        with pytest.raises(FilmError, match="spacing"):
            read_film(path)
    else:
        found = read_film(path).spacing_mm
        assert found == (None if known is None else pytest.approx(known))


def test_spacing_of_meta_image(tmp_path):
    path = volume(tmp_path / "a.mha", PIXELS)
    assert read_film(path).spacing_mm == pytest.approx((0.2, 0.2))
    path.write_bytes(re.sub(rb"ElementSpacing = .*\n", b"", path.read_bytes()))
    assert read_film(path).spacing_mm is None


@pytest.mark.parametrize(("unit", "mm"), [("mm", 0.2), ("cm", 2.0), ("?", 0.2), ("s", None)])
def test_units_of_meta_image(tmp_path, unit, mm):
    path = volume(tmp_path / "a.mha", PIXELS)
    path.write_bytes(path.read_bytes().replace(b"ElementSpacing", f"DistanceUnits = {unit}\nElementSpacing".encode()))
    assert read_film(path).spacing_mm == (None if mm is None else pytest.approx((mm, mm)))


@pytest.mark.parametrize("kind", ["nrrd", "mha", "nii"])
def test_one_millimeter_that_a_library_wrote_is_no_knowledge(tmp_path, kind):
    film = read_film(volume(tmp_path / f"a.{kind}", PIXELS, spacing=(1.0, 1.0)))
    assert film.spacing_mm is None
    assert any("exactly 1 mm" in w for w in film.warnings)
    assert read_film(tmp_path / f"a.{kind}", spacing=1.0).spacing_mm == (1.0, 1.0)


@pytest.mark.parametrize("kind", ["mhd", "nhdr"])
def test_header_whose_pixels_are_elsewhere(tmp_path, kind, capfd):
    path = volume(tmp_path / f"a.{kind}", PIXELS)
    data = next(p for p in tmp_path.iterdir() if p.suffix != path.suffix)
    text = path.read_text()
    path.write_text(text.replace(data.name, f"C:\\films\\{data.name}"))
    assert np.array_equal(read_film(path).pixels, PIXELS)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert np.array_equal(read_film(path).pixels, PIXELS)
    data.unlink()
    with pytest.raises(FilmError, match=f"'{data.name}', which is not there"):
        read_film(path)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def places(found):
    return [source.file for source in found.films.values()]


def test_content_decides_what_is_a_film(tmp_path):
    for name in ("FILM.IMA", "Doe J. lateral", "good.dcm", "1.2.840.1"):
        dicom(tmp_path / name, pattern())
    for name in ("notes.txt", "table.csv", "b.txt", "DICOMDIR"):
        (tmp_path / name).write_text("no film")
    with found_films([tmp_path]) as found:
        assert places(found) == ["1.2.840.1", "Doe J. lateral", "FILM.IMA", "good.dcm"]
        assert found.notes == [f"{tmp_path}: 4 files were no films: 2 .txt, 1 .csv, 1 other"]
        assert found.problems == []


def test_links_to_folders_are_followed_once(tmp_path):
    (tmp_path / "p1").mkdir()
    (tmp_path / "films").mkdir()
    dicom(tmp_path / "p1" / "a.dcm", pattern())
    (tmp_path / "films" / "patient1").symlink_to(tmp_path / "p1")
    (tmp_path / "p1" / "round").symlink_to(tmp_path / "films")
    assert film_files(tmp_path / "films") == [tmp_path / "films" / "patient1" / "a.dcm"]


def test_results_among_the_films_are_none_however_their_folder_is_named(tmp_path, monkeypatch):
    out = tmp_path / "films" / "out"
    out.mkdir(parents=True)
    dicom(tmp_path / "films" / "a.dcm", pattern())
    write_files({out / name: b"of a run" for name in ("a.mrk.json", "a.json", "a.png", "a.sr.dcm", "results.csv")})
    (tmp_path / "link").symlink_to(out)
    monkeypatch.chdir(out.parent)
    for output in (out, Path("out"), out / ".." / "out", tmp_path / "link"):
        assert film_files(tmp_path / "films", output) == [tmp_path / "films" / "a.dcm"]
        assert film_files(Path(), output) == [Path("a.dcm")]
    assert len(film_files(Path(), Path("other"))) == 3


@pytest.mark.parametrize("lower", [True, False])
def test_films_of_a_dicomdir(tmp_path, lower):
    folder = tmp_path / ("images" if lower else "IMAGES")
    folder.mkdir()
    dicom(folder / ("im1" if lower else "IM1"), pattern())
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = "1.2.840.10008.1.3.10", "1.2.840.10008.1.2.1"
    directory = FileDataset("", {}, b"\0" * 128, meta, is_implicit_VR=False, is_little_endian=True)
    records = [Dataset(), Dataset(), Dataset()]
    records[1].ReferencedFileID, records[2].ReferencedFileID = ["IMAGES", "IM1"], ["IMAGES", "IM2"]
    directory.DirectoryRecordSequence = records
    directory.save_as(tmp_path / "DICOMDIR")
    with found_films([tmp_path / "DICOMDIR"]) as found:
        assert places(found) == ["IMAGES/IM1"]
        assert found.problems == [f"{tmp_path / 'DICOMDIR'}: 1 of 2 files that it lists are not there"]


def test_what_is_no_ending_is_kept():
    names = ["FILM.IMA", "Doe J. lateral", "a.tar"]
    assert [stem_of(Path(name)) for name in names] == ["FILM", "Doe J. lateral", "a.tar"]


def test_names_as_long_as_they_can_be(tmp_path):
    name = "\u5168" * 83 + ".dcm"
    stem = stem_of(Path(name))
    write_files({tmp_path / f"{stem}_9999.mrk.json": b"{}"})
    assert stem == "\u5168" * 80
    film = dicom(tmp_path / name, pattern())
    assert read_film(film).name == name


def test_names_that_are_no_text(tmp_path):
    path = tmp_path / b"film\xff\n\x1b.nrrd".decode(errors="surrogateescape")
    volume(tmp_path / "a.nrrd", PIXELS).rename(path)
    film = read_film(path)
    json.dumps(film.name, ensure_ascii=False).encode()
    assert np.array_equal(film.pixels, PIXELS)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FilmError, match="not a file"):
        read_film(tmp_path / "pipe")
    with pytest.raises(FilmError, match="cannot read"):
        read_film(tmp_path / ("a" * 300))


def test_library_prints_nothing_of_damaged_files(tmp_path, capfd):
    for ending in ("tif", "jpg", "png"):
        path = picture(tmp_path / f"a.{ending}", PIXELS)
        content = bytearray(path.read_bytes())
        content[len(content) // 3 : len(content) // 3 + 40] = b"\xee" * 40
        path.write_bytes(content)
        with suppress(FilmError):
            read_film(path)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(PIXELS), str(tmp_path / "a.mha"))
    (tmp_path / "a.mha").write_bytes((tmp_path / "a.mha").read_bytes()[:-900])
    with pytest.raises(FilmError):
        read_film(tmp_path / "a.mha")
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("3: Ganzaufnahme", "3_ Ganzaufnahme"),
        ("a/b\\c?", "a_b_c_"),
        ("spine. ", "spine"),
        ("nul", "_nul"),
        ("COM1.film", "_COM1.film"),
        (" ", "film"),
        ("Wirbelsäule 2024", "Wirbelsäule 2024"),
    ],
)
def test_a_name_that_every_system_takes(text, name):
    assert legal_name(text) == name
