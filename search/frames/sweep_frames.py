"""All frames of one sweep, made once of trials that were read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..records import ranked
from .curves import curves_frame
from .importance import importance_frame
from .pairs import pairs_frame
from .path import path_frame
from .rungs import rungs_frame
from .trials import trials_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from ..records import Objective, TrialRecord
    from ..verdicts import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFrames:
    """What figures and the page are made of. Each frame's columns are documented beside its name here."""

    trials: pd.DataFrame
    """A row for each trial: TRIAL_COLUMNS, then the settings that were sampled."""
    curves: pd.DataFrame
    """A row for each epoch of each trial: CURVE_COLUMNS, then other metrics."""
    rungs: pd.DataFrame
    """A row for each rung: RUNG_COLUMNS."""
    importance: pd.DataFrame
    """A row for each setting: IMPORTANCE_COLUMNS."""
    path: pd.DataFrame
    """A row for each change from the first design to the best: PATH_COLUMNS."""
    pairs: pd.DataFrame
    """A row for each base and contrast, where the sweep asks a design question: PAIR_COLUMNS."""


def sweep_frames(
    records: Sequence[TrialRecord],
    *,
    sweep: str,
    run_ids: Mapping[int | None, str],
    objectives: Sequence[Objective],
    answer: Answer | None = None,
) -> SweepFrames:
    """All frames of a sweep.

    Args:
        records: all trials of the sweep, as they were read from disk.
        sweep: name of the sweep.
        run_ids: MLflow's run ids by trial number, of those that arrived there.
        objectives: what the sweep optimises, accuracy first.
        answer: where the sweep asks a design question, what it says.
    """
    best = next(iter(ranked(records)), None)
    return SweepFrames(
        trials=trials_frame(records, sweep=sweep, run_ids=run_ids, objectives=objectives),
        curves=curves_frame(records, sweep=sweep),
        rungs=rungs_frame(records, sweep=sweep),
        importance=importance_frame(records, sweep=sweep),
        path=path_frame(records, best and best.number, sweep=sweep),
        pairs=pairs_frame(answer, sweep=sweep),
    )
