"""Saved landmarks taken up again on their film."""

import json
from dataclasses import replace

import numpy as np
import pytest
import slicer

from SpineAlignmentLib import results
from SpineAlignmentLib.clinical.patient import Patient, patient_of
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.mrml.export import export_results
from SpineAlignmentLib.mrml.reopening import reopen
from SpineAlignmentLib.results.placement import plain_placement
from SpineAlignmentLib.results.reviewing import review_turned
from Testing.host import subject
from Testing.host.films import add_film


@pytest.fixture
def saved(alignment, tmp_path):
    """Files of a corrected film with a landmark that is missing."""
    alignment.set_detection(subject.detection())
    alignment.set_point("S1_A", (300.5, 1300.25))
    alignment.set_point("FH_2", None)
    alignment.set_spacing((0.5, 0.5), "typed")
    alignment.set_anterior("right")
    for kind in ("json", "mrk.json"):
        export_results(alignment, tmp_path / f"film.{kind}")
    return tmp_path


@pytest.mark.parametrize("kind", ["json", "mrk.json"])
def test_landmarks_come_back_where_they_were(spine, scene, alignment, saved, kind):
    again = spine.create(add_film(scene, subject.film_pixels(), subject.SPACING_MM, "again"))
    assert "cannot be told whether it is of again" in reopen(again, saved / f"film.{kind}")
    assert again.points_px == pytest.approx(alignment.points_px, abs=0.01, nan_ok=True)
    assert again.state("FH_2") in ("missing", "not placed")
    if kind == "json":
        facts = again.annotation
        assert (facts.spacing_mm, facts.spacing_source, facts.anterior) == ((0.5, 0.5), "typed", "right")
        assert again.parameters == pytest.approx(alignment.parameters, abs=0.05, nan_ok=True)
        assert again.detection is not None
    again.undo()
    assert np.isnan(again.points_px).all()


def test_labels_as_people_type_them_come_back(spine, scene, alignment, saved):
    path = saved / "film.mrk.json"
    path.write_text(path.read_text().replace('"label": "C7_C"', '"label": "c7_c "'))
    again = spine.create(add_film(scene, subject.film_pixels(), subject.SPACING_MM, "again"))
    reopen(again, path)
    assert again.points_px == pytest.approx(alignment.points_px, abs=0.01, nan_ok=True)


def test_landmarks_of_another_film_are_refused(spine, scene, alignment, saved):
    small = spine.create(add_film(scene, subject.film_pixels()[:300, :200], subject.SPACING_MM, "small"))
    text = r"film\.json: of another film, film \(700 x 1600 pixels\); this one is small \(200 x 300 pixels\)"
    with pytest.raises(ResultError, match=text):
        reopen(small, saved / "film.json")
    with pytest.raises(ResultError, match=r"film\.mrk\.json: (\d+ of )?its landmarks lie beside this film"):
        reopen(small, saved / "film.mrk.json")
    assert np.isnan(small.points_px).all()
    far = results.read_annotation(saved / "film.json")
    far = far.with_points(far.points_px + 5000)
    (saved / "far.mrk.json").write_bytes(results.markups_bytes(far, plain_placement(subject.SPACING_MM)))
    with pytest.raises(ResultError, match="its landmarks lie beside this film"):
        reopen(alignment, saved / "far.mrk.json")
    (saved / "bad.mrk.json").write_text("{}")
    with pytest.raises(ResultError, match="not a markups point list"):
        reopen(small, saved / "bad.mrk.json")
    assert small.states() == ["not placed"] * len(small.states())


@pytest.fixture
def two(spine, scene):
    """Two films of one size, with landmarks on the first."""
    made = []
    for name in ("first", "second"):
        volume = add_film(scene, subject.film_pixels(), subject.SPACING_MM, name)
        facts = replace(spine.facts(volume), film=f"{name}.dcm", film_sha256="ab"[len(made)] * 64)
        made.append(spine.create(volume, facts))
    made[0].set_detection(replace(subject.detection(), film="first.dcm", film_sha256="a" * 64))
    return made


@pytest.mark.parametrize("saved_by_slicer", [False, True])
def test_markups_of_another_film_of_the_same_size_are_refused(two, scene, spine, tmp_path, saved_by_slicer):
    first, second = two
    path = tmp_path / "landmarks.mrk.json"
    if saved_by_slicer:
        # opened and saved again, as Slicer does without knowing of us
        export_results(first, path)
        node, storage = slicer.vtkMRMLMarkupsFiducialNode(), slicer.vtkMRMLMarkupsJsonStorageNode()
        storage.SetFileName(str(path))
        assert storage.ReadData(node) and storage.WriteData(node)
    else:
        path.write_bytes(results.markups_bytes(first.annotation, plain_placement(subject.SPACING_MM)))
    message = r"of another film, first\.dcm( \(.*\))?; this one is second\.dcm \(700 x 1600 pixels\)"
    with pytest.raises(ResultError, match=message):
        reopen(second, path)
    assert np.isnan(second.points_px).all()
    # of the same name, as many a file of an archive is
    volume = add_film(scene, subject.film_pixels(), subject.SPACING_MM, "third")
    namesake = spine.create(volume, replace(spine.facts(volume), film="first.dcm", film_sha256="c" * 64))
    message = r"first\.dcm \(.*content aaaaaaaa\); this one is first\.dcm \(.*content cccccccc\)"
    with pytest.raises(ResultError, match=message):
        reopen(namesake, path)
    first.set_point("S1_A", (300.5, 1300.25))
    assert reopen(first, path) == ""
    assert first.points_px == pytest.approx(subject.upright_px(), abs=0.01)


