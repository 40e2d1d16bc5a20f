"""Agreement on the 18 parameters: Table 1, Bland-Altman limits and ICC(2,1) of every pair of raters (Yeh 2021)."""

from itertools import combinations

import numpy as np
import pandas as pd

from SpineAlignmentLib.measurement.parameters import PARAMETERS
from Training.evaluation import statistics
from Training.evaluation.study import MODEL, TRUTH, Study


def parameter_table(study: Study) -> pd.DataFrame:
    """Table 1: a row for each parameter; what is not computable is NaN."""
    truth, model = study.parameters(TRUTH), study.parameters(MODEL)
    rows = []
    for parameter in PARAMETERS:
        t, m = statistics.paired(truth[parameter.key], model[parameter.key])
        of_truth, of_error = statistics.summarize(t), statistics.summarize(np.abs(m - t))
        r, p = statistics.pearson(t, m)
        limits = statistics.limits_of_agreement(t, m)
        rows.append(
            {
                "parameter": parameter.key,
                "unit": parameter.unit,
                "count": of_truth.count,
                "truth_mean": of_truth.mean,
                "truth_sd": of_truth.sd,
                "error_mean": of_error.mean,
                "error_sd": of_error.sd,
                "error_median": of_error.median,
                "error_iqr": of_error.iqr,
                "pearson_r": r,
                "pearson_p": p,
                "wilcoxon_p": statistics.wilcoxon(t, m),
                "bias": limits.bias,
                "limit_lower": limits.lower,
                "limit_upper": limits.upper,
            }
        )
    return pd.DataFrame(rows)


def icc_table(study: Study) -> pd.DataFrame:
    """ICC(2,1) of every pair of raters (columns) for each parameter (rows), over the films both measured."""
    values = {rater: study.parameters(rater) for rater in study.marks}
    pairs = list(combinations(study.marks, 2))
    table = {
        f"{a} / {b}": [
            statistics.intraclass_correlation(np.stack([values[a][p.key], values[b][p.key]], axis=1))
            for p in PARAMETERS
        ]
        for a, b in pairs
    }
    return pd.DataFrame(table, index=[p.key for p in PARAMETERS]).rename_axis("parameter")
