"""How the points of a foreign data set become the project's landmarks: a small YAML file, checked when it is read."""

import math
import re
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.results.annotation import Annotation
from Training.datasets.film import AnnotatedFilm, anterior_from_points
from Training.datasets.film_files import find_picture

FloatArray = NDArray[np.float64]
Points = dict[str, tuple[float, float]]
"""Points of one film by the names that its data set gives them, in film pixels."""

FORMATS: Final[tuple[str, ...]] = ("coco", "labelme", "csv-films", "csv-points", "csv-endplates")
SHIPPED: Final[Path] = Path(__file__).parent / "mappings"
_KEYS: Final[frozenset[str]] = frozenset(
    {"name", "format", "points", "anterior", "spacing_mm", "patient", "columns", "about"}
)


class Marked(NamedTuple):
    """What a file of a data set says of one of its films."""

    path: Path
    """The file that says it."""
    film: str
    """Name of the film, perhaps with folders."""
    points: Points
    size_px: tuple[int, int]
    """(0, 0) where the set does not state it."""


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

    @property
    def wanted(self) -> frozenset[str]:
        """The points of the data set that landmarks are made of."""
        return frozenset(source for sources in self.points.values() for source in sources)

    def add(self, raw: Points, label: str, point: tuple[float, float], where: str) -> None:
        """Add a point to those of a film.

        Raises:
            ResultError: a landmark is made of it, and it is there already at another place.
        """
        if raw.setdefault(label, point) != point and label in self.wanted:
            raise ResultError(f"{where}: {label} is there twice at different places; keep one of them")

    def check_known(self, path: Path, found: Set[str]) -> None:
        """Refuse a file that has none of the points.

        Raises:
            ResultError: lists those that it has.
        """
        if not self.wanted & found:
            raise ResultError(
                f"{path}: none of its points is in the mapping {self.name}; it has "
                f"{', '.join(sorted(found)[:8]) or 'none'}, the mapping expects {', '.join(sorted(self.wanted)[:8])}"
            )

    def film(self, marked: Marked) -> AnnotatedFilm:
        """A film from its points; landmarks whose points are not all there stay unlabeled.

        Raises:
            ResultError: the side the patient faces cannot be told.
        """
        path, name, raw, size = marked
        points = np.full((COUNT, 2), np.nan)
        for landmark, sources in self.points.items():
            if all(source in raw for source in sources):
                points[INDEX[landmark]] = np.mean([raw[source] for source in sources], axis=0)
        stem = Path(name).stem
        anterior = anterior_from_points(points) if self.anterior == "auto" else self.anterior
        if anterior is None:
            raise ResultError(
                f"{path}: the side the patient of {name} faces cannot be told; set anterior in the mapping"
            )
        found = re.match(self.patient, stem)
        picture = find_picture(path.parent, stem, name, (path.parent / "images",))
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
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: not valid YAML in UTF-8: {' '.join(str(error).split())}") from error
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
        points[landmark] = tuple(str(s) for s in (sources if isinstance(sources, list) else [sources]) if s is not None)
        if not points[landmark]:
            raise ResultError(f"{where}: {landmark} is made of no point; name one, or take it out")
    if content.get("anterior", "auto") not in ("left", "right", "auto"):
        raise ResultError(f'{where}: anterior must be "left", "right" or "auto"')
    _check_texts(content, points, where)
    return Mapping(
        name=str(content.get("name", where)),
        format=content["format"],
        points=points,
        anterior=content.get("anterior", "auto"),
        spacing_mm=_spacing(content.get("spacing_mm"), where),
        patient=str(content.get("patient", "(.*)")),
        columns={str(k): str(v) for k, v in (content.get("columns") or {}).items()},
    )


def _check_texts(content: dict[str, Any], points: dict[str, tuple[str, ...]], where: str) -> None:
    """Refuse a regular expression, columns or names of endplates that cannot be used."""
    try:
        re.compile(str(content.get("patient", "")))
    except re.error as error:
        raise ResultError(f"{where}: patient is no regular expression: {error}") from error
    columns = content.get("columns") or {}
    if not isinstance(columns, dict):
        raise ResultError(f"{where}: columns must be a mapping such as {{film: image, x: px}}")
    templates = [str(columns[axis]) for axis in "xy" if axis in columns and content["format"] == "csv-films"]
    if not all(re.fullmatch(r"[^{}]*\{\}[^{}]*", text) for text in templates):
        raise ResultError(f'{where}: columns x and y of csv-films are templates such as "{{}}_x"')
    if content["format"] == "csv-endplates":
        sources = [source for group in points.values() for source in group]
        wrong = [s for s in sources if not re.fullmatch(r"\d+\.(anterior|posterior)", s)]
        if wrong or not sources:
            found = repr(wrong[0]) if wrong else "none"
            raise ResultError(
                f'{where}: points of csv-endplates are "1.anterior", "1.posterior" and so on, found {found}'
            )


def _spacing(value: Any, where: str) -> tuple[float, float] | None:
    if value is None:
        return None
    pair = value if isinstance(value, list) else [value, value]
    if len(pair) != 2 or not all(type(v) in (int, float) and 0 < v < math.inf for v in pair):
        raise ResultError(f"{where}: spacing_mm must be positive: a number or [x, y]")
    return float(pair[0]), float(pair[1])
