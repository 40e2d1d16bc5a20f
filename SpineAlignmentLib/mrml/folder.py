"""The subject hierarchy folder that holds everything of one film."""

from typing import Any, Final

import slicer
import vtk

Node = Any

FOLDER_ATTRIBUTE: Final[str] = "SpineAlignment.folder"
_FILM, _DERIVED = "film", "measurements"


def put_into_folder(scene: Node, volume: Node, landmarks: Node, node: Node, derived: bool = False) -> None:
    """Put a node into the folder of a film; derived nodes into the folder "Measurements" in it.

    The folder is the one that the film's landmark list is in, so that it can be renamed and moved freely.
    """
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if hierarchy is None:
        return
    folder = film_folder(hierarchy, landmarks) or _new_folder(hierarchy, volume, landmarks)
    hierarchy.CreateItem(_derived_folder(hierarchy, folder) if derived else folder, node)


def remove_if_empty(scene: Node, landmarks: Node) -> None:
    """Remove the folder of derived nodes, and that of the film, when nothing is left in them."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    folder = film_folder(hierarchy, landmarks)
    for child in _children(hierarchy, folder) if folder else []:
        if hierarchy.GetItemAttribute(child, FOLDER_ATTRIBUTE) == _DERIVED and not _children(hierarchy, child):
            hierarchy.RemoveItem(child)


def film_folder(hierarchy: Node, landmarks: Node) -> int:
    """The folder item of a film whose landmarks are in the scene; 0 when there is none."""
    item = hierarchy.GetItemByDataNode(landmarks) if hierarchy else 0
    folder = hierarchy.GetItemParent(item) if item else 0
    return int(folder) if folder and hierarchy.GetItemAttribute(folder, FOLDER_ATTRIBUTE) == _FILM else 0


def _new_folder(hierarchy: Node, volume: Node, landmarks: Node) -> int:
    film = hierarchy.GetItemByDataNode(volume)
    beside = hierarchy.GetItemParent(film) if film else hierarchy.GetSceneItemID()
    folder = hierarchy.CreateFolderItem(beside, f"Spine alignment of {volume.GetName()}")
    hierarchy.SetItemAttribute(folder, FOLDER_ATTRIBUTE, _FILM)
    hierarchy.CreateItem(folder, landmarks)
    return int(folder)


def _derived_folder(hierarchy: Node, folder: int) -> int:
    for item in _children(hierarchy, folder):
        if hierarchy.GetItemAttribute(item, FOLDER_ATTRIBUTE) == _DERIVED:
            return item
    item = hierarchy.CreateFolderItem(folder, "Measurements")
    hierarchy.SetItemAttribute(item, FOLDER_ATTRIBUTE, _DERIVED)
    hierarchy.SetItemExpanded(item, False)
    return int(item)


def _children(hierarchy: Node, item: int) -> list[int]:
    ids = vtk.vtkIdList()
    hierarchy.GetItemChildren(item, ids)
    return [ids.GetId(i) for i in range(ids.GetNumberOfIds())]
