"""Estimates how long a sweep will take yet, by how long its epochs took so far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ..config import WarmStart
from ..records import finalists
from ..scheduling import MORE_IMAGES, Halving, Length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..config import SearchConfig
    from ..records import TrialRecord

FEWEST_EPOCHS = 3
"""Epochs that must have been trained before the time left is estimated."""


class Pace:
    """How fast workers get on: seconds of this process's clock for each second that a worker trains.

    The clock runs from the begin of the first epoch that was told of, so that what workers take to start, which they do
    once, does not count. What an epoch took is counted as the latest of its trial.
    """

    def __init__(self) -> None:
        self._before: dict[int, int] | None = None
        self._begun = math.inf
        self.epochs = 0
        """Epochs that were trained since the launch or resume."""
        self.of_a_second = 1.0
        """Seconds for each second that a worker trains."""

    def look(self, records: Sequence[TrialRecord], now: float) -> None:
        """Takes in how far the trials are; what was trained at the first look, before a resume, does not count.

        Args:
            records: all trials so far.
            now: `time.monotonic()`.
        """
        if self._before is None:
            self._before = {record.number: record.epochs for record in records}
        new = [(record, record.epochs - self._before.get(record.number, 0)) for record in records if record.epochs]
        worked = [(record, epochs, epochs * epoch_cost(record)) for record, epochs in new if epochs > 0]
        self.epochs = sum(epochs for _, epochs, _ in worked)
        if worked:
            self._begun = min(self._begun, now - max(seconds for _, _, seconds in worked))
            self.of_a_second = (now - self._begun) / max(1e-9, sum(seconds for _, _, seconds in worked))


def epoch_cost(record: TrialRecord) -> float:
    """Seconds that the latest epoch of a trial took; 0 before its first."""
    return record.metrics.get("epoch_seconds", 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What workers have to train, in seconds that an epoch takes on one of them."""

    done: float
    """Seconds trained so far, before a resume included."""
    shared: float
    """Seconds to come of trials that run side by side."""
    alone: float
    """Seconds to come of the winner's last training, beside which nothing runs."""

    def seconds_left(self, pace: Pace) -> float | None:
        """Seconds until the end; None where fewer than FEWEST_EPOCHS epochs were trained since the launch or resume."""
        if pace.epochs < FEWEST_EPOCHS:
            return None
        return self.shared * pace.of_a_second + self.alone

    @property
    def share(self) -> float:
        """The part that is done, 0 to 1."""
        return self.done / (self.done + self.shared + self.alone) if self.done else 0.0


def work(search: SearchConfig, length: Length, records: Sequence[TrialRecord]) -> Work | None:
    """The work of a sweep, if as many trials as usual are promoted and epochs go on to take as long as they did.

    Runs of the finals take as long as the finalists' own epochs, and the winner's last training, which has more images,
    MORE_IMAGES times as long.

    Args:
        search: the settings of the sweep file.
        length: epochs of a trial of full length; while they are not chosen nobody can know, and None is given.
        records: all trials so far.
    """
    if not length.known:
        return None
    searched = [record for record in records if record.judged and not record.duplicate]
    usual = _mean([(epoch_cost(record), record.epochs) for record in records if not record.duplicate])
    likely = finalists(records, search.finalists)
    final = _mean([(epoch_cost(record), 1) for record in likely]) or usual
    shared = max(0.0, expected_epochs(search, length) * search.trials - sum(each.epochs for each in searched)) * usual
    alone = 0.0
    for record in records:
        if not (record.judged or record.ended):
            to_come = max(0, length.of(record) - record.epochs)
            if record.refit:
                alone += to_come * (epoch_cost(record) or MORE_IMAGES * final)
            else:
                shared += to_come * (epoch_cost(record) or (final if record.repetition else usual))
    named = sum(entry.best if isinstance(entry, WarmStart) else 1 for entry in search.baselines)
    if all(record.baseline for record in records):  # they come first
        shared += max(0, named - len(records)) * length.epochs * usual
    repetitions = sum(record.repetition and not record.refit for record in records)
    chosen = len(likely) if repetitions else min(search.finalists, search.trials + named)
    shared += max(0, chosen * (search.seeds - 1) - repetitions) * length.epochs * final
    if search.refit and search.finalists and not any(record.refit for record in records):
        alone += MORE_IMAGES * length.epochs * (epoch_cost(likely[0]) if likely else usual)
    done = sum(record.epochs * epoch_cost(record) for record in records if not record.duplicate)
    return Work(done=done, shared=shared, alone=alone)


def _mean(weighted: Sequence[tuple[float, int]]) -> float:
    weights = sum(weight for _, weight in weighted)
    return sum(value * weight for value, weight in weighted) / weights if weights else 0.0


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
