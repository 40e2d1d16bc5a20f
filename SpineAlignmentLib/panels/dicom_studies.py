"""Films in Slicer's DICOM database, and the ones that are chosen in its browser."""

from collections.abc import Iterable
from typing import Any, Final

import slicer

RADIOGRAPHS: Final[tuple[str, ...]] = ("CR", "DX", "RF", "OT")
"""Values of Modality (0008,0060) that a film may have; secondary captures are mostly OT."""
VISUAL_BROWSER: Final[tuple[str, ...]] = ("useVisualDICOMBrowser", "useExperimentalVisualDICOMBrowser")
"""What the browser calls its flag for pictures instead of tables; the second until Slicer 5.10."""


def series_of_studies(studies: Iterable[str]) -> list[str]:
    """The series of studies, all given by Instance UIDs."""
    return [series for study in studies for series in slicer.dicomDatabase.seriesForStudy(study)]


def films_of_series(series: Iterable[str]) -> list[str]:
    """The files of the radiographs in series."""
    database = slicer.dicomDatabase
    files = [file for one in series for file in database.filesForSeries(one)]
    return [file for file in files if database.fileValue(file, "0008,0060") in RADIOGRAPHS]


def chosen_films() -> list[str]:
    """The files of the radiographs that are chosen in the DICOM module: by study, in the visual browser by series."""
    browser: Any = getattr(getattr(slicer.modules, "DICOMWidget", None), "browserWidget", None)
    if browser is None:
        return []
    if any(getattr(browser, flag, False) for flag in VISUAL_BROWSER):
        return films_of_series(browser.dicomVisualBrowser.patientView().selectedSeriesInstanceUIDs())
    return films_of_series(series_of_studies(browser.dicomBrowser.dicomTableManager().currentStudiesSelection()))
