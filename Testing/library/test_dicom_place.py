"""Films lie where Slicer's own reader, ITK, lays them, and ITK is loaded only where it must be asked."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from SpineAlignmentLib.film.dicom_codec import _bare_file, _by_gdcm, _by_pillow, read_stream
from SpineAlignmentLib.film.dicom_place import asked_place, plain_place
from SpineAlignmentLib.film.itk import itk_placement
from SpineAlignmentLib.film.reading import read_film
from Testing.library.films import SAMPLE_FILM

CLASSES = ("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1",
           "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.12.2", "")  # fmt: skip
SIZES = st.none() | st.tuples(*[st.floats(0.01, 9.0).map(lambda v: f"{v:.6g}")] * 2)
FURTHER = {
    "Modality": ("CR",), "PixelAspectRatio": ("2", "1"), "EstimatedRadiographicMagnificationFactor": ("1.1",),
    "SliceThickness": ("3",), "SpacingBetweenSlices": ("4",), "PixelSpacingCalibrationType": ("GEOMETRY",),
    "ImagePositionPatient": ("1", "2", "3"), "ImageOrientationPatient": ("0", "1", "0", "0", "0", "-1"),
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CLASSES), SIZES, SIZES, SIZES, st.sets(st.sampled_from(sorted(FURTHER))))
def test_the_place_without_asking_is_the_one_that_is_answered(sop_class, patient, detector, sheet, further) -> None:
    sizes = {"PixelSpacing": patient, "ImagerPixelSpacing": detector, "NominalScannedPixelSpacing": sheet}
    said = {"SOPClassUID": (sop_class,)} if sop_class else {}
    said |= {keyword: size for keyword, size in sizes.items() if size is not None}
    said |= {keyword: FURTHER[keyword] for keyword in further}
    place = plain_place(said)
    asked = bool({"ImagePositionPatient", "ImageOrientationPatient"} & further) or sop_class not in CLASSES[:4]
    assert (place is None) == asked
    if place is not None:
        assert place == asked_place(tuple(said.items()))


@pytest.mark.parametrize("size", [("0", "0"), ("0.3",), ("0.3", "x"), ("-0.3", "0.3"), ("0.3", "0.3", "0.3")])
def test_what_is_no_size_is_asked_about(size: tuple[str, ...]) -> None:
    assert plain_place({"SOPClassUID": (CLASSES[0],), "ImagerPixelSpacing": size}) is None


@pytest.mark.parametrize("options", [{}, {"dpi": (96, 96)}, {"dpi": (300, 150)}])
@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_pictures_lie_where_they_are_laid(kind: str, options: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / f"film.{kind}"
    gray = np.random.default_rng(1).integers(0, 255, (300, 200)).astype(np.uint8)
    Image.fromarray(gray).save(path, **options)
    assert read_film(path).placement == itk_placement(path)


def test_a_common_film_is_read_without_loading_that_reader(tmp_path: Path) -> None:
    picture = tmp_path / "film.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (300, 200)).astype(np.uint8)).save(picture)
    code = (
        "import sys; from pathlib import Path; from SpineAlignmentLib.film.reading import read_film; "
        "[read_film(Path(name)) for name in sys.argv[1:]]; sys.exit('SimpleITK' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(SAMPLE_FILM), str(picture)]).returncode == 0


@pytest.mark.parametrize("bits", range(9, 17))
def test_jpeg_2000_is_decoded_to_the_same_words_without_it(bits: int, tmp_path: Path) -> None:
    import openjpeg.utils

    words = np.random.default_rng(bits).integers(0, 1 << bits, (130, 70)).astype(np.uint16)
    content = bytes(openjpeg.utils.encode_array(words, bits_stored=bits, photometric_interpretation=2))
    stream = read_stream(content, "", (70, 130), 1, 16)
    assert stream is not None and stream.bits == bits
    np.testing.assert_array_equal(_by_pillow(stream), words)
    np.testing.assert_array_equal(_by_gdcm(_bare_file(stream, "MONOCHROME2"), tmp_path), words)
