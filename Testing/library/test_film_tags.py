"""What tags say of view, side, spacing and polarity: believed where they can be, said where they cannot."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import NO_SPACING
from SpineAlignmentLib.film.reading import read_film
from Testing.library.dicom_words import write
from Testing.library.films import pattern

GRAY = pattern(96, 400, 12)
DETECTOR = "pixel spacing is that of the detector, not calibrated to the patient"


def code(value, meaning, scheme="SCT"):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


FRONTAL = [
    {"ViewPosition": "AP"},
    {"ViewPosition": "PA"},
    {"ViewCodeSequence": code("399348003", "antero-posterior")},
    {"ViewCodeSequence": code("272479007", "other words")},
    {"ViewCodeSequence": code("R-10214", "Postero-anterior", "SRT")},
    {"PatientOrientation": ["L", "F"]},
    {"PatientOrientation": ["F", "R"]},
    *({"ViewPosition": said} for said in ("ANTEROPOSTERIOR", "ANTERO-POSTERIOR", "AP ERECT", "AP_ERECT", "A.P. STAND")),
    *({"ViewPosition": said} for said in ("PA STANDING", "POST-ANT", "APPA", "AP OBLIQUE", "CORONAL")),
    {"ViewCodeSequence": code("399312000", "?")},
    {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]},
    {"ImageOrientationPatient": [-0.98, 0.17, 0, 0, 0, -1]},
    {"ImageOrientationPatient": [0, 0, -1, 1, 0, 0]},
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("tags", FRONTAL)
def test_a_frontal_view_is_refused_unless_forced(tmp_path, tags):
    path = write(tmp_path / "a.dcm", GRAY, **tags)
    keyword = next(iter(tags))
    with pytest.raises(FilmError, match=rf"not a lateral film: {keyword} \(.*--force"):
        read_film(path)
    assert any("not a lateral film" in w and keyword in w for w in read_film(path, force=True).warnings)


OBLIQUE = [
    *(
        {"ViewPosition": said}
        for said in ("LLO", "RLO", "RAO", "LAO", "LPO", "RPO", "OBLIQUE", "LATERAL OBLIQUE", "OBL")
    ),
    {"ViewCodeSequence": code("399321002", "oblique projection")},
    {"ViewCodeSequence": code("399356000", "other words")},
    {"ViewCodeSequence": code("R-10220", "?", "SRT")},
    {"PatientOrientation": ["PL", "F"]},
    {"ImageOrientationPatient": [0.7, 0.71, 0, 0, 0, -1]},
]


@pytest.mark.parametrize("tags", [*OBLIQUE, {"ViewPosition": "LLD"}, {"ViewPosition": "DECUBITUS"}])
def test_a_view_that_is_not_quite_lateral_is_said(tmp_path, tags):
    film = read_film(write(tmp_path / "a.dcm", GRAY, PixelSpacing=[0.2, 0.2], **tags))
    (warning,) = film.warnings
    view = "oblique" if tags in OBLIQUE else "decubitus"
    assert next(iter(tags)) in warning and f"says that the view is {view}" in warning


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "tags",
    [
        {"ViewPosition": "LL"},
        {"ViewPosition": "LATERAL ERECT"},
        {"ViewPosition": "L-LAT"},
        {"ViewPosition": "AP + LAT"},
        {"ViewPosition": "UPRIGHT"},
        {"ViewCodeSequence": code("399198007", "right lateral")},
        {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]},
        # what converters write where they know none
        {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
    ],
)
def test_a_lateral_view_is_no_news(tmp_path, tags):
    assert read_film(write(tmp_path / "a.dcm", GRAY, PixelSpacing=[0.2, 0.2], **tags)).warnings == ()


def test_views_that_contradict_each_other_are_both_said(tmp_path):
    film = read_film(write(tmp_path / "a.dcm", GRAY, ViewPosition="AP", PatientOrientation=["P", "F"]))
    assert film.anterior == "left"
    assert any("ViewPosition" in w and "PatientOrientation" in w for w in film.warnings)
    film = read_film(write(tmp_path / "a.dcm", GRAY, ViewPosition="LL", ImageOrientationPatient=[1, 0, 0, 0, 0, -1]))
    assert any("ViewPosition" in w and "ImageOrientationPatient" in w for w in film.warnings)


def test_no_more_of_a_view_is_quoted_than_its_word(tmp_path):
    with pytest.raises(FilmError) as error:
        read_film(write(tmp_path / "a.dcm", GRAY, ViewPosition="AP DOE JANE"))
    assert "DOE" not in str(error.value)


@pytest.mark.parametrize(
    "broken", ["0\\0", "-1.#IND\\-1.#IND", "0,2\\0,2", "0.2", "0.2\\0.2\\0.2", "900\\900", "0.1\\5", "nan\\nan", "abc"]
)
def test_a_broken_spacing_hides_no_good_one(tmp_path, broken):
    marker = "123456789.012345\\123456789.0123"
    path = write(tmp_path / "a.dcm", GRAY, PixelSpacing=marker.split("\\"), ImagerPixelSpacing=[0.21, 0.2])
    content = path.read_bytes()
    assert marker.encode() in content
    path.write_bytes(content.replace(marker.encode(), broken.encode().ljust(len(marker))))
    film = read_film(path)
    assert (film.spacing_mm, film.spacing_source) == ((0.2, 0.21), "ImagerPixelSpacing (0018,1164)")
    assert any("PixelSpacing (0028,0030) holds" in w for w in film.warnings)
    # the user knows better, and what the tag holds is no matter then
    given = read_film(path, spacing=(0.3, 0.4))
    assert given.spacing_mm == (0.3, 0.4)
    assert not any("holds" in w for w in given.warnings)


@pytest.mark.parametrize("vr", [b"UT", b"UN"])
def test_a_spacing_of_another_vr_is_read(tmp_path, vr):
    path = write(tmp_path / "a.dcm", GRAY, PixelSpacing=["0.21", "0.2"])
    content = path.read_bytes()
    old = b"\x28\0\x30\0DS\x08\x000.21\\0.2"
    assert old in content
    path.write_bytes(content.replace(old, b"\x28\0\x30\0" + vr + b"\0\0\x08\0\0\x000.21\\0.2"))
    film = read_film(path)
    assert (film.spacing_mm, film.spacing_source) == ((0.2, 0.21), "PixelSpacing (0028,0030)")


@pytest.mark.parametrize(("factor", "said"), [(None, ""), ("1.3", "1.3 times shorter")])
def test_a_spacing_that_equals_the_detectors_is_not_calibrated(tmp_path, factor, said):
    more = {} if factor is None else {"EstimatedRadiographicMagnificationFactor": factor}
    path = write(tmp_path / "a.dcm", GRAY, PixelSpacing=[0.2, 0.2], ImagerPixelSpacing=["0.20000", "0.2"], **more)
    (warning,) = read_film(path).warnings
    assert warning.startswith(DETECTOR) and said in warning


IMAGER, SHEET = "ImagerPixelSpacing (0018,1164)", "NominalScannedPixelSpacing (0018,2010)"


@pytest.mark.parametrize(
    ("patient", "detector", "why"),
    [
        ((0.2, 0.4), (0.2, 0.2), "another shape"),
        ((0.4, 0.2), (0.2, 0.4), "another shape"),
        ((1, 1), (1.4, 1.4), "placeholder"),
        ((1, 1), (0.2, 0.2), "placeholder"),
        ((0.02, 0.02), (0.2, 0.2), "is 10 times smaller than"),
        ((0.1, 0.1), (0.2, 0.2), "is 2 times smaller than"),
    ],
)
@pytest.mark.parametrize("keyword", ["ImagerPixelSpacing", "NominalScannedPixelSpacing"])
def test_a_calibration_that_cannot_be_is_not_used(tmp_path, patient, detector, why, keyword):
    tags = {"PixelSpacing": list(patient), keyword: list(detector)}
    film = read_film(write(tmp_path / "a.dcm", GRAY, **tags))
    assert film.spacing_mm == detector[::-1] and film.spacing_source.startswith(keyword)
    contradiction, uncalibrated = film.warnings
    assert "PixelSpacing (0028,0030) '" in contradiction and f"{keyword} (" in contradiction
    assert why in contradiction and contradiction.endswith("not used")
    assert uncalibrated.endswith("not calibrated to the patient")
    # somebody measured a ball on the film: what tags say of the detector may be older than the image
    film = read_film(write(tmp_path / "a.dcm", GRAY, **tags, PixelSpacingCalibrationType="FIDUCIAL"))
    assert film.spacing_mm == patient[::-1]
    assert [w for w in film.warnings if f"{keyword} (" in w and why in w and "check lengths" in w]


@pytest.mark.parametrize("patient", [(0.26, 0.26), (0.4, 0.4), (2, 2)])
def test_beside_a_smaller_pixel_of_the_detector_no_length_is_known(tmp_path, patient):
    tags = {"PixelSpacing": list(patient), "ImagerPixelSpacing": [0.2, 0.2]}
    film = read_film(write(tmp_path / "a.dcm", GRAY, **tags))
    assert film.spacing_mm is None and film.pixel_aspect == 1.0
    assert [w for w in film.warnings if "is larger than ImagerPixelSpacing" in w and "--spacing" in w]
    film = read_film(write(tmp_path / "a.dcm", GRAY, **tags, PixelSpacingCalibrationType="FIDUCIAL"))
    assert film.spacing_mm == patient


def test_a_slot_scanners_square_pixels_are_used_as_far_as_they_are_rounded(tmp_path):
    film = read_film(write(tmp_path / "a.dcm", GRAY, PixelSpacing=[0.1794, 0.1794], ImagerPixelSpacing=[0.1793, 0.22]))
    assert film.spacing_mm == (0.1794, 0.1794)


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"ImagerPixelSpacing": [0.25, 0.25]}, ""),
        ({"ImagerPixelSpacing": [0.25, 0.25], "EstimatedRadiographicMagnificationFactor": "1.25"}, ""),
        ({"ImagerPixelSpacing": [0.25, 0.25], "EstimatedRadiographicMagnificationFactor": "1.1"}, "1.1"),
        ({"ImagerPixelSpacing": [0.22, 0.22], "PixelSpacingCalibrationType": "GEOMETRY"}, ""),
        ({"NominalScannedPixelSpacing": [0.22, 0.22]}, ""),
        ({"ImagerPixelSpacing": [1, 1]}, ""),
        # a slot scanner: magnified across the slot alone
        ({"ImagerPixelSpacing": [0.2, 0.28]}, "square pixels"),
    ],
)
def test_a_calibration_that_can_be_is_used(tmp_path, tags, told):
    film = read_film(write(tmp_path / "a.dcm", GRAY, PixelSpacing=[0.2, 0.2], **tags))
    assert (film.spacing_mm, film.spacing_source) == ((0.2, 0.2), "PixelSpacing (0028,0030)")
    assert len(film.warnings) == bool(told) and all(told in w for w in film.warnings)


@pytest.mark.parametrize(
    ("tags", "spacing", "source", "where"),
    [
        ({"PixelSpacing": [1.42, 1.42], "ImagerPixelSpacing": [1.4198, 1.4198]}, 1.4198, IMAGER, "the detector"),
        ({"PixelSpacing": [0.14, 0.14], "ImagerPixelSpacing": [0.1435, 0.1435]}, 0.1435, IMAGER, "the detector"),
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2018, 0.2018]}, 0.2018, IMAGER, "the detector"),
        ({"PixelSpacing": [0.2, 0.2], "NominalScannedPixelSpacing": [0.2, 0.2]}, 0.2, SHEET, "the scanned film"),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, 0.2, SHEET, "the scanned film"),
    ],
)
def test_a_spacing_of_detector_or_sheet_is_not_calibrated(tmp_path, tags, spacing, source, where):
    film = read_film(write(tmp_path / "a.dcm", GRAY, **tags))
    assert (film.spacing_mm, film.spacing_source) == ((spacing, spacing), source)
    assert film.warnings == (f"pixel spacing is that of {where}, not calibrated to the patient",)


def test_a_detectors_spacing_that_is_called_calibrated_is_said(tmp_path):
    tags = {"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "GEOMETRY"}
    film = read_film(write(tmp_path / "a.dcm", GRAY, **tags))
    assert film.spacing_source == IMAGER and DETECTOR in film.warnings
    assert any("PixelSpacingCalibrationType (0028,0A02)" in w for w in film.warnings)


@pytest.mark.parametrize("ratio", [["1"], ["0", "1"], ["1", "2", "3"]])
def test_an_aspect_ratio_that_is_none_is_said(tmp_path, ratio):
    film = read_film(write(tmp_path / "a.dcm", GRAY, PixelAspectRatio=ratio))
    assert film.pixel_size == (1.0, 1.0)
    assert any("PixelAspectRatio (0028,0034)" in w for w in film.warnings)
    assert NO_SPACING in film.warnings


@pytest.mark.parametrize(
    ("tags", "doubt"),
    [
        ({}, ""),
        ({"PresentationLUTShape": "IDENTITY"}, ""),
        ({"PresentationLUTShape": "INVERSE"}, "PresentationLUTShape (2050,0020) INVERSE"),
        ({"PixelIntensityRelationshipSign": -1}, ""),
        ({"PixelIntensityRelationshipSign": 1}, "PixelIntensityRelationshipSign (0028,1041) 1"),
        ({"PixelIntensityRelationshipSign": 1, "PresentationLUTShape": "IDENTITY"}, ""),
        ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}, ""),
        ({"PhotometricInterpretation": "MONOCHROME1", "PixelIntensityRelationshipSign": 1}, ""),
        ({"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": "-1", "RescaleIntercept": "0"}, "slope"),
    ],
)
def test_tags_that_contradict_each_other_about_polarity_leave_a_doubt(tmp_path, tags, doubt):
    film = read_film(write(tmp_path / "a.dcm", GRAY, **tags))
    assert (doubt in film.polarity_doubt) if doubt else film.polarity_doubt == ""


def test_unknown_elements_do_not_matter(tmp_path):
    path = write(tmp_path / "a.dcm", GRAY)
    content = path.read_bytes()
    at = content.index(b"\x28\0\x02\0US")
    unknown, not_text, empty = b"??\x04\0abcd", b"SH\x04\0\xff\xfe\xfd\xfc", b"UN\0\0\0\0\0\0"
    for element in (b"\x19\0\x10\x10" + unknown, b"\x20\0\x10\0" + not_text, b"\x09\0\x01\x10" + empty):
        path.write_bytes(content[:at] + element + content[at:])
        assert np.array_equal(read_film(path).pixels, GRAY)


@pytest.mark.parametrize(("dots", "said"), [("0.264583\\0.264583", 96), ("0.3528\\0.3528", 72), ("0.127\\0.127", 0)])
def test_the_dots_per_inch_of_a_picture_are_said(tmp_path, dots, said):
    film = read_film(write(tmp_path / "a.dcm", pattern(), PixelSpacing=dots.split("\\")))
    assert film.spacing_mm is not None
    assert any(f"is {said} dots per inch" in warning for warning in film.warnings) is bool(said)
