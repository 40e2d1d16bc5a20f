"""One film from its file to its results: the task that every worker does, on this machine or on another.

A task is given and answered whole; it reads its film and writes nothing, so that a worker that dies leaves nothing.
"""

import importlib
import platform
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.clinical.constants import AGE_LIMITS
from SpineAlignmentLib.clinical.patient import DICOM_TAGS, Patient
from SpineAlignmentLib.clinical.result import with_readings
from SpineAlignmentLib.clinical.text_table import parameter_table
from SpineAlignmentLib.errors import ModelError, SpineAlignmentError
from SpineAlignmentLib.film.identity import Identity, Pseudonyms, key_mark, pseudonyms, read_identity
from SpineAlignmentLib.film.patient_tags import patient_tags
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.files import fingerprint_of
from SpineAlignmentLib.results.markups import markups_bytes
from SpineAlignmentLib.results.result_file import json_bytes, to_json
from SpineAlignmentLib.results.store import settings_hash
from SpineAlignmentLib.results.table import Value, film_row

if TYPE_CHECKING:
    from SpineAlignmentLib.detection.detector import Detector
    from SpineAlignmentLib.film.film import Film

FurtherFiles = Callable[[Path, "Film", Annotation], Mapping[str, bytes]]
"""A film's file, the film and its result to ending and content of each further file; a function of a module."""

ENDINGS: Final[tuple[str, ...]] = (".json", ".mrk.json", ".png")
"""Of the result files of a film."""
FURTHER_ENDINGS: Final[tuple[str, ...]] = (".sr.dcm", ".gsps.dcm", ".sc.dcm", ".pdf")
"""Of those that are written when they are asked for."""

_LIBRARIES: Final[tuple[str, ...]] = (
    "SpineAlignmentLib.detection.detector",
    "SpineAlignmentLib.film.reading",
    "SpineAlignmentLib.results.picture",
)
"""What every film needs; the heaviest packages follow while the models are loaded."""

PSEUDONYMS: Final[str] = "pseudonyms"
"""The key of a result file under which patient, study and day stand, so that corrected landmarks keep them."""


@dataclass(frozen=True)
class FilmSettings:
    """What decides a film's result, besides the film."""

    spacing: float | tuple[float, float] | None = None
    anterior: str | None = None
    models: Path | None = None
    engine: str = "auto"
    key: bytes | None = field(default=None, repr=False)
    """Of the pseudonyms of patient and study; None for none."""
    identify: bool = False
    """Whether the table says who the patient is."""
    pictures: bool = True
    """Whether the film with its measurements is drawn: most of the room, and a quarter of the time, of an archive."""
    force: bool = False
    """Measure what is no lateral film as well."""
    patient: Patient | None = None
    """Age and sex, where the user gives them."""
    patient_tags: bool = False
    """Whether age and sex may be taken from each film's tags."""
    further: tuple[FurtherFiles, ...] = ()
    """What makes further files of a film, such as DICOM results."""

    def hash(self) -> str:
        """Equal for settings that give equal results: options, engine, software and the models' content.

        Raises:
            ModelError: the models or the engine are not right.
        """
        from SpineAlignmentLib.detection.calibration import read_calibration
        from SpineAlignmentLib.detection.engines import choose_engine
        from SpineAlignmentLib.detection.models import read_models

        return settings_hash(
            {
                "software": SOFTWARE,
                "engine": choose_engine(self.engine),
                "models": [[model.name, dict(model.checksums)] for model in read_models(self.models)],
                "calibration": read_calibration(self.models).to_json(),
                "spacing": self.spacing,
                "anterior": self.anterior,
                "key": None if self.key is None else key_mark(self.key),
                "identify": self.identify,
                "pictures": self.pictures,
                "force": self.force,
                "patient": None if self.patient is None else self.patient.to_json(),
                "patient_tags": self.patient_tags,
                "further": [make.__qualname__ for make in self.further],
            }
        )


@dataclass(frozen=True)
class FilmTask:
    """A film to detect."""

    path: Path
    settings: FilmSettings
    threads: int | None = None
    """Processor threads of one network run; None for all."""
    expected: str | None = None
    """`settings.hash()` where the task was made; a worker whose models or software differ refuses it."""
    content: bytes | None = field(default=None, repr=False)
    """Of the film's file, when it travels with the task; None: it is read at `path`."""

    def with_content(self) -> "FilmTask":
        """The task with its film; as it is, when the film cannot be read, so that the worker says why."""
        try:
            return replace(self, content=self.path.read_bytes())
        except OSError:
            return self


