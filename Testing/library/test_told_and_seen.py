"""Tags against the film itself: polarity and side are compared with what the networks see, and both are said."""

import numpy as np
import pydicom
import pytest

from SpineAlignmentLib.detection.detector import Detector
from SpineAlignmentLib.film.film import film_from_pixels
from SpineAlignmentLib.film.reading import read_film
from Testing.library.films import SAMPLE_FILM, picture


@pytest.fixture(scope="module")
def detector():
    return Detector(threads=1)


@pytest.fixture(scope="module")
def sample():
    return read_film(SAMPLE_FILM)


@pytest.fixture(scope="module")
def plain(detector, sample):
    return detector.detect(sample)


def changed(path, inverted=False, **tags):
    """The sample film with other tags; `inverted`: with bone dark in its stored values."""
    data = pydicom.dcmread(SAMPLE_FILM)
    # read as any film is, then written without compression
    pixels = read_film(SAMPLE_FILM).pixels
    top = 2 ** int(data.BitsStored) - 1
    stored = (top - pixels if inverted else pixels).astype(np.uint16)
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 0
    data.PixelData = stored.tobytes()
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OW", False
    for keyword in ("PresentationLUTShape", "PixelIntensityRelationshipSign", "VOILUTSequence"):
        if keyword in data and keyword not in tags:
            delattr(data, keyword)
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    data.save_as(path)
    return read_film(path)


def distance_mm(found, plain):
    return float(np.nanmedian(np.linalg.norm(found.points_px - plain.points_px, axis=1)) * plain.spacing_mm[1])


@pytest.mark.parametrize(
    ("inverted", "tags", "said"),
    [
        (True, {}, "MONOCHROME2 makes bone dark"),
        (False, {"PhotometricInterpretation": "MONOCHROME1"}, "MONOCHROME1 makes bone dark"),
        (True, {"PresentationLUTShape": "INVERSE"}, "PresentationLUTShape (2050,0020) INVERSE; bone was dark"),
        (True, {"PixelIntensityRelationshipSign": 1}, "PixelIntensityRelationshipSign (0028,1041) 1; bone was dark"),
        (False, {"PixelIntensityRelationshipSign": 1}, "bone is bright in the film as"),
    ],
)
def test_polarity_is_what_the_film_shows(detector, plain, tmp_path, inverted, tags, said):
    found = detector.detect(changed(tmp_path / "a.dcm", inverted, **tags))
    assert distance_mm(found, plain) < 2.0
    assert any(said in w for w in found.warnings)


def test_side_is_what_the_film_shows(detector, plain, tmp_path):
    other = {"left": ["A", "F"], "right": ["P", "F"]}[plain.anterior]
    found = detector.detect(changed(tmp_path / "a.dcm", PatientOrientation=other))
    assert (found.anterior, distance_mm(found, plain) < 2.0) == (plain.anterior, True)
    assert found.anterior_source.startswith("detected")
    (warning,) = [w for w in found.warnings if "PatientOrientation" in w]
    assert "left" in warning and "right" in warning


def test_what_the_user_says_is_not_asked_of_the_film(detector, sample, plain):
    other = {"left": "right", "right": "left"}[plain.anterior]
    # no spine faces that side, and the user insists
    found = detector.detect(sample.facing(other), force=True)
    assert (found.anterior, found.anterior_source) == (other, "given")
    assert not any("looks as if" in w for w in found.warnings)


def test_tags_that_are_true_are_no_news(plain, sample):
    assert plain.anterior_source == sample.anterior_source
    assert not any("dark" in w or "looks as if" in w for w in plain.warnings)


def test_dark_bone_without_a_tag(detector, sample, plain, tmp_path):
    gray = np.round(sample.pixels / sample.pixels.max() * 255).astype(np.uint8)
    found = detector.detect(read_film(picture(tmp_path / "a.png", 255 - gray), spacing=plain.spacing_mm))
    assert distance_mm(found, plain) < 2.0
    assert "bone was dark: gray scale turned around" in found.warnings


def test_pixels_in_memory_are_taken_as_they_are(detector, sample):
    film = film_from_pixels(sample.pixels.max() - sample.pixels, spacing_mm=sample.spacing_mm)
    assert not any("dark" in w for w in detector.detect(film).warnings)
