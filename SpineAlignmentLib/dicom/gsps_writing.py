"""The drawing as a grayscale softcopy presentation state (GSPS, PS3.3 A.33.1) over its film."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.dicom.new_object import new_object
from SpineAlignmentLib.dicom.sr_writing import on_film
from SpineAlignmentLib.dicom.vocabulary import PIXEL_CENTER, plain
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.measurement.constructions import spine_curve
from SpineAlignmentLib.measurement.parameters import PARAMETERS
from SpineAlignmentLib.measurement.shapes import Construction
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.colors import CURVE, DRAWN, GROUP_COLORS, SURE, UNSURE
from SpineAlignmentLib.results.doubts import doubts, side_doubt
from SpineAlignmentLib.results.drawn_shapes import drawn_constructions
from SpineAlignmentLib.results.label_layout import Box, free_place

Data = Any
FloatArray = NDArray[np.float64]
SERIES_NUMBER: Final[int] = 9702
DESCRIPTION: Final[str] = "SpineAlignment drawing"
IN_DOUBT: Final[str] = f"{DESCRIPTION}, IN DOUBT: see its text"
"""What lists of presentation states show where something can hardly be."""

_SAMPLES: Final[int] = 65
"""Points along a straight line, to find the part that lies on the film."""
_LETTER: Final[tuple[float, float]] = (0.009, 0.016)
"""Width and height of a letter as shares of the film's height."""


def presentation_state(annotation: Annotation, header: Data) -> Data:
    """The drawing of one film, with UIDs of its own.

    Points that are not finite or off the film are left out, and lines end at its edge.

    Args:
        annotation: landmarks on the film.
        header: the film's data set, see `film_header.film_header`.

    Raises:
        FilmError: a film in color, which such a state cannot refer to.
    """
    import highdicom as hd

    if int(header.get("SamplesPerPixel") or 1) != 1:
        raise FilmError(f"{annotation.film}: saved in color, which a grayscale presentation state cannot refer to")
    drawing = _Drawing(annotation, header)
    annotations = drawing.annotations()
    shape = hd.PresentationLUTShapeValues.INVERSE if _dark_bone(header) else hd.PresentationLUTShapeValues.IDENTITY
    state = hd.pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[header],
        device_serial_number=SOFTWARE,
        content_label="SPINE_ALIGNMENT",
        content_description=IN_DOUBT if doubts(annotation) else DESCRIPTION,
        graphic_annotations=annotations,
        graphic_layers=drawing.layers,
        presentation_lut_transformation=hd.PresentationLUTTransformation(presentation_lut_shape=shape),
        specific_character_set=header.get("SpecificCharacterSet") or None,
        **new_object(SERIES_NUMBER, DESCRIPTION),
    )
    # wanted of paired body parts, and checked for where the body part is not told (PS3.3 C.7.3.1)
    state.Laterality = header.get("Laterality") or ""
    _show_true_shape(state, annotation)
    return state


def _dark_bone(header: Data) -> bool:
    """MONOCHROME1: the lowest value is shown white, which a presentation state says anew for itself (C.11.6)."""
    return str(header.get("PhotometricInterpretation", "")).strip().upper() == "MONOCHROME1"


def _show_true_shape(state: Data, annotation: Annotation) -> None:
    """Pixels as high and wide as they are: without it a film of oblong pixels is shown distorted (C.10.4)."""
    x, y = annotation.pixel_size
    for area in state.DisplayedAreaSelectionSequence:
        if annotation.spacing_mm is not None:
            area.PresentationPixelSpacing = [round(y, 8), round(x, 8)]
            del area.PresentationPixelAspectRatio
        elif x != y:
            area.PresentationPixelAspectRatio = [round(1000 * y), round(1000 * x)]


