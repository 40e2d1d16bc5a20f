"""Results as DICOM objects beside their film: report, presentation state, picture, and the way back."""

from SpineAlignmentLib.dicom.capture_writing import secondary_capture
from SpineAlignmentLib.dicom.film_header import film_header
from SpineAlignmentLib.dicom.gsps_writing import presentation_state
from SpineAlignmentLib.dicom.results import dicom_capture, dicom_results
from SpineAlignmentLib.dicom.sr_reading import read_structured_report
from SpineAlignmentLib.dicom.sr_writing import structured_report

__all__ = [
    "dicom_capture",
    "dicom_results",
    "film_header",
    "presentation_state",
    "read_structured_report",
    "secondary_capture",
    "structured_report",
]
