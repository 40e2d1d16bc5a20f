"""Films as volume nodes, as Slicer's readers would make them."""

from pathlib import Path
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray


def add_film(scene: Any, pixels: NDArray[np.generic], spacing: tuple[float, float], name: str = "film") -> Any:
    """A volume node in the axial plane, IJKToRAS = diag(-sx, -sy, 1), as DICOM films without orientation are read."""
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    volume.SetSpacing(spacing[0], spacing[1], 1)
    slicer.util.updateVolumeFromArray(volume, np.ascontiguousarray(pixels)[None])
    volume.CreateDefaultDisplayNodes()
    return volume


def load_film(scene: Any, path: str | Path) -> Any:
    """A film file as a volume node, read by Slicer's own reader."""
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", Path(path).stem)
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    storage.SetSingleFile(True)
    volume.SetAndObserveStorageNodeID(storage.GetID())
    if not storage.ReadData(volume):
        raise OSError(f"{path}: Slicer's reader cannot read it")
    volume.CreateDefaultDisplayNodes()
    return volume
