"""Ranks trials: the best first, finalists by what they reached over several seeds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .trial import TrialRecord


@dataclass(frozen=True, slots=True)
class Standing:
    """What a finalist reached over its seeds."""

    accuracies: tuple[float, ...]
    """Best validation accuracy, 0 to 1, of each of the finalist's runs at full length, the one in the search first."""
    failed: int = 0
    """How many of the finalist's runs failed."""

    @property
    def mean(self) -> float:
        """The mean of the finalist's accuracies, 0 to 1."""
        return statistics.fmean(self.accuracies)

    @property
    def std(self) -> float | None:
        """The sample standard deviation of the accuracies, n - 1 in its denominator; None for a single run."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None


def finalists(records: Iterable[TrialRecord], most: int) -> list[TrialRecord]:
    """The best trials of the search that ended at full length, best first.

    Ties in validation accuracy go to the smaller network, then to the lower number.

    Args:
        records: trials of the sweep; runs that repeat a finalist are left out.
        most: how many trials are given, at most.
    """
    ended = [record for record in records if record.completed and not record.repetition]
    return sorted(ended, key=_by_accuracy)[:most]


def standings(records: Iterable[TrialRecord]) -> dict[int, Standing]:
    """What each finalist that was trained again reached over its seeds, by trial number.

    Args:
        records: all trials of the sweep.
    """
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

    Finalists that were trained again come first, by the mean over their seeds; one with a run that failed comes after
    those without. A run that repeats a finalist is not listed: it counts in the finalist's mean.

    Args:
        records: all trials of the sweep.
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
