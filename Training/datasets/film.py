"""One annotated film, whatever format it came from, and the project's own annotation file.

Pixel coordinates are (x, y) of the film as stored, (0, 0) at the center of its first pixel.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.landmarks import COUNT, INDEX, NAMES

FloatArray = NDArray[np.float64]

PICTURE_SUFFIXES = (".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nrrd", ".mha", ".nii", ".nii.gz")


class AnnotationError(ValueError):
    """An annotation that cannot be read; the message names the file, what is wrong and what to do."""


@dataclass(frozen=True)
class AnnotatedFilm:
    """A film and the landmarks a reader marked on it."""

    name: str
    """Unique within its set; the stem of the files written for it."""
    picture: Path | None
    """The film itself; None where only landmarks are known."""
    size_px: tuple[int, int] | None
    """(width, height)."""
    spacing_mm: tuple[float, float] | None
    """(x, y) size of a pixel; None where unknown."""
    anterior: str
    """The side the patient faces, "left" or "right"."""
    points: FloatArray
    """(45, 2) film pixels in the order of `landmarks.NAMES`; NaN where not labeled."""
    patient: str
    """Whose film it is: films of one patient never part in a split."""
    category: str = ""
    """Diagnosis group for stratified splits; empty where unknown."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the annotation file ("review", "simulation", "age", ...), kept as they were."""

    @property
    def labeled(self) -> NDArray[np.bool_]:
        """(45,) mask of the landmarks that carry a label."""
        return np.asarray(np.isfinite(self.points).all(axis=1))

    def anatomic(self) -> FloatArray:
        """(45, 2) landmarks with x anterior + and y up +, in mm; in pixels of equal size where spacing is unknown."""
        x, y = self.spacing_mm or (1.0, 1.0)
        sign = -1.0 if self.anterior == "left" else 1.0
        return np.asarray(self.points * np.array([sign * x, -y]))


def anterior_from_points(points: FloatArray) -> str | None:
    """The side the patient faces, from labeled pairs that are certain: anterior corners lie anterior of posterior ones.

    Args:
        points: (45, 2) film pixels, NaN where not labeled.

    Returns:
        "left" or "right", None where no pair is labeled or the pairs do not agree by majority.
    """
    pairs = (("S1_A", "S1_P"), ("L4_AS", "L4_PS"), ("L1_AS", "L1_PS"), ("T12_AI", "T12_PI"), ("T5_AS", "T5_PS"))
    pairs += (("T5_AI", "T5_PI"), ("T1_AS", "T1_PS"), ("C7_AI", "C7_PI"), ("C2_AI", "C2_PI"))
    votes = np.array([points[INDEX[a], 0] - points[INDEX[p], 0] for a, p in pairs])
    balance = np.sign(votes[np.isfinite(votes)]).sum()
    return None if balance == 0 else ("left" if balance < 0 else "right")


def find_picture(annotation: Path, film: str | None) -> Path | None:
    """The picture an annotation belongs to: the file it names, else one with its stem beside it."""
    candidates = [annotation.parent / film, annotation.parent / Path(film).name] if film else []
    stem = annotation.name.split(".")[0] if annotation.name.endswith(".mrk.json") else annotation.stem
    candidates += [annotation.parent / f"{stem}{suffix}" for suffix in PICTURE_SUFFIXES]
    return next((path for path in candidates if path.is_file()), None)


def read_annotation(path: Path) -> AnnotatedFilm:
    """Read the project's annotation or result file of one film.

    Raises:
        AnnotationError: the file is not JSON, or is not such an annotation.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AnnotationError(f"{path}: cannot be read as an annotation ({error})") from error
    if not isinstance(content, dict) or not isinstance(content.get("landmarks"), dict):
        raise AnnotationError(f'{path}: has no "landmarks"; expected an annotation of this project')
    points = _points(path, content["landmarks"])
    anterior = content.get("anterior") or anterior_from_points(points)
    if anterior not in ("left", "right"):
        raise AnnotationError(f'{path}: "anterior" must be "left" or "right", found {content.get("anterior")!r}')
    known = {"film", "size_px", "spacing_mm", "anterior", "landmarks", "patient", "category"}
    size, spacing = content.get("size_px"), _spacing(path, content.get("spacing_mm"))
    return AnnotatedFilm(
        name=path.stem,
        picture=find_picture(path, content.get("film")),
        size_px=None if size is None else (int(size[0]), int(size[1])),
        spacing_mm=spacing,
        anterior=anterior,
        points=points,
        patient=str(content.get("patient") or path.stem),
        category=str(content.get("category") or ""),
        extra={key: value for key, value in content.items() if key not in known},
    )


def _points(path: Path, landmarks: Mapping[str, Any]) -> FloatArray:
    points = np.full((COUNT, 2), np.nan)
    for name, value in landmarks.items():
        if name not in INDEX:
            raise AnnotationError(f"{path}: unknown landmark {name!r}; the 45 names are those of SpineAlignmentLib")
        if value is None:
            continue
        try:
            points[INDEX[name]] = float(value["x_px"]), float(value["y_px"])
        except (KeyError, TypeError, ValueError) as error:
            raise AnnotationError(f'{path}: landmark {name} needs numbers "x_px" and "y_px"') from error
    return points


def _spacing(path: Path, value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    try:
        x, y = (float(v) for v in value)
    except (TypeError, ValueError) as error:
        raise AnnotationError(f'{path}: "spacing_mm" must be [x, y] or null, found {value!r}') from error
    if not (np.isfinite([x, y]).all() and x > 0 and y > 0):
        raise AnnotationError(f'{path}: "spacing_mm" must be positive, found {value!r}')
    return x, y


def annotation_content(film: AnnotatedFilm, picture: str | None = None) -> dict[str, Any]:
    """What the project's annotation file of a film holds (the fields of a result file that a reader knows)."""
    return {
        "film": picture or (film.picture.name if film.picture else ""),
        "size_px": list(film.size_px) if film.size_px else None,
        "spacing_mm": list(film.spacing_mm) if film.spacing_mm else None,
        "anterior": film.anterior,
        "landmarks": {
            name: {"x_px": float(x), "y_px": float(y), "confidence": None} if np.isfinite([x, y]).all() else None
            for name, (x, y) in zip(NAMES, film.points, strict=True)
        },
        "patient": film.patient,
        "category": film.category,
        **film.extra,
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)
