"""Trials in their order: the best first, finalists by what they reached over several seeds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .trial import TrialRecord


@dataclass(frozen=True, slots=True)
class Standing:
    """What a finalist reached over its seeds.

    `accuracies` are the best validation accuracies of its runs at full length, its own in the search first; `failed`
    counts runs that failed.
    """

    accuracies: tuple[float, ...]
    failed: int = 0

    @property
    def mean(self) -> float:
        return statistics.fmean(self.accuracies)

    @property
    def std(self) -> float | None:
        """The sample standard deviation, n - 1 in its denominator; None for a single run."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None


def finalists(records: Iterable[TrialRecord], most: int) -> list[TrialRecord]:
    """The best `most` trials of the search that ended at full length, best first."""
    ended = [record for record in records if record.completed and not record.repetition]
    return sorted(ended, key=_by_accuracy)[:most]


def standings(records: Iterable[TrialRecord]) -> dict[int, Standing]:
    """What each trial that was trained again reached, by its number."""
    accuracies: dict[int, list[float]] = {}
    failed: dict[int, int] = {}
    known = {record.number: record for record in records}
    for run in known.values():
        if (number := run.repeats) is None:
            continue
        reached = accuracies.setdefault(number, [known[number].accuracy or 0.0])
        if run.completed:
            reached.append(run.accuracy or 0.0)
        failed[number] = failed.get(number, 0) + run.failed
    return {number: Standing(tuple(reached), failed[number]) for number, reached in accuracies.items()}


def ranked(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Trials that were trained, best first; ties go to the smaller network.

    Finalists come first, by the mean over their seeds; one with a run that failed comes after those without. A run
    that repeats another is part of that one.
    """
    known = list(records)
    found = standings(known)
    trained = [record for record in known if record.accuracies and record.trained]
    first = sorted(
        (record for record in trained if record.number in found),
        key=lambda record: (found[record.number].failed, -found[record.number].mean, *_by_accuracy(record)),
    )
    rest = (record for record in trained if record.number not in found and not record.repetition)
    return first + sorted(rest, key=_by_accuracy)


def _by_accuracy(record: TrialRecord) -> tuple[float, int, int]:
    return -(record.accuracy or 0.0), record.design.parameters, record.number
