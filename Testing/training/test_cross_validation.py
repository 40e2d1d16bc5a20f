"""Folds, the paper's measure, and a selection that continues where it stopped."""

import csv
from pathlib import Path

import numpy as np
import pytest

from SpineAlignmentLib.measurement import landmarks
from Testing.training.tiny import BLOBS, environment, tiny_config, write_config
from Training import cross_validation
from Training.config import ConfigError, SourceConfig, config_from_dict
from Training.data.film_source import Fold, Mixture, build_source
from Training.network import metrics

WHOLE = {"kind": BLOBS, "options": {"count": 13}}


def test_folds_hold_out_every_film_once() -> None:
    held = [Fold(WHOLE, fold, held_out=True).indices for fold in range(5)]
    assert sorted(i for part in held for i in part) == list(range(13))
    for fold, part in enumerate(held):
        assert set(Fold(WHOLE, fold).indices) == set(range(13)) - set(part)
    with pytest.raises(ConfigError, match="cannot be split into 20 folds"):
        Fold(WHOLE, 0, folds=20)


def test_mixture_shows_each_source_as_often_as_told() -> None:
    mixture = Mixture([WHOLE, {"kind": BLOBS, "options": {"count": 2}}], repeats=(1, 3))
    assert len(mixture) == 13 + 6
    rng = np.random.default_rng(0)
    assert mixture.get(18, 0, (64, 32), rng)[0].shape == (64, 32)


def test_wrong_sources_are_one_line() -> None:
    for config, message in (
        (SourceConfig("unheard"), "unknown kind of films"),
        (SourceConfig(BLOBS, {"colour": 1}), "do not take these options"),
        (SourceConfig("no.such.module:Class"), "no.such"),
        (SourceConfig(BLOBS, {"count": 0}), "none found"),
    ):
        with pytest.raises(ConfigError, match=message):
            build_source(config, training=True)


def test_measure_is_the_worst_landmarks_median() -> None:
    rng = np.random.default_rng(1)
    true = np.zeros((5, 45, 2))
    true[..., 1] = np.arange(45) * 10.0  # the nearest neighbor is 10 away
    predicted = true + rng.normal(0, 0.1, true.shape)
    predicted[:, 7, 0] = true[:, 7, 0] + [1, 2, 3, 4, 50]
    predicted[:, 7, 1] = true[:, 7, 1]
    assert metrics.localization_score(predicted, true) == pytest.approx(0.3)
    true[:, 7] = np.nan  # a landmark nobody annotated
    assert metrics.localization_score(predicted, true) < 0.1


def test_wrong_level_counts_centers_nearer_to_another() -> None:
    true = np.zeros((1, 45, 2))
    for i, name in enumerate(landmarks.CENTERS):
        true[0, landmarks.INDEX[name], 1] = 10.0 * i
    predicted = true.copy()
    predicted[0, landmarks.INDEX["T5_C"], 1] += 6
    predicted[0, landmarks.INDEX["T6_C"], 1] += 4
    true[0, landmarks.INDEX["L5_C"]] = np.nan
    found = metrics.wrong_levels(predicted, true)[0]
    assert np.nansum(found) == 1 and found[landmarks.CENTERS.index("T5_C")] == 1
    assert np.isnan(found[landmarks.CENTERS.index("L5_C")])
    assert metrics.summarize(predicted, true, 2.0)["wrong_level"] == pytest.approx(1 / 22)


def test_spread_is_averaged_over_the_annotated_landmarks_of_a_region() -> None:
    true, spread = np.zeros((2, 45, 2)), np.full((2, 45), 3.0)
    spread[0, landmarks.INDEX["FH_1"]], true[0, landmarks.INDEX["FH_2"]] = 9.0, np.nan
    spread[0, landmarks.INDEX["FH_2"]] = 1000.0
    found = metrics.spread_by_region("global_spread", spread, true, 0.5)
    assert found["global_spread_femoral_px"] == pytest.approx((9 + 3 + 3) / 3 * 0.5)
    assert found["global_spread_cervical_px"] == pytest.approx(1.5) and len(found) == len(landmarks.REGIONS)
    nothing = metrics.spread_by_region("spread", spread, np.full((2, 45, 2), np.nan), 0.5)
    assert np.isnan(list(nothing.values())).all()


def test_selection_resumes_and_ranks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for key, value in environment().items():
        monkeypatch.setenv(key, value)
    config = write_config(tmp_path / "tiny.yaml", data__training=WHOLE, optimizer__length=2)
    output = tmp_path / "selection"
    command = ["--config", str(config), "--output", str(output), "--folds", "2", "--candidates", "gaussian-2"]
    assert cross_validation.main(command) == 0
    held = sorted(output.glob("*/*/held_out.npz"))
    assert len(held) == 2
    with (output / "selection.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["regularization"] == "gaussian" and float(row["width_px"]) == pytest.approx(41.2 / 12, abs=1e-3)
    before = {path: path.stat().st_mtime_ns for path in held}
    assert cross_validation.main(command) == 0, "finished folds are not trained again"
    assert before == {path: path.stat().st_mtime_ns for path in held}
    assert cross_validation.main([*command, "--folds", "3"]) == 2
    assert "fold-0: holds a fold of another selection; give another --output" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cross_validation.main([*command, "--folds", "1"])

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cross_validation, "select", interrupted)
    assert cross_validation.main(command) == 130
    assert capsys.readouterr().err.endswith("\ninterrupted; the same command goes on\n")


def test_candidates_are_the_papers_grid() -> None:
    base = config_from_dict(tiny_config(), "tiny")
    names = [candidate.name for candidate in cross_validation.grid()]
    assert len(names) == 7 and "exponential-4" in names and "none" in names
    fold = cross_validation.Candidate("exponential", 4).configure(base, 1, 5)
    assert fold.loss.regularization_width == pytest.approx(1.717, abs=1e-3)
    assert fold.data.validation.options["held_out"] is True and fold.data.training.options["held_out"] is False
