"""Films that the library has read, as volume nodes, and what is left when they are closed."""

from dataclasses import replace

import numpy as np
import pytest
import slicer

from SpineAlignmentLib.film.film import film_from_pixels
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml.film_volume import add_film, facts_of
from SpineAlignmentLib.mrml.volume_film import volume_geometry, volume_pixels
from SpineAlignmentLib.results.placement import Placement
from Testing.host import subject
from Testing.host.application import ROOT
from Testing.host.films import load_film

SAMPLE = ROOT / "SpineAlignment" / "Resources" / "SampleData" / "sample_film.dcm"


def test_a_film_lies_where_slicers_own_reader_lays_it(scene):
    film = read_film(SAMPLE)
    ours, slicers = volume_geometry(add_film(scene, film)), volume_geometry(load_film(scene, SAMPLE))
    assert np.allclose(ours.pixel_to_ras[:3, [0, 1, 3]], slicers.pixel_to_ras[:3, [0, 1, 3]], atol=1e-6)


@pytest.mark.parametrize(
    "placement",
    [
        Placement((1, 2, 3), (0.2, 0, 0), (0, 0.3, 0)),
        Placement((1, 2, 3), (-0.2, 0, 0), (0, 0.3, 0)),
        Placement((1, 2, 3), (0, 0.2, 0), (0, 0, -0.3)),
        Placement((1, 2, 3), (0, 0, 0.2), (0, 0.3, 0)),
    ],
)
def test_what_is_seen_is_what_is_stored(scene, placement):
    film = replace(film_from_pixels(subject.film_pixels(), "film", (0.2, 0.3)), placement=placement)
    volume = add_film(scene, film)
    geometry = volume_geometry(volume)
    assert geometry.size_px == film.size_px and geometry.spacing == pytest.approx((0.2, 0.3))
    assert np.array_equal(volume_pixels(volume, geometry), film.pixels)


def test_facts_are_those_of_the_film(spine, scene):
    film = read_film(SAMPLE)
    annotation = spine.create(add_film(scene, film), facts_of(film)).annotation
    assert annotation.film == SAMPLE.name
    assert (annotation.spacing_mm, annotation.spacing_source) == (film.spacing_mm, film.spacing_source)
    assert (annotation.anterior, annotation.anterior_source) == (film.anterior, film.anterior_source)


def test_a_closed_film_leaves_nothing_in_the_scene(spine, scene):
    film = film_from_pixels(subject.film_pixels(), "film", subject.SPACING_MM)

    def round_trip():
        volume = add_film(scene, film)
        spine.create(volume, facts_of(film)).set_points(subject.upright_px())
        spine.show_only(volume, frozenset(KEYS))
        spine.close(volume)

    def count():
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        return scene.GetNumberOfNodes(), hierarchy.GetNumberOfItems()

    round_trip()
    before = count()
    round_trip()
    assert count() == before
    assert spine.alignments == []
