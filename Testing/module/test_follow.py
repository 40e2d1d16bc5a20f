"""What a change of landmarks costs: each thing is computed once, what did not move is not touched, nothing piles up."""

import gc

import numpy as np
import pytest

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.drawing import MEASUREMENT_ATTRIBUTE
from SpineAlignmentLib.mrml.film_record import FilmRecord
from SpineAlignmentLib.mrml.handles import Handles
from SpineAlignmentLib.mrml.history import Moment
from SpineAlignmentLib.mrml.level_names import LevelNames
from SpineAlignmentLib.results import annotation as annotations
from Testing.benchmarks.drag import mouse, screen_position
from Testing.host import subject
from Testing.host.films import add_film
from Testing.module.window import settle


def test_a_film_is_built_and_measured_once_a_change(host, module, film, monkeypatch):
    alignment = module.logic.alignment(film)
    alignment.set_points(subject.upright_px())
    module.panel.draw(list(KEYS))
    module.panel.unveiling.finish()
    module.logic.showFilm(film)
    counted = {"built": 0, "measured": 0}
    build, half_widths = FilmRecord._build, annotations.half_widths

    def counted_build(*args):
        counted["built"] += 1
        return build(*args)

    def counted_widths(*args):
        counted["measured"] += 1
        return half_widths(*args)

    monkeypatch.setattr(FilmRecord, "_build", counted_build)
    monkeypatch.setattr(annotations, "half_widths", counted_widths)
    x, y = screen_position(host, alignment.landmarks, INDEX["S1_A"])
    for kind, across in (("move", 0), ("press", 0), ("move", 1)):
        mouse(host, kind, x + across, y)
    before = alignment.points_px
    counted.update(built=0, measured=0)
    mouse(host, "move", x + 3, y)
    mouse(host, "release", x + 3, y)
    assert (alignment.points_px != before).any()
    assert counted == {"built": 1, "measured": 1}


def test_what_does_not_move_is_not_touched(alignment):
    alignment.show(KEYS)
    times = {node: node.GetMTime() for node in alignment.drawn_nodes}
    alignment.set_point("C2_D", alignment.points_px[INDEX["C2_D"]] + 3)
    touched = {node.GetAttribute(MEASUREMENT_ATTRIBUTE) for node, time in times.items() if node.GetMTime() != time}
    assert touched <= {key for key in KEYS if "C2_D" in BY_KEY[key].landmarks}
    # until its film lies elsewhere
    places = {node: np.array(node.GetNthControlPointPosition(0)) for node in alignment.drawn_nodes}
    alignment.volume.SetOrigin(*np.add(alignment.volume.GetOrigin(), (10, 20, 0)))
    assert all(
        node.GetNthControlPointPosition(0) == pytest.approx(place + (10, 20, 0)) for node, place in places.items()
    )


def test_a_deleted_drawing_comes_back(alignment, scene):
    alignment.show({"SS"})
    alignment.set_anterior("left")
    for node in alignment.drawn_nodes:
        if node.GetAttribute(MEASUREMENT_ATTRIBUTE) == "SS":
            scene.RemoveNode(node)
    assert "SS" not in alignment.made
    alignment.show({"SS"})
    assert "SS" in alignment.made


def test_nothing_piles_up_while_films_come_and_go(host, module, film, scene):
    def left():
        gc.collect()
        kept = [kind for kind in map(type, gc.get_objects()) if kind in (FilmAlignment, Handles, LevelNames, Moment)]
        return scene.GetNumberOfNodes(), len(kept)

    def one_round():
        other = add_film(scene, subject.film_pixels(), subject.SPACING_MM, "other")
        module._parameterNode.film = other
        alignment = module.logic.alignment(other)
        alignment.set_detection(subject.detection())
        module.ui.headsCheckBox.click()
        module.panel.draw(list(KEYS))
        module.panel.unveiling.finish()
        settle()
        alignment.set_point("S1_A", alignment.points_px[INDEX["S1_A"]] + 2)
        module.ui.undoButton.click()
        module.logic.spine.close(other)
        settle()

    one_round()
    before = left()
    for _ in range(4):
        one_round()
    assert left() == before
