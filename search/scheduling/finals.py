"""The end of a sweep: the best few are trained again from other seeds, and the winner is named from all their runs."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from ..records import finalists

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..config import SearchConfig
    from ..records import TrialRecord
    from .length import Length


class Finals:
    """The finals of a sweep: which trials are trained again, how often, and how long that will take.

    Args:
        search: the settings of the sweep file.
        length: how long each run is.
    """

    def __init__(self, search: SearchConfig, length: Length) -> None:
        self._search, self._length = search, length
        self.chosen: list[TrialRecord] = []
        """The finalists so far, best first."""
        self.at_once = 1
        """The most trials that were seen to run at a time."""
        self._epoch: dict[int, float] = {}
        self._sum = 0.0

    def ended(self, record: TrialRecord) -> None:
        """Takes in that a trial of the search ended; one of full length may become a finalist."""
        self.chosen = finalists([*self.chosen, record], self._search.finalists)

    def took(self, number: int, seconds: float) -> None:
        """Takes in that the latest epoch of trial `number` took so many `seconds`."""
        self._sum += seconds - self._epoch.get(number, 0.0)
        self._epoch[number] = seconds

    def next(self, records: Iterable[TrialRecord]) -> TrialRecord | None:
        """The finalist to be trained once more; None where each has had all its runs.

        Args:
            records: all trials so far.
        """
        if not self.chosen:
            return None
        return next(missing(self.chosen, records, self._search.seeds), None)

    @property
    def seconds(self) -> float:
        """Seconds that training the finalists again will take, by how long their epochs took.

        As many runs go at a time as were seen to, and every round of runs takes as long as the slowest finalist; one
        usual epoch is added for what still runs.
        """
        runs = len(self.chosen) * (self._search.seeds - 1)
        if not runs or not self._epoch or not self._length.known:
            return 0.0
        usual = self._sum / len(self._epoch)
        longest = max(self._epoch.get(record.number, usual) for record in self.chosen)
        return math.ceil(runs / self.at_once) * longest * self._length.epochs + usual


def missing(chosen: Iterable[TrialRecord], records: Iterable[TrialRecord], seeds: int) -> Iterator[TrialRecord]:
    """The finalists to be trained once more, one seed after the other, so that an end that is cut off is fair to all.

    A run that a time budget cut off says nothing, and is made up for by another.

    Args:
        chosen: the finalists, best first.
        records: all trials so far.
        seeds: runs that each finalist shall have, the one in the search among them.
    """
    done = Counter(record.repeats for record in records if not record.cut_off)
    for seed in range(1, seeds):
        yield from (finalist for finalist in chosen if done[finalist.number] < seed)
