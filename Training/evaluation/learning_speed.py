"""How fast each region is learned (Yeh 2021, Fig. 5): spread of stage-1 heatmaps as a power law of epoch or step.

The training log is the `validation.csv` of a run: a column "epoch" or "step" and one column "global_spread_<region>_px"
for each region of `landmarks.REGIONS`, see `network.metrics.spread_by_region`. Steps and epochs give the same gamma.
"""

from pathlib import Path
from typing import Final

import pandas as pd

from SpineAlignmentLib.measurement.landmarks import REGIONS
from Training.evaluation.statistics import fit_power_law

COLUMN: Final[str] = "global_spread_{}_px"


def read_training_log(path: Path) -> pd.DataFrame | None:
    """Spread by epoch and region: columns "epoch" or "step", "region", "spread"; None when the log does not carry it.

    Raises:
        ValueError: the file is not a training log.
    """
    try:
        log = pd.read_csv(path)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read as a training log ({error})") from error
    unit = next((name for name in ("epoch", "step") if name in log), None)
    if unit is None:
        raise ValueError(f'{path}: has no column "epoch" or "step"; expected the validation.csv of a training run')
    columns = {COLUMN.format(region): region for region in REGIONS if COLUMN.format(region) in log}
    if not columns:
        return None
    table = log[list(columns)].rename(columns=columns).assign(**{unit: log[unit] + int(log[unit].min() == 0)})
    long = table.melt(id_vars=unit, var_name="region", value_name="spread")
    return long[long["spread"] > 0]


def learning_speed_table(spread: pd.DataFrame) -> pd.DataFrame:
    """The power law of each region: gamma (larger is faster), its scale, adjusted R2 and p."""
    unit, rows = spread.columns[0], []
    for region, group in spread.groupby("region", sort=False):
        law = fit_power_law(group[unit], group["spread"])
        rows.append(
            {
                "region": region,
                "points": len(group),
                "scale": law.scale,
                "gamma": law.gamma,
                "adjusted_r2": law.adjusted_r2,
                "p": law.p,
            }
        )
    return pd.DataFrame(rows)
