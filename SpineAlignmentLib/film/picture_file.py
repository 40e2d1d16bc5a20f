"""Films from picture files: PNG, JPEG and TIFF."""

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError, ResultPictureError
from SpineAlignmentLib.film.bounded_file import BoundedFile
from SpineAlignmentLib.film.checks import MAX_PIXELS, check_size, checked_pixels
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.itk import itk_pixels, itk_placement, quiet
from SpineAlignmentLib.film.polarity import inverted
from SpineAlignmentLib.film.reader import ReadOptions
from SpineAlignmentLib.results.files import RESULT_MARK
from SpineAlignmentLib.results.placement import plain_placement

_PICTURES: Final[dict[bytes, str]] = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
}
_TIFF_PHOTOMETRIC: Final[int] = 262
_TIFF_SAMPLE_FORMAT: Final[int] = 339
"""1 for numbers without a sign, as where it is absent; TIFF 6.0 p. 80."""
_SIGNED: Final[int] = 2
_NEW_SUBFILE_TYPE: Final[int] = 254
_SUBFILE_TYPE: Final[int] = 255
_TRANSPOSED: Final[int] = 5
"""Orientations from here on change rows for columns."""
_WIDTH, _HEIGHT = 256, 257
_ORIENTATION: Final[int] = 274
"""1 to 8, in TIFF and in Exif: on which sides first row and column are shown; TIFF 6.0 p. 36, Exif 2.32 p. 34."""
_THUMBNAIL: Final[float] = 0.5
"""A page is a preview of another when it is of its shape and at most this share of its height, rounded up."""
_SHAPE: Final[float] = 0.03
_MAX_PAGES: Final[int] = 64


def kind_of(head: bytes) -> str:
    """The kind of picture that begins with these bytes; "" for none."""
    return next((kind for start, kind in _PICTURES.items() if head.startswith(start)), "")


def read(path: Path, options: ReadOptions) -> Film:
    """Read a PNG, JPEG or TIFF file. Their dots per inch say how to print, not how large the patient is: no spacing.

    Raises:
        FilmError: not one gray image.
    """
    from PIL import Image, UnidentifiedImageError

    warnings: list[str] = []
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with quiet(), BoundedFile(path) as stream, Image.open(stream) as picture:
            image: Any = picture
            if RESULT_MARK in image.info:
                raise ResultPictureError(path)
            _seek_film(image, path, warnings)
            check_size(image.size[0], image.size[1], str(path))
            deep = _deep_color(image, path, warnings)  # first, as Pillow forgets while it looks for an orientation
            asked = _orientation(image)
            flipped = int(image.tag_v2.get(_ORIENTATION, 1)) if image.format == "TIFF" else 1
            if asked > 1:
                warnings.append(_turning(asked, flipped))
            white_is_zero = image.format == "TIFF" and image.tag_v2.get(_TIFF_PHOTOMETRIC) == 0
            # Pillow turns white-is-zero around for 8 bits and fewer only
            turn = white_is_zero and image.mode not in ("1", "L")
            if image.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):
                image = image.convert("RGB")
            plain = _is_plain(image)
            pixels = _numbers(image) if deep is None else deep
            if deep is None:
                # Pillow turns a TIFF while it loads it, and nothing else
                stored = _as_stored(pixels, asked if _orientation(picture) == 1 else 1)
                pixels = np.ascontiguousarray(_flipped(stored, flipped))
    except UnidentifiedImageError as error:
        text = "damaged, or of a kind that is not supported; save it anew as PNG or TIFF of 16 bits a pixel"
        raise FilmError(f"{path}: its {kind_of(path.read_bytes()[:16])} picture is {text}") from error
    except Image.DecompressionBombError as error:
        raise FilmError(f"{path}: too large for a film") from error
    gray = checked_pixels(pixels, str(path))
    return Film(
        path.name,
        inverted(gray) if turn else gray,
        placement=(None if plain else itk_placement(path)) or plain_placement(None),
        warnings=tuple(warnings),
    )


def _deep_color(image: Any, path: Path, warnings: list[str]) -> NDArray[Any] | None:
    """A picture in color, or with transparency, of 16 bits as ITK shows it, since Pillow reads the upper 8 of them.

    None for any other, and where ITK cannot. Films of 12 bits are often left in the lower ones, and 16 grays of them.
    """
    raw = str(image.tile[0][3]) if getattr(image, "tile", None) else ""
    if ";16" not in raw or image.mode not in ("LA", "RGB", "RGBA") or getattr(image, "n_frames", 1) > 1:
        return None
    try:
        return itk_pixels(path)
    except RuntimeError:
        warnings.append("the upper 8 of its 16 bits are read; save it as gray without transparency to have all of them")
        return None


