"""Running a network: ONNX Runtime and TensorFlow behind one small interface.

Nothing of either is imported before a network is loaded.
"""

import contextlib
import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.models import ONNX_FILE, SAVED_MODEL, WEIGHTS_FILE, Model
from SpineAlignmentLib.errors import ModelError

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

ENGINES: Final[tuple[str, ...]] = ("onnx", "tensorflow")
"""In the order in which "auto" prefers them: ONNX Runtime starts in a tenth of the time."""

_PACKAGES: Final[dict[str, str]] = {"onnx": "onnxruntime", "tensorflow": "tensorflow"}


@dataclass(frozen=True)
class Answer:
    """What a network says of n films; of a close-up, the landmarks are those of its region alone."""

    points: FloatArray
    """Landmarks in network pixels, shape (n, 45, 2)."""
    spread: FloatArray
    """Standard deviation of their heatmaps in network pixels, shape (n, 45)."""
    heatmaps: ImageArray
    """Shape (n, rows, columns, 45), each of sum 1 over equal cells that cover the input."""


class Network(Protocol):
    """A loaded network."""

    @property
    def any_size(self) -> bool:
        """Whether it takes films of other sizes than those that it learned from, in steps of its coarsest cells."""

    def __call__(self, films: ImageArray) -> Answer:
        """Run it on films of shape (n, height, width), from `preprocessing.network_input`."""


class Answers(Protocol):
    """A loaded model with whatever it answers."""

    any_size: bool
    """See `Network`."""

    def __call__(self, films: ImageArray) -> dict[str, NDArray[Any]]:
        """Run it on films (n, height, width): its outputs by name."""


def available_engines() -> tuple[str, ...]:
    """The engines installed here, preferred one first."""
    return tuple(name for name in ENGINES if importlib.util.find_spec(_PACKAGES[name]) is not None)


def choose_engine(engine: str = "auto") -> str:
    """The engine to use for "auto", "onnx" or "tensorflow".

    Raises:
        ModelError: it is not installed.
        ValueError: an unknown name.
    """
    if engine not in ("auto", *ENGINES):
        raise ValueError(f"engine must be 'auto' or one of {ENGINES}, got {engine!r}")
    here = available_engines()
    if engine == "auto":
        if not here:
            raise ModelError("no engine to run the networks: install one with: pip install onnxruntime")
        return here[0]
    if engine not in here:
        raise ModelError(f"the {engine} engine is not installed: pip install {_PACKAGES[engine]}")
    return engine


def load_network(model: Model, engine: str = "auto", threads: int | None = None) -> Network:
    """Load a model's network, after its files were verified.

    Args:
        model: the model.
        engine: "auto", "onnx" or "tensorflow".
        threads: processor threads of one run; None for all.

    Raises:
        ModelError: the engine is not installed, or the model is missing, altered or cannot be loaded.
    """
    return _Landmarks(load_answers(model, engine, threads), len(model.landmarks))


def load_answers(model: Model, engine: str = "auto", threads: int | None = None) -> Answers:
    """Load a model as it is, such as the network of bodies; see `load_network`."""
    chosen = choose_engine(engine)
    path = model.verified(ONNX_FILE if chosen == "onnx" else SAVED_MODEL)
    if chosen == "onnx" and WEIGHTS_FILE in model.checksums:
        model.verified(WEIGHTS_FILE)
    return _Onnx(path, threads) if chosen == "onnx" else _TensorFlow(path, threads)


def _imported(engine: str) -> Any:
    """The package of an engine.

    Raises:
        ModelError: it is installed but cannot be loaded, as on a Windows whose C++ runtime is too old for it.
    """
    package = _PACKAGES[engine]
    try:
        return importlib.import_module(package)
    except (ImportError, OSError) as error:
        help_there = (
            "install the current Microsoft Visual C++ Redistributable, or another version of the package"
            if sys.platform == "win32"
            else f"install it again: pip install --force-reinstall {package}"
        )
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{package} is installed but cannot be loaded ({reason}); {help_there}") from error


class _Landmarks:
    def __init__(self, answers: Answers, count: int) -> None:
        self._answers, self._count = answers, count
        self.any_size = answers.any_size

    def __call__(self, films: ImageArray) -> Answer:
        out = self._answers(films)
        if "heatmaps" not in out:
            raise ModelError(
                "a network without heatmaps, exported by an earlier version: python -m Training.export --again"
            )
        points, spread = np.asarray(out["coordinates"], float), np.asarray(out["spread"], float)
        heatmaps = out["heatmaps"]
        if (
            points.shape[1:] != (self._count, 2)
            or spread.shape[1:] != (self._count,)
            or heatmaps.shape[3] != self._count
        ):
            shapes = ", ".join(str(part.shape) for part in (points, spread, heatmaps))
            raise ModelError(f"the network answers with shapes {shapes}, not {self._count} landmarks")
        return Answer(points, spread, heatmaps)


class _Onnx:
    def __init__(self, path: Path, threads: int | None) -> None:
        onnxruntime = _imported("onnx")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # few networks run at a time: in memory of one arena, they take a fifth less than each in its own
        _share_memory(onnxruntime)
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.enable_mem_pattern = False
        # nor do threads of one network go on spinning while the next one is at work
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), sess_options=options, providers=["CPUExecutionProvider"]
            )
        # ONNX Runtime has no common base class for what it raises on a bad model
        except Exception as error:
            raise ModelError(f"{path}: ONNX Runtime cannot load it: {str(error).splitlines()[0]}") from error
        self.any_size = not any(isinstance(side, int) for side in self._session.get_inputs()[0].shape[1:3])

    def __call__(self, films: ImageArray) -> dict[str, NDArray[Any]]:
        names = [output.name for output in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, {"films": films[..., None]}), strict=True))


@lru_cache(maxsize=1)
def _share_memory(onnxruntime: Any) -> None:
    """Have one arena for all networks of this process."""
    kind, use = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
    # another program in this process, as in Slicer, may have done so
    with contextlib.suppress(RuntimeError):
        onnxruntime.create_and_register_allocator(onnxruntime.OrtMemoryInfo("Cpu", kind, 0, use), None)


class _TensorFlow:
    def __init__(self, path: Path, threads: int | None) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        tensorflow = _imported("tensorflow")
        if threads is not None:
            # TensorFlow that is already at work in this process refuses, and keeps the threads that it has
            with contextlib.suppress(RuntimeError):
                tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        try:
            self._loaded: Any = tensorflow.saved_model.load(str(path))
            self._run: Any = self._loaded.signatures["serving_default"]
        except (OSError, KeyError, ValueError, tensorflow.errors.OpError) as error:
            raise ModelError(f"{path}: TensorFlow cannot load it: {str(error).splitlines()[0]}") from error
        self._constant: Any = tensorflow.constant
        self.any_size = None in self._run.structured_input_signature[1]["films"].shape[1:3]

    def __call__(self, films: ImageArray) -> dict[str, NDArray[Any]]:
        out = self._run(films=self._constant(films[..., None]))
        return {name: values.numpy() for name, values in out.items()}
