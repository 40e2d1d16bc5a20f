"""How native pixels lie where the tags say it wrongly: the order of bytes in a word, and how long rows are.

Neighboring gray values lie close together, and words or rows read wrongly tear them apart. This is asked of every film,
so that few of its rows have to answer.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.film.checks import has_bytes_turned
from SpineAlignmentLib.film.dicom_bits import row_steps, told_bits
from SpineAlignmentLib.film.dicom_dataset import tag_name
from SpineAlignmentLib.film.dicom_layout import Layout

_ROWS: Final[int] = 16
"""Rows of a film that are looked at."""
_TORN: Final[float] = 0.5
"""Difference of neighbors when read the other way, as a share of that when read as is said, below which it is the
other."""
_LONG: Final[tuple[int, ...]] = (16, 32)
"""Allocated bits of words of more than one byte."""


def true_order(value: bytes, layout: Layout, big: bool) -> bool:
    """Whether words are big endian.

    Args:
        value: of the pixels' element.
        layout: as the tags describe it.
        big: what is said.
    """
    if layout.allocated not in _LONG or layout.subsampled or len(value) < layout.size_bytes:
        return big
    count = layout.width * layout.height * layout.samples
    words = np.frombuffer(value, layout.word(big), count).reshape(layout.height, -1)

    def gray_of(some: NDArray[Any]) -> NDArray[Any]:
        native = some.astype(some.dtype.newbyteorder("="))
        return told_bits(int(native.max()), layout.allocated, layout).of(native)

    return big ^ has_bytes_turned(words, gray_of)


def with_rows_in_line(value: bytes, layout: Layout, big: bool) -> tuple[Layout, list[str]]:
    """The layout with rows as long as they are where Rows and Columns stand for each other, and what is said of it.

    Args:
        value: of the pixels' element.
        layout: as the tags describe it.
        big: its words are big endian.
    """
    square = layout.width == layout.height
    if layout.samples != 1 or layout.allocated not in (8, *_LONG) or square or len(value) < layout.size_bytes:
        return layout, []
    flat = np.frombuffer(value, layout.word(big), layout.width * layout.height)
    said, other = row_steps(flat, layout.size, _ROWS * max(layout.size))
    if other >= _TORN * said:
        return layout, []
    tags = f"{tag_name('Rows')} = {layout.height} and {tag_name('Columns')} = {layout.width}"
    told = f"{tags} tear the film apart: read the other way round"
    return replace(layout, width=layout.height, height=layout.width), [told]
