"""Films from picture files (PNG, JPEG, TIFF) and from research image files (NRRD, MetaImage, NIfTI)."""

import gzip
import math
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film import (
    MAX_PIXELS,
    Film,
    check_size,
    checked_pixels,
    checked_spacing,
    inverted,
    is_placeholder,
)
from SpineAlignmentLib.markups import Placement, plain_placement

_P = ParamSpec("_P")
_R = TypeVar("_R")
_ITK_LOCK = threading.Lock()

_PICTURES: Final[tuple[bytes, ...]] = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
)
_TIFF_PHOTOMETRIC: Final[int] = 262
_NIFTI_FLOATS: Final[dict[int, int]] = {16: 4, 64: 8}
"""NIfTI-1 data types of floating point numbers, to their bytes."""
_EXIF_ORIENTATION: Final[int] = 274

_SCREEN: Final[dict[int, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    0: ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    1: ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    2: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}
"""LPS axis that a film's plane is perpendicular to, to the LPS directions of screen right and screen down in Slicer."""


def kind_of(head: bytes) -> str | None:
    """ "picture" or "volume" for a file that begins with these bytes; None when it is neither."""
    if head.startswith(_PICTURES):
        return "picture"
    nifti = head[344:348] in (b"n+1\x00", b"ni1\x00") or head[:4] in (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c")
    nifti = nifti or head[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
    text = head.lstrip()
    if head.startswith((b"NRRD", b"\x1f\x8b")) or nifti or (b"ObjectType" in text[:200] or b"NDims" in text[:200]):
        return "volume"
    return None


def read_pillow(path: Path, spacing_given: bool) -> Film:
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
        placement=_file_placement(path),
        warnings=tuple(warnings),
    )


def read_itk(path: Path, spacing_given: bool) -> Film:
    """Read an NRRD, MetaImage or NIfTI file, as Slicer shows it on screen.

    Raises:
        FilmError: not one gray image, or an impossible spacing.
    """
    _check_nifti(path)
    pixels, placement = itk_image(path)
    pixels = checked_pixels(pixels, str(path))
    size = (pixels.shape[1], pixels.shape[0])
    spacing = (float(np.linalg.norm(placement.x_step)), float(np.linalg.norm(placement.y_step)))
    sagittal = bool(np.argmax(np.abs(np.cross(placement.x_step, placement.y_step))) == 0)
    seen = Film(
        path.name,
        pixels,
        pixel_aspect=spacing[1] / spacing[0] if min(spacing) > 0 else 1.0,
        anterior="left" if sagittal else None,
        anterior_source="orientation of the volume" if sagittal else "unknown",
        placement=placement,
    )
    if spacing_given or is_placeholder(spacing, size):
        return seen
    source = "the file's spacing"
    return replace(seen, spacing_mm=checked_spacing(spacing, size, str(path), source), spacing_source=source)


def _check_nifti(path: Path) -> None:
    """Refuse a NIfTI file whose pixels are cut off or are not numbers: ITK's reader puts zeros in their place.

    Raises:
        FilmError: pixels are missing or not numbers.
    """
    with path.open("rb") as stream:
        content = stream.read()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    order = "<" if content[:4] == b"\x5c\x01\x00\x00" else ">"
    if len(content) < 352 or content[344:348] != b"n+1\x00":
        return
    dimensions = struct.unpack_from(f"{order}8h", content, 40)
    kind, bits = struct.unpack_from(f"{order}2h", content, 70)
    (start,) = struct.unpack_from(f"{order}f", content, 108)
    count = math.prod(max(n, 1) for n in dimensions[1 : 1 + max(0, min(dimensions[0], 7))])
    if not 0 <= start <= len(content) or len(content) - start < count * bits // 8:
        raise FilmError(f"{path}: cut off: {count} pixels of {bits} bits are promised, fewer are there")
    if kind in _NIFTI_FLOATS and start % 1 == 0:
        values = np.frombuffer(content, f"{order}f{_NIFTI_FLOATS[kind]}", count, int(start))
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise FilmError(f"{path}: {bad} of {count} pixels are not numbers (NaN or infinite)")


def _one_at_a_time(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """ITK's DICOM reader keeps state of its own: two films read by two threads at once corrupt its memory."""

    @wraps(function)
    def locked(*args: _P.args, **options: _P.kwargs) -> _R:
        with _ITK_LOCK:
            return function(*args, **options)

    return locked


@_one_at_a_time
def itk_image(path: Path) -> tuple[NDArray[Any], Placement]:
    """An image file's pixels as Slicer shows them, shape (height, width) or (height, width, channels), and its place.

    Raises:
        FilmError: more than one slice or a time series.
        RuntimeError: SimpleITK cannot read the file.
    """
    import SimpleITK as sitk

    reader = _itk_reader(path)
    reader.ReadImageInformation()
    size = [int(v) for v in reader.GetSize()]
    long = [v for v in size if v != 1]
    if len(long) > 2:
        raise FilmError(f"{path}: a volume of {' x '.join(map(str, size))} voxels, not a single film")
    width, height = (long + [1, 1])[:2]
    check_size(width, height, str(path))
    image = reader.Execute()
    array = np.asarray(sitk.GetArrayFromImage(image))
    channels = image.GetNumberOfComponentsPerPixel()
    origin, steps = _lps(image)
    axes = [a for a in range(len(size)) if size[a] != 1]
    first, second = (axes + [a for a in range(len(size)) if a not in axes])[:2]
    flat = array.reshape([size[second], size[first], channels] if channels > 1 else [size[second], size[first]])
    return _as_seen(flat, origin, steps[first], steps[second])


@_one_at_a_time
def itk_placement(path: Path) -> Placement | None:
    """Where Slicer's own reader, which is ITK's, lays a film; None when that cannot be told."""
    try:
        reader = _itk_reader(path)
        reader.ReadImageInformation()
    except RuntimeError:
        return None
    origin, steps = _lps(reader)
    return Placement(_triple(origin), _triple(steps[0]), _triple(steps[1]))


def _itk_reader(path: Path) -> Any:
    import SimpleITK

    sitk: Any = SimpleITK
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    return reader


def _file_placement(path: Path) -> Placement:
    return itk_placement(path) or plain_placement(None)


def _lps(image: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Origin, shape (3,), and one step along each of the first three axes, shape (3, 3), of an ITK image in LPS."""
    dimension = image.GetDimension()
    used = min(dimension, 3)
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)
    origin, steps = np.zeros(3), np.eye(3)
    origin[:used] = np.array(image.GetOrigin())[:used]
    steps[:used, :used] = (direction * np.array(image.GetSpacing()))[:used, :used].T
    return origin, steps


def _as_seen(
    array: NDArray[Any], origin: NDArray[np.float64], x_step: NDArray[np.float64], y_step: NDArray[np.float64]
) -> tuple[NDArray[Any], Placement]:
    """Flip and transpose an image so that its rows and columns run as on Slicer's screen."""
    right, down = (np.array(v) for v in _SCREEN[int(np.argmax(np.abs(np.cross(x_step, y_step))))])
    if abs(x_step @ down) * np.linalg.norm(y_step) > abs(y_step @ down) * np.linalg.norm(x_step):
        array, x_step, y_step = array.swapaxes(0, 1), y_step, x_step
    if x_step @ right < 0:
        array, origin, x_step = array[:, ::-1], origin + (array.shape[1] - 1) * x_step, -x_step
    if y_step @ down < 0:
        array, origin, y_step = array[::-1], origin + (array.shape[0] - 1) * y_step, -y_step
    return np.ascontiguousarray(array), Placement(_triple(origin), _triple(x_step), _triple(y_step))


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
