"""Results out of the panel: to files of every kind, to the clipboard, and what has to be installed for them."""

import sys
from importlib import metadata

import numpy as np
import pytest
import slicer
from PySide6 import QtWidgets

from SpineAlignmentLib.dicom.sr_reading import read_structured_report
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import NAMES
from Testing.host import subject
from Testing.host.films import load_film
from Testing.library.films import dicom
from Testing.module.window import settle


@pytest.fixture
def errors(monkeypatch):
    """What Slicer's dialog would say."""
    said = []
    monkeypatch.setattr(slicer.util, "errorDisplay", said.append)
    return said


@pytest.fixture
def opened(host, scene, tmp_path):
    """The module on a film from a DICOM file, with landmarks."""
    film = load_film(scene, dicom(tmp_path / "film.dcm", subject.film_pixels(), spacing=subject.SPACING_MM))
    module = host.open_module()
    module.logic.alignment(film).set_detection(subject.detection())
    settle()
    return module


def test_what_pacs_takes_is_exported_from_the_panel(opened, errors, tmp_path):
    import pydicom

    (alignment,) = opened.logic.spine.alignments
    moved = alignment.points_px[3] + (2, 1)
    alignment.set_point(NAMES[3], moved)
    for name, modality in (("film.sr.dcm", "SR"), ("film.gsps.dcm", "PR")):
        opened.panel.export.export(tmp_path / name)
        assert errors == [] and opened.ui.statusLabel.text == f"Saved {name}."
        assert pydicom.dcmread(tmp_path / name).Modality == modality
    again = read_structured_report(tmp_path / "film.sr.dcm")
    assert again.points_px[3] == pytest.approx(moved, abs=0.01)
    assert again.parameters()["PI"] == pytest.approx(alignment.parameters["PI"], abs=0.1)


def test_dicom_results_need_the_file_as_it_is_shown(host, alignment, errors, tmp_path, scene):
    module = host.open_module()
    module.panel.export.export(tmp_path / "film.sr.dcm")
    assert errors == ["film: DICOM results need the film's file; load the film from it"]
    film = load_film(scene, dicom(tmp_path / "other.dcm", subject.film_pixels()))
    directions = np.diag([-1.0, 1.0, 1.0])
    film.SetIJKToRASDirections(*directions.ravel())
    with pytest.raises(ResultError, match="turned or mirrored"):
        module.logic.export(film, tmp_path / "film.sr.dcm")
    assert not (tmp_path / "film.sr.dcm").exists()


@pytest.mark.parametrize(
    ("kind", "package", "wanted"), [("sr.dcm", "highdicom", "highdicom>=0.28"), ("pdf", "reportlab", "reportlab>=4")]
)
def test_what_writes_them_is_installed_when_asked_for(opened, errors, tmp_path, monkeypatch, kind, package, wanted):
    """Pip and Slicer's dialogs are Slicer's own."""
    from SpineAlignmentLib.panels import package_install

    asked, installed = [], []

    def pip(packages):
        installed.extend(packages)
        monkeypatch.undo()

    monkeypatch.setattr(package_install, "_is_there", lambda name: name != package)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_: asked.append(text) or len(asked) > 1)
    monkeypatch.setattr(slicer.util, "pip_install", pip, raising=False)
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    opened.panel.export.export(tmp_path / f"film.{kind}")
    assert package in asked[0] and installed == [] and not (tmp_path / f"film.{kind}").exists()
    opened.panel.export.export(tmp_path / f"film.{kind}")
    assert installed == [wanted] and (tmp_path / f"film.{kind}").stat().st_size > 1000


def test_slicers_own_pydicom_stays(opened, errors, tmp_path, monkeypatch):
    from SpineAlignmentLib.panels import export_panel

    monkeypatch.setattr(export_panel, "version", lambda name: "2.4.4" if name == "pydicom" else metadata.version(name))
    opened.panel.export.export(tmp_path / "film.gsps.dcm")
    assert errors == ["DICOM results need Slicer 5.12 or later."]


def test_export_and_copy(detected, tmp_path):
    from SpineAlignmentLib.results.result_file import read_annotation

    alignment = detected.logic.spine.alignments[0]
    for name in ("film.json", "film.csv", "film.mrk.json", "film.png", "film.pdf", "film.html"):
        detected.panel.export.export(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 200
        assert detected.ui.statusLabel.text == f"Saved {name}."
    again = read_annotation(tmp_path / "film.json")
    assert again.parameters() == pytest.approx(alignment.parameters, abs=1e-2)
    loaded = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsJsonStorageNode")
    storage.SetFileName(str(tmp_path / "film.mrk.json"))
    assert storage.ReadData(loaded)
    assert loaded.GetNthControlPointPosition(3) == pytest.approx(alignment.landmarks.GetNthControlPointPosition(3))
    detected.ui.copyButton.click()
    text = QtWidgets.QApplication.clipboard().text()
    assert text.splitlines()[1].startswith("PI\t")
    detected.panel.export.export(tmp_path / "nowhere" / "film.json")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("typed", "kind", "written"),
    [
        ("3_ Ganzaufnahme", "Table (*.csv)", "3_ Ganzaufnahme.csv"),
        ("film.2", "Results (*.json)", "film.2.json"),
        ("film.json", "Landmarks (*.mrk.json)", "film.mrk.json"),
        ("film.csv", "Picture (*.png)", "film.png"),
    ],
)
def test_the_filter_of_the_dialog_decides_the_ending(host, alignment, tmp_path, monkeypatch, typed, kind, written):
    """The dialog itself is Qt's."""
    alignment.volume.SetName("3: Ganzaufnahme")
    module, proposed = host.open_module(), []

    class Dialog(QtWidgets.QFileDialog):
        AcceptSave = QtWidgets.QFileDialog.AcceptMode.AcceptSave

        def selectFile(self, name):
            proposed.append(name)

        def exec_(self):
            return 1

        def selectedFiles(self):
            return [str(tmp_path / typed)]

        def selectedNameFilter(self):
            return kind

    monkeypatch.setattr(sys.modules["qt"], "QFileDialog", Dialog)
    module.ui.exportButton.click()
    assert proposed == ["3_ Ganzaufnahme"]
    assert [path.name for path in tmp_path.iterdir()] == [written]
