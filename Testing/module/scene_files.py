"""A scene to files and back, as Slicer saves and loads it."""

from pathlib import Path
from typing import Any


def save(scene: Any, folder: Path) -> None:
    """Save a scene as Slicer does: a .mrml file and a file for each node that has data."""
    folder.mkdir()
    for i in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(i)
        if not node.IsA("vtkMRMLStorableNode") or not node.GetSaveWithScene():
            continue
        if node.GetStorageNode() is None:
            if not any(node.IsA(f"vtkMRML{kind}Node") for kind in ("Markups", "Volume", "Table")):
                continue
            node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(str(folder / f"{node.GetID()}.{storage.GetDefaultWriteFileExtension()}"))
        assert storage.WriteData(node)
    scene.SetURL(str(folder / "scene.mrml"))
    scene.SetRootDirectory(str(folder))
    assert scene.Commit()


def load(scene: Any, folder: Path) -> None:
    """Load it in place of what is in the scene."""
    scene.SetURL(str(folder / "scene.mrml"))
    scene.SetRootDirectory(str(folder))
    assert scene.Connect()


def add(scene: Any, folder: Path) -> None:
    """Load it into a scene that keeps what it has."""
    scene.SetURL(str(folder / "scene.mrml"))
    scene.SetRootDirectory(str(folder))
    assert scene.Import()
