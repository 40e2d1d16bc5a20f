"""Text in the pixels of a film: what no removal of tags takes away, and may name the patient."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

DECLARED: Final[str] = (
    "its tag Burned In Annotation (0028,0301) says that text is in the pixels; look at it before sharing"
)
SEEN: Final[str] = "text may be burned into its pixels; look at it before sharing"

_LETTERS_IN_A_ROW: Final[int] = 5
_LEAST_HEIGHT: Final[int] = 6
"""Of a letter, in rows."""
_ROWS: Final[int] = 2400
"""Rows that are looked at: finer detail than a letter has costs time."""
_MOST_PIECES: Final[int] = 4000
"""More pieces than a film has letters are noise."""


def looks_like_text(pixels: NDArray[Any]) -> bool:
    """Whether letters may be burned in: a row of small, equally tall shapes of the film's brightest or darkest value.

    A hint, not a proof: faint or handwritten text is not seen.

    Args:
        pixels: shape (height, width).
    """
    step = -(-pixels.shape[0] // _ROWS)
    image = pixels[::step, ::step]
    low, high = float(image.min()), float(image.max())
    if not high > low:
        return False
    tolerance = 0.005 * (high - low)
    return any(_has_row(mask) for mask in (image >= high - tolerance, image <= low + tolerance))


def text_warning(pixels: NDArray[Any], warnings: Iterable[str]) -> str:
    """What is to be said of text in a film; empty when nothing speaks for it.

    Args:
        pixels: shape (height, width).
        warnings: what its file says; a tag that declares text stands for itself.
    """
    said = next((text for text in warnings if text in (DECLARED, SEEN)), "")
    return said or (SEEN if looks_like_text(pixels) else "")


def _has_row(mask: NDArray[np.bool_]) -> bool:
    from scipy import ndimage

    tallest = max(12, mask.shape[0] // 20)
    # a row of pixels through letters has two edges for each; most films have no such row and are done here
    step = _LEAST_HEIGHT // 2
    some = mask[::step]
    busy = np.zeros(len(mask), bool)
    busy[::step] = np.count_nonzero(some[:, 1:] != some[:, :-1], axis=1) >= 2 * _LETTERS_IN_A_ROW
    if not busy.any():
        return False
    near = ndimage.binary_dilation(busy, iterations=tallest)
    pieces, _ = ndimage.label(mask[near])
    boxes = np.array(
        [
            (rows.start, rows.stop - rows.start, columns.start, columns.stop)
            for rows, columns in ndimage.find_objects(pieces)
            if _LEAST_HEIGHT <= rows.stop - rows.start <= tallest and 2 <= columns.stop - columns.start <= 1.5 * tallest
        ]
    )
    if not _LETTERS_IN_A_ROW <= len(boxes) <= _MOST_PIECES:
        return False
    return any(_is_in_a_row(boxes, top, height) for top, height, _, _ in boxes)


def _is_in_a_row(boxes: NDArray[np.int_], top: int, height: int) -> bool:
    alike = (np.abs(boxes[:, 0] - top) <= 0.25 * height) & (np.abs(boxes[:, 1] - height) <= 0.25 * height)
    if np.count_nonzero(alike) < _LETTERS_IN_A_ROW:
        return False
    row = boxes[alike]
    row = row[np.argsort(row[:, 2], kind="stable")]
    run = best = 1
    for before, after in pairwise(row):
        run = run + 1 if after[2] - before[3] <= 1.5 * height else 1
        best = max(best, run)
    return best >= _LETTERS_IN_A_ROW
