"""The 45 anatomic landmarks of a whole-spine lateral radiograph: names, order, regions and levels.

Source: Yeh et al., Scientific Reports 2021, Fig. 1. The order is the channel order of every network and the order of
the control points of every markup list; it never changes.

Corner names: A/P = anterior/posterior, S/I = superior/inferior endplate.
"""

from typing import Final

PRESACRAL_LEVELS: Final[tuple[str, ...]] = (
    *(f"C{i}" for i in range(2, 8)),
    *(f"T{i}" for i in range(1, 13)),
    *(f"L{i}" for i in range(1, 6)),
)
"""The 23 vertebrae that carry a body center, from C2 down to L5."""

VERTEBRAE: Final[tuple[str, ...]] = (*PRESACRAL_LEVELS, "L6")
"""Every vertebra that a film may show above the sacrum, from C2 down; few people have an L6."""

CORNERS: Final[tuple[str, ...]] = ("AS", "PS", "AI", "PI")
"""The corners of a vertebral body, in the order of every array of corners; C2 has its lower two alone."""

CENTERS: Final[tuple[str, ...]] = tuple(f"{level}_C" for level in PRESACRAL_LEVELS)
"""The vertebral body centers, from C2 down to L5."""

NAMES: Final[tuple[str, ...]] = (
    "C2_D",
    *("C2_AI", "C2_PI", "C7_AI", "C7_PS", "C7_PI", "T1_AS", "T1_PS", "T5_AS", "T5_PS", "T5_AI", "T5_PI"),
    *("T12_AI", "T12_PI", "L1_AS", "L1_PS", "L4_AS", "L4_PS", "S1_A", "S1_P", "FH_1", "FH_2"),
    *CENTERS,
)
"""The 45 landmark names in their fixed order."""

COUNT: Final[int] = len(NAMES)

INDEX: Final[dict[str, int]] = {name: i for i, name in enumerate(NAMES)}
"""Landmark name to its place in `NAMES`."""

REGIONS: Final[dict[str, tuple[str, ...]]] = {
    "cervical": ("C2_D", "C2_AI", "C2_PI", "C7_AI", "C7_PS", "C7_PI", *CENTERS[:6]),
    "thoracic": ("T1_AS", "T1_PS", "T5_AS", "T5_PS", "T5_AI", "T5_PI", "T12_AI", "T12_PI", *CENTERS[6:18]),
    "lumbosacral": ("L1_AS", "L1_PS", "L4_AS", "L4_PS", "S1_A", "S1_P", *CENTERS[18:]),
    "femoral": ("FH_1", "FH_2"),
}
"""Region name to its landmarks; every landmark is in exactly one region."""


def landmark_called(label: str) -> str:
    """A label as landmarks are called, however a person typed it."""
    return label.strip().upper()
