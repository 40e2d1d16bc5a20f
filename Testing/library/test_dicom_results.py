"""DICOM results, judged by others' tools: dciodvfy (dicom3tools), dsrdump and dcmp2pgm (DCMTK)."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import DigitalXRayImageStorageForPresentation, SecondaryCaptureImageStorage, generate_uid

from SpineAlignmentLib.clinical.patient import Patient
from SpineAlignmentLib.clinical.result import with_readings
from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.dicom.film_header import film_header
from SpineAlignmentLib.dicom.gsps_writing import presentation_state
from SpineAlignmentLib.dicom.results import dicom_capture, dicom_results
from SpineAlignmentLib.dicom.sr_reading import read_structured_report
from SpineAlignmentLib.dicom.sr_writing import structured_report
from SpineAlignmentLib.dicom.vocabulary import landmark_code, parameter_label, plain
from SpineAlignmentLib.errors import FilmError, ResultError
from SpineAlignmentLib.film.paths import film_files
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.doubts import doubts
from SpineAlignmentLib.results.drawn import Drawn, cobb_between
from SpineAlignmentLib.results.picture import draw
from SpineAlignmentLib.results.result_file import read_annotation, to_json
from Testing.library.films import SAMPLE_FILM, dicom, pattern, picture, spine

SIZE = (500, 1200)
MISSING = ("FH_2", "C2_D")


def film(path: Path, kind: str) -> Path:
    """An uncompressed film of a kind that archives hold."""
    pixels = pattern(*SIZE)
    tags = {"StudyDate": "20260102", "StudyTime": "101010", "SeriesNumber": 3, "InstanceNumber": 1}
    if kind == "DX":
        data = pydicom.dcmread(dicom(path, pixels, spacing=None, ImagerPixelSpacing=[0.4, 0.4], **tags))
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
        data.Modality, data.PatientOrientation, data.ImageLaterality = "DX", ["P", "F"], "U"
        data.PatientSex, data.StudyID, data.AccessionNumber, data.ReferringPhysicianName = "F", "1", "7", ""
    elif kind == "CR without PatientID":
        data = pydicom.dcmread(dicom(path, pixels, spacing=(0.4, 0.4)))
        del data.PatientID
    elif kind == "MONOCHROME1":
        data = pydicom.dcmread(dicom(path, pixels, photometric="MONOCHROME1", spacing=(0.4, 0.4), **tags))
    elif kind == "Latin name":
        data = pydicom.dcmread(dicom(path, pixels, SpecificCharacterSet="ISO_IR 100", **tags))
        data.PatientName, data.WindowCenter, data.WindowWidth = "Müller^Jörg", 2000, 4000
    elif kind == "oblong pixels":
        data = pydicom.dcmread(dicom(path, pixels, spacing=(0.3, 0.5), **tags))
    else:
        data = pydicom.dcmread(dicom(path, pixels, bits=16, spacing=None))
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        data.Modality, data.ConversionType = "OT", "WSD"
    data.save_as(path)
    return path


KINDS = ("DX", "CR without PatientID", "MONOCHROME1", "secondary capture", "Latin name", "oblong pixels")


def annotation(path: Path, kind: str) -> Annotation:
    """The sample film's landmarks brought to the size of these films, some of them missing or off the film."""
    sample = read_annotation(SAMPLE_FILM.with_suffix(".json"))
    points = sample.points_px * np.array(SIZE) / np.array(sample.size_px)
    points[[INDEX[name] for name in MISSING]] = np.nan
    points[INDEX["L3_C"]] = (-20.0, 400.25)
    spacing = {"secondary capture": None, "oblong pixels": (0.3, 0.5), "Latin name": (0.2, 0.2)}.get(kind, (0.4, 0.4))
    sure = np.linspace(0.3, 1.0, len(NAMES))
    found = replace(sample, film=path.name, size_px=SIZE, spacing_mm=spacing, spacing_source="a tag", extra={})
    lines = ((100.0, 200.0), (200.0, 200.0), (100.0, 300.0), (200.0, 400.0))
    drawn = (cobb_between("T1", "T12"), Drawn("distance", None, lines[:2]), Drawn("angle", None, lines))
    return replace(found.with_points(points, sure), drawn=drawn)


@pytest.fixture(scope="module", params=KINDS)
def exported(request, tmp_path_factory):
    """A film of each kind with its results, as files."""
    folder = tmp_path_factory.mktemp("dicom")
    path = film(folder / "film.dcm", request.param)
    found = with_readings(annotation(path, request.param), Patient(63, "F"))
    seen = read_film(path)
    for ending, content in (dicom_results(path, seen, found) | dicom_capture(path, seen, found)).items():
        (folder / f"film{ending}").write_bytes(content)
    return request.param, folder, found


