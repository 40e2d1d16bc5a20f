"""From a film to the input of the networks and back: the one preprocessing that training and every front end share.

A film of any shape is fitted into the network's input without distortion: pixels become square, the patient faces left
(a mirror image for films that face right), the film or the region of interest is centered and its surroundings are
filled. Then soft tissue and vendor looks are taken out by local contrast normalization (Jarrett et al., ICCV 2009), so
that the network sees bone edges of equal strength in the shoulders, the chest and the pelvis.

Pixel coordinates are (x, y) with (0, 0) at the center of the first pixel, on the film as on the network's input.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from scipy import sparse

INPUT_SIZE: Final[tuple[int, int]] = (864, 480)
"""Height and width of the network's input (Yeh 2021: 864 x 382, padded to 864 x 480)."""

SCALE_MM: Final[float] = 0.976
"""Millimeters of a pixel of an input of `INPUT_SIZE` at which the networks know adult spines."""

NORMALIZATION_WINDOW: Final[float] = 1 / 16
"""Side of the neighborhood of local contrast normalization, as a share of the input's height."""

CONTRAST_FLOOR: Final[float] = 0.02
"""Local standard deviation, as a share of the film's range, below which contrast is not amplified further."""

_BLOCK: Final[int] = 4
"""Pixels along a side of the blocks for which a neighborhood's mean and deviation, which vary slowly, are known."""

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]


@dataclass(frozen=True)
class InputFrame:
    """Where the network's input lies on the film: film = center + (network - network center) * step, per axis.

    `step` is in film pixels for one network pixel, as (x, y); its x is negative when the film is mirrored so that the
    patient faces left.
    """

    input_size: tuple[int, int]
    """(height, width) of the network's input in pixels."""
    center: tuple[float, float]
    """(x, y) of the film point at the center of the network's input, in film pixels."""
    step: tuple[float, float]

    def _input_center(self) -> FloatArray:
        height, width = self.input_size
        return np.array([(width - 1) / 2, (height - 1) / 2])

    def to_film(self, points: ArrayLike) -> FloatArray:
        """Network pixels (..., 2) to film pixels (..., 2)."""
        return np.asarray((np.asarray(points, float) - self._input_center()) * np.array(self.step) + self.center)

    def to_network(self, points: ArrayLike) -> FloatArray:
        """Film pixels (..., 2) to network pixels (..., 2); the exact inverse of `to_film`."""
        return np.asarray((np.asarray(points, float) - self.center) / np.array(self.step) + self._input_center())


def fit_region(
    region: tuple[float, float, float, float],
    spacing: tuple[float, float] = (1.0, 1.0),
    anterior: str = "left",
    input_size: tuple[int, int] = INPUT_SIZE,
) -> InputFrame:
    """The frame that shows a region of the film whole, undistorted and facing left.

    Args:
        region: (left, top, right, bottom) in film pixels, pixel edges included: a whole film is
            (-0.5, -0.5, width - 0.5, height - 0.5).
        spacing: (x, y) size of a film pixel; only its ratio matters.
        anterior: the side the patient faces on the film, "left" or "right".
        input_size: (height, width) of the network's input.

    Raises:
        ValueError: an empty region, a spacing that is not positive, or an unknown side.
    """
    left, top, right, bottom = region
    if not (right > left and bottom > top):
        raise ValueError(f"empty region {region}")
    if not (spacing[0] > 0 and spacing[1] > 0 and np.all(np.isfinite(spacing))):
        raise ValueError(f"pixel spacing must be positive, got {spacing}")
    if anterior not in ("left", "right"):
        raise ValueError(f"anterior must be 'left' or 'right', got {anterior!r}")
    height, width = input_size
    unit = max((right - left) * spacing[0] / width, (bottom - top) * spacing[1] / height)
    sign = 1.0 if anterior == "left" else -1.0
    center = ((left + right) / 2, (top + bottom) / 2)
    return InputFrame(input_size, center, (sign * unit / spacing[0], unit / spacing[1]))


