"""Reading films: DICOM, PNG, JPEG, TIFF, NRRD, MetaImage and NIfTI files as one structure, with bone bright.

What a file says of itself decides, never its name's ending. Whatever is not one lateral radiograph is refused with a
`FilmError` of one line.
"""

import warnings as python_warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.markups import Placement, plain_placement

Pixels = NDArray[Any]

SPACING_LIMITS_MM: Final[tuple[float, float]] = (0.02, 10.0)
"""Sizes of a film pixel outside of these are not believed."""
MAX_EXTENT_MM: Final[float] = 3000.0
"""No radiograph is longer than this."""
MAX_ASPECT: Final[float] = 8.0
MIN_SIDE_PX: Final[int] = 32
MAX_PIXELS: Final[int] = 100_000_000
"""Larger images are refused before they fill the memory; the largest whole-body films have 16 million pixels."""
COLOR_DIFFERENCE: Final[float] = 0.12
"""Difference between the channels of a pixel, as a share of the range, from which it counts as colored."""
COLORED_SHARE: Final[float] = 0.05
"""A radiograph saved in color is gray all over, but for small marks."""

SPACING_UNKNOWN: Final[str] = "unknown"
NO_SPACING: Final[str] = (
    "pixel spacing unknown: distances in mm are not measurable; give it with --spacing or calibrate (angles are valid)"
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
    polarity_known: bool = False
    """Whether the file says which end of its gray scale is bone."""
    placement: Placement = field(default_factory=Placement)
    """Where Slicer's own reader lays the film."""
    warnings: tuple[str, ...] = ()

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def pixel_size(self) -> tuple[float, float]:
        """(x, y) size of a pixel, in mm when the spacing is known, else relative."""
        return self.spacing_mm or (1.0, self.pixel_aspect)

    def calibrated(self, spacing: float | tuple[float, float], source: str = "given") -> "Film":
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
            warnings=tuple(w for w in self.warnings if w != NO_SPACING),
        )

    def facing(self, anterior: str, source: str = "given") -> "Film":
        """The same film with the patient facing the side that the user knows, "left" or "right".

        Raises:
            ValueError: another side.
        """
        if anterior not in ("left", "right"):
            raise ValueError(f"anterior must be 'left' or 'right', got {anterior!r}")
        return replace(self, anterior=anterior, anterior_source=source)


def read_film(
    path: str | Path, spacing: float | tuple[float, float] | None = None, anterior: str | None = None
) -> Film:
    """Read a film from a file.

    Args:
        path: a DICOM (CR, DX, RF, SC; compressed as well), PNG, JPEG, TIFF, NRRD, MHA/MHD or NIfTI file.
        spacing: size of a pixel in mm where the user knows it, x alone or (x, y); wins over what the file says.
        anterior: "left" or "right" where the user knows which side the patient faces; wins over what the file says.

    Raises:
        FilmError: the file cannot be read, is not a single gray image, or says something impossible of itself.
    """
    path = Path(path)
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            film = _reader(path)(path, spacing is not None)
    except FilmError:
        raise
    except OSError as error:
        # decoders raise it as well, without the system's number
        reason = f"cannot read: {error.strerror}" if error.errno else f"damaged or not a film: {_first_line(error)}"
        raise FilmError(f"{path}: {reason}") from error
    except MemoryError as error:
        raise FilmError(f"{path}: too large for this computer's memory") from error
    # decoders of damaged files raise whatever they happen on; the user needs to know which file, not where inside
    except Exception as error:
        raise FilmError(f"{path}: damaged or not a film: {_first_line(error)}") from error
    if spacing is not None:
        film = film.calibrated(spacing)
    elif film.spacing_mm is None:
        film = replace(film, warnings=(*film.warnings, NO_SPACING))
    return film if anterior is None else film.facing(anterior)


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
        anterior_source="unknown" if anterior is None else "given",
        polarity_known=True,
        placement=plain_placement(spacing_mm),
        warnings=(NO_SPACING,) if spacing_mm is None else (),
    )


def checked_pixels(pixels: Pixels, name: str) -> Pixels:
    """Pixels as a gray image of shape (height, width); gray images saved in color become gray.

    Raises:
        FilmError: empty, too small, too large, in color, with values that are not numbers, or blank.
    """
    if pixels.ndim == 3 and pixels.shape[2] in (1, 2, 3, 4):
        pixels = _gray(pixels, name)
    if pixels.ndim != 2:
        raise FilmError(f"{name}: an image of {pixels.ndim} dimensions, not a single radiograph")
    check_size(pixels.shape[1], pixels.shape[0], name)
    if pixels.dtype.kind == "f":
        bad = int(np.count_nonzero(~np.isfinite(pixels)))
        if bad:
            raise FilmError(f"{name}: {bad} of {pixels.size} pixels are not numbers (NaN or infinite)")
        pixels = pixels.astype(np.float32, copy=False)
        if not np.isfinite(pixels).all():
            raise FilmError(f"{name}: gray values too large to be an image")
    elif pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8)
    elif pixels.dtype.kind not in "iu":
        raise FilmError(f"{name}: pixels of type {pixels.dtype} are not gray values")
    if pixels.min() == pixels.max():
        raise FilmError(f"{name}: blank: every pixel has the same value")
    return pixels


