"""The films to look at first: what is far from everyone else, what no spine does, what the networks were unsure of."""

from typing import Final

import pandas as pd

from SpineAlignmentLib.measurement.parameters import PARAMETERS
from SpineAlignmentLib.results.table import label

MANY: Final[int] = 50
FAR_SDS: Final[float] = 3.0
"""Values further than this from the population's mean are outliers."""
PI_CHANGE_DEG: Final[float] = 10.0
"""Pelvic incidence is the pelvis's own shape and stays in an adult: a larger change is one of landmarks."""
UNSURE: Final[float] = 0.5


def outliers(table: pd.DataFrame, differences: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Films with what is odd about each, the oddest first: columns file, result, patient, day, why, weight."""
    done = table[table["status"] == "done"]
    why: dict[str, list[tuple[float, str]]] = {}
    for p in PARAMETERS:
        deviation = (done[label(p)] - p.mean) / p.sd
        for file, value, sds in zip(done["file"], done[label(p)], deviation, strict=True):
            if abs(sds) > FAR_SDS:
                side = "above" if sds > 0 else "below"
                text = f"{p.key} {value:.0f} {p.unit}".strip() + f", {abs(sds):.1f} SD {side} the mean"
                why.setdefault(file, []).append((abs(sds), text))
    for file, sure in zip(done["file"], done["lowest_confidence"], strict=True):
        if sure < UNSURE:
            why.setdefault(file, []).append((FAR_SDS * (1 + UNSURE - sure), f"lowest confidence {sure:.2f}"))
    changed = differences[(differences["parameter"] == "PI") & (differences["difference"].abs() > PI_CHANGE_DEG)]
    files = visits.set_index(["patient", "day"])["file"]
    for row in changed.drop_duplicates(["patient", "from_day", "to_day"]).itertuples():
        text = f"PI differs by {row.difference:+.0f} deg from that of day {row.from_day}"
        file = files[row.patient, row.to_day]
        why.setdefault(file, []).append((FAR_SDS * abs(row.difference) / PI_CHANGE_DEG, text))
    by_file = done.drop_duplicates("file").set_index("file")
    rows = [
        {
            "file": file,
            "result": by_file.loc[file, "result"],
            "patient": by_file.loc[file, "patient"],
            "day": by_file.loc[file, "day"],
            "why": "; ".join(text for _, text in sorted(reasons, reverse=True)),
            "weight": round(sum(weight for weight, _ in reasons), 2),
        }
        for file, reasons in why.items()
    ]
    found = pd.DataFrame(rows, columns=["file", "result", "patient", "day", "why", "weight"])
    return found.sort_values(["weight", "file"], ascending=[False, True]).reset_index(drop=True)
