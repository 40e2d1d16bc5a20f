"""What the page is made of before Slicer's libraries are there: its file, what it may ask for, what it shows at first.

Nothing heavy is imported here: reading Slicer's libraries takes most of the start, and the page does not wait for it.
"""

from pathlib import Path
from typing import Any, Final

PAGE: Final[Path] = Path(__file__).resolve().parent / "page"
TITLE: Final[str] = "Spine Alignment"
ACTIONS: Final[tuple[str, ...]] = (
    *("choose", "close", "detect", "cancel", "undo", "redo", "reset"),
    *("toggle", "toggle_group", "toggle_drawn", "fit", "fit_spine", "zoom", "gray"),
    *("next_low", "step", "nudge", "missing", "place", "skip", "stop_placing"),
    *("set_spacing", "own_spacing", "set_anterior", "set_patient", "patient_tags"),
    *("calibrate", "calibrated", "stop_calibrating"),
    *("open_sample", "dismiss", "escape"),
    *("use_kept", "discard_kept", "replace", "keep_mine", "toggle_header", "compare"),
    *("choose_level", "shift", "renumber", "accept", "review_all"),
    *("measure_cobb", "draw_line", "stop_drawing", "take_away", "size_heads"),
)
"""What the page may ask for: methods of the workplace and of its parts."""
HINT: Final[str] = "Starting; drop a film, choose a file or open the sample film, it will be there in a moment."


def state(sample: Path | None) -> dict[str, Any]:
    """Every value that the page's template names.

    Args:
        sample: the film that "Sample film" opens, when there is one.
    """
    return {
        "ready": False,
        "hint": HINT,
        "sample": bool(sample and sample.is_file()),
        "films": [],
        "film": "",
        "facts": {},
        "table": [],
        "values": {},
        "norms": {},
        "norms_of": "",
        "shown": [],
        "drawn": {},
        "low": [],
        "detected": False,
        "placed": False,
        "unplaced": 0,
        "placing": "",
        "can_undo": False,
        "can_redo": False,
        "busy": None,
        "opening": False,
        "message": "",
        "told": "",
        "pointed": "",
        "selected": "",
        "calibrating": "",
        "offer": "",
        "replacing": "",
        "unsaved": [],
        "keeping": "",
        "header_on": False,
        "header": [],
        "dicom": False,
        "scale": None,
        "tab": "measurements",
        "levels": [],
        "level": "",
        "counted": "",
        "other": "",
        "reviewed": None,
        "further": [],
        "drawing": "",
        "heads": False,
        "compared": "",
        "differences": {},
        "beside": "",
        "others": "",
        "cobb_levels": [],
    }
