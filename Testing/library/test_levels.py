"""Levels on made heatmaps: bodies in a row, each network's word on which is which, and a film that ends anywhere."""

from dataclasses import replace

import numpy as np
import pytest

from SpineAlignmentLib.detection.bodies import Curve, along, body_map, find_curve
from SpineAlignmentLib.detection.bodies_network import Bodies, Body
from SpineAlignmentLib.detection.detector import Detector, detect
from SpineAlignmentLib.detection.evidence import Evidence
from SpineAlignmentLib.detection.levels import Levels
from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.numbering import count, difference
from SpineAlignmentLib.detection.shape_prior import shape_model
from SpineAlignmentLib.detection.sightings import Sighting
from SpineAlignmentLib.detection.spine import Spine, seen_closely
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import film_from_pixels
from SpineAlignmentLib.film.preprocessing import SCALE_MM, InputFrame
from SpineAlignmentLib.measurement.landmarks import CENTERS, COUNT, INDEX, VERTEBRAE

MEAN = shape_model().mean / SCALE_MM
PLACES = np.concatenate(
    [[80.0], 80 + np.cumsum(np.linalg.norm(np.diff(MEAN[[INDEX[n] for n in CENTERS]], axis=0), axis=1))]
)
SIZE = 720
PLATE = PLACES[-1] + 22


def evidence(places=PLACES, said=None, first=0, last=SIZE - 1, plate=PLATE, seen=None):
    """Bodies at places along a curve; `said` is which body, or bodies, each of the 23 levels' heatmaps shows, `seen`
    which ones the network of bodies sees."""
    at = np.arange(SIZE)
    said = range(len(CENTERS)) if said is None else said
    heatmaps = np.full((COUNT, SIZE), 1e-6)
    for name, bodies in zip(CENTERS, said, strict=True):
        for body in np.atleast_1d(bodies):
            heatmaps[INDEX[name]] += np.exp(-(((at - places[body]) / 4) ** 2) / 2) / 10
    strength = None if seen is None else sum(0.6 * np.exp(-(((at - places[i]) / 5) ** 2) / 2) for i in seen)
    return Evidence(heatmaps, (at >= first) & (at <= last), (plate, 2.0), strength)


def test_bodies_in_a_row_are_numbered_from_c2_to_l5():
    path = Levels(evidence()).best()
    assert path.levels == VERTEBRAE[:23] and path.count == 24
    assert np.abs(np.array(path.places) - PLACES).max() <= 1.5


def looking_like(shift, first, last):
    """What bodies `first` to `last` look like: the level `shift` lower than each is counted from above."""
    at, looks = np.arange(SIZE), np.zeros((len(VERTEBRAE), SIZE))
    for body in range(first, last + 1):
        alike = np.full(len(VERTEBRAE), 0.01)
        alike[body + shift] = 0.7
        looks += np.log(alike / 0.2)[:, None] * np.exp(-(((at - PLACES[body]) / 5) ** 2) / 2)
    return looks


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_a_chest_without_ends_is_named_by_what_its_bodies_look_like(shift):
    first, last = 8, 15  # T3 to T10, each of which the heatmaps take for a neighbor as well
    shown = [range(max(first, i - 1), min(last, i + 1) + 1) for i in range(len(CENTERS))]
    part = evidence(said=shown, plate=5000.0, seen=range(first, last + 1), first=int(PLACES[first] - 6),
                    last=int(PLACES[last] + 6))  # fmt: skip
    looks = looking_like(shift, first, last)
    path = Levels(replace(part, looks=looks)).best()
    assert path.levels == VERTEBRAE[first + shift : last + shift + 1]
    counted = count(Levels(replace(part, looks=looks)))
    assert counted.sureness > count(Levels(part)).sureness


def test_lumbar_looks_do_not_count_vertebrae():
    whole = evidence(seen=range(23))
    assert Levels(replace(whole, looks=looking_like(-1, 18, 22))).best().levels == VERTEBRAE[:23]


def test_networks_that_skip_a_level_in_the_middle_do_not_move_the_others():
    said = [*range(10), *range(9, 19), 20, 21, 22]  # T4 to L2 are shown a body too high, T3's twice
    path = Levels(evidence(said=said)).best()
    assert path.levels == VERTEBRAE[:23]
    assert np.abs(np.array(path.places) - PLACES).max() <= 3


@pytest.mark.parametrize(("count_", "bodies"), [(23, 22), (24, 23), (25, 24)])
def test_so_many_vertebrae_as_there_are_bodies_above_the_sacrum(count_, bodies):
    places = np.append(PLACES, PLACES[-1] + 34)[:bodies]
    # networks name the highest C2 and the lowest L5, whatever it is, and waver in between
    said = [k if k < 11 else (k, k + bodies - 23) if k == 11 else k + bodies - 23 for k in range(23)]
    path = Levels(evidence(places, said, plate=places[-1] + 22)).best()
    assert path.count == count_ and path.levels == VERTEBRAE[:bodies]


