"""Spine Alignment: landmarks and spinopelvic parameters of whole-spine lateral radiographs, in 3D Slicer.

The module, its parameter node, its widget, its logic and its test. What they do is in SpineAlignmentLib; MRML-facing
names here follow Slicer's style guide (camelCase).
"""

import logging
import sys
import time
from pathlib import Path
from typing import Annotated

import slicer
import vtk
from slicer import vtkMRMLMarkupsLineNode, vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, Default, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

try:
    import SpineAlignmentLib
except ModuleNotFoundError:
    # run from the source tree, where the library is a sibling of this folder
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    import SpineAlignmentLib  # noqa: F401

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.paths import film_files
from SpineAlignmentLib.jobs.batch import Batch
from SpineAlignmentLib.jobs.child_process import ChildProcess, Process, worker_command
from SpineAlignmentLib.jobs.detection_job import DetectionQueue
from SpineAlignmentLib.measurement.landmarks import NAMES
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.calibration import calibrated_spacing
from SpineAlignmentLib.mrml.export import export_results
from SpineAlignmentLib.mrml.film_detection import start_detection
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.panels import dicom_studies, red_view, self_test
from SpineAlignmentLib.panels.batch_panel import BatchPanel
from SpineAlignmentLib.panels.compare_panel import ComparePanel
from SpineAlignmentLib.panels.detection_panel import DetectionPanel
from SpineAlignmentLib.panels.engine_install import engine_missing, engine_ready, python_executable
from SpineAlignmentLib.panels.export_panel import ExportPanel
from SpineAlignmentLib.panels.film_panel import FilmPanel
from SpineAlignmentLib.panels.landmarks_panel import LandmarksPanel
from SpineAlignmentLib.panels.measurements_panel import MeasurementsPanel
from SpineAlignmentLib.panels.unveiling import Unveiling
from SpineAlignmentLib.results.annotation import Annotation

MAIN_MEASUREMENTS = ["PI", "SS", "PT", "LL", "GTK", "SVA"]
"""What is drawn when nothing else was chosen: the pelvis, both curves and the balance."""


