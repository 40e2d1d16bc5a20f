"""A film: pixels with bone bright, and what is known of their size and of the side that the patient faces."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.film.checks import checked_pixels, checked_spacing
from SpineAlignmentLib.film.polarity import inverted
from SpineAlignmentLib.results.annotation import SPACING_WARNING, without_warnings
from SpineAlignmentLib.results.placement import Placement, plain_placement
from SpineAlignmentLib.results.turning import turned_placement

Pixels = NDArray[Any]

SPACING_UNKNOWN: Final[str] = "unknown"
GIVEN: Final[str] = "given"
"""The source of what the user, or a program that calls the library, says of a film."""
SIDE_OF_TAG: Final[str] = "PatientOrientation (0020,0020)"
SIDE_OF_PLANE: Final[str] = "orientation of the volume"
LIES_BY_TAG: Final[str] = "PatientOrientation says that the film"
"""How warnings begin of a film that its tags lay on its side or upside down; they go when it is set upright."""
CLAIMED_SIDES: Final[frozenset[str]] = frozenset({SIDE_OF_TAG, SIDE_OF_PLANE})
"""Sources of a side that a file claims; the film may show another."""
NO_SPACING: Final[str] = (
    f"{SPACING_WARNING} unknown: distances in mm are not measurable; give it with --spacing or calibrate"
    " (angles are valid)"
)


@dataclass(frozen=True)
class Film:
    """One lateral radiograph as seen on screen."""

    name: str
    """File name, without its folder."""
    pixels: Pixels
    """Shape (height, width), bone bright; integers as stored, or float32."""
    spacing_mm: tuple[float, float] | None = None
    """(x, y) size of a pixel in mm; None when unknown."""
    spacing_source: str = SPACING_UNKNOWN
    pixel_aspect: float = 1.0
    """Height over width of a pixel; known at times when the spacing is not."""
    anterior: str | None = None
    """The side the patient faces, "left" or "right"; None when the file does not say."""
    anterior_source: str = "unknown"
    polarity_source: str = ""
    """What says which end of the gray scale is bone; "" where nothing does."""
    polarity_doubt: str = ""
    """What contradicts it in the same file; "" for nothing."""
    placement: Placement = field(default_factory=Placement)
    """Where Slicer's own reader lays the film."""
    warnings: tuple[str, ...] = ()
    fingerprint: Callable[[], str] = field(default=str, repr=False, compare=False)
    """What reckons `sha256`."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the film's file, in hexadecimal digits; empty for pixels that are in no file.

        It takes as long as reading the film does, and is reckoned when it is first asked for.

        Raises:
            FilmError: the file is not the one any more that was read.
        """
        return self.fingerprint()

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def pixel_size(self) -> tuple[float, float]:
        """(x, y) size of a pixel, in mm when the spacing is known, else relative."""
        return self.spacing_mm or (1.0, self.pixel_aspect)

    def calibrated(self, spacing: float | tuple[float, float], source: str = GIVEN) -> "Film":
        """The same film with a spacing that the user knows: (x, y), or x alone with the pixel's shape as it was.

        Raises:
            FilmError: a spacing that cannot be.
        """
        x_y = spacing if isinstance(spacing, tuple) else (spacing, spacing * self.pixel_size[1] / self.pixel_size[0])
        checked = checked_spacing(x_y, self.size_px, self.name, source)
        return replace(
            self,
            spacing_mm=checked,
            spacing_source=source,
            pixel_aspect=x_y[1] / x_y[0],
            warnings=without_warnings(self.warnings, SPACING_WARNING),
        )

    def facing(self, anterior: str, source: str = GIVEN) -> "Film":
        """The same film with the patient facing the side that the user knows, "left" or "right".

        Raises:
            ValueError: another side.
        """
        if anterior not in ("left", "right"):
            raise ValueError(f"anterior must be 'left' or 'right', got {anterior!r}")
        return replace(self, anterior=anterior, anterior_source=source)

    def upright(self, quarter_turns: int) -> "Film":
        """The film after quarter turns counterclockwise, at the same place in space.

        Its facing side is not known any more: a file says it of the film as it is stored.
        """
        if not quarter_turns % 4:
            return self
        spacing, odd = self.spacing_mm, quarter_turns % 2
        return replace(
            self,
            pixels=np.ascontiguousarray(np.rot90(self.pixels, quarter_turns)),
            spacing_mm=spacing[::-1] if spacing and odd else spacing,
            pixel_aspect=1 / self.pixel_aspect if odd else self.pixel_aspect,
            anterior=None,
            anterior_source="unknown",
            placement=turned_placement(self.placement, self.size_px, quarter_turns),
            warnings=without_warnings(self.warnings, LIES_BY_TAG),
        )


def film_from_pixels(
    pixels: Pixels,
    name: str = "film",
    spacing_mm: tuple[float, float] | None = None,
    spacing_source: str = SPACING_UNKNOWN,
    anterior: str | None = None,
) -> Film:
    """A film from pixels in memory, shape (height, width), bone bright.

    Raises:
        FilmError: not a usable image, or an impossible spacing.
    """
    gray = checked_pixels(pixels, name)
    if spacing_mm is not None:
        spacing_mm = checked_spacing(spacing_mm, (gray.shape[1], gray.shape[0]), name, spacing_source)
    return Film(
        name,
        gray,
        spacing_mm,
        spacing_source,
        pixel_aspect=1.0 if spacing_mm is None else spacing_mm[1] / spacing_mm[0],
        anterior=anterior,
        anterior_source="unknown" if anterior is None else GIVEN,
        polarity_source=GIVEN,
        placement=plain_placement(spacing_mm),
        warnings=(NO_SPACING,) if spacing_mm is None else (),
    )


def turned(film: Film) -> Film:
    """A film whose gray scale runs the other way."""
    return replace(film, pixels=inverted(film.pixels))
