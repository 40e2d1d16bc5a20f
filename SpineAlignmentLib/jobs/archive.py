"""A folder of films, on every processor core: results of each, one table of all, and a second run goes on.

A film that fails is reported in one line and does not stop the others; results of a film appear whole or not at all.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from SpineAlignmentLib.errors import FilmError, ResultError
from SpineAlignmentLib.film.paths import stem_of
from SpineAlignmentLib.jobs.film_task import ENDINGS, FilmOutcome, FilmSettings, FilmTask
from SpineAlignmentLib.jobs.progress import ProgressBar
from SpineAlignmentLib.jobs.workers import MAX_WORKERS, cores, outcomes
from SpineAlignmentLib.results.files import write_files
from SpineAlignmentLib.results.result_file import from_json
from SpineAlignmentLib.results.store import TABLE, Entry, Source, Store
from SpineAlignmentLib.results.text_table import parameter_table


@dataclass
class Archive:
    """Films to detect and where their results go."""

    films: Sequence[Source]
    output: Path
    settings: FilmSettings = field(default_factory=FilmSettings)
    again: bool = False
    """Whether films that are done already are done once more."""
    workers: int | None = None
    """Worker processes; None for one on each core."""
    _before: int = field(default=0, init=False)
    _failed: int = field(default=0, init=False)
    _names: dict[Path, tuple[Source, str]] = field(default_factory=dict, init=False)
    """Films in hand."""

    def run(self) -> int:
        """Detect every film and write `<stem>.json`, `.mrk.json`, `.png` and `results.csv`.

        Returns:
            The number of films that failed.

        Raises:
            ResultError: the output folder cannot be written, or another process is at work there.
            ModelError: the models or the engine are not right.
        """
        settings = self.settings.hash()
        workers = self.workers or min(cores(), MAX_WORKERS)
        workers = max(1, min(workers, len(self.films)))
        threads = max(1, cores() // workers)
        bar = ProgressBar(len(self.films))
        with Store(self.output) as store:
            bar.show()
            try:
                for task, outcome in outcomes(self._tasks(store, settings, threads, bar), workers):
                    bar.clear()
                    self._keep(store, settings, task, outcome)
                    bar.step()
            finally:
                bar.clear()
        self._tell()
        return self._failed

    def _tasks(self, store: Store, settings: str, threads: int, bar: ProgressBar) -> Iterator[FilmTask]:
        """The films that are to be done."""
        for source in self.films:
            name = None if self.again else store.done_before(source, settings)
            if name is not None:
                self._before += 1
                bar.step()
                continue
            name = store.name(source, stem_of(source.path))
            self._names[source.path] = (source, name)
            if self._would_be_replaced(source.path, name):
                text = f"{source.path}: its results would replace the film itself; choose another output folder"
                self._fail(store, settings, source.path, FilmOutcome(str(FilmError(text))))
                bar.step()
                continue
            yield FilmTask(source.path, self.settings, threads)

    def _keep(self, store: Store, settings: str, task: FilmTask, outcome: FilmOutcome) -> None:
        """Write the results of a film, then its row: a film without a row is done again by the next run."""
        if outcome.reason or outcome.files is None:
            self._fail(store, settings, task.path, outcome)
            return
        source, name = self._names[task.path]
        try:
            write_files({self.output / f"{name}{ending}": content for ending, content in outcome.files.items()})
        except ResultError as error:
            self._fail(store, settings, task.path, FilmOutcome(str(error), outcome.fingerprint))
            return
        del self._names[task.path]
        store.put(Entry(source, name, outcome.fingerprint, settings, outcome.row or {}))
        if len(self.films) == 1:
            print(_text(self.output / f"{name}.png", json.loads(outcome.files[".json"])))

    def _fail(self, store: Store, settings: str, path: Path, outcome: FilmOutcome) -> None:
        print(f"spine-alignment: {outcome.reason}", file=sys.stderr)
        self._failed += 1
        source, name = self._names.pop(path)
        # the row names the file already, and its folders may be named after people
        reason = outcome.reason.removeprefix(f"{path}: ")
        store.put(Entry(source, name, outcome.fingerprint, settings, outcome.row or {}, reason))

    def _would_be_replaced(self, path: Path, name: str) -> bool:
        places = [self.output / f"{name}{ending}" for ending in ENDINGS]
        return path in places or (path.exists() and any(p.exists() and p.samefile(path) for p in places))

    def _tell(self) -> None:
        done = len(self.films) - self._failed
        before = f" ({self._before} of them before; --again does them again)" if self._before else ""
        if done and (before or len(self.films) > 1):
            print(f"{done} of {len(self.films)} films done{before}; table: {self.output / TABLE}")


def _text(picture: Path, content: Any) -> str:
    found = from_json(content)
    return f"{found.film}\n{parameter_table(found)}\n  picture: {picture}"
