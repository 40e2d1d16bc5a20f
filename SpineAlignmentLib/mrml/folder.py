"""The subject hierarchy folder that holds landmarks and table of one film."""

from typing import Any, Final

import slicer

Node = Any

FOLDER_ATTRIBUTE: Final[str] = "SpineAlignment.folder"
_FILM: Final[str] = "film"


def put_into_folder(scene: Node, volume: Node, landmarks: Node, node: Node) -> None:
    """Put a node into the folder of a film.

    The folder is the one that the film's landmark list is in, so that it can be renamed and moved freely.
    """
    if scene.IsBatchProcessing():
        # a scene that is being loaded: its own hierarchy, with this folder, comes into effect when all of it is there
        return
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(scene)
    if hierarchy is not None:
        hierarchy.CreateItem(film_folder(hierarchy, landmarks) or _new_folder(hierarchy, volume, landmarks), node)


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
