"""The report of a film, or of two visits side by side, as PDF and as a page for the browser."""

from SpineAlignmentLib.clinical.report.content import Visit, visit
from SpineAlignmentLib.clinical.report.html import html_report
from SpineAlignmentLib.clinical.report.pdf import pdf_report
from SpineAlignmentLib.clinical.report.texts import ENGLISH, Texts

__all__ = ["ENGLISH", "Texts", "Visit", "html_report", "pdf_report", "visit"]
