"""The trained models on disk: what each is, and that its files are the ones that were trained.

A model folder holds a TensorFlow SavedModel (`saved_model/`), its ONNX twin (`model.onnx`) and `model.json`; the folder
above it lists the models of the ensemble, those of close-ups, the network of bodies and that of single vertebrae in
`ensemble.json`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.detection.close_ups import REGIONS, Region
from SpineAlignmentLib.errors import ModelError, ResultError
from SpineAlignmentLib.measurement.landmarks import NAMES
from SpineAlignmentLib.results.result_file import read_json

_HERE: Final[Path] = Path(__file__).resolve().parents[2]
_SHIPPED: Final[tuple[Path, ...]] = (
    _HERE / "SpineAlignment" / "Resources" / "Models",
    # where Slicer installs a scripted module, its Resources lie beside its libraries
    _HERE / "Resources" / "Models",
)

ONNX_FILE: Final[str] = "model.onnx"
SAVED_MODEL: Final[str] = "saved_model"
WEIGHTS_FILE: Final[str] = "saved_model/variables/variables.data-00000-of-00001"
"""The weights of the SavedModel, from which its ONNX twin reads its kernels too."""


CLOSEST: Final[dict[str, str]] = {"bodies": "bodies", "vertebra": "single vertebrae", "heads": "the femoral heads"}
"""Tasks of the networks that look closest, and what each sees; they answer with other than the 45 landmarks."""


@dataclass(frozen=True)
class Model:
    """A trained network and what is known about it."""

    name: str
    folder: Path
    input_size: tuple[int, int]
    """(height, width) of its input in pixels; of the windows that the network of bodies learned from."""
    landmarks: tuple[str, ...]
    """What it finds, in the order of its answers; none for other networks, see `CLOSEST`."""
    region: Region | None
    """What it sees, for a close-up; None: the whole film."""
    checksums: Mapping[str, str]
    """Path inside the folder to the SHA-256 of the file."""
    about: Mapping[str, Any]
    """Everything in model.json."""

    def verified(self, part: str) -> Path:
        """The path of a file or folder of the model, after its files were compared with their checksums.

        Raises:
            ModelError: a file is missing, was altered, or was never listed.
        """
        place = self.folder / part
        listed = [name for name in self.checksums if name == part or name.startswith(f"{part}/")]
        if not listed:
            raise ModelError(f"{self.folder}: model.json lists no {part}; install the models again")
        for name in listed:
            verify(self.folder / name, self.checksums[name], "model file")
        return place


def verify(path: Path, expected: str, what: str) -> None:
    """Compare a file of the models, called `what`, with the SHA-256 that it should have.

    Raises:
        ModelError: it is missing or was altered.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: {what} missing ({error.strerror or error}); install the models again") from error
    if digest != expected:
        raise ModelError(f"{path}: {what} altered (wrong checksum); install the models again")


def shipped_models() -> Path:
    """The folder of the ensemble that comes with the software."""
    return next((folder for folder in _SHIPPED if (folder / "ensemble.json").exists()), _SHIPPED[0])


def listing_of(folder: Path | None) -> Path:
    """What lists the models of the ensemble in a folder, the shipped one by default; it need not be there."""
    return (shipped_models() if folder is None else folder) / "ensemble.json"


def read_model(folder: Path) -> Model:
    """A model from its folder; its files are compared with their checksums when they are used.

    Raises:
        ModelError: model.json is missing or wrong, or the model was made for other landmarks.
    """
    path = folder / "model.json"
    about = read_description(path)
    try:
        height, width = (int(v) for v in about["input_size"])
        names = tuple(about["landmarks"])
        region = REGIONS[about["region"]] if about.get("region") else None
        checksums = {str(k): str(v) for k, v in about["checksums"].items()}
        name = str(about["name"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path}: not the description of a model ({error!r})") from error
    expected = () if about.get("task") in CLOSEST else region.landmarks if region else NAMES
    if names != expected:
        raise ModelError(f"{path}: made for other landmarks than the {len(expected)} of this version")
    return Model(name, folder, (height, width), names, region, checksums, about)


def read_ensemble(folder: Path | None = None) -> tuple[Model, ...]:
    """The models of the ensemble in a folder, the shipped one by default; a folder of a single model works as well.

    Raises:
        ModelError: no models there, or one of them is not right.
    """
    listing = listing_of(folder)
    folder = listing.parent
    if not listing.exists():
        if (folder / "model.json").exists():
            return (read_model(folder),)
        raise ModelError(f"{folder}: no models there (ensemble.json is missing)")
    models = _listed(listing, "models")
    if not models or any(model.region or not model.landmarks for model in models):
        raise ModelError(f'{listing}: expected {{"models": [names of folders of models that see the whole film]}}')
    return models


def read_close_ups(folder: Path | None = None) -> tuple[Model, ...]:
    """The models that see a part of the film again, of the ensemble in a folder; there may be none.

    Raises:
        ModelError: one of them is not right.
    """
    listing = listing_of(folder)
    models = _listed(listing, "close_ups") if listing.exists() else ()
    if not all(model.region for model in models):
        raise ModelError(f'{listing}: expected {{"close_ups": [names of folders of models of a region]}}')
    return models


def read_closest_model(task: str, folder: Path | None = None) -> Model | None:
    """The network of one of the tasks in `CLOSEST` of the ensemble in a folder; None when it has none.

    Raises:
        ModelError: it is not right.
    """
    listing = listing_of(folder)
    models = _listed(listing, task) if listing.exists() else ()
    if len(models) > 1 or any(model.about.get("task") != task for model in models):
        raise ModelError(f'{listing}: expected {{"{task}": [name of the folder of one network of {CLOSEST[task]}]}}')
    return models[0] if models else None


def read_models(folder: Path | None = None) -> tuple[Model, ...]:
    """Every model of the ensemble in a folder: of the whole film, of close-ups, and those that look closest.

    Raises:
        ModelError: one of them is not right.
    """
    closest = [read_closest_model(task, folder) for task in CLOSEST]
    return (*read_ensemble(folder), *read_close_ups(folder), *(model for model in closest if model is not None))


def _listed(listing: Path, key: str) -> tuple[Model, ...]:
    content = read_description(listing)
    names = content.get(key, []) if isinstance(content, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise ModelError(f'{listing}: expected {{"{key}": [names of folders]}}')
    return tuple(read_model(listing.parent / name) for name in names)


def read_description(path: Path) -> Any:
    """A JSON file of the models.

    Raises:
        ModelError: it is missing or no JSON.
    """
    try:
        # what training measured may be NaN
        return read_json(path, finite=False)
    except ResultError as error:
        raise ModelError(str(error)) from error
