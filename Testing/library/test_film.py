"""Reading films: every kind of file gives the same film, bone bright, with what it says of itself."""

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import NO_SPACING, film_from_pixels
from SpineAlignmentLib.film.reading import read_film
from Testing.library.films import dicom, pattern, picture, volume

SYNTAXES = ["uncompressed", "rle", "jpeg lossless", "jpeg 2000", "jpeg-ls"]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_dicom_is_the_same_film_however_stored(tmp_path, syntax, bits, photometric):
    pixels = pattern(bits=bits)
    film = read_film(dicom(tmp_path / "a.dcm", pixels, bits, photometric, syntax))
    assert film.size_px == (96, 224)
    assert photometric in film.polarity_source
    gray = film.pixels.astype(float)
    # an offset does not matter to a film, its differences do
    assert np.array_equal(gray - gray.min(), pixels.astype(float) - pixels.min())
    assert film.spacing_mm == (0.2, 0.2)
    assert "PixelSpacing (0028,0030)" in film.spacing_source


KINDS = [(ending, bits) for ending in ("png", "tif", "nrrd", "mha", "nii", "nii.gz", "nhdr", "mhd") for bits in (8, 16)]


@pytest.mark.parametrize(("ending", "bits"), [*KINDS, ("jpg", 8)])
def test_other_files_are_the_same_film(tmp_path, ending, bits):
    pixels = pattern(bits=bits)
    is_picture = ending in ("png", "tif", "jpg")
    path = (picture if is_picture else volume)(tmp_path / f"a.{ending}", pixels)
    film = read_film(path)
    if ending == "jpg":
        assert np.abs(film.pixels.astype(float) - pixels).max() <= 8
    else:
        assert np.array_equal(film.pixels, pixels)
    if is_picture:
        assert film.spacing_mm is None
        assert NO_SPACING in film.warnings
    else:
        assert film.spacing_mm == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize("ending", ["nrrd", "mha", "nii.gz"])
def test_slab_of_one_slice_is_a_film(tmp_path, ending):
    pixels = pattern()
    assert np.array_equal(read_film(volume(tmp_path / f"a.{ending}", pixels, slab=True)).pixels, pixels)


def test_film_in_the_sagittal_plane_is_read_as_slicer_shows_it(tmp_path):
    pixels = pattern()
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(pixels[::-1])[None])
    image.SetSpacing((0.2, 0.25, 1.0))
    # rows run to the back, columns up
    image.SetDirection([0, 0, 1, 1, 0, 0, 0, 1, 0])
    image.SetOrigin((5.0, -20.0, 100.0))
    SimpleITK.WriteImage(image, str(tmp_path / "a.nrrd"))
    film = read_film(tmp_path / "a.nrrd")
    assert np.array_equal(film.pixels, pixels)
    assert film.spacing_mm == pytest.approx((0.2, 0.25))
    assert film.anterior == "left"
    corner = image.TransformIndexToPhysicalPoint((0, 223, 0))
    assert film.placement.to_lps([0.0, 0.0]) == pytest.approx(corner)


def test_name_without_ending_and_wrong_ending_do_not_matter(tmp_path):
    pixels = pattern()
    for name in ("IM0001", "film.png"):
        film = read_film(dicom(tmp_path / name, pixels))
        assert np.array_equal(film.pixels, pixels)


def test_white_is_zero_tiff_is_turned(tmp_path):
    pixels = pattern(bits=16)
    path = picture(tmp_path / "a.tif", (65535 - pixels).astype(np.uint16), tiffinfo={262: 0})
    with Image.open(path) as image:
        assert image.tag_v2[262] == 0
    gray = read_film(path).pixels.astype(int)
    assert np.array_equal(gray - gray.min(), pixels.astype(int) - pixels.min())


@pytest.mark.parametrize("saved", ["RGB", "RGBA", "LA", "P", "CMYK"])
def test_gray_film_saved_in_color_is_gray(tmp_path, saved):
    pixels = pattern(bits=8)
    path = tmp_path / ("a.tif" if saved == "CMYK" else "a.png")
    Image.fromarray(pixels).convert("RGB" if saved == "CMYK" else "L").convert(saved).save(path)
    assert np.abs(read_film(path).pixels.astype(int) - pixels).max() <= 1