def test_the_network_of_bodies_is_a_second_witness_of_how_many_there_are():
    places = np.concatenate([PLACES[:5], PLACES[5] + (PLACES[5:22] - PLACES[5]) * 1.03])
    plate = places[-1] + 22
    wavering = [k if k < 8 else (k - 1, k) if k < 13 else k - 1 for k in range(23)]
    alone = count(Levels(evidence(places, wavering, plate=plate)))
    both = count(Levels(evidence(places, wavering, plate=plate, seen=range(22))))
    assert both.path.count == 23 and both.path.levels == VERTEBRAE[:22]
    assert both.sureness > 0.8 > alone.sureness
    # heatmaps that show 23 bodies between C7 and L1, as usual, where there are 22
    usual = evidence(np.concatenate([places[:5], np.linspace(places[5], places[16], 13), places[17:]]), plate=plate)
    doubted = count(Levels(replace(usual, seen=evidence(places, wavering, seen=range(22)).seen)))
    assert count(Levels(usual)).sureness > 0.9 > doubted.sureness
    assert 23 in (doubted.path.count, doubted.runner_up.count)


def test_a_sacrum_that_may_begin_a_level_higher_puts_the_count_in_doubt():
    """Every level has its right name, with or without L5."""
    lowest_shown_twice = [k if k < 20 else (k - 1, k) for k in range(23)]
    clear = count(Levels(evidence(said=lowest_shown_twice, seen=range(23))))
    doubted = count(Levels(evidence(said=lowest_shown_twice, plate=PLACES[-1] - 8, seen=range(23))))
    assert clear.path.count == doubted.path.count == 24 and clear.sureness > 0.94
    assert doubted.sureness == doubted.sure["L5"] < 0.9 and doubted.sure["T8"] > 0.95
    assert doubted.runner_up.count == 23 and doubted.other == "23 presacral vertebrae"


def test_a_vertebra_that_nothing_shows_is_not_likely():
    clear = count(Levels(evidence(seen=range(23))))
    assert clear.path.count == 24 and clear.sureness > 0.97


def test_bodies_are_seen_where_they_lie_along_the_curve():
    points = np.column_stack([np.full(300, 100.0), np.arange(300.0)])
    frame = InputFrame((320, 200), (99.5, 159.5), (2.0, 2.0))
    found = tuple(
        Body(frame.to_film(np.array(at, float)), np.zeros((4, 2)), strength, 0.0, np.zeros(24))
        for at, strength in (((104, 60), 0.7), ((100, 90), 0.4), ((140, 200), 0.9))
    )
    spine = Spine(
        frame,
        Curve(points, points[::30]),
        np.zeros((80, 50)),
        Evidence(np.zeros((COUNT, 300)), points[:, 0] > 0, (250.0, 2.0)),
    )
    look = Look(frame, np.zeros((1, COUNT, 2)), np.ones((1, COUNT)))
    assert seen_closely(spine, look, None).evidence.seen is None
    seen = seen_closely(spine, look, Bodies(found, ())).evidence.seen
    assert seen is not None and seen[60] == 0.7 and seen[90] == 0.4
    assert seen[200] < 1e-3 and seen[75] < 0.1, "one lies beside the curve, none between"


@pytest.mark.parametrize(
    ("first", "last"), [(PLACES[5] - 9, PLACES[16] + 9), (PLACES[15] - 9, SIZE - 1), (0, PLACES[9] + 9)]
)
def test_levels_that_are_off_the_film_are_missing(first, last):
    found = Levels(evidence(first=first, last=last)).best()
    there = [level for level, place in zip(VERTEBRAE, PLACES, strict=False) if first <= place <= last]
    assert list(found.levels) == there


def test_a_sure_numbering_is_sure_and_one_without_ends_is_not():
    whole = count(Levels(evidence()))
    said = [max(0, k - 1) if k % 2 else k for k in range(23)]
    part = count(Levels(evidence(first=PLACES[8] - 9, last=PLACES[15] + 9, said=said)))
    assert whole.sureness > 0.9 and set(whole.sure) == set(VERTEBRAE[:23])
    assert part.sureness < 0.9
    assert part.other and part.runner_up.levels != part.path.levels


