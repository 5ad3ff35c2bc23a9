"""Learning curves of a sweep's trials as a pandas frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .columns import CURVE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ..records import TrialRecord


def curves_frame(records: Sequence[TrialRecord], *, sweep: str) -> pd.DataFrame:
    """The result of every epoch of every trial that was trained, in the order of trials and epochs.

    The columns are those of CURVE_COLUMNS, then the other metrics of the epochs, such as "train_loss", under their own
    names.

    Args:
        records: all trials of the sweep, as they were read from disk.
        sweep: name of the sweep.
    """
    import pandas as pd

    rows = [
        {"time": math.nan, **record.history.get(epoch, {})}
        | {"sweep": sweep, "trial": record.number, "epoch": epoch, "accuracy": accuracy}
        for record in records
        if record.trained
        for epoch, accuracy in sorted(record.accuracies.items())
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame(rows, columns=[*CURVE_COLUMNS, *(name for name in names if name not in CURVE_COLUMNS)])
