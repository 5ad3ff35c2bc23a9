"""The end of a sweep: the best few are trained again from other seeds, and the winner is named from all their runs."""

from __future__ import annotations

import itertools
import math
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING

from ..records import Enqueued, finalists, ranked
from .length import LAST

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from ...trainers import Recipe
    from ..config import SearchConfig
    from ..records import TrialRecord
    from .length import Length


CONFIRMING = 0.12
"""Part of the time that is kept for the finalists' runs, where the time decides how long these are."""
ONLY_CONFIRMING = 0.5
"""Part of the time that is kept for the finalists' runs where the winner is not trained once more."""
MORE_IMAGES = 1.5
"""So many times the usual epoch is what an epoch of the last training takes, at most: it has more images."""
ENOUGH = 0.7
"""Finalists are compared after so much of the full length, or not at all where the winner is trained once more."""
WORTH = 0.5
"""The last training begins only where there is time for so much of the full length, on one worker's CPUs."""
LATEST = 20
"""How many of the latest beginnings tell how many trials run at a time."""
PLANNED = 0.9
"""Part of the time left that the finalists' runs are planned to take: what still runs ends first, and epochs vary."""


class Finals:
    """The finals of a sweep: finalists are trained again from other seeds, then the winner on validation images, too.

    Args:
        search: the settings of the sweep file.
        length: how long each run is.
        for_refit: the recipe of the last training, by the winner's and by how many steps of 64 images it will have.
    """

    def __init__(
        self,
        search: SearchConfig,
        length: Length,
        for_refit: Callable[[Recipe, int], Recipe] = lambda recipe, _: recipe,
    ) -> None:
        self._search, self._length, self._for_refit = search, length, for_refit
        self.chosen: list[TrialRecord] = []
        """The finalists so far, best first."""
        self._running: deque[int] = deque([1], maxlen=LATEST)
        self._epoch: dict[int, float] = {}
        self._sum = 0.0
        self._resumed = 0
        """Number of the last trial before a resume with a time budget of its own, 0 where there was none."""

    @property
    def at_once(self) -> int:
        """How many trials run at a time: the most that did when one of the latest began, for nodes come and go."""
        return max(self._running)

    def begins(self, running: int) -> None:
        """Takes in that a trial begins, or goes on, beside which others run: so many with it."""
        self._running.append(running)

    def ended(self, record: TrialRecord) -> None:
        """Takes in that a trial of the search ended; one of full length may become a finalist."""
        if record.completed:
            self.chosen = finalists([*self.chosen, record], self._search.finalists)

    def take_up(self, records: Collection[TrialRecord]) -> bool:
        """Goes on with finals that were begun and not ended; where all of them ended, they are chosen anew.

        Args:
            records: all trials of the resumed sweep.

        Returns:
            Whether finals go on, so that nothing new is searched.
        """
        if not self._length.timed or self._length.final is None:
            return False
        begun = [record for record in records if record.repetition]
        if all(record.ended for record in begun):
            self._length.final = self._length.refit = None
            self._resumed = max((record.number for record in records), default=0)
        else:
            repeated = {record.repeats for record in begun if not record.refit}
            self.chosen = [record for record in records if record.number in repeated]
        return not all(record.ended for record in begun)

    def took(self, number: int, seconds: float) -> None:
        """Takes in that the latest epoch of trial `number` took so many `seconds`."""
        self._sum += seconds - self._epoch.get(number, 0.0)
        self._epoch[number] = seconds

    def next(self, records: Collection[TrialRecord], left: float | None = None) -> Enqueued | None:
        """What is to be trained next: a finalist from another seed or, when these have ended, the winner.

        None where nothing is, now or ever.

        Args:
            records: all trials so far.
            left: seconds until the time is up; None where there is no time budget.
        """
        if self._length.timed and self._length.final is None:
            self.chosen = finalists(records, self._search.finalists)
        if (finalist := self._to_confirm(records, left)) is not None:
            fold = next_fold(finalist, records) if self._search.cross_validate else 0
            return Enqueued(role="repeat", design=finalist.design, repeats=finalist.number, fold=fold)
        if any(record.repetition and not record.ended for record in records):
            return None
        winner = self._to_refit(records, left)
        if winner is None:
            return None
        steps = self._length.steps(self._refit_epochs(winner, left))
        recipe = self._for_refit(winner.design.recipe, steps)
        return Enqueued(role="refit", design=replace(winner.design, recipe=recipe), repeats=winner.number)

    def ends_with(self, record: TrialRecord, records: Collection[TrialRecord]) -> bool:
        """Whether no other run goes beside this one of a finalist or of the winner."""
        return record.refit or (self._length.timed and record.repetition and self._to_confirm(records, 0.0) is None)

    def choose_length(self, records: Collection[TrialRecord], left: float | None) -> bool:
        """Has as many finalists trained as there is time for at full length or nearly so, and as long as possible.

        At least one, or where the winner is trained once more, two or none: a single one is compared with nothing.

        Args:
            records: all trials so far.
            left: seconds until the time is up; None where there is no time budget.

        Returns:
            Whether that was chosen now: where the time decides, once.
        """
        length, every = self._length, finalists(records, self._search.finalists)
        if left is None or not length.timed or length.final is not None or not every:
            return False
        left *= CONFIRMING / (CONFIRMING + LAST) if self._search.refit else 1.0
        enough = (ENOUGH if self._search.refit else 1.0) * length.epochs
        textbook = [] if not every or every[0].start else [record for record in every[1:] if record.textbook]
        first = [*every[:1], *textbook[:1]]
        every = [*first, *(record for record in every if record not in first)]
        fewest = min(2, len(every)) if self._search.refit else 1
        for count in range(len(every), fewest - 1, -1):
            self.chosen = every[:count]
            seconds = [self._seconds_of(record) for record in self.chosen]
            an_epoch = max(*seconds, sum(seconds) / min(self.at_once, count), 1e-6)
            length.final = min(length.most, max(1, int(PLANNED * left / an_epoch)))
            if length.known and length.final >= enough:
                break
        if self._search.refit and (length.final or 0) < enough:
            self.chosen = []
        return True

    @property
    def seconds(self) -> float:
        """Seconds that training the finalists again will take, by how long their epochs took.

        As many runs go at a time as were seen to, and every round of runs takes as long as the slowest finalist; one
        usual epoch is added for what still runs. Where the time decides the length, a part of all of it is theirs, but
        no more than the longest trainings there are would take.
        """
        search, length = self._search, self._length
        if length.timed:
            whole = length.most * self._usual or math.inf  # nothing was measured yet
            runs = (search.finalists + 1) * (search.seeds - 1)
            share = CONFIRMING if search.refit else ONLY_CONFIRMING
            confirming = min(share * (search.seconds or 0.0), math.ceil(runs / self.at_once) * whole) if runs else 0.0
            return confirming + self._refit_seconds(whole) if search.finalists else 0.0
        runs = len(self.chosen) * (search.seeds - 1)
        if not self.chosen or not self._epoch or not length.known:
            return 0.0
        longest = max(self._seconds_of(record) for record in self.chosen) * length.epochs
        return math.ceil(runs / self.at_once) * longest + self._refit_seconds(longest) + self._usual

    def _refit_seconds(self, whole: float) -> float:
        """Seconds kept for the winner's last training, where a training like others takes `whole` seconds at most."""
        if not self._search.refit:
            return 0.0
        share = LAST * (self._search.seconds or 0.0) if self._length.timed else math.inf
        return min(share, MORE_IMAGES * whole)

    def _to_confirm(self, records: Collection[TrialRecord], left: float | None) -> TrialRecord | None:
        """The finalist to be trained once more; None where each has had all its runs, or no time is left for one."""
        found, length = next(missing(self.chosen, records, self._search.seeds), None), self._length
        if found is None or left is None or length.final is None:
            return found
        again = any(record.repeats == found.number for record in records)
        whole = length.final * self._seconds_of(found)
        kept = self._refit_seconds(length.most * self._seconds_of(found))
        return None if again and left - kept < whole else found

    def _to_refit(self, records: Collection[TrialRecord], left: float | None) -> TrialRecord | None:
        """The winner, where it is to be trained for the last time and was not, and there is time for it."""
        if not (self._search.refit and self._search.finalists):
            return None
        winner = next((record for record in ranked(records) if not record.failed), None)
        if winner is None or any(r.refit and r.repeats == winner.number and self._suffices(r) for r in records):
            return None
        share = WORTH if self._length.timed else MORE_IMAGES
        short = left is not None and left < share * self._length.epochs * self._seconds_of(winner)
        return None if short else winner

    def _suffices(self, refit: TrialRecord) -> bool:
        """Whether a last training is not to be made once more: a resume with time of its own may make a longer one."""
        if not self._resumed or refit.number > self._resumed or refit.failed:
            return not refit.cut_off
        return refit.epochs >= self._length.most_refit

    def _refit_epochs(self, winner: TrialRecord, left: float | None) -> int:
        """Epochs that the winner's last training will have, more or less: more CPUs are up against more images."""
        if left is None or not self._length.timed:
            return self._length.epochs
        return min(self._length.most_refit, int(PLANNED * left / max(1e-6, self._seconds_of(winner))))

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
    done = Counter(record.repeats for record in records if not (record.cut_off or record.refit))
    for seed in range(1, seeds):
        yield from (finalist for finalist in chosen if done[finalist.number] < seed)


def next_fold(finalist: TrialRecord, records: Iterable[TrialRecord]) -> int:
    """Which split of the images a finalist's next run is trained on: the first, from 1 on, that it has no run of.

    So all finalists are compared on the same splits. A run that a time budget cut off says nothing of its split.

    Args:
        finalist: the trial that is trained once more.
        records: all trials so far.
    """
    taken = {r.fold for r in records if r.repeats == finalist.number and not (r.refit or r.cut_off)}
    return next(fold for fold in itertools.count(1) if fold not in taken)
