"""The path from a sweep's first design to its best as a pandas frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..study import change_path
from .columns import PATH_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ..records import TrialRecord


def path_frame(records: Sequence[TrialRecord], best: int | None, *, sweep: str) -> pd.DataFrame:
    """The changes that lead from the first design to the best, one at a time, with the columns of PATH_COLUMNS.

    The accuracies are predicted, see `search.study.change_path`. The frame is empty where there are too few trials, or
    one of both designs was named and its settings are not known.

    Args:
        records: all trials of the sweep, as they were read from disk.
        best: number of the trial that won; None where none has a result.
        sweep: name of the sweep.
    """
    import pandas as pd

    rows = [
        {
            "sweep": sweep,
            "step": number,
            "changes": step.words,
            "predicted": step.predicted,
            "gain": step.gain,
            "deviation": step.deviation,
            "trial": math.nan if step.trial is None else step.trial,
            "measured": math.nan if step.measured is None else step.measured,
        }
        for number, step in enumerate(change_path(records, best))
    ]
    return pd.DataFrame(rows, columns=list(PATH_COLUMNS))