def check_size(width: int, height: int, name: str) -> None:
    """Refuse images that no film has.

    Raises:
        FilmError: empty, too small or too large.
    """
    if width < 1 or height < 1:
        raise FilmError(f"{name}: an empty image ({width} x {height} pixels)")
    if min(width, height) < MIN_SIDE_PX:
        raise FilmError(f"{name}: too small for a whole-spine film ({width} x {height} pixels)")
    if width * height > MAX_PIXELS:
        raise FilmError(f"{name}: too large for a film ({width} x {height} pixels)")


def checked_spacing(
    spacing: tuple[float, float], size_px: tuple[int, int], name: str, source: str
) -> tuple[float, float]:
    """A pixel spacing that can be.

    Raises:
        FilmError: names the file, the spacing and where it comes from.
    """
    x, y = float(spacing[0]), float(spacing[1])
    low, high = SPACING_LIMITS_MM
    shown = f"{x:g} x {y:g} mm ({source})"
    advice = "give the right one with --spacing"
    if not (np.isfinite([x, y]).all() and low <= min(x, y) and max(x, y) <= high):
        raise FilmError(f"{name}: impossible pixel spacing {shown}; {advice}")
    if not 1 / MAX_ASPECT <= y / x <= MAX_ASPECT:
        raise FilmError(f"{name}: impossible shape of a pixel, {shown}; {advice}")
    extent = max(size_px[0] * x, size_px[1] * y)
    if extent > MAX_EXTENT_MM:
        raise FilmError(f"{name}: with a pixel spacing of {shown} the film is {extent / 1000:.1f} m long; {advice}")
    return x, y


def is_placeholder(spacing: tuple[float, float], size_px: tuple[int, int]) -> bool:
    """Whether a spacing of exactly 1 mm only means that nobody knew it: the film would be longer than any is."""
    return spacing == (1.0, 1.0) and max(size_px) > 1500


def inverted(pixels: Pixels) -> Pixels:
    """The same gray values with bright and dark exchanged, in the same type."""
    if pixels.dtype.kind == "f":
        return np.asarray(-pixels)
    # in 64 bits where a difference of signed values would not fit their own type
    low, high = int(pixels.min()), int(pixels.max())
    wide = pixels.astype(np.int64) if pixels.dtype.kind == "i" else pixels
    return np.asarray((high - wide + low).astype(pixels.dtype)) if low else np.asarray(high - pixels, pixels.dtype)


def looks_inverted(pixels: Pixels) -> bool:
    """Whether bone may be dark: the air at the left and right edges of a film is darker than the patient otherwise.

    White collimation borders look the same, so that this is a suspicion only.
    """
    height, width = pixels.shape
    rows = pixels[height // 8 : height - height // 8 : max(1, height // 400)]
    strip = max(1, width // 25)
    edges = np.concatenate([rows[:, :strip].ravel(), rows[:, -strip:].ravel()])
    return bool(np.median(edges) > np.median(rows[:, width // 3 : width - width // 3]))


def turned(film: Film) -> Film:
    """A film whose gray scale runs the other way."""
    text = "bone was dark: gray scale turned around"
    return replace(film, pixels=inverted(film.pixels), warnings=(*film.warnings, text))


def _gray(pixels: Pixels, name: str) -> Pixels:
    channels = pixels[..., : 3 if pixels.shape[2] > 2 else 1]
    if channels.shape[2] == 1:
        return np.asarray(channels[..., 0])
    top = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else float(np.nanmax(np.abs(channels))) or 1.0
    rough = channels[:: max(1, pixels.shape[0] // 1000), :: max(1, pixels.shape[1] // 1000)].astype(np.float32)
    range_top = max(float(rough.max()), 1e-6) if pixels.dtype.itemsize > 1 else top
    colored = float(np.mean(np.ptp(rough, axis=2) > COLOR_DIFFERENCE * range_top))
    if colored > COLORED_SHARE:
        raise FilmError(f"{name}: a color image ({100 * colored:.0f} % of it colored), not a radiograph")
    # green is sampled fully by every color format, the others may not be
    return np.ascontiguousarray(channels[..., 1])


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]


def _reader(path: Path) -> Callable[[Path, bool], Film]:
    """The reader of a file, told from its first bytes."""
    if path.is_dir():
        raise FilmError(f"{path}: a folder, not a film")
    with path.open("rb") as stream:
        head = stream.read(512)
    if not head:
        raise FilmError(f"{path}: an empty file")
    from SpineAlignmentLib import dicom_film, image_film

    if dicom_film.looks_like_dicom(head):
        return dicom_film.read
    kind = image_film.kind_of(head)
    if kind is None:
        raise FilmError(f"{path}: not an image that can be read; use DICOM, PNG, JPEG, TIFF, NRRD, MHA, MHD or NIfTI")
    return image_film.read_pillow if kind == "picture" else image_film.read_itk
