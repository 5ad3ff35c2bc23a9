"""The end of a sweep: the best few are trained again from other seeds, and the winner is named from all their runs."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..config import SearchConfig
    from ..records import TrialRecord


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


class Finals:
    """Who is to be trained again, how often, and how long that will take.

    Args:
        search: the settings of the sweep file.
    """

    def __init__(self, search: SearchConfig) -> None:
        self._search = search
        self.chosen: list[TrialRecord] = []
        """The finalists so far, best first."""
        self.at_once = 1
        """Trials that run at a time, the most seen."""
        self._epoch: dict[int, float] = {}
        self._sum = 0.0

    def ended(self, record: TrialRecord) -> None:
        """A trial of the search ended; at full length it may be one of the finalists."""
        self.chosen = finalists([*self.chosen, record], self._search.finalists)

    def took(self, number: int, seconds: float) -> None:
        """An epoch of trial `number` took that long."""
        self._sum += seconds - self._epoch.get(number, 0.0)
        self._epoch[number] = seconds

    def next(self, records: Iterable[TrialRecord]) -> TrialRecord | None:
        """The finalist to be trained once more; `records` are all trials so far."""
        if not self.chosen:
            return None
        return next(missing(self.chosen, records, self._search.seeds), None)

    @property
    def seconds(self) -> float:
        """Seconds that training the finalists again will take, by how long their epochs took.

        As many runs after one another as it takes, where so many go at a time, each as long as the longest; and an
        epoch of what still runs.
        """
        runs = len(self.chosen) * (self._search.seeds - 1)
        if not runs or not self._epoch:
            return 0.0
        usual = self._sum / len(self._epoch)
        longest = max(self._epoch.get(record.number, usual) for record in self.chosen)
        return math.ceil(runs / self.at_once) * longest * self._search.epochs + usual


def finalists(records: Iterable[TrialRecord], most: int) -> list[TrialRecord]:
    """The best `most` trials of the search that ended at full length, best first."""
    ended = [record for record in records if record.state == "completed" and record.role != "repeat"]
    return sorted(ended, key=_by_accuracy)[:most]


def missing(chosen: Iterable[TrialRecord], records: Iterable[TrialRecord], seeds: int) -> Iterator[TrialRecord]:
    """The chosen to be trained once more, one seed after the other, so that an end that is cut off is fair to all.

    A run that a time budget cut off says nothing, and is made up for by another.
    """
    done = Counter(record.repeats for record in records if not record.cut_off)
    for seed in range(1, seeds):
        yield from (finalist for finalist in chosen if done[finalist.number] < seed)


def standings(records: Iterable[TrialRecord]) -> dict[int, Standing]:
    """What each trial that was trained again reached, by its number."""
    accuracies: dict[int, list[float]] = {}
    failed: dict[int, int] = {}
    known = {record.number: record for record in records}
    for run in known.values():
        if (number := run.repeats) is None:
            continue
        reached = accuracies.setdefault(number, [known[number].accuracy or 0.0])
        if run.state == "completed":
            reached.append(run.accuracy or 0.0)
        failed[number] = failed.get(number, 0) + (run.state == "failed")
    return {number: Standing(tuple(reached), failed[number]) for number, reached in accuracies.items()}


def ranked(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Trials that were trained, best first; ties go to the smaller network.

    Finalists come first, by the mean over their seeds; one with a run that failed comes after those without. A run
    that repeats another is part of that one.
    """
    known = list(records)
    found = standings(known)
    trained = [record for record in known if record.accuracies and record.state not in ("duplicate", "infeasible")]
    first = sorted(
        (record for record in trained if record.number in found),
        key=lambda record: (found[record.number].failed, -found[record.number].mean, *_by_accuracy(record)),
    )
    rest = (record for record in trained if record.number not in found and record.role != "repeat")
    return first + sorted(rest, key=_by_accuracy)


def _by_accuracy(record: TrialRecord) -> tuple[float, int, int]:
    return -(record.accuracy or 0.0), record.design.parameters, record.number
