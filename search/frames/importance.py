"""Which settings mattered, as a pandas frame."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ..study import importances
from .columns import IMPORTANCE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ..records import TrialRecord


def importance_frame(records: Sequence[TrialRecord], *, sweep: str) -> pd.DataFrame:
    """How much each setting decided which trials were among the best, with the columns of IMPORTANCE_COLUMNS.

    By PED-ANOVA (Watanabe et al. 2023), as `search.study.importances` asks Optuna for it.

    Args:
        records: all trials of the sweep, as they were read from disk.
        sweep: name of the sweep.
    """
    import pandas as pd

    found = [{"sweep": sweep, **asdict(each), "matters": each.matters} for each in importances(records)]
    numbers = ("share", "deviation", "chance")
    return pd.DataFrame(found, columns=list(IMPORTANCE_COLUMNS)).astype(dict.fromkeys(numbers, float))
