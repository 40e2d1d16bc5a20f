"""What measurements mean: norms of healthy adults, published classes and targets, with their sources."""

from SpineAlignmentLib.clinical.norms import Norm, norm, unusual
from SpineAlignmentLib.clinical.patient import Patient
from SpineAlignmentLib.clinical.readings import Reading, readings
from SpineAlignmentLib.clinical.result import readings_of, with_readings

__all__ = ["Norm", "Patient", "Reading", "norm", "readings", "readings_of", "unusual", "with_readings"]