def fit_film(
    size_px: tuple[int, int],
    spacing: tuple[float, float] = (1.0, 1.0),
    anterior: str = "left",
    input_size: tuple[int, int] = INPUT_SIZE,
) -> InputFrame:
    """The frame that shows the whole film of (width, height) pixels; see `fit_region`."""
    return fit_region((-0.5, -0.5, size_px[0] - 0.5, size_px[1] - 0.5), spacing, anterior, input_size)


def resample(pixels: NDArray[np.generic], frame: InputFrame) -> tuple[ImageArray, NDArray[np.bool_]]:
    """The film on the network's grid, and where that grid lies on the film.

    Every network pixel is the mean of the film over its footprint, so that fine detail is not aliased and the size of
    the film's pixels leaves no trace; where film pixels are the larger ones this is linear interpolation.

    Args:
        pixels: shape (height, width), bone bright.
        frame: where the grid lies.

    Returns:
        Gray values and a mask, both of shape `frame.input_size`; values outside the film repeat its edge.
    """
    if frame.step[0] < 0:
        # turned around first, so that a film and its mirror image give the same input to the last bit
        center = (pixels.shape[1] - 1 - frame.center[0], frame.center[1])
        frame = replace(frame, center=center, step=(-frame.step[0], frame.step[1]))
        pixels = pixels[:, ::-1]
    height, width = frame.input_size
    corner = frame.to_film([[0.0, 0.0]])[0]
    film_y = corner[1] + np.arange(height) * frame.step[1]
    film_x = corner[0] + np.arange(width) * frame.step[0]
    vertical, top, bottom = _footprints(film_y, frame.step[1], pixels.shape[0])
    horizontal, left, right = _footprints(film_x, frame.step[0], pixels.shape[1])
    region = np.ascontiguousarray(pixels[top:bottom, left:right], np.float32)
    out = np.asarray(horizontal @ np.ascontiguousarray((vertical @ region).T), np.float32).T
    inside_y = (film_y >= -0.5) & (film_y <= pixels.shape[0] - 0.5)
    inside_x = (film_x >= -0.5) & (film_x <= pixels.shape[1] - 0.5)
    return np.ascontiguousarray(out), inside_y[:, None] & inside_x[None, :]


def _footprints(centers: FloatArray, step: float, size: int) -> "tuple[sparse.csr_array, int, int]":
    """Weights of the film pixels under each network pixel, along one axis.

    Args:
        centers: film positions of the network pixels, (n,).
        step: film pixels for one network pixel, positive.
        size: number of film pixels.

    Returns:
        Weights (n, last - first), each row of sum 1, and the range [first, last) of film pixels they belong to.
    """
    # here, as everywhere in the library, SciPy is imported when it is first used: Slicer starts without it
    from scipy import sparse

    reach = max(step, 1.0) / 2
    low, high = np.clip(centers - reach, -0.5, size - 0.5) + 0.5, np.clip(centers + reach, -0.5, size - 0.5) + 0.5
    first = np.minimum(np.floor(low), size - 1).astype(int)
    columns = first[:, None] + np.arange(int(np.ceil(2 * reach)) + 1)
    cover = np.minimum(columns + 1, high[:, None]) - np.maximum(columns, low[:, None])
    cover = np.maximum(cover, 0.0)
    cover[:, 0] += cover.sum(axis=1) < 1e-9  # beyond the film: its edge
    cover /= cover.sum(axis=1, keepdims=True)
    columns = np.minimum(columns, size - 1)
    start, stop = int(columns.min()), int(columns.max()) + 1
    rows = np.arange(0, columns.size + 1, columns.shape[1], dtype=np.int32)
    cells = cover.ravel().astype(np.float32), (columns - start).ravel().astype(np.int32), rows
    return sparse.csr_array(cells, (len(centers), stop - start)), start, stop


