"""The table beside the film in the picture of a result: every parameter, and how the film was read."""

from functools import lru_cache
from typing import Any, Final

from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.parameters import PARAMETERS
from SpineAlignmentLib.results.annotation import NUMBERING_WARNING, Annotation
from SpineAlignmentLib.results.colors import GROUP_COLORS, UNSURE, Color
from SpineAlignmentLib.results.doubts import doubts
from SpineAlignmentLib.results.drawn_shapes import drawn_texts
from SpineAlignmentLib.results.measured import interval_text, reason_text

TEXT: Final[Color] = (235, 238, 242)
GAP: Final[int] = 14
"""Pixels between a name and the interval beside it."""
_DIM: Final[Color] = (150, 158, 168)


def draw_panel(whole: Any, left: int, annotation: Annotation) -> None:
    """The table of parameters, and how the film was read."""
    from PIL import ImageDraw

    pen = ImageDraw.Draw(whole)
    width = whole.width - left
    x, y = left + 24, 26
    found = annotation.measurements()
    pen.text((x, y), _shortened(pen, annotation.film, width - 48, font(24)), fill=TEXT, font=font(24))
    y += 50
    values = {key: value_text(key, measured.value) for key, measured in found.items()}
    widest = max(pen.textlength(value, font=font(22)) for value in values.values())
    if any(interval_text(key, measured) for key, measured in found.items()):
        # or it is taken for what is usual
        pen.text((left + width - 38 - widest, y + 16), "90 % interval", fill=_DIM, font=font(15), anchor="ra")
    group = ""
    for parameter in PARAMETERS_BY_GROUP:
        if parameter.group != group:
            group = parameter.group
            y += 14
            pen.text((x, y), group, fill=GROUP_COLORS[group], font=font(18))
            y += 30
        pen.text((x, y), parameter.key, fill=TEXT, font=font(22))
        interval = interval_text(parameter.key, found[parameter.key])
        room = width - 150 - GAP - widest - pen.textlength(interval, font=font(15))
        told = reason_text(found[parameter.key].reason) or parameter.name
        pen.text((x + 88, y + 6), _shortened(pen, told, room, font(15)), fill=_DIM, font=font(15))
        pen.text((left + width - 38 - widest, y + 6), interval, fill=_DIM, font=font(15), anchor="ra")
        pen.text((left + width - 24, y), values[parameter.key], fill=TEXT, font=font(22), anchor="ra")
        y += 36
    for name, value in drawn_texts(annotation):
        pen.text((x, y + 8), name, fill=TEXT, font=font(18))
        pen.text((left + width - 24, y + 8), value, fill=TEXT, font=font(18), anchor="ra")
        y += 28
    y += 24
    doubted = doubts(annotation)
    for text in (*doubted, *_notes(annotation)):
        color = UNSURE if text in doubted or text.startswith(NUMBERING_WARNING) else _DIM
        for line in _wrapped(pen, text, width - 48, font(15)):
            pen.text((x, y), line, fill=color, font=font(15))
            y += 21
        y += 5


PARAMETERS_BY_GROUP: Final = tuple(sorted(PARAMETERS, key=lambda p: list(GROUP_COLORS).index(p.group)))


def _notes(annotation: Annotation) -> list[str]:
    spacing = annotation.spacing_mm
    size = "unknown" if spacing is None else f"{spacing[0]:g} x {spacing[1]:g} mm, {annotation.spacing_source}"
    return [
        f"pixel: {size}",
        f"faces {annotation.anterior}: {annotation.anterior_source}",
        f"models: {', '.join(annotation.models) or 'none'}",
        *annotation.warnings,
    ]


def _wrapped(pen: Any, text: str, width: float, letters: Any) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and pen.textlength(longer, font=letters) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _shortened(pen: Any, text: str, width: float, letters: Any) -> str:
    while len(text) > 4 and pen.textlength(text, font=letters) > width:
        text = text[:-2].rstrip("\N{HORIZONTAL ELLIPSIS}") + "\N{HORIZONTAL ELLIPSIS}"
    return text


@lru_cache(maxsize=8)
def font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
