"""How the points of a foreign data set become the project's landmarks: a small YAML file, checked when it is read."""

import re
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.results.annotation import Annotation
from Training.datasets.film import AnnotatedFilm, anterior_from_points
from Training.datasets.film_files import find_picture

FloatArray = NDArray[np.float64]

FORMATS: Final[tuple[str, ...]] = ("coco", "labelme", "csv-films", "csv-points", "csv-endplates")
SHIPPED: Final[Path] = Path(__file__).parent / "mappings"
_KEYS: Final[frozenset[str]] = frozenset(
    {"name", "format", "points", "anterior", "spacing_mm", "patient", "columns", "about"}
)


@dataclass(frozen=True)
class Mapping:
    """One data set's format."""

    name: str
    format: str
    """One of `FORMATS`."""
    points: dict[str, tuple[str, ...]]
    """Landmark to the points of the data set whose mean it is."""
    anterior: str = "auto"
    """"left", "right", or "auto": from the labeled endplates of each film."""
    spacing_mm: tuple[float, float] | None = None
    patient: str = "(.*)"
    """Regular expression whose first group, on the film's stem, is the patient's code."""
    columns: dict[str, str] = field(default_factory=dict)
    """Names of CSV columns: film, label, x, y; for "csv-films" x and y are templates such as "{}_x"."""

    def film(self, name: str, raw: Dictionary[str, Any], folder: Path, size: tuple[int, int]) -> AnnotatedFilm:
        """A film from its raw points by name; landmarks whose points are not all there stay unlabeled.

        Raises:
            ResultError: the side the patient faces cannot be told.
        """
        points = np.full((COUNT, 2), np.nan)
        for landmark, sources in self.points.items():
            if all(source in raw for source in sources):
                points[INDEX[landmark]] = np.mean([raw[source] for source in sources], axis=0)
        stem = Path(name).stem
        anterior = anterior_from_points(points) if self.anterior == "auto" else self.anterior
        if anterior is None:
            raise ResultError(f"{name}: the side the patient faces cannot be told; set anterior in the mapping")
        found = re.match(self.patient, stem)
        picture = find_picture(folder, stem, name, (folder / "images",))
        annotation = Annotation(
            film=picture.name if picture else Path(name).name,
            size_px=size,
            points_px=points,
            spacing_mm=self.spacing_mm,
            spacing_source="mapping" if self.spacing_mm else "unknown",
            anterior=anterior,
            anterior_source="endplates" if self.anterior == "auto" else "mapping",
            extra={"patient": found.group(1) if found and found.groups() else stem},
        )
        return AnnotatedFilm(stem, annotation, picture, Path(name).with_suffix("").as_posix())


def load_mapping(name: str | Path) -> Mapping:
    """A mapping from a YAML file, or one that ships, by its name.

    Raises:
        ResultError: no such mapping, or it is not as this module describes.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = SHIPPED / f"{name}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.yaml")))
        raise ResultError(f"{name}: no such mapping; give a YAML file or one of: {known}") from error
    except yaml.YAMLError as error:
        raise ResultError(f"{path}: not valid YAML: {error}") from error
    return mapping_from(content, str(path))


def mapping_from(content: Any, where: str) -> Mapping:
    """A mapping from plain values; `where` names them in errors."""
    if not isinstance(content, dict) or not isinstance(content.get("points"), dict):
        raise ResultError(f'{where}: a mapping needs "format" and "points"')
    unknown = sorted(set(content) - _KEYS)
    if unknown:
        raise ResultError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(sorted(_KEYS))}")
    if content.get("format") not in FORMATS:
        raise ResultError(f"{where}: format must be one of {', '.join(FORMATS)}, found {content.get('format')!r}")
    points: dict[str, tuple[str, ...]] = {}
    for landmark, sources in content["points"].items():
        if landmark not in INDEX:
            raise ResultError(f"{where}: {landmark!r} is not one of the 45 landmarks")
        points[landmark] = tuple(str(s) for s in (sources if isinstance(sources, list) else [sources]))
    if content.get("anterior", "auto") not in ("left", "right", "auto"):
        raise ResultError(f'{where}: anterior must be "left", "right" or "auto"')
    return Mapping(
        name=str(content.get("name", where)),
        format=content["format"],
        points=points,
        anterior=content.get("anterior", "auto"),
        spacing_mm=_spacing(content.get("spacing_mm"), where),
        patient=str(content.get("patient", "(.*)")),
        columns={str(k): str(v) for k, v in (content.get("columns") or {}).items()},
    )


def _spacing(value: Any, where: str) -> tuple[float, float] | None:
    if value is None:
        return None
    pair = value if isinstance(value, list) else [value, value]
    if len(pair) != 2 or not all(isinstance(v, int | float) and v > 0 for v in pair):
        raise ResultError(f"{where}: spacing_mm must be positive: a number or [x, y]")
    return float(pair[0]), float(pair[1])
