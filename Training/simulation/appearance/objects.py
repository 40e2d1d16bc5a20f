"""Things on and in front of the patient that are no anatomy, and what is written on the film.

Objects that X-rays pass (buttons, zips, jewelry, leads, braces, lead letters, rulers) are added to the metal and soft
layers before the exposure; burned-in text is drawn on the developed film.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from Training.simulation.appearance.contents import Attenuators
from Training.simulation.appearance.projection_layers import Body, Layer, Points
from Training.simulation.appearance.sampling import Dice

Canvas = NDArray[np.uint8]

TEXTS: Final[tuple[str, ...]] = (
    *("L", "R", "G", "D", "LAT", "LT LAT", "RT LAT", "L LAT", "STANDING", "DEBOUT", "PROFIL", "ERECT", "UPRIGHT"),
    *("STEHEND", "LINKS", "PA", "WHOLE SPINE LAT", "SPINE LATERAL", "1/1", "60 cm", "kV 90 mAs 20", "100%", "SID 180"),
)
FONTS: Final[tuple[int, ...]] = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX_SMALL)


@dataclass(frozen=True)
class ObjectsLook:
    """How many of each object lie on the film, and how dense they are."""

    metal_mm: float
    texts: int
    text_gray: float
    letters: int
    buttons: int
    zips: int
    rings: int
    leads: int
    brace: bool
    clasps: int
    chains: int
    rulers: int
    straps: int

    @classmethod
    def sample(cls, dice: Dice) -> Self:
        """Draw the numbers of a look."""
        rare = dice.chance
        return cls(
            metal_mm=dice.log_uniform((0.8, 3), (0.3, 8)),
            texts=dice.count((-0.8, 1.8), (-0.8, 4)),
            text_gray=float(dice.rng.choice((1.0, 1.0, 1.0, 0.0, dice.rng.random()))),
            letters=int(rare(0.3, 0.4)),
            buttons=dice.count((2, 9), (2, 14)) if rare(0.06, 0.15) else 0,
            zips=int(rare(0.02, 0.06)),
            rings=dice.count((1, 3), (1, 6)) if rare(0.06, 0.15) else 0,
            leads=dice.count((1, 4), (1, 6)) if rare(0.04, 0.1) else 0,
            brace=rare(0.06, 0.12),
            clasps=dice.count((1, 3), (1, 4)) if rare(0.06, 0.12) else 0,
            chains=int(rare(0.04, 0.08)),
            rulers=int(rare(0.08, 0.15)),
            straps=dice.count((1, 2), (1, 4)) if rare(0.08, 0.2) else 0,
        )


@dataclass
class _Pen:
    """Draws on an 8-bit canvas in millimeters, with sub-pixel ends; makes the canvas when first used."""

    shape: tuple[int, int]
    spacing_mm: float
    rng: np.random.Generator
    canvas: Canvas | None = None

    def paper(self) -> Canvas:
        if self.canvas is None:
            self.canvas = np.zeros(self.shape, np.uint8)
        return self.canvas

    def thick(self, millimeters: float) -> int:
        return max(1, round(millimeters / self.spacing_mm))

    def line(self, points: Points, width_mm: float, value: float, closed: bool = False) -> None:
        path = np.round(points * 16).astype(np.int32)
        # A line thinner than a pixel is drawn one pixel wide and as much fainter.
        value *= min(1.0, width_mm / self.spacing_mm)
        cv2.polylines(self.paper(), [path], closed, int(255 * min(value, 1)), self.thick(width_mm), cv2.LINE_AA, 4)

    def ellipse(
        self, center: Points, radii_mm: tuple[float, float], turn: float, width_mm: float, value: float
    ) -> None:
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        x, y = radii_mm[0] * np.cos(angles), radii_mm[1] * np.sin(angles)
        c, s = np.cos(turn), np.sin(turn)
        path = center + np.column_stack([c * x - s * y, s * x + c * y]) / self.spacing_mm
        if width_mm > 0:
            self.line(path, width_mm, value, closed=True)
        else:
            cv2.fillPoly(self.paper(), [np.round(path * 16).astype(np.int32)], int(255 * value), cv2.LINE_AA, 4)

    def text(self, words: str, corner: Points, height_mm: float, value: float) -> None:
        font = FONTS[int(self.rng.integers(len(FONTS)))]
        scale = max(height_mm / self.spacing_mm, 4) / 22
        at = (int(corner[0]), int(corner[1]))
        cv2.putText(self.paper(), words, at, font, scale, int(255 * value), max(1, round(scale * 1.6)), cv2.LINE_AA)


def place_objects(materials: Attenuators, body: Body, look: ObjectsLook, rng: np.random.Generator) -> None:
    """Add the objects' path lengths to the materials, in place."""
    pen = _Pen(body.shape, body.spacing_mm, rng)
    parts: tuple[tuple[int, Callable[[_Pen, Body], None]], ...] = (
        (look.buttons, _button),
        (look.zips, _zip),
        (look.rings, _ring),
        (look.leads, _lead),
        (int(look.brace), _brace),
        (look.clasps, _clasp),
        (look.chains, _chain),
        (look.rulers, _ruler),
        (look.letters, _letter),
    )
    for count, draw in parts:
        for _ in range(count):
            draw(pen, body)
    if pen.canvas is not None:
        np.add(materials.metal, pen.canvas * np.float32(look.metal_mm / 255), out=materials.metal)
    for _ in range(look.straps):
        _strap(materials.soft, body, rng)


