"""The table of results of one film in the scene."""

from collections.abc import Mapping
from typing import Any

from SpineAlignmentLib.mrml import landmark_list, results_table
from SpineAlignmentLib.mrml.folder import put_into_folder

Node = Any


class FilmTable:
    """The table that a list of landmarks refers to; made when it is first asked for, and anew after it was deleted."""

    def __init__(self, scene: Node, volume: Node, landmarks: Node) -> None:
        self._scene = scene
        self._volume = volume
        self._landmarks = landmarks
        self._node = landmarks.GetNodeReference(landmark_list.TABLE_ROLE)
        if self._node is not None:
            results_table.fill(self._node)

    def node(self, parameters: Mapping[str, float]) -> Node:
        """The table node; a new one holds these parameters."""
        if self._node is None:
            self._node = results_table.create(self._scene, f"{self._volume.GetName()} parameters")
            self._landmarks.SetNodeReferenceID(landmark_list.TABLE_ROLE, self._node.GetID())
            put_into_folder(self._scene, self._volume, self._landmarks, self._node)
            results_table.write_values(self._node, parameters)
        return self._node

    def forget(self, node: Node) -> bool:
        """Let go of a node that is being deleted by someone else, if it is the table."""
        if node is not self._node:
            return False
        self._node = None
        return True
