"""Texts in the module's view: none on another, none on the name of a vertebra, at every zoom."""

from itertools import combinations

import numpy as np
import slicer

from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml.label_places import FONT_PX, text_size
from Testing.host import subject
from Testing.module.window import settle


def boxes(host):
    """The boxes of the texts that are seen, in the view's pixels, by their words."""
    view = host.slice.mrmlSliceNode()
    to_xy = np.linalg.inv(slicer.util.arrayFromVTKMatrix(view.GetXYToRAS()))
    out = {}
    for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode"):
        display = node.GetDisplayNode()
        if not node.GetDisplayVisibility() or display.GetGlyphScale() > 0:
            continue
        font = int(FONT_PX * display.GetTextScale())
        text = display.GetTextProperty()
        for i in range(node.GetNumberOfControlPoints()):
            words = node.GetNthControlPointLabel(i)
            extent = np.array(text_size(words, font))
            xy = (to_xy @ [*node.GetNthControlPointPositionWorld(i), 1.0])[:2]
            low = xy - extent * (text.GetJustification(), text.GetVerticalJustification()) / 2
            out[words] = (low, low + extent)
    return out


def covering(found):
    """Pairs of texts that cover each other, names of vertebrae among themselves left out."""
    measured = [pair for pair in combinations(found, 2) if any(len(words) > 3 for words in pair)]
    return [
        (a, b)
        for a, b in measured
        if (found[a][0] < found[b][1] - 1e-6).all() and (found[b][0] < found[a][1] - 1e-6).all()
    ]


def test_texts_keep_off_one_another_while_the_film_is_zoomed_and_corrected(host, module, film):
    alignment = module.logic.alignment(film)
    alignment.set_detection(subject.detection())
    module.panel.draw(list(KEYS))
    module.panel.unveiling.finish()
    module.logic.showFilm(film)
    settle()
    found = boxes(host)
    assert len(found) >= len(KEYS) + 24 and covering(found) == []
    node = host.slice.mrmlSliceNode()
    node.SetFieldOfView(*(size / 2 for size in node.GetFieldOfView()[:2]), node.GetFieldOfView()[2])
    settle()
    assert covering(boxes(host)) == []
    alignment.set_points(alignment.points_px + (0, 1))
    settle()
    assert covering(boxes(host)) == []