class SpineAlignment(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Spine Alignment")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = []
        self.parent.contributors = ["Spine Alignment contributors"]
        self.parent.helpText = _(
            "Finds 45 anatomic landmarks on a whole-spine lateral radiograph, derives 18 spinopelvic parameters and"
            " draws every measurement on the film. Not for clinical use."
        )
        self.parent.acknowledgementText = _(
            "Method: Yeh et al., Deep learning approach for automatic landmark detection and alignment analysis in"
            " whole-spine lateral radiographs, Scientific Reports 2021."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData() -> None:
    """List the simulated film that comes with the module in the Sample Data module."""
    import SampleData

    resources = Path(__file__).resolve().parent / "Resources"
    film = resources / "SampleData" / "sample_film.dcm"
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="Spine Alignment",
        sampleName="SpineAlignmentFilm",
        thumbnailFileName=str(resources / "Icons" / "SpineAlignmentFilm.png"),
        uris=film.as_uri(),
        fileNames=film.name,
        nodeNames="Whole-spine lateral film",
        loadFileTypes="VolumeFile",
    )


@parameterNodeWrapper
class SpineAlignmentParameterNode:
    """What the user chose.

    film - the film to detect landmarks on and to measure.
    otherFilm - a film to compare with.
    calibrationLine - a line over an object of known length.
    engine - what runs the networks.
    showPoints, showNames, showCurve - what is shown beside the measurements.
    shownMeasurements - keys of the measurements that are drawn.
    """

    film: vtkMRMLScalarVolumeNode | None
    otherFilm: vtkMRMLScalarVolumeNode | None
    calibrationLine: vtkMRMLMarkupsLineNode | None
    engine: Annotated[str, Choice(["auto", "onnx", "tensorflow"])] = "auto"
    showPoints: bool = True
    showNames: bool = False
    showCurve: bool = True
    shownMeasurements: Annotated[list[str], Default(MAIN_MEASUREMENTS)]


class SpineAlignmentLogic(ScriptedLoadableModuleLogic):
    """Everything that the module does, without its window; see docs/scripting.md for recipes.

    Args:
        process: the child that detects landmarks; by default Slicer's own Python. Tests put another in its place.

    `models` is the folder with ensemble.json of other networks than those that ship, such as your own.
    """

    def __init__(self, process: Process | None = None) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self._parameterNode: SpineAlignmentParameterNode | None = None
        self.models: Path | None = None
        self.queue = DetectionQueue(process or ChildProcess(worker_command(python_executable())))

    def getParameterNode(self) -> SpineAlignmentParameterNode:
        parameterNode = super().getParameterNode()
        if self._parameterNode is None or self._parameterNode.parameterNode != parameterNode:
            self._parameterNode = SpineAlignmentParameterNode(parameterNode)
        return self._parameterNode

    @property
    def spine(self) -> SpineScene:
        """The alignments of all films of the scene."""
        database = getattr(slicer, "dicomDatabase", None)
        return SpineScene.of(slicer.mrmlScene, database.fileForInstance if database else None)

    def alignment(self, volumeNode: vtkMRMLScalarVolumeNode) -> FilmAlignment:
        """Landmarks and measurements of a film; made when there are none, with every landmark still to be placed.

        Raises:
            FilmError: the volume is not a film.
        """
        return self.spine.create(volumeNode)

    def landmarks(self, volumeNode: vtkMRMLScalarVolumeNode) -> dict[str, tuple[float, float]]:
        """Landmark name to film pixel (x, y); landmarks that are not on the film are left out."""
        points = self.alignment(volumeNode).points_px
        return {name: (float(x), float(y)) for name, (x, y) in zip(NAMES, points, strict=True) if x == x and y == y}

    def parameters(self, volumeNode: vtkMRMLScalarVolumeNode) -> dict[str, float]:
        """The 18 parameters in degrees, mm or a plain ratio; NaN where not measurable."""
        return self.alignment(volumeNode).parameters

    def startDetection(self, volumeNode, onDone=None, onFailed=None, onProgress=None, engine="auto") -> None:
        """Detect landmarks without waiting; call `queue.poll` from a timer until `queue.busy` is false.

        Args:
            volumeNode: the film.
            onDone: called with the alignment.
            onFailed: called with one line of text.
            onProgress: called with a share of 0 to 1 and what is being done.
            engine: "auto", "onnx" or "tensorflow".

        Raises:
            FilmError: the volume is not a film.
        """

        def done(alignment: FilmAlignment) -> None:
            if onDone is not None:
                onDone(alignment)

        def failed(text: str) -> None:
            logging.warning(text)
            if onFailed is not None:
                onFailed(text)

        start_detection(self.queue, self.spine, volumeNode, done, failed, onProgress, engine, self.models)

    def detect(self, volumeNode, engine="auto", timeout=300.0) -> FilmAlignment:
        """Detect landmarks and wait for them; the window stays alive meanwhile.

        Raises:
            FilmError: the volume is not a film.
            RuntimeError: the detection failed; the text says why.
            TimeoutError: it took longer than `timeout` seconds.
        """
        failures: list[str] = []
        self.startDetection(volumeNode, None, failures.append, None, engine)
        self._wait(timeout)
        if failures:
            raise RuntimeError(failures[0])
        return self.alignment(volumeNode)

    def _wait(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        while self.queue.busy:
            if time.monotonic() > end:
                self.cancel()
                raise TimeoutError(f"no answer after {timeout:.0f} s")
            self.queue.poll()
            slicer.app.processEvents()
            time.sleep(0.01)

    def cancel(self) -> None:
        """Stop every detection at once."""
        self.queue.cancel()

    def calibrate(self, volumeNode, lineNode, lengthMm: float) -> tuple[float, float]:
        """Take the size of a pixel from a line over an object of known length; returns it as (x, y) in mm.

        Raises:
            ValueError: the line has not got two points, or the length is not positive.
        """
        alignment = self.alignment(volumeNode)
        spacing = calibrated_spacing(volumeNode, lineNode, lengthMm)
        alignment.set_spacing(spacing, f"calibrated on an object of {lengthMm:g} mm")
        return spacing

    def compare(self, firstVolumeNode, secondVolumeNode):
        """A table node with the parameters of two films and their differences (second minus first)."""
        return self.spine.compare(firstVolumeNode, secondVolumeNode)

    def export(self, volumeNode, path) -> None:
        """Write results by the ending of `path`: .json, .csv, or .mrk.json (landmarks as markups).

        Raises:
            ResultError: the ending is another one, or the place cannot be written.
        """
        export_results(self.alignment(volumeNode), Path(path))

    def startBatch(self, files, outputFolder, onProgress=None, onDone=None, engine="auto") -> Batch:
        """Detect and measure film files without waiting; see `SpineAlignmentLib.jobs.batch.Batch`."""
        paths = [Path(file) for file in files]
        batch = Batch(self.queue, paths, Path(outputFolder), onProgress, onDone, engine, self.models)
        batch.start()
        return batch

    def measureFiles(self, files, outputFolder, engine="auto", timeout=3600.0) -> Batch:
        """Detect and measure film files and wait; `results.csv` and a result file for each film are written."""
        batch = self.startBatch(files, outputFolder, engine=engine)
        self._wait(timeout)
        return batch

    @staticmethod
    def filesOfStudies(studyInstanceUIDs) -> list[str]:
        """The files of the radiographs in studies of Slicer's DICOM database."""
        return dicom_studies.films_of_series(dicom_studies.series_of_studies(studyInstanceUIDs))

    @staticmethod
    def filesOfFolder(folder) -> list[Path]:
        """The film files in a folder and its subfolders."""
        return film_files(Path(folder))

    def showFilm(self, volumeNode) -> None:
        """Show a film in the Red slice view: its spine when landmarks are known, else all of it."""
        red_view.show(volumeNode, self.spine.alignment(volumeNode))


class SpineAlignmentWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The module's panel: it shows what the logic holds and hands clicks on."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)  # needed for parameter node observation
        self.logic: SpineAlignmentLogic | None = None
        self._parameterNode: SpineAlignmentParameterNode | None = None
        self._parameterNodeGuiTag = None
        self._shownAlignment: FilmAlignment | None = None
        self._shownFilmId: str | None = None

    # Life

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SpineAlignment.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)

        self.logic = SpineAlignmentLogic()
        self.unveiling = Unveiling()
        self.filmPanel = FilmPanel(self.ui, self.logic, lambda: self._parameterNode, self.onParameterNodeModified)
        self.detectionPanel = DetectionPanel(self.ui, self.logic.queue, self.startDetection, self.cancel, self.refresh)
        report = self.detectionPanel.report
        self.landmarksPanel = LandmarksPanel(self.ui, uiWidget, report, self.startPlacing)
        self.measurementsPanel = MeasurementsPanel(self.ui, self.onShownMeasurements)
        self.comparePanel = ComparePanel(self.ui)
        tables = {"copyButton": self.measurementsPanel.text, "copyComparisonButton": self.comparePanel.text}
        self.exportPanel = ExportPanel(self.ui, tables, self.unveiling.finish, report)
        self.batchPanel = BatchPanel(self.ui, self.startBatch, dicom_studies.chosen_films, self.readyForBatch)

        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)

        self.ui.mainButton.clicked.connect(lambda *_: self.onShownMeasurements(MAIN_MEASUREMENTS))

        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the module is reloaded or the application closes."""
        self.landmarksPanel.stop_placing()
        self.detectionPanel.close()
        self.unveiling.stop()
        self.setParameterNode(None)
        self.removeObservers()
        self.logic.spine.release()

    def enter(self) -> None:
        """Called each time the user opens this module."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Called each time the user opens a different module."""
        self.landmarksPanel.stop_placing()

    def onSceneStartClose(self, caller, event) -> None:
        self.detectionPanel.cancel()
        self.unveiling.stop()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event) -> None:
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller, event) -> None:
        self.setParameterNode(None)
        self.initializeParameterNode()

    # Parameter node

    def initializeParameterNode(self) -> None:
        """Ensure that the parameter node exists, is observed and names a film if there is one."""
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.film:
            self._parameterNode.film = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")

    def setParameterNode(self, parameterNode: SpineAlignmentParameterNode | None) -> None:
        """Observe a parameter node; None to observe none."""
        if parameterNode is self._parameterNode:
            return
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameterNodeModified)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameterNodeModified)
            self.onParameterNodeModified()

    def onParameterNodeModified(self, caller=None, event=None) -> None:
        """Show the chosen film with the chosen measurements."""
        film = self._parameterNode.film
        self.measurementsPanel.show(list(self._parameterNode.shownMeasurements))
        self.showMeasurements()
        self.followAlignment()
        filmId = film.GetID() if film else None
        if filmId != self._shownFilmId:
            self._shownFilmId = filmId
            if film is not None:
                self.logic.showFilm(film)

    def showMeasurements(self) -> None:
        """Draw what was chosen on the chosen film, and nothing on the others."""
        p = self._parameterNode
        parts = {"points": p.showPoints, "curve": p.showCurve, "names": p.showNames}
        self.unveiling.show(self.logic.spine, p.film, list(p.shownMeasurements), **parts)

    def followAlignment(self) -> None:
        """Listen to the landmarks of the chosen film and bring the panel up to date."""
        alignment = self.logic.spine.alignment(self._parameterNode.film) if self._parameterNode else None
        if alignment is not self._shownAlignment:
            if self._shownAlignment is not None and self.refresh in self._shownAlignment.on_changed:
                self._shownAlignment.on_changed.remove(self.refresh)
            self._shownAlignment = alignment
            self.unveiling.stop()
            if alignment is not None:
                alignment.on_changed.append(self.refresh)
                self.showMeasurements()
        if self.followAlignment not in self.logic.spine.on_changed:
            self.logic.spine.on_changed.append(self.followAlignment)
        self.refresh()

    def refresh(self) -> None:
        """Bring the panel up to date with the chosen film and its landmarks."""
        p = self._parameterNode
        film = p.film if p else None
        alignment = self._shownAlignment
        try:
            facts = self.logic.spine.facts(film) if film else None
        except SpineAlignmentError as error:
            facts = error
        self.filmPanel.refresh(facts)
        self.landmarksPanel.refresh(alignment)
        self.measurementsPanel.refresh(alignment)
        usable = isinstance(facts, Annotation)
        self.detectionPanel.allow(usable)
        self.ui.placeButton.enabled = usable
        self.exportPanel.refresh(alignment)
        self.comparePanel.refresh(self.logic.spine, film, p.otherFilm if p else None)
        self.unveiling.go_on()

    # Clicks

    def onShownMeasurements(self, keys: list[str]) -> None:
        if self._parameterNode is not None:
            self._parameterNode.shownMeasurements = list(keys)

    def startDetection(self, onDone, onFailed, onProgress) -> bool:
        """Begin to detect on the chosen film; False when there is none or the engine was not installed."""
        film = self._parameterNode.film if self._parameterNode else None
        if film is None or not engine_ready(self._parameterNode.engine):
            return False
        self.landmarksPanel.stop_placing()

        def done(alignment: FilmAlignment) -> None:
            onDone(alignment)
            self.logic.showFilm(alignment.volume)

        self.logic.startDetection(film, done, onFailed, onProgress, self._parameterNode.engine)
        self.onParameterNodeModified()
        return True

    def cancel(self) -> None:
        self.batchPanel.cancel()
        self.logic.cancel()

    def startPlacing(self) -> FilmAlignment:
        """The landmarks to place by hand, made when the chosen film has none."""
        alignment = self.logic.alignment(self._parameterNode.film)
        self.onParameterNodeModified()
        return alignment

    def readyForBatch(self) -> bool:
        """Whether films can be measured now; tells the user why not."""
        if self.logic.queue.busy:
            slicer.util.errorDisplay(_("A detection is under way; wait for its end or cancel it."))
            return False
        return engine_ready(self._parameterNode.engine)

    def startBatch(self, files, outputFolder, onProgress, onDone) -> Batch:
        def done() -> None:
            onDone()
            self.refresh()

        batch = self.logic.startBatch(files, outputFolder, onProgress, done, self._parameterNode.engine)
        self.ui.detectButton.enabled = False
        self.detectionPanel.keep_going()
        return batch


class SpineAlignmentTest(ScriptedLoadableModuleTest):
    """The main steps inside a running Slicer, from a script and with the panel, on the sample film."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        missing = engine_missing("auto")
        if missing is not None:
            self.skipTest(f"the engine {missing} is not installed")
        sample = Path(__file__).resolve().parent / "Resources" / "SampleData" / "sample_film.dcm"
        self.film = slicer.util.loadVolume(str(sample), {"singleFile": True})

    def runTest(self) -> None:
        for test in (self.test_Script, self.test_Panel):
            self.setUp()
            test()
            self.tearDown()

    def test_Script(self) -> None:
        """Detect, read, correct, undo, export."""
        self_test.check_script(SpineAlignmentLogic(), self.film)
        self.delayDisplay("Script passed")

    def test_Panel(self) -> None:
        """Click Detect landmarks, drag a landmark with the mouse, see lines and table follow, undo."""
        if slicer.app.layoutManager() is None:
            self.skipTest("there is no window")
        if slicer.util.mainWindow() is not None:
            slicer.util.selectModule("SpineAlignment")
        self_test.check_panel(slicer.modules.spinealignment.widgetRepresentation().self(), self.film)
        self.delayDisplay("Panel passed")
