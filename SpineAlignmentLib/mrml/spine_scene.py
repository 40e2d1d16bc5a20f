"""All films of a scene and their alignments: found again after loading, let go when their nodes are deleted."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final

import slicer
import vtk

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.mrml import landmark_list, results_table
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.film_facts import FileForInstance, film_facts, film_file
from SpineAlignmentLib.mrml.folder import film_folder
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.comparison import differences

Node = Any

COMPARISON_ATTRIBUTE: Final[str] = "SpineAlignment.comparison"


class SpineScene:
    """The alignments of a scene, one for each film that has landmarks.

    Args:
        scene: the MRML scene.
        file_for_instance: a DICOM database's look-up from SOP Instance UID to file name, so that the tags of films
            loaded from it can be read; None without a database.

    `on_changed` functions are called when an alignment appears or goes. Call `release` when done.
    """

    def __init__(self, scene: Node, file_for_instance: FileForInstance | None = None) -> None:
        self.scene = scene
        self.on_changed: list[Callable[[], None]] = []
        self._file_for_instance = file_for_instance
        self._alignments: dict[str, FilmAlignment] = {}
        self._read_facts: dict[str, tuple[tuple[Any, ...], Annotation]] = {}
        events = (
            (slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent, self._on_node_about_to_be_removed),
            (slicer.vtkMRMLScene.StartCloseEvent, self._on_scene_closed),
            (slicer.vtkMRMLScene.EndImportEvent, self._on_scene_imported),
            (slicer.vtkMRMLScene.EndRestoreEvent, self._on_scene_imported),
        )
        self._tags = [scene.AddObserver(event, function) for event, function in events]
        self.restore()

    _scenes: ClassVar[list["SpineScene"]] = []

    @classmethod
    def of(cls, scene: Node, file_for_instance: FileForInstance | None = None) -> "SpineScene":
        """The one that watches this scene already, or a new one: two would draw everything twice."""
        for known in cls._scenes:
            if known.scene is scene:
                return known
        made = cls(scene, file_for_instance)
        cls._scenes.append(made)
        return made

    @property
    def alignments(self) -> list[FilmAlignment]:
        """All alignments, in the order in which they were made."""
        return list(self._alignments.values())

    def alignment(self, volume: Node | None) -> FilmAlignment | None:
        """The alignment of a film, if it has landmarks."""
        return None if volume is None else self._alignments.get(volume.GetID())

    def first_film(self) -> Node | None:
        """The first volume of the scene that is a film."""
        for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", self.scene):
            with suppress(FilmError):
                volume_geometry(volume)
                return volume
        return None

    def facts(self, volume: Node) -> Annotation:
        """What is known about a film, with its landmarks if it has any.

        Raises:
            FilmError: the volume is not a film, or no longer one; see `volume_film.volume_geometry`.
        """
        volume_geometry(volume)
        alignment = self.alignment(volume)
        return self._facts_without_landmarks(volume) if alignment is None else alignment.annotation

    def _facts_without_landmarks(self, volume: Node) -> Annotation:
        """Read once: decoding a film's file takes a while, and a panel asks often."""
        age = (volume.GetMTime(), volume.GetStorageNodeID(), volume.GetModifiedSinceRead())
        known = self._read_facts.get(volume.GetID())
        if known is None or known[0] != age:
            known = age, film_facts(volume, self._file_for_instance)
            self._read_facts[volume.GetID()] = known
        return known[1]

    def file_of(self, volume: Node) -> Path | None:
        """The file a film was loaded from, when it is there and still holds what the volume shows."""
        return film_file(volume, self._file_for_instance)

    def own_facts(self, volume: Node) -> Annotation:
        """What the film's file says, whatever was put right since.

        Raises:
            FilmError: the volume is not a film.
        """
        alignment = self.alignment(volume)
        known = landmark_list.read_own(alignment.landmarks) if alignment is not None else None
        return known or self._facts_without_landmarks(volume)

    def create(self, volume: Node, facts: Annotation | None = None, own: Annotation | None = None) -> FilmAlignment:
        """The alignment of a film; landmarks that are still to be placed are made when it has none.

        Args:
            volume: the film.
            facts: what is known about it, when its file was read already.
            own: what its file says, when that is something else.

        Raises:
            FilmError: the volume is not a film; see `volume_film.volume_geometry`.
        """
        known = self.alignment(volume)
        if known is not None:
            return known
        facts = facts or self._facts_without_landmarks(volume)
        landmarks = landmark_list.create(self.scene, volume)
        landmark_list.write_own(landmarks, own or facts)
        return self._adopt(FilmAlignment(self.scene, volume, landmarks, facts))

    def _adopt(self, alignment: FilmAlignment) -> FilmAlignment:
        self._alignments[alignment.volume.GetID()] = alignment
        self._notify()
        return alignment

    def restore(self) -> None:
        """Find the landmark lists that a loaded scene brought along."""
        for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode", self.scene):
            volume = node.GetNodeReference(landmark_list.FILM_ROLE)
            if volume is None or volume.GetImageData() is None or self.alignment(volume) is not None:
                continue
            facts = film_facts(volume, self._file_for_instance, landmark_list.read_facts(node))
            self._adopt(FilmAlignment(self.scene, volume, node, facts))

    def show_only(
        self, volume: Node | None, keys: frozenset[str], points: bool = True, curve: bool = True, names: bool = False
    ) -> None:
        """Draw one film's landmarks, their names, the chosen measurements and the curve; hide those of all others."""
        for alignment in self.alignments:
            mine = alignment.volume is volume
            alignment.show(keys if mine else frozenset(), points=mine and points, curve=mine and curve, names=names)

    def compare(self, first: Node, second: Node) -> Node:
        """A table of the parameters of two films and their differences (second minus first) with their intervals.

        Raises:
            ValueError: one of the films has no landmarks yet.
        """
        names, films = [], []
        for volume in (first, second):
            alignment = self.alignment(volume)
            if alignment is None:
                raise ValueError(f"{volume.GetName()}: no landmarks on this film yet")
            names.append(volume.GetName())
            films.append(alignment.annotation)
        if names[0] == names[1]:
            names = [f"{name} ({i})" for i, name in enumerate(names, 1)]
        table = self._comparison_table(first, second)
        results_table.write_comparison(table, names[0], names[1], differences(films[0], films[1]))
        return table

    def _comparison_table(self, first: Node, second: Node) -> Node:
        wanted = (first.GetID(), second.GetID())
        for node in slicer.util.getNodesByClass("vtkMRMLTableNode", self.scene):
            if wanted == tuple(node.GetNthNodeReferenceID(COMPARISON_ATTRIBUTE, i) for i in (0, 1)):
                return node
        table = results_table.create_comparison(self.scene, f"{first.GetName()} and {second.GetName()}")
        for node_id in wanted:
            table.AddNodeReferenceID(COMPARISON_ATTRIBUTE, node_id)
        return table

    def remove(self, volume: Node) -> None:
        """Delete landmarks, table and drawings of a film; the film stays."""
        alignment = self.alignment(volume)
        if alignment is not None:
            landmarks, table = alignment.landmarks, alignment.table
            self._let_go(alignment)
            self.scene.RemoveNode(table)
            self.scene.RemoveNode(landmarks)

    def close(self, volume: Node) -> None:
        """Delete a film with everything that belongs to it."""
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)
        alignment = self.alignment(volume)
        folder = film_folder(hierarchy, alignment.landmarks) if alignment is not None else 0
        self.remove(volume)
        if folder:
            hierarchy.RemoveItem(folder, False, True)
        nodes = [volume.GetNthDisplayNode(i) for i in range(volume.GetNumberOfDisplayNodes())]
        for node in [volume, volume.GetStorageNode(), *nodes]:
            if node is not None:
                self.scene.RemoveNode(node)

    def release(self) -> None:
        """Stop observing the scene and its nodes.

        Landmarks and tables stay; what is drawn goes, since nobody brings it up to date any more.
        """
        self.on_changed.clear()
        for alignment in self.alignments:
            alignment.remove_drawings()
        if self in self._scenes:
            self._scenes.remove(self)
        for tag in self._tags:
            self.scene.RemoveObserver(tag)
        self._tags.clear()
        self._on_scene_closed()

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator]
    def _on_node_about_to_be_removed(self, _caller: Node, _event: str, node: Node) -> None:
        if self.scene.IsClosing():
            return
        self._read_facts.pop(node.GetID(), None)
        for alignment in self.alignments:
            if node is alignment.volume or node is alignment.landmarks:
                self._let_go(alignment)
            else:
                alignment.forget(node)

    def _let_go(self, alignment: FilmAlignment) -> None:
        """The film or its landmarks go: what was drawn from them goes too, what the surgeon made stays."""
        del self._alignments[alignment.volume.GetID()]
        alignment.release()
        alignment.remove_drawings()
        self._notify()

    def _on_scene_closed(self, *_: Any) -> None:
        for alignment in self.alignments:
            alignment.release()
        self._alignments.clear()
        self._read_facts.clear()
        self._notify()

    def _on_scene_imported(self, *_: Any) -> None:
        self.restore()

    def _notify(self) -> None:
        for function in list(self.on_changed):
            function()