def _numbers(image: Any) -> NDArray[Any]:
    """The pixels of a picture as the numbers that its file says they are.

    Pillow knows 8 bits without a sign and 32 bits with one only.
    """
    pixels = np.asarray(image)
    if image.format != "TIFF" or image.mode not in ("L", "I"):
        return pixels
    signed = image.tag_v2.get(_TIFF_SAMPLE_FORMAT, (1,))[0] == _SIGNED
    if image.mode == "L":
        return pixels.view(np.int8) if signed else pixels
    return pixels if signed else pixels.view(np.uint32)


def _orientation(image: Any) -> int:
    """How a picture asks to be shown, 1 for as it is stored."""
    asked = image.getexif().get(_ORIENTATION, 1)
    return asked if asked in range(1, 9) else 1


def _flipped(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A picture as Slicer shows a TIFF of this orientation: ITK has libtiff flip it, and that never transposes."""
    return pixels[:: -1 if orientation in (3, 4, 7, 8) else 1, :: -1 if orientation in (2, 3, 6, 7) else 1]


def _as_stored(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A picture as its file holds it, from one that was turned as its orientation asks."""
    pixels = _flipped(pixels, orientation)
    return pixels.swapaxes(0, 1) if orientation >= _TRANSPOSED else pixels


def _turning(asked: int, flipped: int) -> str:
    """What is said of a picture that asks to be turned."""
    asks = f"the picture asks to be turned for display (orientation {asked})"
    if flipped in (1, _TRANSPOSED):
        return f"{asks}; measured as stored, which is as 3D Slicer shows it"
    only = " only" if flipped > _TRANSPOSED else ""
    return f"{asks}; measured as 3D Slicer shows it,{only} flipped"


def _is_plain(image: Any) -> bool:
    """Whether Slicer's own reader, which is ITK's, lays the picture at the origin, its pixels 1 mm large.

    That takes dots per inch for what they are not, but for those of a PNG; what says none is known without loading it.
    """
    return bool(image.format == "PNG" or (image.format == "JPEG" and image.info.get("jfif_unit", 0) == 0))


def _seek_film(image: Any, path: Path, warnings: list[str]) -> None:
    """Turn to the one page that is the film; previews and masks of it are no second film.

    A JPEG of a phone or camera may carry previews behind its picture (MPO, CIPA DC-007), a PNG further pictures
    (APNG): the first is the film.
    TIFF says of a page that it is a smaller version or a mask (NewSubfileType, TIFF 6.0 p. 36), or it is smaller and of
    the same shape.

    Raises:
        FilmError: more than one film.
    """
    count = getattr(image, "n_frames", 1)
    if count == 1:
        return
    if image.format in ("MPO", "PNG"):
        warnings.append(f"the file holds {count} pictures; the first is measured")
        return
    sizes: dict[int, tuple[int, int]] = {}
    marked: set[int] = set()
    for page in range(min(count, _MAX_PAGES)):
        image.seek(page)
        tags = getattr(image, "tag_v2", {})
        # not turned, as one of them may ask to be
        sizes[page] = int(tags.get(_WIDTH, image.size[0])), int(tags.get(_HEIGHT, image.size[1]))
        if int(tags.get(_NEW_SUBFILE_TYPE, 0)) & 5 or int(tags.get(_SUBFILE_TYPE, 1)) == 2:
            marked.add(page)
    films = [page for page in sizes if page not in marked] or list(sizes)
    best = max(films, key=lambda page: (sizes[page][0] * sizes[page][1], -page))
    if count > _MAX_PAGES or any(page != best and not _is_preview(sizes[page], sizes[best]) for page in films):
        raise FilmError(f"{path}: {count} pages; a film has one, save the page to measure by itself")
    image.seek(best)
    if best:
        warnings.append(f"the file holds {count} pages; the largest, page {best + 1}, is measured")


def _is_preview(size: tuple[int, int], whole: tuple[int, int]) -> bool:
    shape, whole_shape = size[0] / max(size[1], 1), whole[0] / max(whole[1], 1)
    return size[1] <= math.ceil(_THUMBNAIL * whole[1]) and abs(shape / whole_shape - 1) < _SHAPE + 1 / max(min(size), 1)
