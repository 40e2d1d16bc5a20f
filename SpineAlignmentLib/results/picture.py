"""The picture of a result: the film with its landmarks, the spine curve and every measurement with its value."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.measurement.constructions import spine_curve
from SpineAlignmentLib.measurement.landmarks import CENTERS, NAMES
from SpineAlignmentLib.measurement.parameters import KEYS, PARAMETERS
from SpineAlignmentLib.measurement.shapes import Construction, Point, Segment
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.colors import CURVE, DRAWN, GROUP_COLORS, SURE, UNSURE, Color
from SpineAlignmentLib.results.drawn_shapes import drawn_constructions
from SpineAlignmentLib.results.files import RESULT_MARK
from SpineAlignmentLib.results.frame import film_points
from SpineAlignmentLib.results.heads import head_radii, rim
from SpineAlignmentLib.results.label_layout import Box, free_place, structure_boxes
from SpineAlignmentLib.results.picture_panel import TEXT, draw_panel, font
from SpineAlignmentLib.results.png import png_file
from SpineAlignmentLib.results.turning import upright

FloatArray = NDArray[np.float64]

HEIGHT_PX: Final[int] = 1600
"""Height of the picture; films are shown with square pixels."""
WIDTH_PX: Final[int] = 4800
"""A film that would be wider is shown smaller: drawing took gigabytes, and the JPEG of a report ends at 65,500."""
MARGIN: Final[float] = 0.14
"""Film shown above and below the landmarks, as a share of their height."""
LABEL_PX: Final[int] = 17
"""Height of the labels' font."""
OVERSAMPLING: Final[int] = 2
"""Lines are drawn this many times larger and scaled down, which smooths them."""

LEADER_FROM_PX: Final[float] = 40.0
"""A label moved farther than this from its place is tied to it by a line."""

BAR_MM: Final[int] = 50
"""Length of the bar that shows the picture's scale."""

_EDGE: Final[Color] = (12, 14, 18)
_PANEL: Final[Color] = (24, 28, 34)
_PANEL_SHARE: Final[float] = 0.345
_TONES: Final[list[int]] = [round(225 * (value / 255) ** 0.9) for value in range(256)]
"""Gray values of the film, a little lighter where they are dark, and never as bright as what is drawn."""
_WIDTHS: Final[dict[str, float]] = {"endplate": 2.4, "line": 1.6, "plumb": 1.3, "parallel": 1.3, "distance": 2.6}