@dataclass(frozen=True)
class FilmOutcome:
    """What became of a film."""

    reason: str = ""
    """Why it failed, in one line that begins with its path; empty when it is done."""
    missing: str = ""
    """Why further files that were asked for could not be made though the film is done, without its path; else empty."""
    fingerprint: str = ""
    row: Mapping[str, Value] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Ending, as in `ENDINGS`, to the content of the result file."""
    text: str = ""
    """What a terminal shows of it."""
    patient: str | None = None
    """Tells the patient from others; None where unknown."""
    day: int | None = None


def load_libraries() -> None:
    """Import what every film needs, ahead of the first one."""
    for name in _LIBRARIES:
        importlib.import_module(name)


def do_film(task: FilmTask) -> FilmOutcome:
    """Read a film, detect its landmarks and make its results.

    Raises:
        ModelError: the models or the engine are not right; this concerns every film.
    """
    if task.content is not None:
        with tempfile.TemporaryDirectory(prefix="SpineAlignment") as folder:
            here = Path(folder) / task.path.name
            here.write_bytes(task.content)
            outcome = do_film(replace(task, path=here, content=None))
            reason, missing = (text.replace(str(here), str(task.path)) for text in (outcome.reason, outcome.missing))
            return replace(outcome, reason=reason, missing=missing)
    if task.expected is not None:
        _check(task.settings, task.expected)
    fingerprint = ""
    try:
        fingerprint = fingerprint_of(task.path)
        return replace(_results(task, fingerprint), fingerprint=fingerprint)
    except ModelError:
        raise
    except SpineAlignmentError as error:
        reason = str(error)
    except OSError as error:
        reason = f"{task.path}: cannot read: {error.strerror or error}"
    except MemoryError:
        reason = f"{task.path}: not enough memory to detect its landmarks"
    # whatever a library raises belongs to this one film; its text may quote what the film says of its patient
    except Exception as error:
        reason = f"{task.path}: cannot be measured ({type(error).__name__})"
    return FilmOutcome(" ".join(reason.split()), fingerprint=fingerprint)


def _results(task: FilmTask, fingerprint: str) -> FilmOutcome:
    from SpineAlignmentLib.film.reading import read_film
    from SpineAlignmentLib.results.picture import png_bytes

    chosen = task.settings
    with ThreadPoolExecutor(1) as beside:  # before the first film, the models are loaded while it is read
        loading = beside.submit(_detector, chosen.models, chosen.engine, task.threads)
        film = read_film(task.path, chosen.spacing, chosen.anterior, chosen.force)
    detector = loading.result()
    found = detector.detect(film, force=chosen.force)
    who = read_identity(task.path) if chosen.key is not None or chosen.identify else Identity()
    stands = Pseudonyms(None, None, None) if chosen.key is None else pseudonyms(who, chosen.key)
    keyed: dict[str, Value] = {}
    if chosen.key is not None:
        extra = {"patient": stands.patient, "study": stands.study, "day": stands.day}
        found = replace(found, extra={**found.extra, PSEUDONYMS: extra})
        keyed = {"patient": stands.patient, "study": stands.study, "key": key_mark(chosen.key)}
    found = _of_patient(task, found)
    # of a header whose pixels are in another file
    apart: dict[str, Value] = {"film_sha256": found.film_sha256} if found.film_sha256 not in ("", fingerprint) else {}
    contents = [json_bytes(found), markups_bytes(found, film.placement)]
    if chosen.pictures:
        contents.append(png_bytes(film, found))
    further, missing = _further(task, film, found)
    return FilmOutcome(
        missing=missing,
        row=film_row(to_json(found)) | apart | keyed | (who.tags() if chosen.identify else {}),
        text=f"{found.film}\n{parameter_table(found)}",
        files=dict(zip(ENDINGS, contents, strict=False)) | further,
        patient=stands.patient or (who.patient or None if chosen.identify else None),
        day=stands.day if chosen.key is not None else who.day if chosen.identify and who.patient else None,
    )


def _further(task: FilmTask, film: "Film", found: Annotation) -> tuple[dict[str, bytes], str]:
    """The further files that were asked for, and why some of them cannot be made: the film is measured all the same."""
    files: dict[str, bytes] = {}
    missing: list[str] = []
    for make in task.settings.further:
        try:
            files |= make(task.path, film, found)
        except SpineAlignmentError as error:
            missing.append(str(error).removeprefix(f"{task.path}: "))
        # whatever a library raises; its text may quote what the film says of its patient
        except Exception as error:
            missing.append(f"no {make.__name__.replace('_', ' ')} can be made ({type(error).__name__})")
    return files, " ".join("; ".join(dict.fromkeys(missing)).split())


def _of_patient(task: FilmTask, found: Annotation) -> Annotation:
    """The result with what can be said of age and sex, as far as the user gives or allows them."""
    chosen = task.settings
    given = chosen.patient or Patient()
    if not chosen.patient_tags or None not in (given.age, given.sex):
        return with_readings(found, given)
    told = patient_tags(task.path, AGE_LIMITS)
    said = replace(found, warnings=(*found.warnings, *told.warnings))
    return with_readings(said, given.completed(Patient(told.age, told.sex, DICOM_TAGS)))


@lru_cache(maxsize=1)
def _check(settings: FilmSettings, expected: str) -> None:
    if settings.hash() != expected:
        raise ModelError(f"{platform.node()}: its models, engine or software are others than where the run was started")


@lru_cache(maxsize=1)
def _detector(models: Path | None, engine: str, threads: int | None) -> "Detector":
    """Loaded once in each worker."""
    from SpineAlignmentLib.detection.detector import Detector

    return Detector(models, engine, threads)
