"""The configurations that ship, and one clear line for each mistake."""

from pathlib import Path

import pytest
import yaml

from Testing.training.tiny import BLOBS, ROOT, tiny_config
from Training.config import ConfigError, SourceConfig, config_from_dict, load_config, save_config
from Training.data.film_source import build_source

SHIPPED = sorted((ROOT / "Training" / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid_and_survive_a_round_trip(path: Path, tmp_path: Path) -> None:
    config = load_config(path)
    save_config(config, tmp_path / "copy.yaml")
    assert load_config(tmp_path / "copy.yaml") == config


@pytest.mark.parametrize("name", ["paper", "exponential", "unregularized"])
def test_networks_have_the_papers_25_blocks(name: str) -> None:
    assert load_config(ROOT / "Training" / "configs" / f"{name}.yaml").network.residual_blocks == 25


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": {"regularisation": "none"}}, "did you mean regularization"),
        ({"loss": {"regularization": "gausian"}}, "loss.regularization must be one of exponential, gaussian, none"),
        ({"optimizer": {"learning_rate": "fast"}}, "optimizer.learning_rate must be float"),
        ({"optimizer": {"batch_size": 0}}, "optimizer.batch_size must be above 0"),
        ({"optimizer": {"batch_size": True}}, "optimizer.batch_size must be int"),
        ({"input_size": [865, 480]}, "input_size must be multiples of 4"),
        ({"input_size": [864]}, "input_size must have 2 values"),
        ({"input_size": 864}, "input_size must be a list"),
        ({"network": {"residual_blocks": 7}}, "the blocks add up to"),
        ({"network": {"channels": [8, 8]}}, "same length"),
        ({"run": None}, "run must be a mapping"),
        ({"region": "knee"}, "region must be one of neck, pelvis, got 'knee'"),
        ({"region": "pelvis"}, "input_size of region pelvis must be [320, 256], got [64, 32]"),
        ({"trainning": {}}, "unknown key 'trainning'"),
        ({"run": {"seed": -1}}, "run.seed must be 0 or more"),
        ({"run": {"seed": 2**32}}, "run.seed must be below 2**32"),
        ({"optimizer": {"clip_norm": -5.0}}, "optimizer.clip_norm must be 0 or more"),
        ({"network": {"channels": [0, 8, 8, 8]}}, "network.channels must be 1 or more"),
        (
            {"network": {"channels": [], "backbone_blocks": [], "refine_blocks": []}},
            "network.channels must be 1 or more",
        ),
        ({"network": {"backbone_blocks": [-1, 6, 5, 5]}}, "network.backbone_blocks must be 0 or more"),
    ],
)
def test_mistakes_are_one_clear_line(changes: dict[str, object], message: str) -> None:
    data = tiny_config()
    with pytest.raises(ConfigError) as caught:
        config_from_dict(data | changes, "my.yaml")
    text = str(caught.value)
    assert message in text and text.startswith("my.yaml") and "\n" not in text


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1,\n b: 2")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(tmp_path / "bad.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a text in UTF-8"):
        load_config(tmp_path / "binary.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="mapping of keys"):
        load_config(tmp_path / "list.yaml")
    (tmp_path / "nameless.yaml").write_text("description: x")
    with pytest.raises(ConfigError, match="name is missing"):
        load_config(tmp_path / "nameless.yaml")


def test_overrides_win(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(tiny_config()))
    config = load_config(tmp_path / "tiny.yaml", ["optimizer.length=7", "data.training.options.count=3"])
    assert config.optimizer.length == 7 and config.data.training.options["count"] == 3
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        load_config(tmp_path / "tiny.yaml", ["optimizer.length"])
    with pytest.raises(ConfigError, match=r"--set optimizer.length=\[1: the value is not valid YAML"):
        load_config(tmp_path / "tiny.yaml", ["optimizer.length=[1"])


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (":Blobs", {}, "unknown kind of films"),
        (BLOBS, {"count": -1}, "do not take these options"),
        (BLOBS, {"counts": 3}, "do not take these options"),
        (BLOBS, {"count": "many"}, "count must be int, got 'many'"),
        ("simulated", {"folder": ".", "randomization": "strong"}, "randomization must be float, got 'strong'"),
        ("annotated", {"folder": 7}, "folder must be str, got 7"),
        ("mixture", {"sources": {"kind": BLOBS}}, "sources must be a list"),
        ("fold", {"source": {"kind": BLOBS}, "fold": 5}, "there is no fold 5 of 5"),
        ("fold", {"source": {"kind": BLOBS}, "fold": 0, "folds": 0}, "there is no fold 0 of 0"),
        ("mixture", {"sources": [{"kind": BLOBS}], "repeats": [1, 2]}, "a mixture of 1 sources needs as many repeats"),
    ],
)
def test_films_that_cannot_be_had_are_one_clear_line(kind: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_source(SourceConfig(kind, options), training=True)
    assert str(caught.value).startswith((message, "films of kind")) and message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"kind": "annotated", "options": ["folder"]}, "options must be a mapping"),
        ({"kind": 3}, "kind must be str, got 3"),
        ({"kinds": "annotated"}, "did you mean kind"),
    ],
)
def test_sources_within_sources_are_checked(source: dict[str, object], said: str) -> None:
    for outer in (SourceConfig("fold", {"source": source, "fold": 0}), SourceConfig("mixture", {"sources": [source]})):
        with pytest.raises(ConfigError, match=said):
            build_source(outer, True)