def test_a_photograph_of_a_film_in_one_hue_is_gray(tmp_path):
    pixels = pattern(bits=8)
    tinted = np.stack([pixels * 0.6, pixels, pixels * 0.9 + 12], axis=-1).round().clip(0, 255).astype(np.uint8)
    assert np.array_equal(read_film(picture(tmp_path / "tinted.png", tinted)).pixels, pixels)
    blue = np.stack([np.zeros_like(pixels), pixels // 9, pixels], axis=-1)
    assert np.array_equal(read_film(picture(tmp_path / "blue.png", blue)).pixels, pixels)
    marked = np.repeat(pixels[..., None], 3, axis=2)
    marked[: len(marked) // 8] = (250, 220, 20)  # of one hue as well, but too little of the film
    two_hues = np.where(np.arange(len(tinted))[:, None, None] % 2 == 0, tinted, tinted[..., ::-1])
    two_hues = np.where(np.arange(len(tinted))[:, None, None] % 3 == 0, np.roll(tinted, 1, axis=2), two_hues)
    for name, colored in (("marked", marked), ("hues", two_hues)):
        with pytest.raises(FilmError, match=f"{name}.png: a color image"):
            read_film(picture(tmp_path / f"{name}.png", colored))


def test_gray_dicom_saved_in_color(tmp_path):
    pixels = pattern(bits=8)
    color = np.repeat(pixels[..., None], 3, axis=2)
    assert np.array_equal(read_film(dicom(tmp_path / "a.dcm", color, 8, "RGB")).pixels, pixels)


@pytest.mark.parametrize(
    ("tags", "spacing", "source"),
    [
        ({"ImagerPixelSpacing": [0.15, 0.14]}, (0.14, 0.15), "ImagerPixelSpacing (0018,1164)"),
        ({"PixelSpacing": [0.2, 0.19], "ImagerPixelSpacing": [0.22, 0.209]}, (0.19, 0.2), "PixelSpacing (0028,0030)"),
        ({"NominalScannedPixelSpacing": [0.1, 0.1]}, (0.1, 0.1), "NominalScannedPixelSpacing (0018,2010)"),
        ({}, None, "unknown"),
    ],
)
def test_spacing_says_its_source(tmp_path, tags, spacing, source):
    film = read_film(dicom(tmp_path / "a.dcm", pattern(), spacing=None, **tags))
    assert film.spacing_mm == spacing
    assert film.spacing_source == source
    assert (NO_SPACING in film.warnings) == (spacing is None)


def test_placement_is_where_slicers_reader_lays_the_film(tmp_path):
    path = dicom(tmp_path / "a.dcm", pattern(), spacing=None, ImagerPixelSpacing=[0.15, 0.14])
    placement = read_film(path).placement
    assert placement.to_lps([10.0, 20.0]) == pytest.approx([1.4, 3.0, 0.0])
    path = dicom(tmp_path / "b.dcm", pattern(), spacing=(0.2, 0.2))
    read = SimpleITK.ReadImage(str(path))
    expected = read.TransformIndexToPhysicalPoint((10, 20, 0)[: read.GetDimension()])
    assert read_film(path).placement.to_lps([10.0, 20.0])[:2] == pytest.approx(expected[:2])


def test_aspect_of_pixels_is_kept_where_only_it_is_known(tmp_path):
    film = read_film(dicom(tmp_path / "a.dcm", pattern(), spacing=None, PixelAspectRatio=[2, 1]))
    assert film.spacing_mm is None
    assert film.pixel_size == (1.0, 2.0)
    assert read_film(tmp_path / "a.dcm", spacing=0.3).spacing_mm == (0.3, 0.6)
    assert read_film(tmp_path / "a.dcm", spacing=(0.3, 0.3)).spacing_mm == (0.3, 0.3)


@pytest.mark.parametrize(
    ("orientation", "anterior"),
    [(["P", "F"], "left"), (["A", "F"], "right"), (["PR", "FA"], "left"), (["H", "A"], None), (["P"], None)],
)
def test_facing_side_comes_from_the_tag(tmp_path, orientation, anterior):
    film = read_film(dicom(tmp_path / "a.dcm", pattern(), PatientOrientation=orientation))
    assert film.anterior == anterior
    assert read_film(tmp_path / "a.dcm", anterior="right").anterior == "right"


def test_negative_slope_turns_polarity(tmp_path):
    pixels = pattern()
    stored = (4095 - pixels).astype(np.uint16)
    film = read_film(dicom(tmp_path / "a.dcm", stored, RescaleSlope="-1", RescaleIntercept="4095"))
    assert np.array_equal(film.pixels - film.pixels.min(), pixels - pixels.min())


def test_no_reader_prints(tmp_path, capfd):
    for syntax in SYNTAXES:
        read_film(dicom(tmp_path / "a.dcm", pattern(), syntax=syntax))
    (tmp_path / "b.dcm").write_bytes((tmp_path / "a.dcm").read_bytes()[:-2000])
    with pytest.raises(FilmError):
        read_film(tmp_path / "b.dcm")
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_pixels_in_memory():
    film = film_from_pixels(pattern(), spacing_mm=(0.2, 0.2), anterior="right")
    assert (film.spacing_mm, film.anterior, film.warnings) == ((0.2, 0.2), "right", ())


def test_a_film_is_known_by_its_content_whatever_its_name(tmp_path):
    first, second = pattern(bits=16), pattern(bits=16)[::-1]
    for folder, pixels in (("a", first), ("b", second), ("c", first)):
        (tmp_path / folder).mkdir()
        for ending in ("mhd", "mha", "nrrd"):
            volume(tmp_path / folder / f"film.{ending}", pixels)
    for ending in ("mhd", "mha", "nrrd"):
        a, b, c = (read_film(tmp_path / folder / f"film.{ending}").sha256 for folder in "abc")
        assert a == c != b and len(a) == 64
    moved = (tmp_path / "c" / "film.mha").rename(tmp_path / "other name.mha")
    assert read_film(moved).sha256 == read_film(tmp_path / "a" / "film.mha").sha256
    assert film_from_pixels(first).sha256 == ""


def test_a_film_whose_file_has_changed_is_not_taken_for_another(tmp_path):
    path = picture(tmp_path / "film.png", pattern(bits=8))
    known, asked_late, gone = read_film(path), read_film(path), read_film(path)
    assert len(known.sha256) == 64
    picture(path, pattern(bits=8)[::-1], optimize=True)
    with pytest.raises(FilmError, match=r"film\.png: changed while it was read"):
        _ = asked_late.sha256
    path.unlink()
    with pytest.raises(FilmError, match=r"film\.png"):
        _ = gone.sha256
    assert len(known.sha256) == 64
