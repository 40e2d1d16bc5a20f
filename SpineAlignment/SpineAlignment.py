"""Spine Alignment: landmarks and spinopelvic parameters of whole-spine lateral radiographs, in 3D Slicer.

What the classes do is in SpineAlignmentLib, whose rooms are imported when they are first used: Slicer imports this file
at each start. MRML-facing names here follow Slicer's style guide (camelCase).
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from unittest import SkipTest

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

if TYPE_CHECKING:
    from SpineAlignmentLib.jobs.batch import Batch
    from SpineAlignmentLib.jobs.child_process import Process
    from SpineAlignmentLib.mrml.alignment import FilmAlignment
    from SpineAlignmentLib.mrml.spine_scene import SpineScene

RESOURCES = Path(__file__).resolve().parent / "Resources"
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
    """List the simulated films that come with the module in the Sample Data module."""
    from SpineAlignmentLib.panels.sample_data import register_sample_data

    register_sample_data(RESOURCES)


@parameterNodeWrapper
class SpineAlignmentParameterNode:
    """What the user chose.

    film - the film to detect landmarks on and to measure.
    otherFilm - a film to compare with.
    calibrationLine - a line over an object of known length.
    engine - what runs the networks.
    showPoints, showNames, showCurve, showLevels - what is shown beside the measurements.
    shownMeasurements - keys of the measurements that are drawn.
    """

    film: vtkMRMLScalarVolumeNode | None
    otherFilm: vtkMRMLScalarVolumeNode | None
    calibrationLine: vtkMRMLMarkupsLineNode | None
    engine: Annotated[str, Choice(["auto", "onnx", "tensorflow"])] = "auto"
    showPoints: bool = True
    showNames: bool = False
    showCurve: bool = True
    showLevels: bool = True
    shownMeasurements: Annotated[list[str], Default(MAIN_MEASUREMENTS)]


class SpineAlignmentLogic(ScriptedLoadableModuleLogic):
    """Everything that the module does, without its window; see docs/scripting.md for recipes.

    Args:
        process: the child that detects landmarks; by default Slicer's own Python. Tests put another in its place.

    `models` is the folder with ensemble.json of other networks than those that ship, such as your own.
    """

    def __init__(self, process: "Process | None" = None) -> None:
        from SpineAlignmentLib.jobs.child_process import ChildProcess, python_executable, worker_command
        from SpineAlignmentLib.jobs.detection_job import DetectionQueue

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
    def spine(self) -> "SpineScene":
        """The alignments of all films of the scene."""
        from SpineAlignmentLib.mrml.spine_scene import SpineScene

        database = getattr(slicer, "dicomDatabase", None)
        return SpineScene.of(slicer.mrmlScene, database.fileForInstance if database else None)

    def alignment(self, volumeNode: vtkMRMLScalarVolumeNode) -> "FilmAlignment":
        """Landmarks and measurements of a film; made when there are none, with every landmark still to be placed.

        Raises:
            FilmError: the volume is not a film.
        """
        return self.spine.create(volumeNode)

    def landmarks(self, volumeNode: vtkMRMLScalarVolumeNode) -> dict[str, tuple[float, float]]:
        """Landmark name to film pixel (x, y); landmarks that are not on the film are left out."""
        return self.alignment(volumeNode).annotation.landmarks()

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
        from SpineAlignmentLib.mrml.film_detection import start_detection

        start_detection(self.queue, self.spine, volumeNode, onDone, onFailed, onProgress, engine, self.models)

    def detect(self, volumeNode, engine="auto", timeout=300.0) -> "FilmAlignment":
        """Detect landmarks and wait for them; the window stays alive meanwhile.

        Raises:
            FilmError: the volume is not a film.
            RuntimeError: the detection failed or was cancelled; the text says why.
            TimeoutError: it took longer than `timeout` seconds.
        """
        done: list[FilmAlignment] = []
        failures: list[str] = []
        self.startDetection(volumeNode, done.append, failures.append, None, engine)
        self.queue.wait(timeout, slicer.app.processEvents)
        if not done:
            raise RuntimeError(failures[0] if failures else f"{volumeNode.GetName()}: the detection was cancelled")
        return done[0]

    def cancel(self) -> None:
        """Stop every detection at once."""
        self.queue.cancel()

    def calibrate(self, volumeNode, lineNode, lengthMm: float) -> tuple[float, float]:
        """Take the size of a pixel from a line over an object of known length; returns it as (x, y) in mm.

        Raises:
            ValueError: the line has not got two points, or the length is not positive.
            FilmError: a size of a pixel that no film of a person has.
        """
        from SpineAlignmentLib.mrml.calibration import calibrate

        return calibrate(self.alignment(volumeNode), lineNode, lengthMm)

    def compare(self, firstVolumeNode, secondVolumeNode):
        """A table node with the parameters of two films and their differences (second minus first)."""
        return self.spine.compare(firstVolumeNode, secondVolumeNode)

    def export(self, volumeNode, path) -> None:
        """Write results by the ending of `path`: .json, .csv, .mrk.json, .pdf, .html, .sr.dcm or .gsps.dcm.

        Raises:
            ResultError: the ending is another one, the place cannot be written, or what is asked for cannot be made.
        """
        from SpineAlignmentLib.panels.exporting import export_film

        export_film(self.spine, self.alignment(volumeNode), Path(path))

    def startBatch(self, files, outputFolder, onProgress=None, onDone=None, engine="auto") -> "Batch":
        """Detect and measure film files without waiting; see `SpineAlignmentLib.jobs.batch.Batch`."""
        from SpineAlignmentLib.jobs.batch import Batch

        paths = [Path(file) for file in files]
        batch = Batch(self.queue, paths, Path(outputFolder), onProgress, onDone, engine, self.models)
        batch.start()
        return batch

    def measureFiles(self, files, outputFolder, engine="auto", timeout=3600.0) -> "Batch":
        """Detect and measure film files and wait; `results.csv` and a result file for each film are written."""
        batch = self.startBatch(files, outputFolder, engine=engine)
        self.queue.wait(timeout, slicer.app.processEvents)
        return batch

    @staticmethod
    def filesOfStudies(studyInstanceUIDs) -> list[str]:
        """The files of the radiographs in studies of Slicer's DICOM database."""
        from SpineAlignmentLib.panels import dicom_studies

        return dicom_studies.films_of_series(dicom_studies.series_of_studies(studyInstanceUIDs))

    @staticmethod
    def filesOfFolder(folder) -> list[Path]:
        """The film files in a folder and its subfolders."""
        from SpineAlignmentLib.film.paths import film_files

        return film_files(Path(folder))

    def showFilm(self, volumeNode) -> None:
        """Show a film in the Red slice view: its spine when landmarks are known, else all of it."""
        from SpineAlignmentLib.panels import red_view

        red_view.show(volumeNode, self.spine.alignment(volumeNode))


class SpineAlignmentWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The module's panel in Slicer's window: its life, and the parameter node that it follows while it is open."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)  # needed for parameter node observation
        self.logic: SpineAlignmentLogic | None = None
        self._parameterNode: SpineAlignmentParameterNode | None = None
        self._parameterNodeGuiTag = None

    def setup(self) -> None:
        from SpineAlignmentLib.panels.module_panel import ModulePanel

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SpineAlignment.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = SpineAlignmentLogic()
        self.panel = ModulePanel(self.ui, uiWidget, self.logic)
        self.ui.mainButton.clicked.connect(lambda *_: self.panel.draw(MAIN_MEASUREMENTS))

        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEnd)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEnd)

        # after a reload nobody calls enter
        if self.parent.isEntered:
            self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the module is reloaded or the application closes."""
        self.panel.close()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """Called each time the user opens this module."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Called each time the user opens a different module."""
        self.panel.leave()
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event) -> None:
        self.panel.scene_closes()
        self.setParameterNode(None)

    def onSceneStartImport(self, caller, event) -> None:
        """Leave the choices alone: a selector chooses the first film that comes, whatever the scene's choice is."""
        self.setParameterNode(None)

    def onSceneEnd(self, caller, event) -> None:
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Ensure that the parameter node exists, is observed and names a film if there is one."""
        # it remembers what it refers to, and read that before films that come after it in a scene's file
        self.logic.getParameterNode().Modified()
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.film:
            self._parameterNode.film = self.logic.spine.first_film()

    def setParameterNode(self, parameterNode: SpineAlignmentParameterNode | None) -> None:
        """Observe a parameter node; None to observe none."""
        if parameterNode is self._parameterNode:
            return
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameterNodeModified)
        self._parameterNode = self.panel.choices = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameterNodeModified)
            self.onParameterNodeModified()

    def onParameterNodeModified(self, caller=None, event=None) -> None:
        """Show the chosen film with the chosen measurements."""
        self.panel.show_choices()


class SpineAlignmentTest(ScriptedLoadableModuleTest):
    """The main steps inside a running Slicer, on the sample film; only the detection needs an engine."""

    def setUp(self) -> None:
        from SpineAlignmentLib.panels.self_test import SelfTest

        self.checks = SelfTest(RESOURCES, SpineAlignmentLogic)

    def runTest(self) -> None:
        for test in (self.test_Package, self.test_Script, self.test_Panel, self.test_Detection):
            self.setUp()
            with suppress(SkipTest):
                test()
            self.delayDisplay(f"{test.__name__} passed")

    def test_Package(self) -> None:
        self.checks.package()

    def test_Script(self) -> None:
        self.checks.script()

    def test_Panel(self) -> None:
        self.checks.panel()

    def test_Detection(self) -> None:
        self.checks.detection()
