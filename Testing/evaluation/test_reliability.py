"""Reliability of confidences, and the correction they need, on landmarks whose chance of being right is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from SpineAlignmentLib.detection.confidence import RIGHT
from SpineAlignmentLib.measurement.constructions import level_distance
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from Testing.evaluation.samples import truth
from Training.evaluation.intervals import ALL, interval_table
from Training.evaluation.reliability import judged, platt, reliability_table
from Training.evaluation.study import build_study


def test_platt_finds_the_correction_that_the_confidences_need() -> None:
    rng = np.random.default_rng(1)
    said = rng.uniform(0.02, 0.98, 40_000)
    right = rng.random(len(said)) < expit(1.6 * logit(said) - 0.7)
    slope, offset = platt(said, right)
    assert slope == pytest.approx(1.6, abs=0.06)
    assert offset == pytest.approx(-0.7, abs=0.06)


def test_platt_of_too_little_is_not_computable() -> None:
    assert np.isnan(platt(np.full(10, 0.5), np.zeros(10, bool))).all()
    assert np.isnan(platt(np.full(100, 0.5), np.ones(100, bool))).all()


def test_landmarks_are_right_up_to_a_third_of_a_level() -> None:
    films, found = truth(4), []
    for k, film in enumerate(films):
        off = level_distance(film.points) * RIGHT * (0.95 if k < 3 else 1.05)
        annotation = film.annotation.with_points(film.points + (off, 0.0))
        found.append(replace(film, annotation=replace(annotation, confidence=np.full(COUNT, 0.75))))
    study = build_study(films, found)
    confidence, right = judged(study)
    assert confidence == pytest.approx(np.full(4 * COUNT, 0.75))
    assert right.mean() == 0.75
    table = reliability_table(study)
    assert table["count"].tolist() == [4 * COUNT] and table["right"].tolist() == [0.75]


def test_intervals_of_results_are_counted_by_what_they_hold_and_withhold() -> None:
    films, found = truth(4), []
    for k, film in enumerate(films):
        moved = film.points.copy()
        moved[INDEX["S1_A"]] += (0.0, 8.0 if k == 3 else 0.1)  # which turns the plate by far more than its interval
        sure = np.full(COUNT, 0.9)
        sure[INDEX["C2_D"]] = 0.1 if k == 0 else 0.9
        factors = dict.fromkeys(KEYS, 2.0)
        factors.pop("CL")
        result = replace(
            film.annotation,
            points_px=moved,
            confidence=sure,
            deviation_px=np.full(COUNT, 0.3),
            interval_factors=factors,
        )
        found.append(replace(film, annotation=result))
    table = interval_table(build_study(films, found)).set_index("parameter")
    of = table.loc["SS"]
    half = found[0].annotation.measurements()["SS"].half_width
    assert (of["given"], of["withheld"], of["with_interval"], of["covered"]) == (4, 0, 4, 0.75)
    assert of["width"] == pytest.approx(2 * half, rel=0.1)
    assert tuple(table.loc["OD-HA"][["given", "withheld", "covered"]]) == (3, 1, 1.0)
    assert (
        table.loc["CL", "given"] == 4 and table.loc["CL", "with_interval"] == 0 and np.isnan(table.loc["CL", "covered"])
    )
    assert table.loc[ALL, "given"] == table["given"].iloc[:-1].sum() and table.loc[ALL, "withheld"] == 1
