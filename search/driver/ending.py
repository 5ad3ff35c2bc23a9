"""Whether a sweep on disk has ended for good, and how one has it go on all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..proposals import is_exhausted
from ..scheduling import nothing_left
from ..sweep import folder_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records import TrialRecord
    from ..sweep import Sweep


def has_ended(sweep: Sweep, trials: Sequence[TrialRecord] | None = None) -> bool:
    """Whether nothing of a sweep is left to train: its search, its finals and its last training are all done.

    Args:
        sweep: the sweep.
        trials: what `sweep.trials()` gave before; read from disk when not given.

    Raises:
        SweepError: the study on disk, or inputs.json, is damaged.
    """
    trials = sweep.trials() if trials is None else trials
    if sweep.config.question:
        answer = sweep.answer(trials)
        if answer is None or not answer.ended:
            return False
        return answer.early or all(trial.ended for trial in trials)  # what was begun beyond that is not needed
    return nothing_left(sweep.config.search, trials, sweep.images[0])


def how_to_go_on(sweep: Sweep, trials: Sequence[TrialRecord]) -> str:
    """What to type for more, as a line; "" for a sweep that has not ended.

    Args:
        sweep: the sweep.
        trials: all of it.
    """
    if not has_ended(sweep, trials):
        return ""
    if sweep.config.question:
        return ""
    if is_exhausted(trials):
        return "Ended: its space seems to hold no other design. For more launch a sweep of a larger space."
    trained = sum(trial.counted for trial in trials)
    command = f"convscape resume {sweep.name}{folder_option(sweep.config)} --set search.trials={2 * trained}"
    return f"Ended: all that it was to train is trained. More: {command}"
