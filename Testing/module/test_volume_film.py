"""A volume node read as a film, whatever way its axes run."""

import itertools

import numpy as np
import pytest
import slicer
import vtk

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.jobs.child_process import ChildProcess
from SpineAlignmentLib.jobs.detection_job import DetectionQueue
from SpineAlignmentLib.mrml.film_detection import start_detection
from SpineAlignmentLib.mrml.film_facts import FROM_ORIENTATION, FROM_VOLUME, film_facts
from SpineAlignmentLib.mrml.volume_film import volume_geometry, volume_pixels
from Testing.host import subject
from Testing.host.films import add_film, load_film

PIXELS = np.arange(30, dtype=np.uint8).reshape(6, 5)


def volume_of(scene, array, matrix, name="film"):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(volume, np.ascontiguousarray(array))
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return volume


def dicom_film(path, pixels, **tags):
    """A DX film with some tags."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality = "DX"
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 15, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    data.PixelData = np.ascontiguousarray(pixels).tobytes()
    data.save_as(path)
    return path


def test_a_film_without_orientation_is_read_as_its_file(scene):
    volume = add_film(scene, PIXELS, (0.2, 0.3))
    geometry = volume_geometry(volume)
    assert geometry.size_px == (5, 6)
    assert geometry.spacing == pytest.approx((0.2, 0.3))
    assert np.array_equal(volume_pixels(volume, geometry), PIXELS)
    assert geometry.to_ras([2, 3]) == pytest.approx([-0.4, -0.9, 0])


@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal"])
@pytest.mark.parametrize(("flip_x", "flip_y", "swap"), list(itertools.product([False, True], repeat=3)))
def test_the_film_is_what_the_screen_shows(scene, plane, flip_x, flip_y, swap):
    right, up = {
        "axial": ((-1, 0, 0), (0, 1, 0)),
        "sagittal": ((0, -1, 0), (0, 0, 1)),
        "coronal": ((-1, 0, 0), (0, 0, 1)),
    }[plane]
    x_step, y_step = 0.2 * np.array(right, float), -0.3 * np.array(up, float)
    origin = np.array([10.0, 20.0, 30.0])
    stored = PIXELS
    if flip_x:
        stored, origin, x_step = stored[:, ::-1], origin + 4 * x_step, -x_step
    if flip_y:
        stored, origin, y_step = stored[::-1], origin + 5 * y_step, -y_step
    if swap:
        stored, x_step, y_step = stored.T, y_step, x_step
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = x_step, y_step, np.cross(right, up), origin
    volume = volume_of(scene, stored[None], matrix)
    geometry = volume_geometry(volume)
    assert np.array_equal(volume_pixels(volume, geometry), PIXELS)
    corner = np.array([10.0, 20.0, 30.0])
    expected = corner + 3 * 0.2 * np.array(right) - 2 * 0.3 * np.array(up)
    assert geometry.to_ras([3, 2]) == pytest.approx(expected)
    assert geometry.to_pixels(expected) == pytest.approx([3, 2])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_single_slice_may_be_any_axis(scene, axis):
    volume = volume_of(scene, np.expand_dims(PIXELS, axis), np.diag([-1.0, -1, 1, 1]))
    assert sorted(volume_geometry(volume).size_px) == [5, 6]


def test_bad_volumes_are_refused_in_one_line(scene):
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    with pytest.raises(FilmError, match="empty: the volume has no image"):
        volume_geometry(empty)
    thick = volume_of(scene, np.zeros((3, 6, 5), np.uint8), np.eye(4), "CT")
    with pytest.raises(FilmError, match="CT: a volume of 3 slices"):
        volume_geometry(thick)
    color = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
    image = vtk.vtkImageData()
    image.SetDimensions(5, 6, 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    color.SetAndObserveImageData(image)
    with pytest.raises(FilmError, match="photo: a color image with 3 components"):
        volume_geometry(color)


def test_a_bent_film_is_refused(scene, film):
    grid = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
    film.SetAndObserveTransformNodeID(grid.GetID())
    with pytest.raises(FilmError, match="non-linear transform warp"):
        volume_geometry(film)


def test_spacing_of_one_millimetre_is_no_spacing(scene):
    facts = film_facts(add_film(scene, PIXELS, (1.0, 1.0)))
    assert facts.spacing_mm is None
    facts = film_facts(add_film(scene, PIXELS, (0.2, 0.3)))
    assert facts.spacing_mm == pytest.approx((0.2, 0.3))
    assert facts.spacing_source == FROM_VOLUME


def test_a_sagittal_plane_tells_the_facing_side(scene):
    matrix = np.zeros((4, 4))
    matrix[1, 0], matrix[2, 1], matrix[0, 2], matrix[3, 3] = -0.2, -0.2, 1, 1
    facts = film_facts(volume_of(scene, PIXELS[None], matrix))
    assert (facts.anterior, facts.anterior_source) == ("left", FROM_ORIENTATION)


def test_tags_that_slicers_reader_ignores_are_read_from_the_file(scene, tmp_path):
    pixels = np.arange(4800, dtype=np.uint16).reshape(80, 60)
    dicom_film(tmp_path / "film.dcm", pixels, PixelSpacing=[0.5, 0.25], PatientOrientation=["P", "F"])
    facts = film_facts(load_film(scene, tmp_path / "film.dcm"))
    assert facts.spacing_mm == pytest.approx((0.25, 0.5))
    assert facts.spacing_source == "PixelSpacing (0028,0030)"
    assert (facts.anterior, facts.anterior_source) == ("left", "PatientOrientation (0020,0020)")


MIRRORED = {
    "PixelSpacing": [0.45, 0.45],
    "ImageOrientationPatient": [0, -1, 0, 0, 0, -1],
    "ImagePositionPatient": [0, 0, 0],
    "PatientOrientation": ["A", "F"],
}
"""Rows run forward, so that Slicer, which shows sagittal planes with the face at the left, mirrors the file."""


def test_a_mirrored_film_is_known_as_it_is_seen(scene, tmp_path):
    shown = subject.film_pixels()
    film = load_film(scene, dicom_film(tmp_path / "film.dcm", shown[:, ::-1], **MIRRORED))
    geometry = volume_geometry(film)
    assert np.array_equal(volume_pixels(film, geometry), shown)
    facts = film_facts(film)
    assert (facts.anterior, facts.spacing_source) == ("left", "PixelSpacing (0028,0030)")
    assert facts.spacing_mm == pytest.approx((0.45, 0.45))


def test_landmarks_of_a_mirrored_film_are_those_of_the_film_that_is_seen(scene, spine, models, tmp_path):
    mirrored = load_film(scene, dicom_film(tmp_path / "film.dcm", subject.film_pixels()[:, ::-1], **MIRRORED))
    plain = add_film(scene, subject.film_pixels(), subject.SPACING_MM)
    spine.create(plain).set_anterior("left")
    queue, failed = DetectionQueue(ChildProcess()), []
    for film in (mirrored, plain):
        start_detection(queue, spine, film, None, failed.append, models=models)
    queue.wait(240, lambda: None)
    queue.close()
    assert not failed
    found, expected = spine.alignment(mirrored).points_px, spine.alignment(plain).points_px
    assert np.isfinite(expected).all()
    assert found == pytest.approx(expected, abs=0.5)


def test_a_turned_film_has_its_spacing_the_way_it_is_seen(scene, tmp_path):
    shown = subject.film_pixels()[:400, :300]
    tags = {
        "PixelSpacing": [0.25, 0.5],
        "ImageOrientationPatient": [0, 0, -1, 0, 1, 0],
        "ImagePositionPatient": [0, 0, 0],
    }
    film = load_film(scene, dicom_film(tmp_path / "film.dcm", shown.T, **tags))
    assert np.array_equal(volume_pixels(film, volume_geometry(film)), shown)
    facts = film_facts(film)
    assert (facts.size_px, facts.anterior) == ((300, 400), "left")
    assert facts.spacing_mm == pytest.approx((0.25, 0.5))


def test_who_says_the_side_has_seen_a_spine(scene, spine):
    blank = np.random.default_rng(1).normal(500, 20, (400, 300)).astype(np.uint16)
    film = add_film(scene, blank, (0.9, 0.9))
    queue, failed, done = DetectionQueue(ChildProcess()), [], []
    start_detection(queue, spine, film, done.append, failed.append)
    queue.wait(240, lambda: None)
    assert "no lateral spine found" in failed[0]
    assert failed[0].endswith("say which side the patient faces and detect again")
    spine.alignment(film).set_anterior("left")
    start_detection(queue, spine, film, done.append, failed.append)
    queue.wait(240, lambda: None)
    queue.close()
    assert done == [spine.alignment(film)] and len(failed) == 1
