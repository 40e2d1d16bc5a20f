"""How what a person drew is shown: the same shapes as those of the 18 measurements."""

from SpineAlignmentLib.measurement.constructions import cobb_construction, unit_text
from SpineAlignmentLib.measurement.shapes import Construction, Label, Point, Segment
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.drawn import Drawn, names


def drawn_constructions(annotation: Annotation) -> list[Construction]:
    """Everything that was drawn on a film, in its order and in the frame of `measurement.constructions`."""
    points, corners = annotation.points_mm(), annotation.corners_mm()
    return [
        _lines(annotation, one, name) if one.levels is None else cobb_construction(points, corners, *one.levels)
        for one, name in zip(annotation.drawn, names(annotation.drawn), strict=True)
    ]


def drawn_texts(annotation: Annotation) -> list[tuple[str, str]]:
    """Name and value of everything that was drawn on a film, as they are read; "n/a" where not measurable."""
    called = zip(annotation.drawn, names(annotation.drawn), strict=True)
    return [(name, unit_text(one.unit, annotation.drawn_value(one))) for one, name in called]


def _lines(annotation: Annotation, one: Drawn, name: str) -> Construction:
    value = annotation.drawn_value(one)
    ends = annotation.in_frame(one.points_px)
    points: list[Point] = [(float(x), float(y)) for x, y in ends]
    segments = tuple(Segment(points[i], points[i + 1], "distance") for i in range(0, len(points), 2))
    x, y = ends[len(ends) // 2 :].mean(axis=0)
    label = Label((float(x), float(y)), f"{name} {unit_text(one.unit, value)}")
    return Construction(name, value, {}, segments, None, label)
