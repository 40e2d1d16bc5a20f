"""The shipped ensemble on the sample film: engines, file formats, mirror images and pixel shapes agree."""

import hashlib
import json
import shutil
import sys

import numpy as np
import pydicom
import pytest
from scipy import ndimage

from SpineAlignmentLib.detection.confidence import confidence
from SpineAlignmentLib.detection.detector import Detector, detect
from SpineAlignmentLib.detection.look import HIGHER_FIRST, Look, hips_in_order
from SpineAlignmentLib.detection.models import read_ensemble, read_models, shipped_models
from SpineAlignmentLib.detection.side import landmarks_seen
from SpineAlignmentLib.errors import ModelError
from SpineAlignmentLib.film.film import film_from_pixels
from SpineAlignmentLib.film.preprocessing import fit_film
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import BY_KEY
from SpineAlignmentLib.results.frame import film_points
from Testing.library.films import SAMPLE_FILM, dicom, picture, volume


@pytest.fixture(scope="module")
def sample():
    return read_film(SAMPLE_FILM)


@pytest.fixture(scope="module")
def detector():
    return Detector()


@pytest.fixture(scope="module")
def found(detector, sample):
    return detector.detect(sample)


@pytest.fixture(scope="module")
def gray(sample):
    """The sample film in 16 bits of its own range."""
    pixels = sample.pixels.astype(float)
    return np.round((pixels - pixels.min()) / np.ptp(pixels) * 65535).astype(np.uint16)


def distance(a, b):
    return float(np.nanmax(np.linalg.norm(a.points_px - b.points_px, axis=1)))


def test_result_is_complete(found, sample):
    assert found.size_px == sample.size_px
    assert len(found.models) == len(read_models()) == 7
    sure = found.confidence[np.isfinite(found.points_px).all(axis=1)]
    assert ((sure >= 0) & (sure <= 1)).all()
    assert np.isfinite(found.points_px).all()
    assert all(np.isfinite(v) for v in found.parameters().values())


def test_engines_agree(found, sample):
    pytest.importorskip("tensorflow")
    assert distance(Detector(engine="tensorflow").detect(sample), found) < 0.05


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_same_landmarks_from_any_dicom(tmp_path, detector, sample, found, gray, bits, photometric):
    syntaxes = {8: ["uncompressed", "rle"], 12: ["jpeg lossless", "jpeg-ls"], 16: ["uncompressed", "jpeg 2000"]}[bits]
    pixels = np.right_shift(gray, 16 - bits).astype(np.uint8 if bits == 8 else np.uint16)
    for syntax in syntaxes:
        path = dicom(tmp_path / "a.dcm", pixels, bits, photometric, syntax, spacing=sample.spacing_mm)
        again = detector.detect(read_film(path, anterior=found.anterior))
        assert distance(again, found) < 1, syntax


@pytest.mark.parametrize(
    ("ending", "bits", "bar"),
    [("png", 8, 1), ("png", 16, 1), ("tif", 16, 1), ("jpg", 8, 2), ("nrrd", 16, 1), ("mha", 16, 1), ("nii.gz", 16, 1)],
)
def test_same_landmarks_from_any_file(tmp_path, detector, found, gray, ending, bits, bar):
    pixels = np.right_shift(gray, 8).astype(np.uint8) if bits == 8 else gray
    path = (picture if ending in ("png", "tif", "jpg") else volume)(tmp_path / f"a.{ending}", pixels)
    again = detector.detect(read_film(path, spacing=found.spacing_mm, anterior=found.anterior))
    assert distance(again, found) < bar


def test_mirror_image_has_the_same_parameters(detector, sample, found):
    other = "right" if found.anterior == "left" else "left"
    mirrored = film_from_pixels(sample.pixels[:, ::-1], spacing_mm=sample.spacing_mm, anterior=other)
    for key, value in detector.detect(mirrored).parameters().items():
        if key != "Barrey":
            assert value == pytest.approx(found.parameters()[key], abs=0.5), key


def test_facing_side_is_detected(detector, sample, found):
    for pixels, side in ((sample.pixels, found.anterior), (sample.pixels[:, ::-1], "right")):
        again = detector.detect(film_from_pixels(pixels, spacing_mm=sample.spacing_mm))
        assert again.anterior == side
        assert "sure" in again.anterior_source


# taking two rows of five away changes the film's noise, and with it the lordosis of the neck by up to half a degree
@pytest.mark.parametrize(
    ("zoom", "tolerance"), [((1.0, 2.0), 0.3), ((2.0, 1.0), 0.3), ((0.6, 1.0), 0.3), ((1.0, 0.6), 0.5)]
)
def test_pixels_that_are_not_square_give_the_same_angles(detector, sample, found, zoom, tolerance):
    stretched = ndimage.zoom(
        sample.pixels.astype(np.float32), (zoom[1], zoom[0]), order=1, grid_mode=True, mode="nearest"
    )
    size = sample.pixels.shape
    spacing = (
        sample.spacing_mm[0] * size[1] / stretched.shape[1],
        sample.spacing_mm[1] * size[0] / stretched.shape[0],
    )
    again = detector.detect(film_from_pixels(stretched, spacing_mm=spacing, anterior=found.anterior))
    for key, value in again.parameters().items():
        if BY_KEY[key].unit == "deg":
            assert value == pytest.approx(found.parameters()[key], abs=tolerance), key