def normalize_contrast(image: ImageArray, inside: NDArray[np.bool_], whole_height: int = 0) -> ImageArray:
    """Local contrast normalization: subtract the neighborhood's mean, divide by its standard deviation.

    Only film pixels count for the statistics; the surroundings of the film become 0.

    Args:
        image: gray values, shape (height, width).
        inside: where the film is, same shape.
        whole_height: height of the input of which the image is a part; 0: the image is the whole.

    Returns:
        Values in about -1 to 1, zero outside the film, float32.
    """
    if not inside.any():
        return np.zeros(image.shape, np.float32)
    low, high = np.percentile(image[inside][::7], (0.5, 99.5))
    weight = inside.astype(np.float32)
    gray = image - np.float32(low)
    gray *= np.float32(1 / max(high - low, 1e-6))
    np.clip(gray, 0, 1, out=gray)
    gray *= weight
    side = max(3, round((whole_height or image.shape[0]) * NORMALIZATION_WINDOW) | 1)
    share, mean, square = _neighborhood_means([weight, gray, gray * gray], side)
    share = np.maximum(share, 1e-3)
    mean /= share
    deviation = np.sqrt(np.maximum(square / share - mean * mean, 0)) + CONTRAST_FLOOR
    gray -= _enlarged(mean, image.shape)
    gray *= _enlarged(1 / (3 * deviation), image.shape)
    np.clip(gray, -1, 1, out=gray)
    gray *= weight
    return gray


def _neighborhood_means(images: Sequence[ImageArray], side: int) -> ImageArray:
    """Means over two boxes in a row, close to a Gaussian of the same reach, of images, a value for each block."""
    from scipy import ndimage

    out = np.stack([_block_means(image) for image in images])
    for axis in (1, 2, 1, 2):
        out = ndimage.correlate1d(out, _box(side), axis, mode="constant")
    return np.asarray(out)


def _box(side: int) -> FloatArray:
    """A box filter over blocks that reaches as far (in its variance) as one over `side` pixels, together with half of
    what the blocks' means and the interpolation between them blur."""
    variance = (side**2 - 1) / 12 / _BLOCK**2 - 1 / 8
    whole = int(np.sqrt(3 * variance + 0.25) - 0.5)
    at = np.abs(np.arange(-whole - 1, whole + 2))
    inner = at <= whole
    missing = max(variance * inner.sum() - (at[inner] ** 2).sum(), 0.0)  # too little for a block in small images
    box = np.where(inner, 1.0, missing / (2 * ((whole + 1) ** 2 - variance)))
    return np.asarray(box / box.sum())


def _block_means(image: ImageArray) -> ImageArray:
    """Means of blocks of `_BLOCK` by `_BLOCK` pixels; the last ones of each axis reach into zeros."""
    height, width = image.shape
    if height % _BLOCK or width % _BLOCK:
        image = np.pad(image, ((0, -height % _BLOCK), (0, -width % _BLOCK)))
    # sums of slices: NumPy's own over short axes take four times as long
    for _ in range(2):
        parts = [image[i::_BLOCK] for i in range(_BLOCK)]
        image = np.add.reduce([np.add(parts[i], parts[i + 1]) for i in range(0, _BLOCK, 2)]).T
    return np.ascontiguousarray(image) / np.float32(_BLOCK**2)


def _enlarged(blocks: ImageArray, shape: tuple[int, ...]) -> ImageArray:
    """A value for each block to one for each pixel of an image of a shape, bilinear; edges go on."""
    for axis in (1, 0):
        last = blocks.shape[axis] - 1
        before = blocks.take(np.maximum(np.arange(last + 1) - 1, 0), axis) - blocks
        after = blocks.take(np.minimum(np.arange(last + 1) + 1, last), axis) - blocks
        shares = (np.arange(_BLOCK, dtype=np.float32) + 0.5) / _BLOCK - 0.5
        parts = [blocks + abs(share) * (before if share < 0 else after) for share in shares]
        blocks = np.stack(parts, axis + 1).reshape(blocks.shape[0] * (1 if axis else _BLOCK), -1)
    return np.asarray(blocks[: shape[0], : shape[1]])


def network_input(pixels: NDArray[np.generic], frame: InputFrame, whole_height: int = 0) -> ImageArray:
    """What the networks see: shape `frame.input_size`, float32, about -1 to 1, zero outside the film; see
    `normalize_contrast`."""
    return normalize_contrast(*resample(pixels, frame), whole_height)