def write_text(film: Layer, look: ObjectsLook, spacing_mm: float, rng: np.random.Generator) -> None:
    """Burn text into a developed film, in place."""
    if look.texts == 0:
        return
    height, width = film.shape
    pen = _Pen((height, width), spacing_mm, rng)
    for _ in range(look.texts):
        corner = np.array([rng.uniform(0, 0.8) * width, rng.uniform(0.02, 0.98) * height])
        pen.text(_words(rng), corner, rng.uniform(6, 16), 1.0)
    share = pen.paper() * np.float32(1 / 255)
    film += share * (np.float32(look.text_gray) - film)


def _words(rng: np.random.Generator) -> str:
    kind = rng.random()
    if kind < 0.6:
        return TEXTS[int(rng.integers(len(TEXTS)))]
    if kind < 0.8:
        return f"{rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.{rng.integers(2005, 2026)}"
    return f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}"


def _near_trunk(pen: _Pen, body: Body) -> Points:
    """A point on the trunk, anywhere from neck to hips."""
    row = int(pen.rng.integers(5, 25))
    reach = pen.rng.uniform((-140, -15), (60, 15)) / body.spacing_mm
    return np.asarray(body.points[row] + reach)


def _button(pen: _Pen, body: Body) -> None:
    center, size = _near_trunk(pen, body), pen.rng.uniform(3, 8)
    flat = size * pen.rng.uniform(0.3, 1)
    pen.ellipse(
        center, (size, flat), pen.rng.uniform(0, 3), 0 if pen.rng.random() < 0.4 else 1.5, pen.rng.uniform(0.4, 1)
    )
    pen.ellipse(center, (size * 0.4, flat * 0.4), 0, 1.0, pen.rng.uniform(0.3, 1))


def _zip(pen: _Pen, body: Body) -> None:
    point, heading = _near_trunk(pen, body), pen.rng.normal(np.pi / 2, 0.4)
    step = np.array([np.cos(heading), np.sin(heading)]) / body.spacing_mm
    across = np.array([-step[1], step[0]])
    for k in range(int(pen.rng.integers(20, 70))):
        tooth = point + 2.5 * k * step
        pen.line(np.array([tooth, tooth + 2.5 * (1 if k % 2 else -1) * across]), 1.2, 0.8)


def _ring(pen: _Pen, body: Body) -> None:
    size = pen.rng.uniform(4, 14)
    center = (
        _near_trunk(pen, body)
        if pen.rng.random() < 0.6
        else body.at("C2", pen.rng.uniform(-20, 110), pen.rng.uniform(-60, 40))
    )
    pen.ellipse(center, (size, size * pen.rng.uniform(0.15, 1)), pen.rng.uniform(0, 3), pen.rng.uniform(0.6, 2), 1.0)