def test_landmarks_that_do_not_say_of_which_film_they_are_bring_a_word_of_it(two, tmp_path):
    first, second = two
    path = tmp_path / "landmarks.mrk.json"
    export_results(first, path)
    content = json.loads(path.read_text())
    for point in content["markups"][0]["controlPoints"]:
        point["description"] = ""
    path.write_text(json.dumps(content))
    assert reopen(second, path) == (
        "landmarks.mrk.json: cannot be told whether it is of second.dcm; look whether its landmarks fit"
    )
    assert second.points_px == pytest.approx(first.points_px, abs=0.01)


def test_a_list_that_lost_points_still_says_of_which_film_it_is(two):
    first, _ = two
    first.landmarks.SetFixedNumberOfControlPoints(False)
    first.landmarks.RemoveNthControlPoint(3)
    said = {first.landmarks.GetNthControlPointDescription(i) for i in range(len(NAMES))}
    assert said == {f"of film first.dcm, SHA-256 {'a' * 64}"}


def test_a_film_that_was_not_calibrated_still_says_so(spine, scene, tmp_path):
    warning = "pixel spacing is that of the detector, not calibrated to the patient"
    volume = add_film(scene, subject.film_pixels(), subject.SPACING_MM, "film")
    facts = replace(spine.facts(volume), warnings=(warning,))
    first = spine.create(volume, facts)
    first.set_detection(subject.detection())
    first.set_patient(Patient(63.0, "F"))
    export_results(first, tmp_path / "film.json")
    volume = add_film(scene, subject.film_pixels(), subject.SPACING_MM, "again")
    again = spine.create(volume, facts)
    reopen(again, tmp_path / "film.json")
    assert warning in again.annotation.warnings
    assert patient_of(again.annotation.extra, "film") == Patient(63.0, "F")
    first.set_spacing((0.3, 0.3), "typed")
    export_results(first, tmp_path / "film.json")
    reopen(again, tmp_path / "film.json")
    assert again.annotation.spacing_mm == (0.3, 0.3) and warning not in again.annotation.warnings


def test_landmarks_that_a_file_moves_are_not_reviewed(alignment, tmp_path):
    export_results(alignment, tmp_path / "film.mrk.json")
    alignment.set_point("C7_C", alignment.points_px[INDEX["C7_C"]] + 9)
    alignment.set_marks(review_turned(alignment.annotation))
    reopen(alignment, tmp_path / "film.mrk.json")
    assert alignment.annotation.reviewed == frozenset(NAMES) - {"C7_C"}
    alignment.undo()
    assert alignment.annotation.reviewed == frozenset(NAMES)


@pytest.mark.parametrize("spacing", [(0.3, 0.3), (0.3, 0.4), None])
def test_exported_markups_are_measured_with_the_size_that_is_known(alignment, tmp_path, spacing):
    alignment.set_spacing(spacing, "typed")
    export_results(alignment, tmp_path / "film.mrk.json")
    read = results.read_landmarks(tmp_path / "film.mrk.json").parameters()
    assert np.isnan(read["SVA"]) == (spacing is None)
    assert read == pytest.approx(alignment.parameters, abs=0.01, nan_ok=True)
    # the volume's own size is put right as well
    before = alignment.points_px
    alignment.volume.SetSpacing(*(spacing or (1.0, 1.0)), 1.0)
    assert alignment.points_px == pytest.approx(before, abs=1e-6)
    export_results(alignment, tmp_path / "film.mrk.json")
    assert "positions times" not in (tmp_path / "film.mrk.json").read_text()
    read = results.read_landmarks(tmp_path / "film.mrk.json").parameters()
    assert read == pytest.approx(alignment.parameters, abs=0.01, nan_ok=True)


def test_results_of_pixels_that_took_the_place_of_a_files_are_not_taken_up_on_it(two, tmp_path):
    first, _ = two
    before, content, size = first.points_px, first.annotation.film_sha256, first.annotation.size_px
    whole = slicer.util.arrayFromVolume(first.volume).copy()
    slicer.util.updateVolumeFromArray(first.volume, whole[:, 100:, 50:].copy())
    film = first.annotation
    assert content and film.film_sha256 == "" and film.size_px == (size[0] - 50, size[1] - 100)
    assert first.points_px == pytest.approx(before)
    first.set_detection(subject.detection())
    export_results(first, tmp_path / "film.json")
    slicer.util.updateVolumeFromArray(first.volume, whole)
    assert first.annotation.size_px == size
    with pytest.raises(ResultError, match="of another film"):
        reopen(first, tmp_path / "film.json")
