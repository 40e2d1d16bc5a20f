"""Many films through the detection process: a result file for each and one table of all, while nothing waits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from SpineAlignmentLib import results
from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.paths import result_names
from SpineAlignmentLib.jobs.detection_job import DetectionQueue, FilmRequest
from SpineAlignmentLib.results.files import make_folder, write_files


@dataclass
class Batch:
    """Film files on their way through a detection queue.

    `on_progress` is called after each film with the number done and the number of all; `on_done` once at the end.
    Result files and `results.csv` are written as the films are done, so a cancelled batch keeps what it has.
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
    _cancelled: bool = False
    _names: list[str] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Whether every film is done or has failed, or the batch was cancelled."""
        return self._cancelled or len(self.done) + len(self.failures) >= len(self.files)

    def start(self) -> None:
        """Put the first film into the queue.

        Raises:
            ResultError: the output folder cannot be written.
        """
        make_folder(self.output)
        self._names = result_names(self.files)
        self._next(0)

    def cancel(self) -> None:
        """Stop; the films that are done stay done."""
        self._cancelled = True
        self.queue.cancel()

    def _next(self, index: int) -> None:
        if self._cancelled or index >= len(self.files):
            if self.on_done is not None:
                self.on_done()
            return
        path = self.files[index]

        def keep(annotation: results.Annotation) -> None:
            try:
                self.done.append(annotation)
                write_files(
                    {
                        self.output / f"{self._names[index]}.json": results.json_bytes(annotation),
                        self.output / "results.csv": results.csv_bytes(self.done),
                    }
                )
            except SpineAlignmentError as error:
                self.done.pop()
                self.failures[path] = str(error)
            advance()

        def fail(text: str) -> None:
            self.failures[path] = text
            advance()

        def advance() -> None:
            if self.on_progress is not None:
                self.on_progress(index + 1, len(self.files))
            self._next(index + 1)

        request = FilmRequest(name=path.name, path=path, engine=self.engine, models=self.models)
        self.queue.submit(request, keep, fail)
