"""Images as ITK reads them, which Slicer does too, and where it lays them in space."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import check_size
from SpineAlignmentLib.results.placement import Placement

_P = ParamSpec("_P")
_R = TypeVar("_R")
_ITK_LOCK = threading.Lock()

_SCREEN: Final[dict[int, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    0: ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    1: ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    2: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}
"""LPS axis that a film's plane is perpendicular to, to the LPS directions of screen right and screen down in Slicer."""


class _Quiet:
    """Sends the process's own output nowhere while at least one thread asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0
        self._kept: list[tuple[int, int]] = []

    def enter(self) -> None:
        with self._lock:
            self._asked += 1
            if self._asked > 1:
                return
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (1, 2):
                # a program without a terminal may have closed it
                with suppress(OSError):
                    self._kept.append((stream, os.dup(stream)))
                    os.dup2(nowhere, stream)
            os.close(nowhere)

    def leave(self) -> None:
        with self._lock:
            self._asked -= 1
            if self._asked:
                return
            for stream, copy in self._kept:
                os.dup2(copy, stream)
                os.close(copy)
            self._kept.clear()


_QUIET = _Quiet()


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing that libraries print reaches the user: decoders write to the process's own output, past Python.

    What other threads print meanwhile is lost as well; the front ends read films in processes of their own.
    """
    _QUIET.enter()
    try:
        yield
    finally:
        _QUIET.leave()


def _one_at_a_time(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """ITK's DICOM reader keeps state of its own: two films read by two threads at once corrupt its memory."""

    @wraps(function)
    def locked(*args: _P.args, **options: _P.kwargs) -> _R:
        with _ITK_LOCK, quiet():
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
def itk_pixels(path: Path) -> NDArray[Any]:
    """The pixels of a file of one image, shape (height, width) or (height, width, channels).

    Raises:
        RuntimeError: SimpleITK cannot read the file.
    """
    import SimpleITK as sitk

    image = _itk_reader(path).Execute()
    array = np.asarray(sitk.GetArrayFromImage(image))
    return array[0] if image.GetDimension() == 3 else array


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
