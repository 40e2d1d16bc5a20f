"""The command `spine-alignment`: `detect` landmarks, `measure` given ones, `report` on results, `view` in the browser.

Beside these, for archives: `cohort`, `make-key` and `node`. Exit status: 0 when all is done, 1 when some failed, 2 for
wrong usage or when there is nothing to do, 130 when it was interrupted.
"""

import argparse
import io
import math
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from SpineAlignmentLib import SOFTWARE, node_options
from SpineAlignmentLib.errors import SpineAlignmentError, UsageError
from SpineAlignmentLib.option_values import count, named, port

if TYPE_CHECKING:
    from SpineAlignmentLib.clinical.patient import Patient
    from SpineAlignmentLib.jobs.film_task import FurtherFiles
    from SpineAlignmentLib.jobs.workers import Worker
    from SpineAlignmentLib.results.annotation import Annotation

DONE, SOME_FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # names of files may hold what a terminal or a code page cannot show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    _end_as_if_interrupted()
    try:
        status: int = options.run(options)
    except SpineAlignmentError as error:
        print(f"spine-alignment: {error}", file=sys.stderr)
        return WRONG_USAGE if isinstance(error, UsageError) else SOME_FAILED
    except KeyboardInterrupt:
        print("spine-alignment: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # the reader of our output went away, as `| head` does; the files are written
        sys.stderr.close()
        return DONE
    return status


def _end_as_if_interrupted() -> None:
    """Let SIGTERM, as `kill`, `timeout` and schedulers of clusters send it, and SIGHUP end a command as Ctrl+C does."""
    if threading.current_thread() is threading.main_thread():
        for ending in (one for one in signal.Signals if one.name in ("SIGTERM", "SIGHUP")):
            # not where `nohup` made the command deaf to it
            if signal.getsignal(ending) is signal.SIG_DFL:
                signal.signal(ending, signal.default_int_handler)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="spine-alignment", description="Landmarks and spinopelvic parameters of whole-spine lateral radiographs."
    )
    parser.add_argument("--version", action="version", version=SOFTWARE)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    detect = commands.add_parser("detect", help="find the 45 landmarks of films and measure them")
    detect.add_argument("inputs", nargs="+", type=named, metavar="FILE_OR_FOLDER")
    detect.add_argument("-o", "--output", required=True, type=named, metavar="OUT", help="folder for the results")
    _add_facts(detect)
    detect.add_argument("--engine", choices=("auto", "onnx", "tensorflow"), default="auto")
    detect.add_argument(
        "--models", type=named, metavar="DIR", help="folder with ensemble.json; the shipped one if absent"
    )
    detect.add_argument("--force", action="store_true", help="also films of another view, or without a spine")
    _add_run(detect)
    _add_patient(detect)
    detect.add_argument(
        "--use-patient-tags", action="store_true", help="take age and sex from each film's DICOM tags into its results"
    )
    detect.add_argument("--dicom", action="store_true", help="results of each film as DICOM too")
    detect.add_argument("--capture", action="store_true", help="the picture of each film as a DICOM image too")
    detect.add_argument("--report", action="store_true", help="the report of each film as PDF too")
    detect.set_defaults(run=_detect)
    cohort = commands.add_parser("cohort", help="visits, differences and a page of a folder of results")
    cohort.add_argument("output", type=named, metavar="OUT", help="where detect or measure wrote")
    cohort.add_argument("--surgery", type=named, metavar="FILE", help="CSV: patient and day of surgery, or file")
    cohort.set_defaults(run=_cohort)
    key = commands.add_parser("make-key", help="make a key for --pseudonym-key; keep it, it is the only way back")
    key.add_argument("file", type=named, metavar="FILE")
    key.set_defaults(run=_make_key)
    measure = commands.add_parser("measure", help="the 18 parameters of given landmarks")
    measure.add_argument(
        "inputs", nargs="+", type=named, metavar="LANDMARKS", help=".json, .mrk.json, .fcsv, .csv, .tsv, .sr.dcm"
    )
    measure.add_argument("-o", "--output", required=True, type=named, metavar="OUT", help="folder for the results")
    measure.add_argument(
        "--cobb",
        type=_levels,
        action="append",
        default=[],
        metavar="UPPER:LOWER",
        help="also the angle from the upper endplate of one level to the lower endplate of another, such as T4:T12, "
        "kyphosis +; may be given more than once",
    )
    _add_facts(measure)
    _add_patient(measure)
    measure.set_defaults(run=_measure)
    report = commands.add_parser("report", help="results of films as PDF or as a page for the browser")
    report.add_argument("inputs", nargs="+", type=named, metavar="RESULT.json")
    report.add_argument("-o", "--output", required=True, type=named, metavar="OUT.pdf", help="or OUT.html")
    report.add_argument("--films", type=named, metavar="DIR", help="where the films are, if not beside their results")
    report.add_argument("--paper", choices=("a4", "letter"), default="a4")
    report.add_argument("--compare", action="store_true", help="two visits side by side, the earlier first")
    _add_patient(report)
    report.set_defaults(run=_report)
    node = commands.add_parser("node", help="receive films from the archive, send results back to it")
    node_options.add_options(node)
    node.set_defaults(run=_node)
    view = commands.add_parser("view", help="look at films in the browser, detect and correct their landmarks")
    view.add_argument("films", nargs="*", type=named, metavar="FILM")
    view.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for other computers too")
    view.add_argument("--port", type=port, help="8080 if absent, or a free one when that is taken")
    view.add_argument(
        "--models", type=named, metavar="DIR", help="folder with ensemble.json; the shipped one if absent"
    )
    view.add_argument("--no-browser", action="store_true", help="do not open the default browser")
    view.set_defaults(run=_view)
    return parser


