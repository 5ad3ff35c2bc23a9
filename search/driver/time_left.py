"""Estimates how long a sweep will take yet, by how long its epochs took so far."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ..config import WarmStart
from ..records import finalists
from ..scheduling import Halving, Length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..config import SearchConfig
    from ..records import TrialRecord

FEWEST_EPOCHS = 3
"""Epochs that must have been trained before the time left is estimated."""


def seconds_left(
    search: SearchConfig, length: Length, records: Sequence[TrialRecord], epochs: int, seconds: float
) -> float | None:
    """Seconds until the end, if epochs go on to take as long and as many trials as usual are promoted.

    None where fewer than FEWEST_EPOCHS epochs were trained since the launch or resume.

    Args:
        search: the settings of the sweep file.
        length: epochs of a trial of full length.
        records: all trials so far.
        epochs: epochs of all trials together that were trained since the launch or resume.
        seconds: seconds since the launch or resume.
    """
    if epochs < FEWEST_EPOCHS or not length.known:
        return None
    searched = sum(record.epochs for record in records if record.judged and not record.duplicate)
    left = max(0.0, expected_epochs(search, length) * search.trials - searched)
    left += sum(max(0, length.of(record) - record.epochs) for record in records if not (record.judged or record.ended))
    return (left + length.epochs * _to_come(search, records)) * seconds / epochs


def _to_come(search: SearchConfig, records: Sequence[TrialRecord]) -> int:
    """Baselines, runs of finalists and the winner's last training, as far as they have not begun."""
    repetitions = sum(record.repetition and not record.refit for record in records)
    last = search.refit and search.finalists > 0 and not any(record.refit for record in records)
    named = sum(entry.best if isinstance(entry, WarmStart) else 1 for entry in search.baselines)
    baselines = named - len(records) if all(record.baseline for record in records) else 0  # they come first
    known = finalists(records, search.finalists) if repetitions else None  # then the search is over
    chosen = min(search.finalists, search.trials + named) if known is None else len(known)
    return max(0, baselines) + max(0, chosen * (search.seeds - 1) - repetitions) + last


def expected_epochs(search: SearchConfig, length: Length) -> float:
    """Epochs that a trial is trained for on average when each rung promotes one in `search.reduction` trials."""
    if search.promotion == "none":
        return length.epochs
    halving = Halving(length.epochs, length.first_rung, search.reduction, search.brackets)
    total = 0.0
    for share, rungs in zip(halving.shares, halving.brackets, strict=True):
        ends = [0, *(rung.epochs for rung in rungs), length.epochs]
        total += share * sum((end - at) / search.reduction**rung for rung, (at, end) in enumerate(pairwise(ends)))
    return total
