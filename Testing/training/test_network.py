"""The network: shapes, blocks, normalization of levels of odd size, and growth to full-size films."""

from pathlib import Path

import numpy as np
import pytest

from Testing.training.tiny import tiny_config
from Training.config import ConfigError, NetworkConfig, config_from_dict
from Training.network.pyramid import build_network
from Training.run import checkpoint

TINY = config_from_dict(tiny_config(), "tiny").network


def test_outputs_have_the_documented_shapes() -> None:
    network = build_network(TINY, (60, 36))  # 15 x 9, 8 x 5 and 4 x 3 cells: odd sizes on the way
    outputs = {name: np.asarray(v) for name, v in network(np.zeros((2, 60, 36, 1), np.float32)).items()}
    assert outputs["coordinates"].shape == outputs["global_coordinates"].shape == (2, 45, 2)
    assert outputs["spread"].shape == outputs["global_spread"].shape == (2, 45)
    assert (outputs["spread"] > 0).all() and (outputs["global_spread"] > 0).all()
    assert outputs["heatmaps"].shape == (2, 15, 9, 45)
    np.testing.assert_allclose(outputs["heatmaps"].sum(axis=(1, 2)), 1, atol=1e-5)


def test_fine_level_starts_as_the_half_size_network(tmp_path: Path) -> None:
    coarse = build_network(TINY, (64, 32))
    rng = np.random.default_rng(0)
    for variable in coarse.weights:
        spread = (
            rng.uniform(0.5, 1.5, variable.shape) if "variance" in variable.path else rng.normal(0, 0.3, variable.shape)
        )
        variable.assign(spread)
    checkpoint.save(tmp_path / "best.npz", checkpoint.network_arrays(coarse), {"step": 1})
    values = {field: getattr(TINY, field) for field in TINY.__dataclass_fields__}
    fine = build_network(NetworkConfig(**values | {"fine_blocks": 1, "residual_blocks": 7}), (128, 64))
    kept = checkpoint.initialize(fine, tmp_path)
    assert kept and all(name.startswith("fine_") for name in kept)
    films = rng.normal(0, 1, (1, 128, 64, 1)).astype(np.float32)
    half = films.reshape(1, 64, 2, 32, 2, 1).mean(axis=(2, 4))
    small, large = coarse(half), fine(films)
    np.testing.assert_allclose(
        np.asarray(large["global_coordinates"]), 2 * np.asarray(small["global_coordinates"]) + 0.5, atol=1e-2
    )
    assert np.abs(np.asarray(large["coordinates"]) - (2 * np.asarray(small["coordinates"]) + 0.5)).max() < 2


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last.npz", checkpoint.network_arrays(build_network(TINY, (64, 32))), {})
    values = {field: getattr(TINY, field) for field in TINY.__dataclass_fields__}
    wider = build_network(NetworkConfig(**values | {"channels": (16, 16, 16)}), (64, 32))
    arrays, _ = checkpoint.load(tmp_path / "last.npz")
    with pytest.raises(ConfigError, match=r"a checkpoint of another network: .* expected"):
        checkpoint.restore_network(wider, arrays, tmp_path / "last.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ConfigError, match="not a checkpoint"):
        checkpoint.load(tmp_path / "text.npz")