def _add_facts(command: argparse.ArgumentParser) -> None:
    """What the user may know better than a file."""
    command.add_argument(
        "--spacing", type=_spacing, metavar="MM", help="size of a pixel in mm, or X,Y; wins over what the file says"
    )
    command.add_argument(
        "--anterior", choices=("auto", "left", "right"), default="auto", help="the side the patient faces"
    )


def _add_run(command: argparse.ArgumentParser) -> None:
    """How a run over many films goes, and what it says."""
    command.add_argument("--again", action="store_true", help="also films that are done already, unchanged, in OUT")
    command.add_argument("--workers", type=count, metavar="N", help="processes; one a core, at most 8, if absent")
    command.add_argument("--scheduler", metavar="tcp://HOST:8786", help="of a Dask cluster that does the films instead")
    command.add_argument("--send-films", action="store_true", help="to a cluster that does not see them at their paths")
    command.add_argument("--pseudonym-key", type=named, metavar="FILE", help="tell patients apart without their names")
    command.add_argument("--identify", action="store_true", help="write who the patients are into the table")
    command.add_argument("--no-pictures", action="store_true", help="leave OUT/<film>.png out")
    command.add_argument("--parquet", action="store_true", help="write the table as results.parquet too")
    command.add_argument("--quiet", action="store_true", help="say nothing but what goes wrong")
    command.add_argument("--log", type=named, metavar="FILE", help="append a line for each film to this file")
    command.add_argument("--progress", choices=("bar", "json"), default="bar", help="json: for another program to read")


def _add_patient(command: argparse.ArgumentParser) -> None:
    command.add_argument("--age", type=_age, metavar="YEARS", help="of the patient, for readings and norms; one film")
    command.add_argument("--sex", choices=("F", "M", "O"), help="of the patient, to stand in the result; one film")


