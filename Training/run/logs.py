"""Figures of a run: CSV files that a resumed training continues, TensorBoard events, one line a validation."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.files import write_files


class CsvLog:
    """A CSV file with one row a step, started with the rows up to a given step when it exists already.

    Rows are on disk as soon as they are known, so that a training that is killed loses none of those before.
    """

    def __init__(self, path: Path, first_step: int) -> None:
        self.path = path
        rows: list[dict[str, str]] = []
        if path.exists() and first_step > 0:
            with path.open(newline="", encoding="utf-8") as file:
                # a disk that was full, or a power cut, may have left a row in part
                read = [row for row in csv.DictReader(file) if (row.get("step") or "").isdecimal()]
                rows = [row for row in read if int(row["step"]) <= first_step]
        self.writer: csv.DictWriter[str] | None = None
        kept = io.StringIO(newline="")
        self.file: TextIO = kept
        for row in rows:
            self._write(row)
        write_files({path: kept.getvalue().encode()})
        self.file = path.open("a", newline="", encoding="utf-8")
        if rows:
            self.writer = csv.DictWriter(self.file, list(rows[0]), extrasaction="ignore")

    def write(self, step: int, figures: dict[str, float]) -> None:
        """Adds a row."""
        self._write({"step": str(step), **{name: f"{value:.6g}" for name, value in figures.items()}})
        self.file.flush()

    def _write(self, row: dict[str, str]) -> None:
        if self.writer is None:
            self.writer = csv.DictWriter(self.file, list(row), extrasaction="ignore")
            self.writer.writeheader()
        self.writer.writerow(row)

    def close(self) -> None:
        """Closes the file."""
        self.file.close()


class RunLog:
    """The logs of one run folder; only the first rank has one."""

    def __init__(self, folder: Path, first_step: int) -> None:
        """Opens them.

        Raises:
            ResultError: they cannot be written, as everywhere in this class.
        """
        self.folder = folder
        with _told(folder):
            self.training_csv = CsvLog(folder / "training.csv", first_step)
            self.validation_csv = CsvLog(folder / "validation.csv", first_step)
            self.events = _event_writer(folder / "events")

    def training(self, step: int, figures: dict[str, float]) -> None:
        """Figures of the last steps."""
        with _told(self.folder):
            self.training_csv.write(step, figures)
            self._event("training", step, figures)

    def validation(self, step: int, figures: dict[str, float]) -> None:
        """Figures of one validation, also shown as one line."""
        with _told(self.folder):
            self.validation_csv.write(step, figures)
            self._event("validation", step, figures)
        line = io.StringIO()
        line.write(f"step {step}:")
        for name, value in figures.items():
            line.write(f" {name} {value:.3g}")
        tqdm.write(line.getvalue())

    def _event(self, group: str, step: int, figures: dict[str, float]) -> None:
        if self.events is None:
            return
        import tensorflow as tf

        with self.events.as_default():
            for name, value in figures.items():
                tf.summary.scalar(f"{group}/{name}", value, step=step)

    def close(self) -> None:
        """Closes all files."""
        with _told(self.folder):
            self.training_csv.close()
            self.validation_csv.close()
            if self.events is not None:
                self.events.close()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turns what a full disk raises, from Python or from TensorFlow's events, into one line.

    Raises:
        ResultError: the folder cannot be written to.
    """
    try:
        yield
    except OSError as error:
        raise ResultError(f"{folder}: cannot write there: {error.strerror or error}") from error
    except Exception as error:
        # importing TensorFlow for the name alone would take seconds where it is absent otherwise
        if type(error).__module__ != "tensorflow.python.framework.errors_impl":
            raise
        raise ResultError(f"{folder}: cannot write events there; is the disk full?") from error


def _event_writer(folder: Path) -> Any:
    """TensorBoard's writer, or None where there is no TensorFlow (another backend of Keras trains there)."""
    try:
        import tensorflow as tf
    except ImportError:
        return None
    return tf.summary.create_file_writer(str(folder))