def test_long_film_is_looked_at_twice(detector, sample, found):
    height = sample.pixels.shape[0]
    legs = np.repeat(sample.pixels[-1:], height // 2, axis=0)
    long = film_from_pixels(
        np.concatenate([sample.pixels, legs]), spacing_mm=sample.spacing_mm, anterior=found.anterior
    )
    millimeters = np.linalg.norm(detector.detect(long).points_px - found.points_px, axis=1) * sample.spacing_mm[0]
    assert np.median(millimeters) < 3


def test_three_lines_are_enough():
    result = detect(SAMPLE_FILM)
    assert np.isfinite(result.parameters()["PI"])


def test_a_folder_of_models_may_be_named_in_a_word():
    with pytest.raises(ModelError, match="nowhere: no models there"):
        detect(SAMPLE_FILM, models="nowhere")


@pytest.fixture
def models(tmp_path):
    shutil.copytree(shipped_models(), tmp_path / "models")
    return tmp_path / "models"


def test_altered_or_missing_model_is_refused(models):
    first = read_ensemble(models)[0].folder
    content = bytearray((first / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (first / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.onnx.*checksum"):
        Detector(models, "onnx")
    (first / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx.*missing"):
        Detector(models, "onnx")
    (first / "model.json").write_text("{}")
    with pytest.raises(ModelError, match=r"model\.json"):
        read_ensemble(models)
    (models / "ensemble.json").write_text("[]")
    with pytest.raises(ModelError, match=r"ensemble\.json"):
        read_ensemble(models)


def test_model_that_cannot_be_loaded_is_refused(models):
    first = read_ensemble(models)[0].folder
    (first / "model.onnx").write_bytes(b"not a network")
    about = json.loads((first / "model.json").read_text())
    about["checksums"]["model.onnx"] = hashlib.sha256(b"not a network").hexdigest()
    (first / "model.json").write_text(json.dumps(about))
    with pytest.raises(ModelError, match=r"model\.onnx.*cannot load") as error:
        Detector(models, "onnx")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("platform", "advice"), [("win32", "Visual C\\+\\+ Redistributable"), ("linux", "force-reinstall")]
)
def test_an_engine_that_is_installed_but_cannot_be_loaded(monkeypatch, tmp_path, platform, advice):
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text("raise ImportError('DLL load failed while importing it')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "onnxruntime"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(ModelError, match=f"installed but cannot be loaded .DLL load failed.*{advice}"):
        Detector(engine="onnx")


def test_no_engine_of_that_name():
    with pytest.raises(ValueError, match="engine"):
        Detector(engine="abacus")


def test_sample_film_carries_no_patient():
    data = pydicom.dcmread(SAMPLE_FILM)
    assert not data.get("PatientBirthDate")
    assert SAMPLE_FILM.stat().st_size < 2_500_000


def test_hips_are_put_in_order(upright):
    points = film_points(upright, None, "left")
    swapped = points.copy()
    swapped[[INDEX["FH_1"], INDEX["FH_2"]]] = points[[INDEX["FH_2"], INDEX["FH_1"]]]
    assert np.array_equal(hips_in_order(swapped), points)
    assert np.array_equal(hips_in_order(points), points)


def test_heads_one_above_the_other_are_told_apart_by_height(upright):
    points = film_points(upright, None, "left")
    first, second = INDEX["FH_1"], INDEX["FH_2"]
    for ahead in (-2, 2):
        points[first], points[second] = (100, 500), (100 + ahead, 560)
        assert np.array_equal(hips_in_order(points, HIGHER_FIRST), points)
    points[second] = np.nan
    assert np.array_equal(hips_in_order(points, HIGHER_FIRST), points, equal_nan=True)


@pytest.mark.parametrize("anterior", ["left", "right"])
def test_a_look_is_named_by_its_mean_in_every_view(upright, anterior):
    points = film_points(upright, None, anterior)
    first, second = INDEX["FH_1"], INDEX["FH_2"]
    front = -1 if anterior == "left" else 1
    points[first], points[second] = (200, 500), (200 + 5 * front, 560)
    spread = np.ones((2, COUNT))
    spread[:, first] = 3
    look = Look(fit_film((400, 900), anterior=anterior), np.array([points, points - [front * 8, 0]]), spread)
    named = look.named()
    assert np.allclose(named.points[:, first], look.points[:, second]) and np.allclose(named.spread[:, second], 3)
    assert named.named() is named


def test_confidence_falls_with_spread_and_with_disagreement(upright):
    points = film_points(upright, None, "left")
    frame = fit_film((400, 900))
    calm = Look(frame, np.array([points, points]), np.full((2, COUNT), 1.0))
    wide = Look(frame, np.array([points, points]), np.full((2, COUNT), 8.0))
    apart = Look(frame, np.array([points - 9, points + 9]), np.full((2, COUNT), 1.0))
    for worse in (wide, apart):
        assert (confidence(worse, worse.mean, (1, 1)) < confidence(calm, calm.mean, (1, 1))).all()
    assert (confidence(calm, calm.mean, (1, 1)) > 0.9).all()


def test_a_sure_view_outweighs_an_unsure_one(upright):
    points = film_points(upright, None, "left")
    look = Look(
        fit_film((400, 900)), np.array([points, points + 10]), np.array([np.full(COUNT, 1.0), np.full(COUNT, 3.0)])
    )
    assert np.allclose(look.mean, points + 1)
    assert np.allclose(look.apart, np.sqrt(2 * (0.9 * 1 + 0.1 * 81)))
    assert np.all((look.deviation > 1) & (look.deviation < 3))


def test_more_landmarks_are_seen_where_heatmaps_are_sharp(upright):
    points = film_points(upright, None, "left")[None]
    frame = fit_film((400, 900))
    sharp, wide = (Look(frame, points, np.full((1, COUNT), spread)) for spread in (2.0, 40.0))
    assert landmarks_seen(wide) < 5 < 40 < landmarks_seen(sharp) <= COUNT
