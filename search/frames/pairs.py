"""The pairs of an experiment as a pandas frame: for each base and contrast what both variants reached and cost."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

from .columns import PAIR_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ..records import TrialRecord
    from ..verdicts import Answer, Pair


def pairs_frame(answer: Answer | None, *, sweep: str) -> pd.DataFrame:
    """The pairs of every contrast of an experiment, with the columns of PAIR_COLUMNS; none of a search.

    Args:
        answer: what the experiment says, None of a search.
        sweep: name of the sweep.
    """
    import pandas as pd

    rows = [
        {"sweep": sweep, "a": contrast.a, "b": contrast.b, **_row(pair)}
        for contrast in (answer.contrasts if answer else ())
        for pair in contrast.pairs
    ]
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS))


def _row(pair: Pair) -> dict[str, Any]:
    from ..verdicts import COSTS, cost_of, reached  # scipy comes with it

    found: dict[str, Any] = {"base": pair.base, "difference": pair.difference, "learnt": pair.learnt}
    for side, trials in {"a": pair.a, "b": pair.b}.items():
        found |= {
            f"accuracy_{side}": statistics.fmean(map(reached, trials)),
            f"trial_{side}": trials[0].number,
            **{f"{cost}_{side}": cost_of(trials[0].design, cost) for cost in COSTS},
            f"seconds_{side}": _epoch_seconds(trials),
        }
    return found


def _epoch_seconds(trials: Sequence[TrialRecord]) -> float:
    known = [trial.seconds / trial.epochs for trial in trials if trial.epochs]
    return statistics.fmean(known) if known else math.nan