def run(*command: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace", check=False)


@pytest.mark.parametrize("ending", [".sr.dcm", ".gsps.dcm", ".sc.dcm"])
def test_a_validator_finds_no_error(exported, ending):
    _, folder, _ = exported
    done = run("dciodvfy", folder / f"film{ending}")
    told = done.stdout + done.stderr
    kind = {".sr.dcm": "ComprehensiveSR", ".gsps.dcm": "GrayscaleSoftcopyPresentationState", ".sc.dcm": "SCImage"}
    assert kind[ending] in told.replace(" ", "")
    assert [line for line in told.splitlines() if line.startswith("Error")] == []


def test_the_validator_would_find_an_error(tmp_path):
    data = pydicom.dcmread(film(tmp_path / "f.dcm", "DX"))
    state = presentation_state(annotation(tmp_path / "f.dcm", "DX"), film_header(tmp_path / "f.dcm"))
    del state.PresentationLUTShape
    state.save_as(tmp_path / "broken.dcm")
    done = run("dciodvfy", tmp_path / "broken.dcm")
    assert "Error" in done.stdout + done.stderr
    assert data.Modality == "DX"


def test_the_report_is_read_by_others(exported):
    kind, folder, found = exported
    done = run("dsrdump", "+Pl", folder / "film.sr.dcm")
    assert done.returncode == 0
    for name in NAMES:
        expected = name not in (*MISSING, "L3_C")
        assert (f'"Tracking Identifier")="{name}"' in done.stdout.replace("(,,", "")) is expected, name
    assert "Cobb angle" in done.stdout and "Normal Range" in done.stdout
    values = found.parameters()
    for key in KEYS:
        label = parameter_label(key)
        assert (label in done.stdout) is np.isfinite(values[key]).item(), (kind, key)
    report = highdicom.sr.srread(folder / "film.sr.dcm")
    groups = report.content.get_planar_roi_measurement_groups()
    assert len(groups) == len(NAMES) - 3
    assert len({group.tracking_uid for group in groups}) == len(groups)
    single = report.content.get_image_measurement_groups(tracking_uid=None)
    ss = next(g for g in single if g.tracking_identifier == parameter_label("SS"))
    assert ss.get_measurements()[0].value == pytest.approx(values["SS"], abs=1e-5)


def test_landmarks_come_back(exported):
    _, folder, found = exported
    back = read_structured_report(folder / "film.sr.dcm")
    expected = found.points_px.copy()
    expected[INDEX["L3_C"]] = np.nan
    assert np.allclose(back.points_px, expected, atol=0.01, equal_nan=True)
    there = np.isfinite(expected).all(axis=1)
    assert np.allclose(back.confidence[there], found.confidence[there], atol=1e-3)
    for name in ("film", "size_px", "spacing_mm", "spacing_source", "anterior", "models", "warnings"):
        assert getattr(back, name) == getattr(found, name)
    values = found.with_points(expected).parameters()
    assert back.parameters() == pytest.approx(values, abs=0.01, nan_ok=True)


def test_points_start_at_the_corner_of_the_first_pixel(exported):
    _, folder, found = exported
    data = pydicom.dcmread(folder / "film.gsps.dcm")
    layer = next(a for a in data.GraphicAnnotationSequence if a.GraphicLayer == "LANDMARKS")
    drawn = np.array([g.GraphicData for g in layer.GraphicObjectSequence])
    kept = np.isfinite(found.points_px).all(axis=1)
    kept[INDEX["L3_C"]] = False
    assert drawn == pytest.approx(found.points_px[kept] + 0.5, abs=1e-3)
    everything = [g.GraphicData for a in data.GraphicAnnotationSequence for g in a.get("GraphicObjectSequence", [])]
    flat = np.concatenate([np.reshape(g, (-1, 2)) for g in everything])
    assert np.isfinite(flat).all() and (flat >= 0).all() and (flat <= np.array(SIZE)).all()


def test_what_a_person_drew_is_in_the_presentation_state(exported):
    kind, folder, found = exported
    data = pydicom.dcmread(folder / "film.gsps.dcm")
    layer = next(a for a in data.GraphicAnnotationSequence if a.GraphicLayer == "DRAWN")
    lines = [np.reshape(g.GraphicData, (-1, 2)) for g in layer.GraphicObjectSequence]
    for one, count in zip(found.drawn[1:], (1, 2), strict=True):
        for ends in np.reshape(one.points_px, (count, 2, 2)):
            assert any(line == pytest.approx(ends + 0.5, abs=0.01) for line in lines if len(line) == 2)
    texts = " | ".join(t.UnformattedTextValue for t in layer.TextObjectSequence)
    assert "T1-T12" in texts and "Angle 1" in texts
    assert ("Distance 1 n/a" in texts) is (kind == "secondary capture")
    tied = [t for t in layer.TextObjectSequence if t.AnchorPointVisibility == "Y"]
    for text in tied:
        x, y = text.AnchorPoint
        (left, top), (right, bottom) = text.BoundingBoxTopLeftHandCorner, text.BoundingBoxBottomRightHandCorner
        assert not (left <= x <= right and top <= y <= bottom)


def test_texts_lie_on_the_film_and_on_no_other(exported):
    kind, folder, found = exported
    data = pydicom.dcmread(folder / "film.gsps.dcm")
    texts = [t for a in data.GraphicAnnotationSequence for t in a.get("TextObjectSequence", [])]
    shape = r"[A-Za-z0-9-]+( \d+)?( n/a| -?\d+\.\d+( deg| mm)?)?"
    doubted = {plain(line) for line in doubts(found)}
    assert all(re.fullmatch(shape, t.UnformattedTextValue) or t.UnformattedTextValue in doubted for t in texts)
    assert any("deg" in t.UnformattedTextValue for t in texts)
    assert any(" mm" in t.UnformattedTextValue for t in texts) is (kind != "secondary capture")
    boxes = [(*t.BoundingBoxTopLeftHandCorner, *t.BoundingBoxBottomRightHandCorner) for t in texts]
    for i, a in enumerate(boxes):
        assert 0 <= a[0] < a[2] <= SIZE[0] and 0 <= a[1] < a[3] <= SIZE[1]
        for b in boxes[:i]:
            assert not (a[0] < b[2] - 0.01 and b[0] < a[2] - 0.01 and a[1] < b[3] - 0.01 and b[1] < a[3] - 0.01)


def test_the_film_is_shown_the_right_way_round(exported):
    kind, folder, _ = exported
    done = run("dcmp2pgm", "-p", folder / "film.gsps.dcm", folder / "film.dcm", folder / "shown.pgm")
    assert done.returncode == 0, done.stderr
    shown = np.asarray(Image.open(folder / "shown.pgm"), float)
    assert shown.shape == SIZE[::-1]
    bone = pattern(*SIZE).astype(float)
    assert np.corrcoef(shown.ravel(), bone.ravel())[0, 1] > 0.9
    area = pydicom.dcmread(folder / "film.gsps.dcm").DisplayedAreaSelectionSequence[0]
    if kind == "oblong pixels":
        assert list(area.PresentationPixelSpacing) == [0.5, 0.3] and "PresentationPixelAspectRatio" not in area


def test_the_capture_is_the_picture(exported, tmp_path):
    _, folder, found = exported
    data = pydicom.dcmread(folder / "film.sc.dcm")
    picture_of_it = np.asarray(draw(read_film(folder / "film.dcm"), replace(found, film="")).convert("RGB"))
    assert np.array_equal(data.pixel_array, picture_of_it)
    # by others' eyes: DCMTK writes what it shows
    done = run("dcmj2pnm", "--write-bmp", folder / "film.sc.dcm", tmp_path / "shown.bmp")
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.asarray(Image.open(tmp_path / "shown.bmp").convert("RGB")), picture_of_it)
    header = film_header(folder / "film.dcm")
    (source,) = data.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == header.SOPInstanceUID
    assert source.ReferencedSOPClassUID == header.SOPClassUID
    assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert data.StudyInstanceUID == header.StudyInstanceUID and data.SeriesInstanceUID != header.SeriesInstanceUID
    assert data.PatientName == header.PatientName and "PixelSpacing" not in data
    assert list(data.PatientOrientation) == ["P" if found.anterior == "left" else "A", "F"]
    assert "BurnedInAnnotation" not in data