def test_words_say_which_levels_are_named_otherwise():
    path = Levels(evidence()).best()
    down = replace(path, nodes=path.nodes[:8] + tuple(n - 1 for n in path.nodes[8:20]) + path.nodes[20:])
    assert difference(path, path) == ""
    assert difference(path, down) == "levels T3 to L2 one higher"
    part = replace(path, nodes=path.nodes[3:12], places=path.places[3:12], steps=path.steps[3:12])
    lower = replace(part, nodes=tuple(n + 1 for n in part.nodes))
    assert difference(part, lower) == "all levels one lower"
    mixed = replace(part, nodes=part.nodes[:4] + tuple(n - 1 for n in part.nodes[4:]))
    assert difference(part, mixed) == "all levels from T2 down one higher"


def view(points, step=1.0, center=(239.5, 431.5)):
    """A network's view of bodies at film pixels (23, 2), each level's heatmap on its own."""
    frame = InputFrame((864, 480), center, (step, step))
    x, y = (np.arange(120) + 0.5) * 4 - 0.5, (np.arange(216) + 0.5) * 4 - 0.5
    heatmaps = np.full((216, 120, COUNT), 1e-9, np.float32)
    for name, (px, py) in zip(CENTERS, frame.to_network(points), strict=True):
        spot = np.exp(-(((y[:, None] - py) / 5) ** 2 + ((x[None] - px) / 5) ** 2) / 2)
        heatmaps[..., INDEX[name]] = spot / max(spot.sum(), 1e-9)
    return Sighting(frame, heatmaps)


def test_the_curve_runs_through_the_bodies_whatever_the_view():
    points = MEAN[[INDEX[n] for n in CENTERS]]
    points = points - points.mean(axis=0) + [240, 430]
    views = [view(points), view(points, 1.1), view(points, 0.95, (250.0, 420.0))]
    grid = views[0].frame
    bodies = body_map(views, grid)
    assert bodies.sum() * 16 == pytest.approx(23, abs=0.3)
    curve = find_curve(bodies)
    assert curve is not None
    away = np.linalg.norm(curve.points[:, None] - points[None], axis=2).min(axis=0)
    assert away.max() < 10  # it is smooth
    seen = along(views, curve, grid)
    place = np.linalg.norm(curve.points - points[7], axis=1).argmin()
    assert abs(int(seen[INDEX[CENTERS[7]]].argmax()) - place) <= 2
    assert seen[INDEX[CENTERS[7]]].sum() == pytest.approx(1, abs=0.1)


def test_nothing_in_a_row_is_no_spine():
    assert find_curve(np.zeros((216, 120))) is None
    lonely = np.zeros((216, 120))
    lonely[20, 60] = lonely[190, 20] = 0.05
    assert find_curve(lonely) is None


def test_what_a_window_holds_is_read_there():
    points = MEAN[[INDEX[n] for n in CENTERS]]
    points = points - points.mean(axis=0) + [240, 430]
    seen = view(points)
    row = INDEX["T4_C"]
    true = points[CENTERS.index("T4_C")]
    place, variance, mass = seen.around(
        seen.heatmaps, [row], seen.frame.to_film((true + [3, -4])[None]), np.array([12.0])
    )
    assert np.linalg.norm(place[0] - true) < 1.5 and mass[0] > 0.7 and 2 < np.sqrt(variance[0]) < 6
    _, _, far = seen.around(seen.heatmaps, [row], seen.frame.to_film((true + [0, 90])[None]), np.array([6.0]))
    assert far[0] < 1e-3


def test_a_body_without_a_landmark_has_no_center():
    seen = view(MEAN[[INDEX[n] for n in CENTERS]])
    place, variance, mass = seen.around(seen.heatmaps, [], np.empty((0, 2)), np.empty(0))
    assert (place.shape, variance.shape, mass.shape) == ((0, 2), (0,), (0,))


@pytest.mark.parametrize("spacing", [None, 0.9])
def test_two_spots_in_noise_that_are_no_levels_after_all_are_refused_too(spacing):
    noise = np.random.default_rng(1).normal(500, 20, (400, 300)).astype(np.uint16)
    with pytest.raises(FilmError, match="no lateral spine found"):
        detect(noise, spacing=spacing)
    assert (np.nan_to_num(detect(noise, spacing=spacing, force=True).confidence) < 0.5).all()


def test_who_insists_gets_numbers_that_are_not_sure():
    noise = np.random.default_rng(3).integers(0, 4096, (400, 200)).astype(np.uint16)
    film = film_from_pixels(noise, "noise", (1.0, 1.0), "given", "left")
    detector = Detector()
    with pytest.raises(FilmError, match="no lateral spine found"):
        detector.detect(film)
    forced = detector.detect(film, force=True)
    assert np.nanmax(forced.confidence) < 0.5 and any("nothing of it is sure" in w for w in forced.warnings)
