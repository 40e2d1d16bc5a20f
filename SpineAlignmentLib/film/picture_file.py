"""Films from picture files: PNG, JPEG and TIFF."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import MAX_PIXELS, check_size, checked_pixels
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.itk import itk_placement
from SpineAlignmentLib.film.polarity import inverted
from SpineAlignmentLib.results.placement import plain_placement

_PICTURES: Final[tuple[bytes, ...]] = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
)
_TIFF_PHOTOMETRIC: Final[int] = 262
_EXIF_ORIENTATION: Final[int] = 274


def looks_like_picture(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a PNG, JPEG or TIFF."""
    return head.startswith(_PICTURES)


def read(path: Path, spacing_given: bool) -> Film:
    """Read a PNG, JPEG or TIFF file. Their dots per inch say how to print, not how large the patient is: no spacing.

    Raises:
        FilmError: not one gray image.
    """
    from PIL import Image

    warnings: list[str] = []
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(path) as picture:
            image: Any = picture
            if getattr(image, "n_frames", 1) > 1:
                raise FilmError(f"{path}: {image.n_frames} pages; a film has one, save the page to measure by itself")
            check_size(image.size[0], image.size[1], str(path))
            if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
                warnings.append("the picture asks to be turned for display (EXIF orientation); measured as stored")
            white_is_zero = image.format == "TIFF" and image.tag_v2.get(_TIFF_PHOTOMETRIC) == 0
            # Pillow turns white-is-zero around for 8 bits and fewer only
            turn = white_is_zero and image.mode not in ("1", "L")
            if image.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):
                image = image.convert("RGB")
            pixels = np.asarray(image)
    except Image.DecompressionBombError as error:
        raise FilmError(f"{path}: too large for a film") from error
    gray = checked_pixels(pixels, str(path))
    return Film(
        path.name,
        inverted(gray) if turn else gray,
        placement=itk_placement(path) or plain_placement(None),
        warnings=tuple(warnings),
    )
