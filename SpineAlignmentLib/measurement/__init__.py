"""What is measured: the 45 landmarks, the 18 parameters, and the lines and arcs that show them."""

from SpineAlignmentLib.measurement.constructions import constructions, spine_curve
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import PARAMETERS, spinopelvic_parameters

__all__ = ["INDEX", "NAMES", "PARAMETERS", "constructions", "spine_curve", "spinopelvic_parameters"]
