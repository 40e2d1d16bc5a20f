"""A training small enough for tests: films of 64 x 32 pixels, a network of a few thousand weights."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

BLOBS = "Testing.training.blobs:Blobs"


def tiny_config(**changes: Any) -> dict[str, Any]:
    """A configuration as YAML holds it; `changes` are "section__key" values."""
    config: dict[str, Any] = {
        "name": "tiny",
        "input_size": [64, 32],
        "network": {
            "channels": [8, 8, 8], "backbone_blocks": [1, 1, 1], "pyramid_channels": 8, "refine_blocks": [0, 1, 1],
            "refine_channels": 8, "head_channels": 8, "head_blocks": 1, "residual_blocks": 6,
        },
        "loss": {"regularization": "exponential"},
        "optimizer": {
            "learning_rate": 0.002, "length": 12, "warmup_steps": 2, "batch_size": 4, "average": 0.9, "clip_norm": 50.0,
        },
        "data": {
            "training": {"kind": BLOBS, "options": {"count": 10}},
            "validation": {"kind": BLOBS, "options": {"count": 6}},
            "workers": 0,
        },
        "run": {
            "precision": "float32", "threads": 1, "deterministic": True, "log_steps": 1, "checkpoint_steps": 2,
            "validation_steps": 6,
        },
    }  # fmt: skip
    for key, value in changes.items():
        section, _, name = key.partition("__")
        if name:
            config[section][name] = value
        else:
            config[section] = value
    return config


def write_config(path: Path, **changes: Any) -> Path:
    """Writes `tiny_config` as a file."""
    path.write_text(yaml.safe_dump(tiny_config(**changes)), encoding="utf-8")
    return path


def environment(**more: str) -> dict[str, str]:
    """For child processes: the repository importable, no accelerator, few words."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3", **more}


def train_command(config: Path, run: Path, *more: str) -> list[str]:
    """The documented command."""
    return [sys.executable, "-m", "Training.train", "--config", str(config), "--run", str(run), *more]


def train(config: Path, run: Path, *more: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the documented command to its end."""
    command = train_command(config, run, *more)
    return subprocess.run(command, env=environment(**variables), cwd=ROOT, capture_output=True, text=True, timeout=900)
