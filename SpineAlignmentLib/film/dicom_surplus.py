"""Pixel data that is longer than the tags say: one of them is wrong, or there is more than one image."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import relative_roughness
from SpineAlignmentLib.film.dicom_bits import row_steps
from SpineAlignmentLib.film.dicom_dataset import tag_name
from SpineAlignmentLib.film.dicom_layout import Layout

_WORDS: Final[tuple[int, ...]] = (8, 16, 32, 64)
"""Allocated bits of whole numbers, and the last of floating point alone."""
_WIDER: Final[tuple[int, ...]] = (8, 16)
"""Allocated bits that may be half of the true ones."""
_SMOOTHER: Final[float] = 0.5
"""Roughness as a share of that of words half as wide, below which the wide ones are the film."""
_CLOSER: Final[float] = 0.9
"""Difference of neighbors of a column, as a share of that in rows as long as is said, below which rows are longer."""
_LOOKED_AT: Final[int] = 1 << 19
"""Pixels that tell how long rows are."""


def without_surplus(value: bytes, layout: Layout, keyword: str, big: bool, path: Path) -> tuple[Layout, list[str]]:
    """The layout of native pixels, and what is to be said of those that it leaves over.

    Args:
        value: of the pixels' element.
        layout: as the tags describe it.
        keyword: of the element.
        big: its words are big endian.
        path: how messages call the file.

    Raises:
        FilmError: several images' worth of pixels, or rows of another length.
    """
    # less than a row or a column is what writers fill up with
    spare = min(layout.size) * layout.pixel_bits // 8
    if layout.allocated not in _WORDS or len(value) < layout.size_bytes + spare:
        return layout, []
    times, rest = divmod(len(value), layout.size_bytes)
    if times == 2 and rest < spare and _are_wider(value, layout, big):
        twice = 2 * layout.allocated
        said = f"{tag_name('BitsAllocated')} = {layout.allocated}, {tag_name(keyword)} holds {twice} bits a pixel"
        return replace(layout, allocated=twice, stored=twice, high=twice - 1), [f"{said}: read as such"]
    told = f"{tag_name(keyword)} holds {len(value)} bytes"
    need = f"{layout.width} x {layout.height} pixels of {layout.allocated} bits"
    check = f"{tag_name('Rows')}, {tag_name('Columns')} and {tag_name('BitsAllocated')}"
    others, again = value[layout.size_bytes :], value[: layout.size_bytes] * (times - 1)
    empty = not others.strip(b"\0")
    if empty or (again and others.startswith(again)):
        what = "zeros" if empty else "the same once more"
        return layout, [f"{told}, {need} take {layout.size_bytes}: the rest is {what}, and not read"]
    if rest < spare:
        raise FilmError(f"{path}: {told}, {times} times what {need} take: several images, or check {check}")
    if _has_longer_rows(value, layout, big):
        raise FilmError(f"{path}: {told}, and rows of {layout.width} pixels do not line up: check {check}")
    return layout, [f"{told}, {need} take {layout.size_bytes}: the film may go on beyond what is read; check {check}"]


def _are_wider(value: bytes, layout: Layout, big: bool) -> bool:
    """Whether words of twice the bits lie clearly closer together than those that the tags say."""
    if layout.samples != 1 or layout.allocated not in _WIDER:
        return False
    wide = relative_roughness(_words(value, replace(layout, allocated=2 * layout.allocated), big))
    return wide < _SMOOTHER * relative_roughness(_words(value, layout, big))


def _has_longer_rows(value: bytes, layout: Layout, big: bool) -> bool:
    """Whether rows fit each other clearly better when all that is there is shared among them."""
    if layout.samples != 1 or layout.allocated not in _WORDS[:3]:
        return False
    count = len(value) * 8 // layout.pixel_bits
    flat = np.frombuffer(value, layout.word(big), count)
    said, longer = row_steps(flat, (layout.width, count // layout.height), _LOOKED_AT)
    return longer < _CLOSER * said


def _words(value: bytes, layout: Layout, big: bool) -> NDArray[Any]:
    return np.frombuffer(value, layout.word(big), layout.width * layout.height).reshape(layout.height, layout.width)