def test_a_capture_is_not_taken_for_a_film(exported):
    _, folder, _ = exported
    with pytest.raises(FilmError, match="the picture of a result, not a film"):
        read_film(folder / "film.sc.dcm")


def test_both_refer_to_the_film_and_are_new_each_time(exported):
    _, folder, found = exported
    header = film_header(folder / "film.dcm")
    first, second = (pydicom.dcmread(folder / f"film{ending}") for ending in (".sr.dcm", ".gsps.dcm"))
    evidence = first.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert evidence.ReferencedSOPInstanceUID == header.SOPInstanceUID
    series = second.ReferencedSeriesSequence[0]
    assert series.ReferencedImageSequence[0].ReferencedSOPInstanceUID == header.SOPInstanceUID
    for data in (first, second):
        assert data.StudyInstanceUID == header.StudyInstanceUID and data.SeriesInstanceUID != header.SeriesInstanceUID
        assert data.PatientName == header.PatientName
    assert structured_report(found, header).SOPInstanceUID != first.SOPInstanceUID


def test_intervals_are_uncertainties(tmp_path):
    path = film(tmp_path / "f.dcm", "DX")
    found = annotation(path, "DX")
    parameters = to_json(found)["parameters"]
    value = parameters["SS"]["value"]
    parameters["SS"] |= {"low": value - 2.5, "high": value + 4}
    structured_report(replace(found, extra={"parameters": parameters}), film_header(path)).save_as(
        tmp_path / "f.sr.dcm"
    )
    told = run("dsrdump", "+Pl", tmp_path / "f.sr.dcm").stdout
    assert re.search(r'\+.*[Uu]ncertainty.*"4(\.0)?"', told) and re.search(r'[Uu]ncertainty.*"2\.5"', told)