class Radiograph(Protocol):
    """What the picture needs of a film, see `film.Film`: this room lies below it."""

    @property
    def pixels(self) -> NDArray[Any]:
        """Shape (height, width), bone bright."""

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) in pixels."""

    @property
    def pixel_size(self) -> tuple[float, float]:
        """(x, y) size of a pixel, in mm or relative."""

    def upright(self, quarter_turns: int) -> "Radiograph":
        """The film after quarter turns counterclockwise."""


def draw(film: Radiograph, annotation: Annotation, keys: Collection[str] = KEYS) -> Any:
    """The picture as a Pillow image: the film on the left, the table of the 18 parameters on the right.

    Args:
        film: its pixels.
        annotation: its landmarks.
        keys: the parameters that are drawn.
    """
    from PIL import Image

    picture = draw_film(film, annotation, keys)
    whole = Image.new("RGB", (picture.width + int(HEIGHT_PX * _PANEL_SHARE), HEIGHT_PX), _PANEL)
    whole.paste(picture, (0, 0))
    draw_panel(whole, picture.width, annotation)
    return whole


def draw_film(film: Radiograph, annotation: Annotation, keys: Collection[str] = KEYS, label_px: int = LABEL_PX) -> Any:
    """The film with landmarks, spine curve and measurements, without the table, upright, as a Pillow image.

    Args:
        film: its pixels.
        annotation: its landmarks.
        keys: the parameters that are drawn.
        label_px: height of the labels' font.
    """
    film, annotation = film.upright(annotation.quarter_turns), upright(annotation)
    canvas = _Canvas.of(film, annotation)
    drawn = [parameter for parameter in PARAMETERS if parameter.key in keys]
    shown = annotation.constructions()
    sheet = _Sheet(canvas, film.pixel_size, annotation.anterior)
    sheet.curve(spine_curve(annotation.points_mm()))
    for parameter in drawn:
        sheet.construction(shown[parameter.key], GROUP_COLORS[parameter.group])
    further = drawn_constructions(annotation)
    for one in further:
        sheet.construction(one, DRAWN)
    sheet.heads(annotation)
    sheet.landmarks(annotation)
    sheet.keep_clear(annotation)
    picture = sheet.finished()
    sheet.marks(picture, annotation, label_px)
    for parameter in drawn:
        sheet.label(picture, shown[parameter.key], GROUP_COLORS[parameter.group], label_px)
    for one in further:
        sheet.label(picture, one, DRAWN, label_px)
    return picture


def png_bytes(film: Radiograph, annotation: Annotation, keys: Collection[str] = KEYS) -> bytes:
    """The picture as the bytes of a PNG file."""
    return png_file(draw(film, annotation, keys), {RESULT_MARK: SOFTWARE})


@dataclass(frozen=True)
class _Canvas:
    """The film at the picture's size, and the way from film pixels to the picture's."""

    image: Any
    scale: FloatArray
    """(x, y) picture pixels in a film pixel."""
    top: int
    """First row of the film that is shown."""

    @classmethod
    def of(cls, film: Radiograph, annotation: Annotation) -> "_Canvas":
        """The film's rows from above the spine to below the hips, at the full width."""
        from PIL import Image

        x, y = film.pixel_size
        top, bottom = _rows_shown(film, annotation)
        pixels = film.pixels[top:bottom]
        height, width = pixels.shape
        shape = width * x / (height * y)
        tall = min(HEIGHT_PX, WIDTH_PX / shape)
        size = (max(1, round(tall * shape)), max(1, round(tall)))
        rough = pixels[:: max(1, height // 600), :: max(1, width // 300)]
        low, high = np.percentile(rough, (0.5, 99.7))
        block = max(1, height // (2 * HEIGHT_PX))
        gray = (pixels[::block, ::block] - np.float32(low)) * np.float32(255 / max(float(high) - float(low), 1e-6))
        image = Image.fromarray(np.clip(gray, 0, 255, out=gray).astype(np.uint8))
        image = image.point(_TONES).resize(size, Image.Resampling.BILINEAR).convert("RGB")
        return cls(image, np.array([size[0] / width, size[1] / height]), top)

    def at(self, points_px: FloatArray) -> FloatArray:
        return np.asarray((points_px + 0.5 - [0, self.top]) * self.scale)


def _rows_shown(film: Radiograph, annotation: Annotation) -> tuple[int, int]:
    """First and last row of the part of a film that its landmarks are on, with a margin; legs are left out."""
    height = film.size_px[1]
    y = annotation.points_px[:, 1]
    if np.count_nonzero(np.isfinite(y)) < 2:
        return 0, height
    margin = MARGIN * float(np.nanmax(y) - np.nanmin(y))
    top, bottom = max(0, int(np.nanmin(y) - margin)), min(height, int(np.nanmax(y) + margin))
    return (top, bottom) if bottom - top > height // 8 else (0, height)


def _ink(color: Color, alpha: int) -> tuple[int, int, int, int]:
    """A color as an image of premultiplied colors holds it."""
    red, green, blue = (round(part * alpha / 255) for part in color)
    return red, green, blue, alpha


class _Sheet:
    """Lines over the film, drawn large and transparent, laid on in the end."""

    def __init__(self, canvas: _Canvas, pixel_size: tuple[float, float], anterior: str) -> None:
        from PIL import Image, ImageDraw

        self._canvas = canvas
        self._pixel_size = pixel_size
        self._anterior = anterior
        width, height = canvas.image.size
        # colors are multiplied by how opaque they are from the start: `reduce` would do so with the large layer
        self._layer = Image.new("RGBa", (width * OVERSAMPLING, height * OVERSAMPLING), (0, 0, 0, 0))
        self._pen = ImageDraw.Draw(self._layer)
        self._taken: list[Box] = []
        self._labels: list[Box] = []

    def _place(self, points: Any) -> FloatArray:
        """Frame of `parameters`, shape (n, 2), to picture pixels."""
        return self._canvas.at(film_points(points, self._pixel_size, self._anterior))

    def _line(self, points: FloatArray, color: Color, width: float, alpha: int = 255) -> None:
        flat = [tuple(p) for p in points * OVERSAMPLING]
        self._pen.line(flat, _ink(color, alpha), max(1, round(width * OVERSAMPLING)), joint="curve")

    def _dashed(self, start: FloatArray, end: FloatArray, color: Color, width: float) -> None:
        length = float(np.linalg.norm(end - start))
        for at in np.arange(0, length, 12.0):
            piece = np.array([at, min(at + 7.0, length)])[:, None] / max(length, 1e-9)
            self._line(start + piece * (end - start), color, width, 220)

    def curve(self, points: FloatArray) -> None:
        if len(points) > 1:
            self._line(self._place(points), CURVE, 3.0, 170)

    def construction(self, shown: Construction, color: Color) -> None:
        for segment in shown.segments:
            self._segment(segment, color)
        if shown.arc is not None:
            self._line(self._place(shown.arc.polyline()), color, 2.2)

    def _segment(self, segment: Segment, color: Color) -> None:
        start, end = self._place([segment.start, segment.end])
        if segment.kind in ("plumb", "parallel"):
            self._dashed(start, end, color, _WIDTHS[segment.kind])
        else:
            self._line(np.array([start, end]), color, _WIDTHS[segment.kind], 210)

    def landmarks(self, annotation: Annotation) -> None:
        for name, p, low in zip(NAMES, annotation.points_px, annotation.is_low(), strict=True):
            if not np.isfinite(p).all():
                continue
            x, y = self._canvas.at(p) * OVERSAMPLING
            radius = (2.6 if name in CENTERS else 3.4) * OVERSAMPLING
            color = UNSURE if low else SURE
            box = (x - radius, y - radius, x + radius, y + radius)
            self._pen.ellipse(box, (*color, 255), (20, 20, 20, 255), OVERSAMPLING)
            clear = tuple(np.array([x - radius, y - radius, x + radius, y + radius]) / OVERSAMPLING)
            self._taken.append(clear)

    def heads(self, annotation: Annotation) -> None:
        """The circles of the heads that were sized."""
        for head, radius in enumerate(head_radii(annotation)):
            circle = rim(annotation, head, float(radius))
            if np.isfinite(circle).all():
                self._line(self._canvas.at(circle), DRAWN, 1.4)

    def keep_clear(self, annotation: Annotation) -> None:
        """No label is to cover the spine."""
        boxes = structure_boxes(annotation)
        corners = np.hstack([self._canvas.at(boxes[:, :2]), self._canvas.at(boxes[:, 2:])])
        self._taken += [tuple(box) for box in corners.tolist()]

    def marks(self, picture: Any, annotation: Annotation, label_px: int) -> None:
        """A bar of known length, and which side is anterior."""
        from PIL import ImageDraw

        pen, letters = ImageDraw.Draw(picture), font(label_px)
        width, height = picture.size
        sides = "AP" if annotation.anterior == "left" else "PA"
        edged = {"fill": TEXT, "font": letters, "stroke_width": 2, "stroke_fill": _EDGE}
        edge = label_px / 2 + 4
        for letter, x in zip(sides, (edge, width - edge), strict=True):
            pen.text((x, height / 2), letter, anchor="mm", **edged)
            self._taken.append(pen.textbbox((x, height / 2), letter, font=letters, anchor="mm"))
        if annotation.spacing_mm is None:
            return
        long = BAR_MM / annotation.spacing_mm[0] * float(self._canvas.scale[0])
        right, y = width - 20, height - 24
        pen.line((right - long, y, right, y), fill=TEXT, width=3)
        text = f"{BAR_MM} mm"
        reach = max(long, pen.textlength(text, font=letters)) / 2
        middle = min(right - long / 2, width - 8 - reach)
        pen.text((middle, y - 6), text, anchor="ms", **edged)
        self._taken.append((middle - reach, y - 2 * label_px, max(right, middle + reach), float(height)))

    def finished(self) -> Any:
        """The film with the lines laid on."""
        picture = self._canvas.image
        inked = self._layer.getbbox()
        if inked is not None:  # most of a film has no line on it
            left, top = inked[0] // OVERSAMPLING, inked[1] // OVERSAMPLING
            right, bottom = -(-inked[2] // OVERSAMPLING), -(-inked[3] // OVERSAMPLING)
            whole = (left * OVERSAMPLING, top * OVERSAMPLING, right * OVERSAMPLING, bottom * OVERSAMPLING)
            small = self._layer.reduce(OVERSAMPLING, whole).convert("RGBA")
            picture.paste(small.convert("RGB"), (left, top), small.getchannel("A"))
        return picture

    def label(self, picture: Any, shown: Construction, color: Color, label_px: int) -> None:
        """Write a label at its anchor, moved until it covers no other and lies on the film."""
        from PIL import ImageDraw

        if shown.label is None:
            return
        pen = ImageDraw.Draw(picture)
        letters = font(label_px)
        anchor: Point = tuple(self._place([shown.label.anchor])[0])
        left, top, right, bottom = pen.textbbox((0, 0), shown.label.text, font=letters)
        width, height = right - left + 8, bottom - top + 8
        wanted = (anchor[0] - width / 2, anchor[1] - height / 2, anchor[0] + width / 2, anchor[1] + height / 2)
        box = free_place(wanted, self._taken, picture.size, tie=(anchor, self._labels))
        self._taken.append(box)
        self._labels.append(box)
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        if np.hypot(middle[0] - anchor[0], middle[1] - anchor[1]) > LEADER_FROM_PX:
            pen.line((anchor, middle), fill=color, width=1)
        pen.rounded_rectangle(box, 4, fill=_EDGE, outline=color)
        pen.text((box[0] + 4 - left, box[1] + 4 - top), shown.label.text, fill=color, font=letters)