def _age(text: str) -> float:
    from SpineAlignmentLib.clinical.patient import checked_age

    try:
        return checked_age(float(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age in years such as 63") from None
    except SpineAlignmentError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _patient(options: argparse.Namespace) -> "Patient | None":
    """The patient that the user names."""
    from SpineAlignmentLib.clinical.patient import Patient

    return None if options.age is None and options.sex is None else Patient(options.age, options.sex)


def _check_one(options: argparse.Namespace, films: int) -> None:
    """Refuse one patient for several films."""
    if films > 1 and _patient(options) is not None:
        raise UsageError(f"--age and --sex are of one patient, not of {films} films; give one film")


def _spacing(text: str) -> float | tuple[float, float]:
    try:
        values = [float(v) for v in text.replace("x", ",").split(",")]
    except ValueError:
        values = []
    if len(values) not in (1, 2) or not all(math.isfinite(v) and v > 0 for v in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size in mm such as 0.179")
    return values[0] if len(values) == 1 else (values[0], values[1])


def _levels(text: str) -> tuple[str, str]:
    from SpineAlignmentLib.measurement.vertebrae import checked_levels

    upper, parted, lower = text.upper().partition(":")
    try:
        checked_levels(upper, lower)
        return upper, lower
    except ValueError as error:
        why = error if parted else "not two levels, such as T4:T12"
        raise argparse.ArgumentTypeError(f"{text!r}: {why}") from error


def _detect(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.jobs.workers import Worker

    started = [] if options.scheduler else [Worker()]  # it loads its libraries while this process loads its own
    try:
        return _detect_with(options, started)
    finally:
        for worker in started:
            worker.stop()


def _detect_with(options: argparse.Namespace, started: "Sequence[Worker]") -> int:
    from SpineAlignmentLib.film.found_films import found_films
    from SpineAlignmentLib.film.identity import read_key
    from SpineAlignmentLib.jobs.archive import Archive
    from SpineAlignmentLib.jobs.film_task import FilmSettings

    settings = FilmSettings(
        spacing=options.spacing,
        anterior=None if options.anterior == "auto" else options.anterior,
        models=options.models,
        engine=options.engine,
        key=None if options.pseudonym_key is None else read_key(options.pseudonym_key),
        identify=options.identify,
        pictures=not options.no_pictures,
        force=options.force,
        patient=_patient(options),
        patient_tags=options.use_patient_tags,
        further=_further_files(options),
    )
    if options.identify:
        print(f"--identify: names, IDs and dates of patients go into {options.output}", file=sys.stderr)
    style = "quiet" if options.quiet and options.progress != "json" else options.progress
    with found_films(options.inputs, options.output) as found:
        for problem in found.problems:
            print(f"spine-alignment: {problem}", file=sys.stderr)
        if not found.films:
            _print_all(found.notes)
            return WRONG_USAGE
        _check_one(options, len(found.films))
        archive = Archive(
            list(found.films.values()),
            options.output,
            settings,
            again=options.again,
            workers=options.workers,
            started=started,
            scheduler=options.scheduler,
            send_films=options.send_films,
            style=style,
            log=options.log,
            problems=found.problems,
            parquet=options.parquet,
        )
        failed = archive.run()
        if style == "bar":
            _print_all(found.notes)
        return SOME_FAILED if failed or found.problems else DONE


def _further_files(options: argparse.Namespace) -> "tuple[FurtherFiles, ...]":
    """What makes the files that are written when asked for only; complains before the first film."""
    wanted: list[FurtherFiles] = []
    if options.dicom or options.capture:
        from SpineAlignmentLib.dicom.results import dicom_capture, dicom_drawing, dicom_report, require_highdicom

        require_highdicom()
        wanted += [dicom_report, dicom_drawing] if options.dicom else []
        wanted += [dicom_capture] if options.capture else []
    if options.report:
        from SpineAlignmentLib.clinical.report.pdf import require_reportlab
        from SpineAlignmentLib.jobs.reporting import film_report

        require_reportlab()
        wanted.append(film_report)
    return tuple(wanted)


def _landmarks(path: Path) -> "Annotation":
    """Landmarks of a result file, of markups, or of a structured report."""
    from SpineAlignmentLib.dicom.sr_reading import may_be_report, read_structured_report
    from SpineAlignmentLib.results.markups import read_landmarks

    return read_structured_report(path) if may_be_report(path) else read_landmarks(path)


def _print_all(lines: Sequence[str]) -> None:
    for line in lines:
        print(line)


def _measure(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.jobs.measuring import measure

    anterior = None if options.anterior == "auto" else options.anterior
    _check_one(options, len(options.inputs))
    given = (options.spacing, anterior, options.cobb, _patient(options))
    failed = measure(options.inputs, options.output, *given, read=_landmarks)
    return SOME_FAILED if failed else DONE


def _cohort(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.cohort.command import cohort

    _print_all(cohort(options.output, options.surgery))
    return DONE


def _make_key(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.film.identity import make_key

    make_key(options.file)
    print(f"{options.file}: a new key; without it nobody can tell who a pseudonym stands for, so keep it safe")
    return DONE


def _report(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.jobs.reporting import write_report

    _check_one(options, len(options.inputs))
    write_report(options.inputs, options.output, options.films, options.paper, options.compare, _patient(options))
    print(f"report: {options.output}")
    return DONE


def _node(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.dicom.node import run_node

    run_node(node_options.settings(options))
    return DONE


def _view(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.viewer.command import view

    view(options.films, options.host, options.port, options.models, not options.no_browser)
    return DONE
