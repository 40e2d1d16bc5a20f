"""Detections and batches that the module's panel starts, and what ends them."""

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
from PIL import Image
from PySide6 import QtCore, QtWidgets

from SpineAlignmentLib.panels import dicom_studies
from Testing.host import subject
from Testing.module.window import settle, wait_until


def test_cancel_is_quick_and_the_next_detection_works(module, models, film):
    module.logic.models = models
    module.ui.detectButton.click()
    process = module.logic.queue.process
    wait_until(lambda: process.running)
    pid = process.pid
    start = time.monotonic()
    module.ui.cancelButton.click()
    assert time.monotonic() - start < 1.0
    assert not Path(f"/proc/{pid}").exists()
    assert module.ui.statusLabel.text == "Cancelled."
    module.ui.detectButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    assert module.logic.alignment(film).detection is not None


@pytest.mark.parametrize("ends", ["cancel", "close"])
def test_a_script_that_waits_is_told_when_its_detection_is_cancelled(module, models, film, ends):
    module.logic.models = models
    how = {"cancel": module.ui.cancelButton.click, "close": slicer.mrmlScene.Clear}
    soon = QtCore.QTimer()
    soon.setSingleShot(True)
    soon.timeout.connect(how[ends])
    soon.start(0)
    module.ui.detectButton.click()
    with pytest.raises(RuntimeError, match="film: the detection was cancelled"):
        module.logic.detect(film)
    assert all(alignment.volume.GetScene() is not None for alignment in module.logic.spine.alignments)


def test_a_killed_child_gives_a_message_and_the_next_detection_works(module, models, film, caplog):
    module.logic.models = models
    module.ui.detectButton.click()
    wait_until(lambda: module.logic.queue.process.running)
    os.kill(module.logic.queue.process.pid, signal.SIGKILL)
    wait_until(lambda: not module.logic.queue.busy)
    assert "ended unexpectedly" in module.ui.statusLabel.text
    module.ui.detectButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    assert module.logic.alignment(film).detection is not None


def test_a_film_removed_during_its_detection(module, models, film):
    module.logic.models = models
    module.ui.detectButton.click()
    slicer.mrmlScene.RemoveNode(film)
    wait_until(lambda: not module.logic.queue.busy)
    assert "removed" in module.ui.statusLabel.text
    assert not module.ui.detectButton.enabled


def test_missing_models_give_a_clear_line(module, film, tmp_path):
    module.logic.models = tmp_path / "none"
    module.ui.detectButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    assert "no models there" in module.ui.statusLabel.text
    assert module.ui.detectButton.enabled


@pytest.mark.parametrize("flag", ["useVisualDICOMBrowser", "useExperimentalVisualDICOMBrowser"])
def test_the_chosen_dicom_studies(module, models, tmp_path, monkeypatch, flag):
    """The DICOM module's window is Slicer's own; what the panel asks of it is given here."""
    Image.fromarray((subject.film_pixels() // 16).astype(np.uint8)).save(tmp_path / "a.png")
    files = {"series": [str(tmp_path / "a.png")], "CT": ["b.dcm"]}
    monkeypatch.setattr(
        slicer,
        "dicomDatabase",
        SimpleNamespace(
            seriesForStudy=lambda study: {"study": ["series", "CT"]}[study],
            filesForSeries=lambda series: files[series],
            fileValue=lambda file, _tag: "CT" if file == "b.dcm" else "DX",
            fileForInstance=lambda _uid: "",
        ),
        raising=False,
    )
    module.logic.models = models
    module.ui.batchOutputEdit.currentPath = str(tmp_path / "out")
    module.ui.batchDicomButton.click()
    assert not (tmp_path / "out").exists()
    manager = SimpleNamespace(currentStudiesSelection=lambda: ["study"])
    browser = SimpleNamespace(dicomBrowser=SimpleNamespace(dicomTableManager=lambda: manager))
    monkeypatch.setattr(slicer.modules, "DICOMWidget", SimpleNamespace(browserWidget=browser), raising=False)
    module.ui.batchDicomButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    assert module.ui.batchLabel.text.startswith("Done: 1 films measured, 0 failed")
    setattr(browser, flag, True)
    patients = SimpleNamespace(selectedSeriesInstanceUIDs=lambda: ["CT"])
    browser.dicomVisualBrowser = SimpleNamespace(patientView=lambda: patients)
    assert dicom_studies.chosen_films() == []
    patients.selectedSeriesInstanceUIDs = lambda: ["series"]
    assert dicom_studies.chosen_films() == files["series"]


def test_films_are_not_measured_during_a_detection(module, models, film, tmp_path, caplog):
    module.logic.models = models
    Image.fromarray((subject.film_pixels() // 16).astype(np.uint8)).save(tmp_path / "a.png")
    module.ui.batchInputEdit.currentPath = str(tmp_path)
    module.ui.batchOutputEdit.currentPath = str(tmp_path / "out")
    module.ui.detectButton.click()
    module.ui.batchFolderButton.click()
    assert "A detection is under way" in caplog.text
    assert module.panel.batch.batch is None
    wait_until(lambda: not module.logic.queue.busy)
    assert module.logic.alignment(film).detection is not None


def test_many_films(module, models, tmp_path):
    module.logic.models = models
    films = tmp_path / "films"
    films.mkdir()
    pixels = (subject.film_pixels() // 16).astype(np.uint8)
    for name in ("a.png", "b.png"):
        Image.fromarray(pixels).save(films / name)
    (films / "bad.dcm").write_bytes(b"not a film at all")
    module.ui.batchInputEdit.currentPath = str(films)
    module.ui.batchOutputEdit.currentPath = str(tmp_path / "out")
    module.ui.batchFolderButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    assert module.ui.batchLabel.text.startswith("Done: 2 films measured, 1 failed")
    said = module.ui.batchFailuresEdit.plainText
    assert said.startswith("bad.dcm: ") and said.count("bad.dcm") == 1
    rows = (tmp_path / "out" / "results.csv").read_text().splitlines()
    assert len(rows) == 4
    assert (tmp_path / "out" / "a.json").exists()
    assert module.ui.batchFolderButton.enabled
    module.ui.batchInputEdit.currentPath = str(tmp_path / "none")
    module.ui.batchFolderButton.click()
    assert module.ui.batchFolderButton.enabled


def test_the_window_never_blocks_while_detecting(module, models, film):
    module.logic.models = models
    settle()  # the first picture of the film, which takes longest
    gaps, last = [], time.monotonic()
    module.ui.detectButton.click()
    while module.logic.queue.busy:
        QtWidgets.QApplication.processEvents()
        now = time.monotonic()
        gaps.append(now - last)
        last = now
        time.sleep(0.002)
    # waiting for the child never takes a slot; the median says so on a busy machine too
    assert np.median(gaps) < 0.1
