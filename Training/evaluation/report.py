"""The report: one self-contained HTML file, the figures as PNG and SVG, the numbers as CSV."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape
from matplotlib.figure import Figure

from SpineAlignmentLib.measurement.landmarks import NAMES
from SpineAlignmentLib.results.files import make_folder, write_files
from Training.evaluation import figures, localization
from Training.evaluation.agreement import icc_table, parameter_table
from Training.evaluation.examples import examples_figure
from Training.evaluation.intervals import interval_table
from Training.evaluation.learning_speed import learning_speed_table
from Training.evaluation.reliability import judged, platt, reliability_table
from Training.evaluation.study import Study

NOT_COMPUTABLE = "not computable"


@dataclass
class Report:
    """Everything a report says."""

    title: str
    subject: str
    """What the films are, in a sentence: simulated or real, and whose."""
    headline: dict[str, float]
    notes: list[str]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    pictures: dict[str, Figure] = field(default_factory=dict)


def build_report(study: Study, title: str, subject: str, spread: pd.DataFrame | None = None) -> Report:
    """All tables and figures of a study.

    Args:
        study: films and marks.
        title: of the report.
        subject: what the films are; shown under the title.
        spread: what `learning_speed.read_training_log` read, where there is a log.
    """
    report = Report(title, subject, localization.headline(study), list(study.notes))
    report.tables["localization"] = localization.localization_table(study)
    report.tables["wrong_level"] = localization.level_table(study)
    report.tables["parameters"] = parameter_table(study)
    report.tables["films"] = film_table(study)
    report.tables["measurements"] = measurement_table(study)
    report.tables["reliability"] = reliability_table(study)
    report.tables["intervals"] = interval_table(study)
    report.pictures["localization"] = figures.localization(study)
    if len(report.tables["reliability"]):
        report.pictures["reliability"] = figures.reliability(report.tables["reliability"], platt(*judged(study)))
    report.pictures["scatter"] = figures.scatter(study)
    report.pictures["bland_altman"] = figures.bland_altman(study)
    examples = examples_figure(study)
    if examples is not None:
        report.pictures["examples"] = examples
    report.tables["icc"] = icc_table(study).reset_index()
    if len(study.marks) > 2:
        report.pictures["icc"] = figures.agreement_heatmap(report.tables["icc"].set_index("parameter"))
    if spread is not None and len(spread):
        report.tables["learning_speed"] = learning_speed_table(spread)
        report.tables["spread"] = spread
        report.pictures["learning_speed"] = figures.learning_speed(spread, report.tables["learning_speed"])
    return report


def film_table(study: Study) -> pd.DataFrame:
    """One row a film: its mean and largest error, and that of each landmark, in mm."""
    errors = study.errors_mm()
    known = np.isfinite(errors)
    total = np.where(known, errors, 0).sum(1)
    columns: dict[str, Any] = {
        "film": [f.name for f in study.films],
        "landmarks": known.sum(1),
        "mean_error_mm": np.where(known.any(1), total / np.maximum(known.sum(1), 1), np.nan),
        "largest_error_mm": np.where(known.any(1), np.where(known, errors, -np.inf).max(1), np.nan),
    }
    columns |= {f"{name}_mm": errors[:, i] for i, name in enumerate(NAMES)}
    return pd.DataFrame(columns)


def measurement_table(study: Study) -> pd.DataFrame:
    """One row a film and rater: the 18 parameters of that rater's landmarks."""
    names = [f.name for f in study.films]
    parts = [pd.DataFrame({"film": names, "rater": rater, **study.parameters(rater)}) for rater in study.marks]
    return pd.concat(parts, ignore_index=True)


def write_report(report: Report, output: Path) -> Path:
    """Write `report.html`, `figures/*.png`, `figures/*.svg` and `tables/*.csv`; all files or none.

    Returns:
        The place of the HTML file.

    Raises:
        ResultError: the folder cannot be written.
    """
    for folder in (output, output / "figures", output / "tables"):
        make_folder(folder)
    files: dict[Path, bytes] = {}
    images: dict[str, str] = {}
    for name, figure in report.pictures.items():
        png = _picture(figure, "png")
        images[name] = base64.b64encode(png).decode()
        files[output / "figures" / f"{name}.png"] = png
        files[output / "figures" / f"{name}.svg"] = _picture(figure, "svg")
    for name, table in report.tables.items():
        files[output / "tables" / f"{name}.csv"] = table.to_csv(index=False).encode()
    headline = pd.DataFrame({"figure": list(report.headline), "value": list(report.headline.values())})
    files[output / "tables" / "headline.csv"] = headline.to_csv(index=False).encode()
    page = output / "report.html"
    files[page] = render(report, images).encode()
    write_files(files)
    return page


def _picture(figure: Figure, kind: str) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, dpi=110)
    return stream.getvalue()


def render(report: Report, images: dict[str, str]) -> str:
    """The HTML page; `images` are base64 PNGs by figure name."""
    loader = PackageLoader("Training.evaluation", "templates")
    environment = Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(_FILTERS)
    page = environment.get_template("report.html")
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    tables = {name: table.to_dict("records") for name, table in report.tables.items()}
    return page.render(report=report, tables=tables, images=images, made=made)


def number(value: Any, digits: int = 1) -> str:
    """A number for a table, "not computable" where there is none."""
    # adding zero turns the -0.0 that rounding leaves into 0.0
    return f"{round(float(value), digits) + 0.0:.{digits}f}" if np.isfinite(value) else NOT_COMPUTABLE


def percent(value: Any) -> str:
    """A share in percent."""
    return f"{100 * value:.1f} %" if np.isfinite(value) else NOT_COMPUTABLE


def probability(value: Any) -> str:
    """A p value as papers print it."""
    if not np.isfinite(value):
        return NOT_COMPUTABLE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


_FILTERS: dict[str, Callable[..., str]] = {"number": number, "percent": percent, "probability": probability}
