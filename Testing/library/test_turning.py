"""Films on their side or upside down: pixels and measurements there and back, and the sample film turned and detected.

Results are in pixels of the film as it is stored, and measure what the film measures when it stands.
"""

import json
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.detection import detect
from SpineAlignmentLib.detection.lying import LIES
from SpineAlignmentLib.dicom.sr_reading import read_structured_report
from SpineAlignmentLib.dicom.vocabulary import PIXEL_CENTER
from SpineAlignmentLib.errors import FilmError, ResultError
from SpineAlignmentLib.film.film import LIES_BY_TAG, film_from_pixels
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.annotation import MARKS, Annotation
from SpineAlignmentLib.results.drawn import Drawn, cobb_between
from SpineAlignmentLib.results.frame import film_points
from SpineAlignmentLib.results.markups import markups_bytes, read_landmarks
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from SpineAlignmentLib.results.picture import draw_film
from SpineAlignmentLib.results.result_file import from_json, json_bytes, read_annotation, to_json
from SpineAlignmentLib.results.table import film_row
from SpineAlignmentLib.results.turning import as_stored, turned_points, turned_size, upright
from Testing.library.films import SAMPLE_FILM, pattern

TURNS = (1, 2, 3)
OBLONG = (0.3, 0.5)
ROUND_TRIP = {"rtol": 0, "atol": 1e-9, "equal_nan": True}


@pytest.fixture(params=[OBLONG, None], ids=["oblong pixels", "unknown spacing"])
def standing(request, upright_mm):
    """Everything that lies on a film, of oblong pixels."""
    return marked(upright_mm, request.param)


@pytest.fixture
def upright_mm(upright):
    return upright


def marked(upright_mm, spacing):
    rng = np.random.default_rng(2)
    points = film_points(upright_mm, OBLONG, "left") + [300, 1250]
    points[INDEX["C2_D"]] = np.nan
    corners = rng.uniform(100, 500, (24, 4, 2))
    other = OtherNumbering("one lower", points + 20, rng.uniform(0, 1, COUNT), rng.uniform(1, 3, COUNT), corners + 5)
    return Annotation(
        "a.dcm", (700, 1500), points, np.full(COUNT, 0.9), spacing, "given", "left",
        pixel_aspect=OBLONG[1] / OBLONG[0], numbering=Numbering(24, ("C2", "L5"), 0.7, other), vertebrae_px=corners,
        head_radius_px=np.array([40.0, np.nan]), deviation_px=rng.uniform(1, 3, COUNT),
        interval_factors=dict.fromkeys(KEYS, 1.6),
        drawn=(Drawn("angle", None, ((5, 6), (90, 80), (7, 300), (200, 260))), cobb_between("T5", "T12")),
    )  # fmt: skip


@given(
    st.lists(st.tuples(*[st.floats(-1e5, 1e5)] * 2), min_size=1, max_size=9),
    st.tuples(*[st.integers(1, 20_000)] * 2),
    st.integers(-5, 5),
)
def test_pixels_go_there_and_back(points, size, turns):
    there = turned_points(points, size, turns)
    assert np.allclose(turned_points(there, turned_size(size, turns), -turns), points, rtol=0, atol=1e-9)
    assert np.allclose(turned_points(there, turned_size(size, turns), 4 - turns), points, rtol=0, atol=1e-9)


@pytest.mark.parametrize("turns", range(4))
def test_pixels_go_where_a_picture_of_them_goes(turns):
    picture = np.arange(35).reshape(5, 7)
    turned = np.rot90(picture, turns)
    places = np.array([(x, y) for y in range(5) for x in range(7)])
    x, y = turned_points(places, (7, 5), turns).astype(int).T
    assert (turned[y, x] == picture[places[:, 1], places[:, 0]]).all()
    assert turned_size((7, 5), turns) == turned.shape[::-1]


