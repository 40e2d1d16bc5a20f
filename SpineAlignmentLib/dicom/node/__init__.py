"""A node in the hospital's network: films come in by C-STORE or in a folder, results go back to the archive."""

from SpineAlignmentLib.dicom.node.node import Node, NodeSettings, run_node
from SpineAlignmentLib.dicom.node.peers import Peer, Tls

__all__ = ["Node", "NodeSettings", "Peer", "Tls", "run_node"]
