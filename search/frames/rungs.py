"""The rungs of a sweep as a pandas frame: who came to each, and who went on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .columns import RUNG_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ..records import TrialRecord


def rungs_frame(records: Sequence[TrialRecord], *, sweep: str) -> pd.DataFrame:
    """The rungs from which any trial was promoted, the earliest first, with the columns of RUNG_COLUMNS.

    A trial keeps the last rung alone that it was promoted from; the earlier ones are those at which others were
    stopped. Trials that still wait at a rung count as reached and as neither promoted nor left.

    Where trials are dealt to brackets with rungs at different epochs, a trial that had no rung at some epoch and was
    trained past it counts as promoted there.

    Args:
        records: all trials of the sweep, as they were read from disk.
        sweep: name of the sweep.
    """
    import pandas as pd

    judged = [record for record in records if record.trained and record.judged and record.accuracies]
    rows = []
    left_behind = [record for record in judged if record.stopped and not record.cut_off]
    for epoch in sorted({r.promoted_from for r in judged} | {r.epochs for r in left_behind} - {0}):
        here = [record for record in judged if epoch in record.accuracies]
        on = [record.accuracies[epoch] for record in here if record.epochs > epoch or record.promoted_from >= epoch]
        left = [record.accuracies[epoch] for record in left_behind if record.epochs == epoch]
        if epoch == 0 or not on:
            continue
        rows.append(
            {
                "sweep": sweep,
                "epoch": epoch,
                "reached": len(here),
                "promoted": len(on),
                "lowest_promoted": min(on, default=math.nan),
                "highest_left": max(left, default=math.nan),
            }
        )
    return pd.DataFrame(rows, columns=list(RUNG_COLUMNS))