@pytest.mark.parametrize("turns", TURNS)
def test_a_turned_film_measures_what_it_measures_upright(standing, turns):
    lying = as_stored(standing, turns)
    assert lying.size_px == ((1500, 700) if turns % 2 else (700, 1500))
    assert not np.allclose(lying.points_px, standing.points_px, equal_nan=True)
    apart = lying.points_mm() - standing.points_mm()
    assert np.allclose(np.ptp(apart[np.isfinite(apart[:, 0])], axis=0), 0, atol=1e-9) or lying.spacing_mm is None
    for film, same in ((lying, standing), (lying.renumbered(), standing.renumbered())):
        for key, (low, high) in same.intervals().items():
            assert film.parameters()[key] == pytest.approx(same.parameters()[key], abs=1e-9, nan_ok=True)
            assert film.intervals()[key] == pytest.approx((low, high), abs=1e-9, nan_ok=True)
        assert film.cobb("T5", "T12") == pytest.approx(same.cobb("T5", "T12"))
        assert film.drawn_value(film.drawn[0]) == pytest.approx(same.drawn_value(same.drawn[0]))


@pytest.mark.parametrize("turns", TURNS)
def test_what_lies_on_a_turned_film_comes_back(standing, turns):
    lying = as_stored(standing, turns)
    back = upright(lying)
    for name in set(MARKS) - {"numbering", "drawn", "reviewed", "whole_reviewed", "interval_factors"}:
        assert np.allclose(getattr(back, name), getattr(standing, name), **ROUND_TRIP), name
    for name in ("points_px", "vertebrae_px", "deviation_px"):
        one, other = (getattr(film.numbering.other, name) for film in (back, standing))
        assert np.allclose(one, other, **ROUND_TRIP), name
    assert np.allclose(back.drawn[0].points_px, standing.drawn[0].points_px)
    assert (back.size_px, back.spacing_mm, back.quarter_turns) == (standing.size_px, standing.spacing_mm, 0)
    assert back.pixel_aspect == pytest.approx(standing.pixel_aspect)


@pytest.mark.parametrize("turns", TURNS)
def test_the_result_file_keeps_pixels_of_the_stored_film(standing, turns):
    lying = as_stored(standing, turns)
    content = to_json(lying)
    x, y = lying.points_px[INDEX["S1_A"]]
    assert content["turned"] == turns and content["size_px"] == list(lying.size_px)
    assert (content["landmarks"]["S1_A"]["x_px"], content["landmarks"]["S1_A"]["y_px"]) == pytest.approx((x, y))
    read = from_json(json.loads(json_bytes(lying)))
    assert read.quarter_turns == turns
    assert read.parameters()["PI"] == pytest.approx(standing.parameters()["PI"], abs=1e-4)
    assert "turned" not in to_json(standing)
    assert film_row(content)["turned"] == turns and "turned" not in film_row(to_json(standing))


@pytest.mark.parametrize("value", [4, -1, 1.5, True, "1", [1]])
def test_turns_that_cannot_be_are_refused(standing, value):
    with pytest.raises(ResultError, match="turned"):
        from_json(to_json(standing) | {"turned": value})


@pytest.mark.parametrize("turns", TURNS)
def test_pixels_of_a_film_set_upright_stay_at_their_place_in_space(turns):
    lying = film_from_pixels(pattern(60, 90), "a.png", OBLONG, anterior="left")
    film = lying.upright(turns)
    assert (film.pixels == np.rot90(lying.pixels, turns)).all() and film.anterior is None
    assert film.spacing_mm == (OBLONG[::-1] if turns % 2 else OBLONG)
    places = np.random.default_rng(1).uniform(0, 59, (20, 2))
    there = film.placement.to_lps(turned_points(places, lying.size_px, turns))
    assert np.allclose(there, lying.placement.to_lps(places))
    back = film.upright(4 - turns)
    assert (back.pixels == lying.pixels).all() and back.spacing_mm == OBLONG
    assert np.allclose(back.placement.to_lps(places), lying.placement.to_lps(places))


