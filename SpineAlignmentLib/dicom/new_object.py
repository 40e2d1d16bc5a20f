"""What every DICOM object made here says of itself, whatever it holds."""

from typing import Any, Final

from SpineAlignmentLib import __version__

MANUFACTURER: Final[str] = "SpineAlignment"
MODEL: Final[str] = "SpineAlignment"


def new_object(series_number: int, description: str) -> dict[str, Any]:
    """Identity and equipment of an object alone in a new series (PS3.3 C.7.3.1, C.7.5.1, C.12.1), as highdicom's
    classes take them; UIDs of its own, since archives keep the first object of a UID.
    """
    import highdicom as hd

    return {
        "series_instance_uid": hd.UID(),
        "series_number": series_number,
        "series_description": description,
        "sop_instance_uid": hd.UID(),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL,
        "software_versions": __version__,
    }
