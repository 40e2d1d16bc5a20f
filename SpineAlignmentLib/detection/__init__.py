"""From a film to its 45 landmarks."""

from SpineAlignmentLib.detection.detector import Detector, detect

__all__ = ["Detector", "detect"]
