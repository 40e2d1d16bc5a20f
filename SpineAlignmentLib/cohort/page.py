"""The page of a cohort: one self-contained HTML file."""

import base64
import io
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape
from matplotlib.figure import Figure

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.clinical.norms import PATIENTS, norm
from SpineAlignmentLib.cohort import figures
from SpineAlignmentLib.cohort.outliers import FAR_SDS, MANY
from SpineAlignmentLib.measurement.parameters import PARAMETERS
from SpineAlignmentLib.results.comparison import signed_text


def page(table: pd.DataFrame, visits: pd.DataFrame, differences: pd.DataFrame, outliers: pd.DataFrame) -> str:
    """The HTML page."""
    loader = PackageLoader("SpineAlignmentLib.cohort", "templates")
    environment = Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
    done = table["status"] == "done"
    repeated = visits.groupby("patient").size() > 1
    images = {"distributions": _picture(figures.distributions(table))}
    if repeated.any():
        images["trends"] = _picture(figures.trends(visits))
    return environment.get_template("cohort.html").render(
        counts={
            "done": int(done.sum()),
            "failed": int((~done).sum()),
            "patients": visits["patient"].nunique(),
            "visits": len(visits),
            "repeated": int(repeated.sum()),
        },
        notes=_notes(table, done, differences),
        outliers=[_shown(row) for row in outliers.head(MANY).to_dict("records")],
        more=len(outliers) if len(outliers) > MANY else 0,
        far=f"{FAR_SDS:g}",
        of_patients=_of_patients(),
        images=images,
        changes=changes(differences),
        failures=_failures(table[~done]),
        software=SOFTWARE,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _of_patients() -> str:
    """The parameters whose band is that of patients, where no healthy adults' values were found."""
    known = ((p.key, norm(p.key)) for p in PARAMETERS)
    *keys, last = [key for key, usual in known if usual is not None and usual.cohort == PATIENTS]
    return f"{', '.join(keys)} and {last}"


def _notes(table: pd.DataFrame, done: Any, differences: pd.DataFrame) -> list[str]:
    notes = []
    lost = int((done & (table["patient"].isna() | table["day"].isna())).sum())
    if lost:
        which = "1 film is in no visit, since its" if lost == 1 else f"{lost} films are in no visit, since their"
        notes.append(f"{which} patient or date is unknown; detect with --pseudonym-key where tags tell them.")
    if len(differences) and differences["interval"].isna().all():
        notes.append("No intervals are known, so no difference is marked as larger than them.")
    return notes


def _shown(row: dict[Any, Any]) -> dict[Any, Any]:
    shown = {key: "" if pd.isna(value) else value for key, value in row.items()}
    return shown | {"day": int(shown["day"]) if shown["day"] != "" else ""}


def changes(differences: pd.DataFrame) -> list[dict[str, Any]]:
    """The page's table of differences, a row each parameter and kind of pair, in words."""
    rows = []
    for p in PARAMETERS:
        for kind, part in differences[differences["parameter"] == p.key].groupby("kind"):
            values = part["difference"].dropna()
            if not len(values):
                continue
            low, middle, high = values.quantile([0.25, 0.5, 0.75])
            marked = part["marked"].dropna()
            rows.append(
                {
                    "parameter": p.key,
                    "kind": kind,
                    "number": len(values),
                    "median": signed_text(p.key, middle),
                    "quartiles": f"{signed_text(p.key, low)} to {signed_text(p.key, high)}",
                    "marked": f"{int(marked.sum())} of {len(marked)}" if len(marked) else "",
                }
            )
    return rows


def _failures(failed: pd.DataFrame) -> list[dict[str, Any]]:
    counted = failed["reason"].fillna("").value_counts().head(MANY)
    return [{"reason": reason, "films": int(films)} for reason, films in counted.items()]


def _picture(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=90)
    return base64.b64encode(stream.getvalue()).decode()
