"""Many films through the detection process: a result file for each and one table of all, while nothing waits."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from SpineAlignmentLib import results
from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.paths import stem_of
from SpineAlignmentLib.jobs.detection_job import DetectionQueue, FilmRequest
from SpineAlignmentLib.jobs.film_task import FilmSettings
from SpineAlignmentLib.results.files import fingerprint_of
from SpineAlignmentLib.results.store import Entry, Source, Store
from SpineAlignmentLib.results.table import film_row


@dataclass
class Batch:
    """Film files on their way through a detection queue.

    `on_progress` is called after each film with the number done and the number of all; `on_done` once at the end.
    Result files and the store's rows are written as the films are done, so a cancelled batch keeps what it has, and
    films that an earlier batch has done, unchanged, are not done again.
    """

    queue: DetectionQueue
    files: Sequence[Path]
    output: Path
    on_progress: Callable[[int, int], None] | None = None
    on_done: Callable[[], None] | None = None
    engine: str = "auto"
    models: Path | None = None
    done: list[results.Annotation] = field(default_factory=list)
    failures: dict[Path, str] = field(default_factory=dict)
    kept: dict[Path, str] = field(default_factory=dict)
    """Films whose results went beside files that a person had corrected: a line each."""
    _cancelled: bool = False
    _store: Store | None = None
    _settings: str = ""

    @property
    def finished(self) -> bool:
        """Whether every film is done or has failed, or the batch was cancelled."""
        return self._cancelled or len(self.done) + len(self.failures) >= len(self.files)

    def start(self) -> None:
        """Put the first film into the queue.

        Raises:
            ResultError: the output folder cannot be written, or another process is at work there.
            ModelError: the models or the engine are not right.
        """
        self._settings = FilmSettings(models=self.models, engine=self.engine).hash()
        self._store = Store(self.output).opened()
        self._next(0)

    def cancel(self) -> None:
        """Stop; the films that are done stay done."""
        self.queue.cancel()
        self._dropped()

    def _next(self, index: int) -> None:
        """Submit the film of this index, or the first after it that is not done already."""
        store = self._store
        while store is not None and not self._cancelled and index < len(self.files):
            source = Source(self.files[index], self.files[index].name)
            known = self._known(store, source)
            if known is None:
                self._submit(store, source, index)
                return
            self.done.append(known)
            index += 1
            if self.on_progress is not None:
                self.on_progress(index, len(self.files))
        self._close()
        if self.on_done is not None:
            self.on_done()

    def _known(self, store: Store, source: Source) -> results.Annotation | None:
        name = store.done_before(source, self._settings)
        try:
            return None if name is None else results.read_annotation(self.output / f"{name}.json")
        except SpineAlignmentError:
            return None

    def _submit(self, store: Store, source: Source, index: int) -> None:
        stem = stem_of(source.path)
        name = store.name(source, stem)

        def keep(annotation: results.Annotation) -> None:
            row = film_row(results.to_json(annotation))
            try:
                written, kept = store.write(source, name, stem, {".json": results.json_bytes(annotation)})
                store.put(Entry(source, written, _fingerprint(source.path), self._settings, row))
            except SpineAlignmentError as error:
                fail(str(error))
                return
            self.done.append(annotation)
            if kept:
                self.kept[source.path] = kept
            advance()

        def fail(text: str) -> None:
            self.failures[source.path] = text
            reason = text.removeprefix(f"{source.path}: ")
            with suppress(SpineAlignmentError):
                store.put(Entry(source, name, _fingerprint(source.path), self._settings, {}, reason))
            advance()

        def advance() -> None:
            if self.on_progress is not None:
                self.on_progress(index + 1, len(self.files))
            self._next(index + 1)

        request = FilmRequest(name=source.path.name, path=source.path, engine=self.engine, models=self.models)
        self.queue.submit(request, keep, fail, on_dropped=self._dropped)

    def _dropped(self) -> None:
        """The queue was cancelled, by this batch or by somebody else: the folder is free again."""
        self._cancelled = True
        self._close()

    def _close(self) -> None:
        if self._store is None:
            return
        store, self._store = self._store, None
        try:
            store.close()
        except SpineAlignmentError as error:
            self.failures[self.output] = str(error)


def _fingerprint(path: Path) -> str:
    try:
        return fingerprint_of(path)
    except OSError:
        return ""