def test_bad_input_is_one_line(tmp_path, capsys):
    (tmp_path / "broken.sr.dcm").write_bytes(SAMPLE_FILM.read_bytes()[:3000])
    (tmp_path / "film.dcm").write_bytes(SAMPLE_FILM.read_bytes())
    (tmp_path / "words.dcm").write_text("no DICOM at all")
    names = ["broken.sr.dcm", "film.dcm", "words.dcm", "none.dcm"]
    assert main(["measure", *(str(tmp_path / n) for n in names), "-o", str(tmp_path / "out")]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 4 and all(name in line for name, line in zip(names, lines, strict=True))
    path = picture(tmp_path / "a.png", spine(bits=8))
    with pytest.raises(FilmError, match="not a DICOM film"):
        dicom_results(path, read_film(path), annotation(path, "DX"))
    bare = pydicom.dcmread(film(tmp_path / "bare.dcm", "DX"))
    del bare.StudyInstanceUID
    bare.save_as(tmp_path / "bare.dcm")
    with pytest.raises(FilmError, match="no StudyInstanceUID"):
        dicom_results(tmp_path / "bare.dcm", read_film(path), annotation(path, "DX"))
    path = film(tmp_path / "f.dcm", "DX")
    nowhere = annotation(path, "DX").with_points(np.full((len(NAMES), 2), np.nan))
    with pytest.raises(ResultError, match="no landmark lies on the film"):
        dicom_results(path, read_film(path), nowhere)


def test_a_damaged_report_says_so(exported, tmp_path):
    _, folder, _ = exported
    whole = (folder / "film.sr.dcm").read_bytes()
    for share in (0.3, 0.6, 0.97):
        (tmp_path / "cut.sr.dcm").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ResultError, match=r"cut\.sr\.dcm: "):
            read_structured_report(tmp_path / "cut.sr.dcm")


def test_command_line_writes_them_beside_the_others(tmp_path):
    data = pydicom.dcmread(SAMPLE_FILM)
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.save_as(tmp_path / "film.dcm")
    out = tmp_path / "out"
    assert main(["detect", str(tmp_path / "film.dcm"), "-o", str(out), "--dicom", "--capture"]) == 0
    assert {p.name for p in out.iterdir()} >= {"film.sr.dcm", "film.gsps.dcm", "film.sc.dcm", "film.json"}
    assert film_files(out, out) == []
    assert main(["measure", str(out / "film.sr.dcm"), "-o", str(tmp_path / "back")]) == 0
    fetched = tmp_path / "SRc.1.2.826.0.1"  # as archives give it back
    fetched.write_bytes((out / "film.sr.dcm").read_bytes())
    assert main(["measure", str(fetched), "-o", str(tmp_path / "fetched")]) == 0
    one, other = (json.loads((p / "film.json").read_text()) for p in (out, tmp_path / "back"))
    assert one["parameters"]["PI"]["value"] == pytest.approx(other["parameters"]["PI"]["value"], abs=1e-3)


def test_every_landmark_and_parameter_has_a_code():
    codes = [landmark_code(name) for name in NAMES]
    assert len({code.value for code in codes}) == len({code.meaning for code in codes}) == len(NAMES)
    assert all(len(code.value) <= 16 and len(code.meaning) <= 64 for code in codes)
    assert all(len(parameter_label(key)) <= 64 for key in KEYS)