class _Drawing:
    """Graphic layers and what lies in them."""

    def __init__(self, annotation: Annotation, header: Data) -> None:
        self._annotation = annotation
        self._header = header
        self._size = (int(header.Columns), int(header.Rows))
        self._taken: list[Box] = []
        self.layers: list[Data] = []

    def annotations(self) -> list[Data]:
        """A layer of what is doubted, of landmarks, of the spine curve, of each group of parameters, of what was drawn.

        On a film of the wrong side no parameter is drawn.
        """
        doubted = self._layer("DOUBTS", UNSURE, [], self._doubts())
        points = self._annotation.points_px
        shown = points[on_film(points, self._size)]
        found = [doubted, self._layer("LANDMARKS", SURE, [self._graphic("POINT", p[None]) for p in shown], [])]
        curve = self._annotation.from_frame(spine_curve(self._annotation.points_mm()))
        found.append(self._layer("SPINE CURVE", CURVE, self._lines([curve]), []))
        drawn = {} if side_doubt(self._annotation) else self._annotation.constructions()
        for group, color in GROUP_COLORS.items():
            members = [drawn[p.key] for p in PARAMETERS if p.group == group and p.key in drawn]
            found.append(self._layer_of(group.upper(), color, members))
        found.append(self._layer_of("DRAWN", DRAWN, drawn_constructions(self._annotation)))
        return [layer for layer in found if layer is not None]

    def _layer_of(self, name: str, color: tuple[int, int, int], members: Iterable[Construction]) -> Data:
        """The layer of those of the measurements that can be drawn."""
        shown = [member for member in members if member.drawable]
        lines = self._lines(line for member in shown for line in self._outlines(member))
        texts = [text for member in shown if (text := self._text(member)) is not None]
        return self._layer(name, color, lines, texts)

    def _layer(self, name: str, color: tuple[int, int, int], graphics: list[Data], texts: list[Data]) -> Data:
        import highdicom as hd

        if not graphics and not texts:
            return None
        shade = hd.color.CIELabColor.from_rgb(*color)
        layer = hd.pr.GraphicLayer(name, order=len(self.layers) + 1, display_color=shade)
        self.layers.append(layer)
        return hd.pr.GraphicAnnotation([self._header], layer, graphic_objects=graphics, text_objects=texts)

    def _outlines(self, shown: Construction) -> Iterable[FloatArray]:
        for segment in shown.segments:
            start, end = self._annotation.from_frame([segment.start, segment.end])
            yield start + np.linspace(0, 1, _SAMPLES)[:, None] * (end - start)
        if shown.arc is not None:
            yield self._annotation.from_frame(shown.arc.polyline())

    def _lines(self, outlines: Iterable[FloatArray]) -> list[Data]:
        """What of each line lies on the film, in one piece or several."""
        pieces = []
        for outline in outlines:
            inside = on_film(outline, self._size)
            edges = np.flatnonzero(np.diff(np.concatenate(([0], inside.astype(int), [0]))))
            pieces += [outline[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]
        return [self._graphic("POLYLINE", _without_needless(piece)) for piece in pieces]

    def _graphic(self, kind: str, points: FloatArray) -> Data:
        import highdicom as hd

        return hd.pr.GraphicObject(kind, points + PIXEL_CENTER, hd.pr.AnnotationUnitsValues.PIXEL)

    def _doubts(self) -> list[Data]:
        """One text a doubt, at the film's upper edge, from side to side: viewers break what is longer than its box."""
        import highdicom as hd

        texts, (width, film_height) = [], self._size
        for line in doubts(self._annotation):
            top = max((box[3] for box in self._taken), default=0.0)
            rows = -(-len(line) * _LETTER[0] * film_height // width)
            box = (0.0, top, float(width), top + rows * _LETTER[1] * film_height)
            self._taken.append(box)
            corners = (_place(box[0]), _place(box[1]), _place(box[2]), _place(box[3]))
            texts.append(hd.pr.TextObject(plain(line), hd.pr.AnnotationUnitsValues.PIXEL, bounding_box=corners))
        return texts

    def _text(self, shown: Construction) -> Data:
        """The label in a box that covers no other."""
        import highdicom as hd

        if shown.label is None:
            return None
        text = plain(shown.label.text)
        anchor = self._annotation.from_frame([shown.label.anchor])[0]
        if not on_film(anchor[None], self._size)[0]:
            anchor = np.clip(anchor, 0, np.array(self._size) - 1.0)
        width, height = _LETTER[0] * self._size[1] * len(text), _LETTER[1] * self._size[1]
        wanted = (anchor[0] - width / 2, anchor[1] - height / 2, anchor[0] + width / 2, anchor[1] + height / 2)
        box = free_place(wanted, self._taken, self._size, step=height / 3, tie=(anchor, self._taken))
        self._taken.append(box)
        away = np.hypot(*(np.clip(anchor, box[:2], box[2:]) - anchor))
        return hd.pr.TextObject(
            text,
            hd.pr.AnnotationUnitsValues.PIXEL,
            bounding_box=(_place(box[0]), _place(box[1]), _place(box[2]), _place(box[3])),
            anchor_point=(_place(anchor[0] + PIXEL_CENTER), _place(anchor[1] + PIXEL_CENTER)),
            # a viewer then draws a line from the text to it (C.10.5.1.1)
            anchor_point_visible=bool(away > height),
        )


def _place(value: float) -> float:
    return round(max(float(value), 0.0), 2)


def _without_needless(points: FloatArray) -> FloatArray:
    """A polyline without the points that lie on the straight line of their neighbors."""
    a, b = points[1:-1] - points[:-2], points[2:] - points[1:-1]
    bent = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) > 1e-6
    return np.asarray(points[np.concatenate(([True], bent, [True]))])