@pytest.mark.parametrize("turns", TURNS)
def test_a_turned_film_is_drawn_upright(upright_mm, turns):
    film = film_from_pixels(pattern(700, 1500), "a.png", OBLONG, anterior="left")
    annotation = marked(upright_mm, OBLONG)
    picture = np.asarray(draw_film(film.upright(-turns), as_stored(annotation, turns)), int)
    wanted = np.asarray(draw_film(film, annotation), int)
    # what lies between two pixels may be rounded to either
    assert picture.shape == wanted.shape and (np.abs(picture - wanted).max(axis=2) > 40).mean() < 0.001


def test_markups_that_slicer_saved_tell_how_the_film_lies(upright_mm, tmp_path):
    standing = marked(upright_mm, OBLONG)
    lying = replace(as_stored(standing, 1), film_sha256="0" * 64)
    placement = film_from_pixels(pattern(1500, 700), "a.png", OBLONG[::-1]).placement
    content = json.loads(markups_bytes(lying, placement))
    path = tmp_path / "a.mrk.json"
    for saved in (content, {key: content[key] for key in ("@schema", "markups")}):
        path.write_text(json.dumps(saved))
        read = read_landmarks(path)
        assert (read.quarter_turns, read.anterior, read.film) == (1, "left", "a.dcm")
        for key in ("PI", "SS", "LL", "SVA"):
            assert read.parameters()[key] == pytest.approx(standing.parameters()[key], abs=0.01)


# The sample film, on its side or upside down


FUSED = SAMPLE_FILM.with_name("sample_film_fused.dcm")


@pytest.fixture(scope="module")
def found():
    return detect(read_film(SAMPLE_FILM))


def lying_film(path, turns, **tags):
    """The sample film as a file that is set upright by quarter turns."""
    data = pydicom.dcmread(SAMPLE_FILM)
    pixels = np.ascontiguousarray(np.rot90(data.pixel_array, -turns))
    data.decompress()
    data.PixelData = pixels.tobytes()
    data.Rows, data.Columns = pixels.shape
    for name in ("PixelSpacing", "ImagerPixelSpacing"):
        if turns % 2 and name in data:
            setattr(data, name, list(data[name].value)[::-1])
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.pop("PatientOrientation", None)
    for name, value in tags.items():
        setattr(data, name, value)
    data.save_as(path)
    return path


def part_of_the_sample(rows):
    """Rows of the sample film, from one share of its height to another."""
    whole = read_film(SAMPLE_FILM)
    top, bottom = (round(share * whole.size_px[1]) for share in rows)
    return film_from_pixels(whole.pixels[top:bottom], "part.png", whole.spacing_mm)


def said(annotation):
    return [text for text in annotation.warnings if text.startswith("the film lay")]


@pytest.mark.parametrize("turns", TURNS)
def test_a_film_that_lies_is_turned_and_said_to_be(found, tmp_path, turns):
    film = read_film(lying_film(tmp_path / "a.dcm", turns))
    result = detect(film)
    lay, turn = LIES[turns]
    assert said(result) == [f"the film lay {lay}: turned {turn}"] and not said(found)
    assert (result.quarter_turns, result.size_px, result.anterior) == (turns, film.size_px, found.anterior)
    assert np.allclose(upright(result).points_px, found.points_px, atol=0.01, equal_nan=True)
    for key, value in found.parameters().items():
        assert result.parameters()[key] == pytest.approx(value, abs=0.05)


def test_a_film_of_which_much_is_withheld_is_turned_as_well():
    film = read_film(FUSED)
    standing, lying = detect(film), detect(film.upright(2))
    assert (lying.quarter_turns, lying.reasons()) == (2, standing.reasons())
    assert np.allclose(upright(lying).points_px, standing.points_px, atol=0.01, equal_nan=True)


