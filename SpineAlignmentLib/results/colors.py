"""The colors of everything that is drawn: in the picture, in Slicer's views, on the viewer's page and for PACS.

Red means one thing everywhere: look here, this is not sure.
"""

from typing import Final

Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

GROUP_COLORS: Final[dict[str, Color]] = {
    "pelvis": (255, 184, 64),
    "lumbar": (89, 204, 255),
    "thoracic": (191, 173, 255),
    "cervical": (255, 153, 217),
    "global": (255, 242, 102),
}
"""Parameter group to its color; none is that of a landmark."""

SURE: Final[Color] = (89, 255, 89)
"""A landmark that was detected surely, or placed by hand."""
UNSURE: Final[Color] = (255, 77, 51)
"""A landmark of low confidence."""
SELECTED: Final[Color] = (255, 255, 255)
"""The landmark at hand."""
CURVE: Final[Color] = (140, 217, 191)
"""The spine curve."""
DRAWN: Final[Color] = (245, 245, 245)
"""What a person measured besides the 18 parameters, and the circles of the femoral heads."""
CALIBRATION: Final[Color] = (255, 140, 26)
"""The line over an object of known length."""


def unit(color: Color) -> tuple[float, float, float]:
    """The color with parts of 0 to 1, as VTK takes it."""
    red, green, blue = color
    return red / 255, green / 255, blue / 255


def css(color: Color) -> str:
    """The color as a page takes it."""
    return "#{:02x}{:02x}{:02x}".format(*color)
