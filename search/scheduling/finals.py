"""The end of a sweep: the best few are trained again from other seeds, and the winner is named from all their runs."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from ..records import finalists

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ..config import SearchConfig
    from ..records import TrialRecord
    from .length import Length


SHARE = 0.5
"""Part of the time that is kept for the finals where the time decides how long they are."""
KEPT = 0.9
"""Part of the time left that the finalists' runs are planned to take: what still runs ends first, and epochs vary."""


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
        if record.completed:
            self.chosen = finalists([*self.chosen, record], self._search.finalists)

    def take_up(self, records: Collection[TrialRecord]) -> None:
        """Goes on with finals that were begun and not ended; where all of them ended, they are chosen anew.

        Args:
            records: all trials of the resumed sweep.
        """
        if not self._length.timed or self._length.final is None:
            return
        begun = [record for record in records if record.repetition]
        if all(record.ended for record in begun):
            self._length.final = None
        else:
            repeated = {record.repeats for record in begun}
            self.chosen = [record for record in records if record.number in repeated]

    def took(self, number: int, seconds: float) -> None:
        """Takes in that the latest epoch of trial `number` took so many `seconds`."""
        self._sum += seconds - self._epoch.get(number, 0.0)
        self._epoch[number] = seconds

    def next(self, records: Collection[TrialRecord], left: float | None = None) -> TrialRecord | None:
        """The finalist to be trained once more; None where each has had all its runs, or no time is left for another.

        Args:
            records: all trials so far.
            left: seconds until the time is up, where that decides; else None.
        """
        if self._length.timed and self._length.final is None:
            self.chosen = finalists(records, self._search.finalists)
        found = next(missing(self.chosen, records, self._search.seeds), None)
        if found is None or left is None or self._length.final is None:
            return found
        again = any(record.repeats == found.number for record in records)
        return None if again and left < self._length.final * self._seconds_of(found) else found

    def ends_with(self, record: TrialRecord, records: Collection[TrialRecord]) -> bool:
        """Whether the run of a finalist is the last, where the time decides."""
        return self._length.timed and record.repetition and self.next(records, 0.0) is None

    def choose_length(self, records: Collection[TrialRecord], left: float | None) -> bool:
        """Has as many finalists trained as there is time for at full length, at least one, and as long as possible.

        Args:
            records: all trials so far.
            left: seconds until the time is up; None where there is no time budget.

        Returns:
            Whether that was chosen now: where the time decides, once.
        """
        if left is None or not self._length.timed or self._length.final is not None:
            return False
        length, every = self._length, finalists(records, self._search.finalists)
        textbook = [] if not every or every[0].start else [r for r in every[1:] if r.start and r.to_the_end]
        first = [*every[:1], *textbook[:1]]
        every = [*first, *(record for record in every if record not in first)]
        for count in range(len(every), 0, -1):
            self.chosen = every[:count]
            seconds = [self._seconds_of(record) for record in self.chosen]
            an_epoch = max(*seconds, sum(seconds) / min(self.at_once, count), 1e-6)
            length.final = min(length.most, max(1, int(KEPT * left / an_epoch)))
            if length.known and length.final >= length.epochs:
                break
        return True

    @property
    def seconds(self) -> float:
        """Seconds that training the finalists again will take, by how long their epochs took.

        As many runs go at a time as were seen to, and every round of runs takes as long as the slowest finalist; one
        usual epoch is added for what still runs. Where the time decides the length, SHARE of all the time is theirs.
        """
        if self._length.timed:
            return SHARE * (self._search.seconds or 0.0) if self._search.finalists and self._search.seeds > 1 else 0.0
        runs = len(self.chosen) * (self._search.seeds - 1)
        if not runs or not self._epoch or not self._length.known:
            return 0.0
        longest = max(self._seconds_of(record) for record in self.chosen)
        return math.ceil(runs / self.at_once) * longest * self._length.epochs + self._usual

    def _seconds_of(self, record: TrialRecord) -> float:
        return self._epoch.get(record.number, self._usual)

    @property
    def _usual(self) -> float:
        return self._sum / max(1, len(self._epoch))


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
