"""Which end of a film's gray scale is bone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]


def inverted(pixels: Pixels) -> Pixels:
    """The same gray values with bright and dark exchanged, in the same type."""
    if pixels.dtype.kind == "f":
        return np.asarray(-pixels)
    # without a sign the sum may leave the type and comes back: one step, and no other type on the way
    bits = pixels.view(pixels.dtype.str.replace("i", "u"))
    ends = (int(pixels.min()) + int(pixels.max())) % (1 << 8 * pixels.dtype.itemsize)
    return np.subtract(bits.dtype.type(ends), bits).view(pixels.dtype)


def looks_inverted(pixels: Pixels) -> bool:
    """Whether bone may be dark: the air at the left and right edges of a film is darker than the patient otherwise.

    White collimation borders look the same, so that this is a suspicion only.
    """
    height, width = pixels.shape
    rows = pixels[height // 8 : height - height // 8 : max(1, height // 400)]
    strip = max(1, width // 25)
    edges = np.concatenate([rows[:, :strip].ravel(), rows[:, -strip:].ravel()])
    return bool(np.median(edges) > np.median(rows[:, width // 3 : width - width // 3]))
