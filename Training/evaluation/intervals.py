"""How often the 90 % intervals that results give hold what the ground truth measures, and what is withheld."""

import numpy as np
import pandas as pd

from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS
from Training.evaluation.study import TRUTH, Study

ALL = "all"
"""The row of all parameters together."""


def interval_table(study: Study) -> pd.DataFrame:
    """One row a parameter, and one of all: on how many films it is given and withheld, how many intervals hold it.

    Films count where the ground truth has the parameter. `with_interval` of those given have an interval, `covered` is
    the share of these that holds the ground truth, `width` the median from the lower to the upper end.
    """
    values = study.parameters(TRUTH)
    truth = np.stack([values[key] for key in KEYS], axis=1)
    there = np.isfinite(truth)
    value, low, high = np.moveaxis(study.given, -1, 0)
    given, known = there & np.isfinite(value), there & np.isfinite(high - low)
    covered, width = known & (low <= truth) & (truth <= high), np.where(known, high - low, np.nan)
    rows = []
    for key, own in [*((key, np.array([k])) for k, key in enumerate(KEYS)), (ALL, np.arange(len(KEYS)))]:
        count = int(known[:, own].sum())
        rows.append(
            {
                "parameter": key,
                "unit": BY_KEY[key].unit if key in BY_KEY else "",
                "given": int(given[:, own].sum()),
                "withheld": int((there & ~given)[:, own].sum()),
                "with_interval": count,
                "covered": covered[:, own].sum() / count if count else np.nan,
                "width": np.nanmedian(width[:, own]) if count and key != ALL else np.nan,
            }
        )
    return pd.DataFrame(rows)
