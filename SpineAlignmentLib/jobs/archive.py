"""A folder of films, on every processor core: results of each, one table of all, and a second run goes on.

A film that fails is reported in one line and does not stop the others; results of a film appear whole or not at all.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.film.paths import stem_of
from SpineAlignmentLib.jobs.film_task import ENDINGS, FURTHER_ENDINGS, FilmOutcome, FilmSettings, FilmTask
from SpineAlignmentLib.jobs.progress import Progress
from SpineAlignmentLib.jobs.workers import MAX_WORKERS, Worker, cores, outcomes
from SpineAlignmentLib.results.files import readable, write_files
from SpineAlignmentLib.results.parquet import PARQUET, check_parquet, parquet_bytes
from SpineAlignmentLib.results.store import COHORT, TABLE, Entry, Source, Store


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
    started: Sequence[Worker] = ()
    """Those that are started already; they are stopped with the others."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers do the films instead."""
    send_films: bool = False
    """Whether films travel to the workers of a scheduler, which else read them at the same path."""
    style: str = "bar"
    """Of `Progress`."""
    log: Path | None = None
    problems: Sequence[str] = ()
    """What was named and is no film, such as a zip file that is locked: a line each, for log and progress."""
    parquet: bool = False
    """Whether `results.parquet` is written as well, at the end; one that is there is written anew in any case."""

    def run(self) -> int:
        """Detect every film and write `<stem>.json`, `.mrk.json`, `.png` and `results.csv`.

        Returns:
            The number of films that failed.

        Raises:
            ResultError: the output folder cannot be written, or another process is at work there.
            ModelError: the models or the engine are not right.
        """
        settings = self.settings.hash()
        # one of an earlier run would go on saying what the table does not say any more, of patients too
        parquet = self.parquet or (self.output / PARQUET).exists()
        if parquet:
            check_parquet()
        with Store(self.output, self.settings.key or b"") as store:
            run = _Run(self, store, settings, Progress(len(self.films), self.style, self.log))
            run.films()
            if parquet:
                write_files({self.output / PARQUET: parquet_bytes(store.columns(), store.rows())})
            if len(keys := {row["key"] for row in store.rows() if row.get("key")}) > 1:
                run.progress.say(
                    f"{self.output / TABLE}: pseudonyms under {len(keys)} keys (column key): the same patient has "
                    "another under each; detect all of them again under one"
                )
            if (self.output / COHORT).exists():
                run.progress.say(f"{self.output / COHORT} is of an earlier table; spine-alignment cohort makes it anew")
        return run.progress.failed


@dataclass
class _Run:
    archive: Archive
    store: Store
    settings: str
    progress: Progress
    names: dict[Path, tuple[Source, str]] = field(default_factory=dict)
    """Films in hand, and what their results are called."""

    def films(self) -> None:
        films = len(self.archive.films)
        how = "interrupted"
        self.progress.start()
        for problem in self.archive.problems:
            self.progress.problem(problem)
        try:
            # closed at once, whatever happens, and the workers with it
            with closing(self.outcomes()) as found:
                for task, outcome in found:
                    self.keep(task, outcome)
            how = "end"
        finally:
            self.progress.end(how)
        before = self.progress.before
        if (done := self.progress.done + before) and (before or films > 1):
            known = f" ({before} of them before; --again does them again)" if before else ""
            self.progress.say(f"{done} of {films} films done{known}; table: {self.archive.output / TABLE}")

    def outcomes(self) -> Generator[tuple[FilmTask, FilmOutcome], None, None]:
        """The films that are to be done, wherever that is, and what became of each."""
        archive = self.archive
        if archive.scheduler is not None:
            from SpineAlignmentLib.jobs.cluster import cluster_outcomes

            return cluster_outcomes(self.tasks(1), archive.scheduler, archive.send_films)
        workers = max(1, min(archive.workers or min(cores(), MAX_WORKERS), len(archive.films)))
        return outcomes(self.tasks(max(1, cores() // workers)), workers, archive.started)

    def tasks(self, threads: int) -> Iterator[FilmTask]:
        """The films that are to be done."""
        for source in self.archive.films:
            known = None if self.archive.again else self.store.done_before(source, self.settings)
            if known is not None:
                self.progress.film_before(source.file, known)
                continue
            name = self.store.name(source, stem_of(source.path))
            if self.would_be_replaced(source.path, name):
                self.fail(source, name, "its results would replace the film itself; choose another output folder")
                continue
            # a worker elsewhere works in another folder
            path = source.path if self.archive.scheduler is None else source.path.absolute()
            self.names[path] = (source, name)
            yield FilmTask(path, self.archive.settings, threads, self.settings)

    def keep(self, task: FilmTask, outcome: FilmOutcome) -> None:
        """Write the results of a film, then its row: a film without a row is done again by the next run."""
        source, name = self.names.pop(task.path)
        if outcome.reason:
            reason = outcome.reason.removeprefix(" ".join(f"{task.path}: ".split())).strip()
            # a detector knows a film by its name alone
            self.fail(source, name, reason.removeprefix(f"{readable(task.path.name)}: "), outcome)
            return
        try:
            name, kept = self.store.write(source, name, stem_of(source.path), outcome.files)
        except ResultError as error:
            self.fail(source, name, str(error), FilmOutcome(fingerprint=outcome.fingerprint))
            return
        self.put(source, name, outcome)
        if kept:
            self.progress.kept(kept)
        if outcome.missing:
            message = f"{source.shown}: {outcome.missing}; its other results are written"
            self.progress.film_partly(source.file, name, message, outcome.missing)
        else:
            self.progress.film_done(source.file, name)
        if len(self.archive.films) == 1:
            picture = f"\n  picture: {self.archive.output / name}.png" if ".png" in outcome.files else ""
            self.progress.say(f"{outcome.text}{picture}")

    def fail(self, source: Source, name: str, reason: str, outcome: FilmOutcome | None = None) -> None:
        # the row names the file already, and its folders may be named after people
        self.progress.film_failed(source.file, f"{source.shown}: {reason}", reason)
        self.put(source, name, outcome or FilmOutcome(), reason)

    def put(self, source: Source, name: str, outcome: FilmOutcome, reason: str = "") -> None:
        known = (outcome.row, reason, outcome.patient, outcome.day, outcome.missing)
        self.store.put(Entry(source, name, outcome.fingerprint, self.settings, *known))

    def would_be_replaced(self, path: Path, name: str) -> bool:
        places = [self.archive.output / f"{name}{ending}" for ending in (*ENDINGS, *FURTHER_ENDINGS)]
        return path in places or (path.exists() and any(p.exists() and p.samefile(path) for p in places))
