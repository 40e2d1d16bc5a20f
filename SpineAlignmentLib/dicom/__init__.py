"""Results as DICOM objects beside their film: a structured report, a presentation state, and the way back."""

from SpineAlignmentLib.dicom.film_header import film_header
from SpineAlignmentLib.dicom.gsps_writing import presentation_state
from SpineAlignmentLib.dicom.results import dicom_results
from SpineAlignmentLib.dicom.sr_reading import read_structured_report
from SpineAlignmentLib.dicom.sr_writing import structured_report

__all__ = ["dicom_results", "film_header", "presentation_state", "read_structured_report", "structured_report"]
