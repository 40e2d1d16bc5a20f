"""Samples of DICOM images in color as red, green and blue; those of a gray film say themselves what they are."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]

SUBSAMPLED: Final[tuple[str, ...]] = ("YBR_FULL_422", "YBR_PARTIAL_422")
"""Photometric interpretations of which two pixels share their color in native pixels (PS3.3 C.7.6.3.1.2; the second is
retired)."""
_ALIKE: Final[float] = 2.0
"""Mean difference, of 255, up to which samples are the same but for compression and small marks in color."""
_NO_COLOR: Final[int] = 128
"""Color difference of gray."""
_LOOKED_AT: Final[int] = 500
"""Rows, and columns, that tell what samples are."""


def as_rgb(samples: Pixels, said: str) -> Pixels:
    """Red, green and blue, shape (height, width, 3).

    Tags often say another color space than the one that samples are in. Of a gray film red, green and blue are alike,
    or both color differences are none, and no tag is asked.

    Args:
        samples: shape (height, width, samples).
        said: photometric interpretation.
    """
    if samples.dtype == np.uint8 and samples.shape[2] == 3:
        rows, columns = (slice(None, None, max(1, length // _LOOKED_AT)) for length in samples.shape[:2])
        some = samples[rows, columns].astype(np.int16)
        if np.abs(some[..., 1:] - some[..., :1]).mean() <= _ALIKE:
            return samples
        if np.abs(some[..., 1:] - _NO_COLOR).mean() <= _ALIKE:
            return np.repeat(samples[..., :1], 3, axis=2)
    if said in ("YBR_FULL", *SUBSAMPLED):
        return np.asarray(_processing().convert_color_space(samples, "YBR_FULL", "RGB"))
    return samples


def from_palette(data: Any, image: Pixels) -> Pixels:
    """Red, green and blue of an image whose pixels are places in a palette.

    Raises:
        Exception: whatever pydicom happens on in a palette that is none.
    """
    return np.asarray(_processing().apply_color_lut(image, data))


def _processing() -> Any:
    """pydicom's functions for color; they moved in its version 3."""
    try:
        from pydicom.pixels import processing
    except ImportError:
        from pydicom.pixel_data_handlers import util

        return util
    return processing