def test_all_files_of_a_turned_film_agree(found, tmp_path, capsys):
    path = lying_film(tmp_path / "film.dcm", 1)
    out = tmp_path / "out"
    assert main(["detect", str(path), "--output", str(out), "--dicom", "--report"]) == 0
    assert "the film lay on its side, the head to the right: turned" in capsys.readouterr().out
    film, result = read_film(path), read_annotation(out / "film.json")
    assert result.quarter_turns == 1 and result.parameters()["LL"] == pytest.approx(found.parameters()["LL"], abs=0.05)
    report = read_structured_report(out / "film.sr.dcm")
    assert np.allclose(report.points_px, result.points_px, atol=1e-3)
    for key, value in result.parameters().items():
        assert report.parameters()[key] == pytest.approx(value, abs=0.01, nan_ok=True)
    drawing = pydicom.dcmread(out / "film.gsps.dcm")
    (layer,) = (a for a in drawing.GraphicAnnotationSequence if a.GraphicLayer == "LANDMARKS")
    places = np.array([graphic.GraphicData for graphic in layer.GraphicObjectSequence]) - PIXEL_CENTER
    assert np.allclose(places, result.points_px, atol=1e-3)
    positions = film.placement.to_lps(result.points_px)
    controls = json.loads((out / "film.mrk.json").read_text())["markups"][0]["controlPoints"]
    assert np.allclose([point["position"] for point in controls], positions, atol=1e-3)
    measured = tmp_path / "measured"
    assert main(["measure", str(out / "film.json"), str(out / "film.sr.dcm"), "--output", str(measured)]) == 0
    for again in measured.glob("*.json"):
        assert read_annotation(again).parameters()["SS"] == pytest.approx(result.parameters()["SS"], abs=0.01)


def test_a_given_side_is_that_of_the_film_set_upright(found, tmp_path):
    path = lying_film(tmp_path / "a.dcm", 2)
    assert detect(path, anterior=found.anterior).anterior_source == "given"
    other = "right" if found.anterior == "left" else "left"
    with pytest.raises(FilmError, match=f"upside down; set upright, it shows a patient who faces {found.anterior}"):
        detect(path, anterior=other)


@pytest.mark.parametrize("orientation", [["A", "H"], ["P", "F"]], ids=["tags are right", "tags lie"])
def test_tags_are_of_the_film_as_it_is_stored(found, tmp_path, orientation):
    result = detect(lying_film(tmp_path / "a.dcm", 2, PatientOrientation=orientation))
    assert len(said(result)) == 1 and result.anterior == found.anterior
    assert not [text for text in result.warnings if text.startswith(LIES_BY_TAG)]


@pytest.mark.parametrize("side", [None, "left", "right"])
def test_who_insists_gets_a_film_that_lies_turned_as_well(found, tmp_path, side):
    result = detect(lying_film(tmp_path / "a.dcm", 3), anterior=side, force=True)
    assert (result.quarter_turns, result.anterior) == (3, side or found.anterior)
    if side in (None, found.anterior):
        assert result.parameters()["PI"] == pytest.approx(found.parameters()["PI"], abs=0.05)
    else:
        assert result.is_low().any()


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("rows", [(0.0, 0.35), (0.0, 0.75)], ids=["neck", "without hips"])
def test_a_part_of_a_film_that_lies_is_turned(rows, turns):
    part = part_of_the_sample(rows)
    result = detect(part.upright(-turns))
    assert result.quarter_turns == turns
    assert np.allclose(upright(result).points_px, detect(part).points_px, atol=0.01, equal_nan=True)


@pytest.mark.parametrize("rows", [(0.5, 1.0), (0.5, 0.9)], ids=["lower half", "without thighs"])
def test_a_lumbar_part_that_stands_upright_stays_so(rows):
    # its bodies look as much like bodies upside down
    result = detect(part_of_the_sample(rows))
    assert result.quarter_turns == 0 and not said(result)
    assert result.parameters()["SS"] == pytest.approx(detect(SAMPLE_FILM).parameters()["SS"], abs=3)


def test_of_a_part_that_is_a_spine_either_way_round_the_better_one_is_taken():
    part = part_of_the_sample((0.22, 0.58))
    assert [detect(part.upright(turns)).quarter_turns for turns in (0, 2)] == [0, 2]


def test_a_part_that_is_not_sure_enough_to_be_turned_is_refused():
    with pytest.raises(FilmError, match=r"no lateral spine found.*on its side or"):
        detect(part_of_the_sample((0.45, 1.0)).upright(-3))