def _lead(pen: _Pen, body: Body) -> None:
    end = _near_trunk(pen, body)
    turns = np.cumsum(pen.rng.normal(0, 0.25, 30)) + pen.rng.uniform(0, 2 * np.pi)
    path = end + np.cumsum(np.column_stack([np.cos(turns), np.sin(turns)]) * 10 / body.spacing_mm, axis=0)
    pen.line(path, pen.rng.uniform(0.6, 1.5), 0.6)
    pen.ellipse(end, (5, 5), 0, 0, 0.9)


def _brace(pen: _Pen, body: Body) -> None:
    """Buckles, rivets and stays of a trunk brace."""
    for _ in range(int(pen.rng.integers(3, 9))):
        center = _near_trunk(pen, body)
        size = pen.rng.uniform(5, 14)
        pen.ellipse(center, (size * 0.4, size), pen.rng.normal(0, 0.3), 1.8, 0.9)
        pen.ellipse(_near_trunk(pen, body), (4, 4), 0, 1.5, 0.9)
    top = body.at("T5", -pen.rng.uniform(40, 80), 0)
    bottom = body.at("S1", -pen.rng.uniform(60, 110), 0)
    bend = (top + bottom) / 2 + (pen.rng.normal(0, 15) / body.spacing_mm, 0)
    pen.line(np.array([top, bend, bottom]), 2.5, 0.25)


def _clasp(pen: _Pen, body: Body) -> None:
    center = body.at("T8", pen.rng.uniform(-60, 60), pen.rng.uniform(-30, 60))
    for k in range(int(pen.rng.integers(1, 4))):
        pen.ellipse(center + np.array([0, 7.0 * k]) / body.spacing_mm, (5, 2), pen.rng.normal(0, 0.2), 1.0, 0.9)


def _chain(pen: _Pen, body: Body) -> None:
    start, end = body.at("C7", -45, -10), body.at("T3", pen.rng.uniform(60, 110), 0)
    share = np.linspace(0, 1, 20)[:, None]
    sag = np.sin(np.pi * share) * pen.rng.uniform(-20, 40) / body.spacing_mm
    pen.line(start + share * (end - start) + sag * np.array([0.0, 1.0]), pen.rng.uniform(0.6, 2), 0.8)


def _ruler(pen: _Pen, body: Body) -> None:
    """A ruler beside or behind the patient, a mark every centimeter, longer ones with numbers."""
    height, width = pen.shape
    x = pen.rng.uniform(0.02, 0.98) * width
    way = 1 if pen.rng.random() < 0.5 else -1
    step = 10 / body.spacing_mm
    for k in range(int(height / step)):
        y, long = k * step, k % 5 == 0
        pen.line(np.array([[x, y], [x + way * (9 if long else 5) / body.spacing_mm, y]]), 0.8, 0.8)
        if k % 10 == 0:
            pen.text(str(k), np.array([x + way * 11 / body.spacing_mm, y]), 5, 0.8)


def _letter(pen: _Pen, body: Body) -> None:
    height, width = pen.shape
    corner = np.array([pen.rng.uniform(0.02, 0.9) * width, pen.rng.uniform(0.03, 0.97) * height])
    pen.text(("L", "R", "LL", "RL", "L 12")[int(pen.rng.integers(5))], corner, pen.rng.uniform(10, 25), 1.0)


def _strap(soft: Layer, body: Body, rng: np.random.Generator) -> None:
    """A strap, a fold of clothing or the edge of a plate: a long faint band."""
    canvas = np.zeros(body.shape, np.uint8)
    center = body.points[int(rng.integers(5, 25))]
    heading, reach = rng.uniform(0, np.pi), 300 / body.spacing_mm
    step = np.array([np.cos(heading), np.sin(heading)]) * reach
    bend = center + rng.normal(0, 15, 2) / body.spacing_mm
    path = np.round(np.array([center - step, bend, center + step]) * 16).astype(np.int32)
    cv2.polylines(canvas, [path], False, 255, max(1, int(rng.uniform(4, 45) / body.spacing_mm)), cv2.LINE_AA, 4)
    soft += canvas * np.float32(rng.uniform(1, 8) / 255)
