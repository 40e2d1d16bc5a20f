"""The command `spine-alignment`: `detect` landmarks, `measure` given ones, `report` on results, `view` in the browser.

Exit status: 0 when all is done, 1 when some failed, 2 for wrong usage or when there is nothing to do.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.errors import SpineAlignmentError

if TYPE_CHECKING:
    from SpineAlignmentLib.clinical.patient import Patient
    from SpineAlignmentLib.jobs.archive import FurtherFiles
    from SpineAlignmentLib.results.annotation import Annotation

DONE, SOME_FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except SpineAlignmentError as error:
        print(f"spine-alignment: {error}", file=sys.stderr)
        return SOME_FAILED
    except KeyboardInterrupt:
        print("spine-alignment: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # the reader of our output went away, as `| head` does; the files are written
        sys.stderr.close()
        return DONE
    return status


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
    detect.add_argument("inputs", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    detect.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder for the results")
    detect.add_argument(
        "--spacing", type=_spacing, metavar="MM", help="size of a pixel in mm, or X,Y; wins over what the file says"
    )
    detect.add_argument(
        "--anterior", choices=("auto", "left", "right"), default="auto", help="the side the patient faces"
    )
    detect.add_argument("--engine", choices=("auto", "onnx", "tensorflow"), default="auto")
    detect.add_argument(
        "--models", type=Path, metavar="DIR", help="folder with ensemble.json; the shipped one if absent"
    )
    _add_patient(detect)
    detect.add_argument(
        "--use-patient-tags", action="store_true", help="take age and sex from each film's DICOM tags into its results"
    )
    detect.add_argument(
        "--dicom", action="store_true", help="structured report and presentation state of each film too"
    )
    detect.add_argument("--report", action="store_true", help="the report of each film as PDF too")
    detect.set_defaults(run=_detect)
    measure = commands.add_parser("measure", help="the 18 parameters of given landmarks")
    measure.add_argument("inputs", nargs="+", type=Path, metavar="LANDMARKS", help=".json, .mrk.json or .sr.dcm")
    measure.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder for the results")
    _add_patient(measure)
    measure.set_defaults(run=_measure)
    report = commands.add_parser("report", help="results of films as PDF or as a page for the browser")
    report.add_argument("inputs", nargs="+", type=Path, metavar="RESULT.json")
    report.add_argument("-o", "--output", required=True, type=Path, metavar="OUT.pdf", help="or OUT.html")
    report.add_argument("--films", type=Path, metavar="DIR", help="where the films are, if not beside their results")
    report.add_argument("--paper", choices=("a4", "letter"), default="a4")
    report.add_argument("--compare", action="store_true", help="two visits side by side, the earlier first")
    report.set_defaults(run=_report)
    view = commands.add_parser("view", help="look at films in the browser, detect and correct their landmarks")
    view.add_argument("films", nargs="*", type=Path, metavar="FILM")
    view.add_argument("--host", default="127.0.0.1", help="address to listen on; others than loopback ask for a key")
    view.add_argument("--port", type=int, help="8080 if absent, or a free one when that is taken")
    view.add_argument("--models", type=Path, metavar="DIR", help="folder with ensemble.json; the shipped one if absent")
    view.add_argument("--no-browser", action="store_true", help="do not open the default browser")
    view.set_defaults(run=_view)
    return parser


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


def _patient(options: argparse.Namespace, films: int) -> "Patient | None":
    """The patient that the user names; only of one film, since nobody has two."""
    from SpineAlignmentLib.clinical.patient import Patient

    if options.age is None and options.sex is None:
        return None
    if films > 1:
        raise SpineAlignmentError(f"--age and --sex are of one patient, not of {films} films; give one film")
    return Patient(options.age, options.sex)


def _spacing(text: str) -> float | tuple[float, float]:
    try:
        values = [float(v) for v in text.replace("x", ",").split(",")]
    except ValueError:
        values = []
    if len(values) not in (1, 2) or not all(math.isfinite(v) and v > 0 for v in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size in mm such as 0.179")
    return values[0] if len(values) == 1 else (values[0], values[1])


def _detect(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.film.paths import film_files
    from SpineAlignmentLib.jobs.archive import Archive

    files: list[Path] = []
    for place in options.inputs:
        found = film_files(place, options.output) if place.is_dir() else [place]
        if not found:
            print(f"{place}: no films in this folder", file=sys.stderr)
        files += found
    files = list(dict.fromkeys(files))
    if not files:
        return WRONG_USAGE
    archive = Archive(
        files,
        options.output,
        spacing=options.spacing,
        anterior=None if options.anterior == "auto" else options.anterior,
        models=options.models,
        engine=options.engine,
        patient=_patient(options, len(files)),
        patient_tags=options.use_patient_tags,
        further=_further_files(options),
    )
    failed = archive.run()
    empty = any(place.is_dir() and not film_files(place, options.output) for place in options.inputs)
    return SOME_FAILED if failed or empty else DONE


def _further_files(options: argparse.Namespace) -> "list[FurtherFiles]":
    """What makes the files that are written when asked for only; complains before the first film."""
    wanted: list[FurtherFiles] = []
    if options.dicom:
        from SpineAlignmentLib.dicom.results import dicom_results, require_highdicom

        require_highdicom()
        wanted.append(lambda path, _, found: dicom_results(path, found))
    if options.report:
        from SpineAlignmentLib.clinical.report.pdf import require_reportlab
        from SpineAlignmentLib.jobs.reporting import report_bytes

        require_reportlab()
        wanted.append(lambda _, film, found: {".pdf": report_bytes([(found, film)], ".pdf")})
    return wanted


def _landmarks(path: Path) -> "Annotation":
    """Landmarks of a result file, of markups, or of a structured report."""
    from SpineAlignmentLib.dicom.sr_reading import read_structured_report
    from SpineAlignmentLib.results.markups import read_landmarks

    return read_structured_report(path) if path.suffix.lower() == ".dcm" else read_landmarks(path)


def _measure(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.clinical.result import with_readings
    from SpineAlignmentLib.clinical.text_table import parameter_table
    from SpineAlignmentLib.results.files import make_folder, write_files
    from SpineAlignmentLib.results.result_file import json_bytes

    patient = _patient(options, len(options.inputs))
    make_folder(options.output)
    failed = 0
    for path in options.inputs:
        stem = path.name.removesuffix(".json").removesuffix(".mrk").removesuffix(".dcm").removesuffix(".sr")
        try:
            annotation = with_readings(_landmarks(path), patient)
            write_files({options.output / f"{stem}.json": json_bytes(annotation)})
            print(f"{path}\n{parameter_table(annotation)}")
        except SpineAlignmentError as error:
            print(f"spine-alignment: {error}", file=sys.stderr)
            failed += 1
    return SOME_FAILED if failed else DONE


def _report(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.jobs.reporting import write_report

    write_report(options.inputs, options.output, options.films, options.paper, options.compare)
    print(f"report: {options.output}")
    return DONE


def _view(options: argparse.Namespace) -> int:
    from SpineAlignmentLib.viewer.command import view

    view(options.films, options.host, options.port, options.models, not options.no_browser)
    return DONE
