"""Which trials go on: asynchronous successive halving that pauses and promotes, or that stops; in brackets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from ..records import Fronts, Values, comparable, least_crowded_first, ordered
from .job import Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..config import SearchConfig

GOLDEN = (5**0.5 - 1) / 2


class Promotion(Protocol):
    """What the engine needs of a promotion. Whatever meets it can take the place of those below.

    All it knows it was told by the calls below, and calls with the same results in another order leave it the same:
    when a sweep is resumed it is told what is on disk, trial by trial, and must decide as the one that died.
    """

    keeps_stopped: bool
    """Whether a trial that a time budget cut off keeps its places. Where not, a resume does not record it."""

    def is_rung(self, number: int, epoch: int) -> bool:
        """Whether trial `number` is judged after `epoch` epochs."""
        ...

    def record(self, number: int, epoch: int, values: Values) -> None:
        """Trial `number` had `values`, higher is better, after `epoch` epochs: it has gone on from all rungs before."""
        ...

    def verdict(self, number: int) -> Decision:
        """What trial `number` does, just recorded at a rung: CONTINUE marks it as gone on, STOP is for good."""
        ...

    def next(self, *, closing: bool = False) -> int | None:
        """The paused trial to go on with, None while none has earned it.

        Args:
            closing: nothing runs, nothing new comes and no trial has reached the end: one is to be taken there.
        """
        ...

    def promote(self, number: int) -> None:
        """Marks trial `number` as gone on from the highest rung it has reached, or as done with there."""
        ...

    def drop(self, number: int) -> None:
        """Trial `number` failed: it takes no place in any rung."""
        ...

    def unsettled(self) -> Sequence[int]:
        """Trials a resumed sweep asks a verdict for before anything else: they were killed right after their result."""
        ...


class Rung:
    """The trials of a bracket that reached `epochs`, what they had then, and which of them wait there no more.

    One objective: a result costs O(log n) comparisons. Several: fronts are kept up, and made anew after a failure.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.values: dict[int, Values] = {}
        self._left: set[int] = set()
        self._line: list[tuple[float, int]] = []
        self._waiting: list[tuple[float, int]] = []
        self._fronts: Fronts | None = None

    def add(self, number: int, values: Values) -> None:
        self.remove(number)
        self.values[number] = values
        insort(self._line, self._key(number))
        if number not in self._left:
            insort(self._waiting, self._key(number))
        if self._fronts is not None:
            self._fronts.add(number, values)

    def remove(self, number: int) -> None:
        if number in self.values:
            _take_out(self._line, self._key(number))
            _take_out(self._waiting, self._key(number))
            del self.values[number]
            self._fronts = None

    def leave(self, number: int) -> None:
        """Trial `number`, if ever it is here, waits here no more; its place remains."""
        self._left.add(number)
        if number in self.values:
            _take_out(self._waiting, self._key(number))

    @property
    def waiting(self) -> list[int]:
        return [number for _, number in self._waiting]

    def best(self) -> int | None:
        """The best of those that wait."""
        if not self._waiting or len(self.values[self._waiting[0][1]]) == 1:
            return self._waiting[0][1] if self._waiting else None
        front = next(front for front in self._ranked() if not self._left.issuperset(front))
        return next(number for number in least_crowded_first(self.values, front) if number not in self._left)

    def rank(self, number: int) -> int:
        """How many trials that reached this rung are better than trial `number`; see `pareto.ordered`."""
        if len(self.values[number]) == 1:
            return bisect_left(self._line, self._key(number))
        better = 0
        for front in self._ranked():
            if number in front:
                return better + least_crowded_first(self.values, front).index(number)
            better += len(front)
        raise KeyError(number)

    def _key(self, number: int) -> tuple[float, int]:
        return -comparable(self.values[number])[0], number

    def _ranked(self) -> list[list[int]]:
        if self._fronts is None:
            self._fronts = Fronts(self.values)
        return self._fronts.layers


def _take_out(line: list[tuple[float, int]], key: tuple[float, int]) -> None:
    index = bisect_left(line, key)
    if line[index : index + 1] == [key]:
        del line[index]


class _Brackets:
    """Rungs of `first`, `first`·`reduction`, … epochs below `epochs`; bracket b begins b rungs later.

    Trials are dealt to brackets by their numbers, in the proportion of Hyperband (Li et al. 2018, algorithm 1), with
    which each bracket costs about the same: one of s rungs gets reduction^s / (s + 1). The places of the golden ratio's
    multiples among the shares (Knuth, TAOCP 6.4) keep to that proportion from the first trials on.

    Args:
        epochs: those of a trial that goes on to the end.
        first: epochs of the lowest rung, at least 1.
        reduction: η, at least 2.
        brackets: how many, at least 1; the last may begin as late as `epochs` and then judges nobody.
    """

    def __init__(self, epochs: int, first: int = 1, reduction: int = 3, brackets: int = 1) -> None:
        self.reduction = reduction
        self.brackets = [_rungs(epochs, first * reduction**bracket, reduction) for bracket in range(brackets)]
        sizes = [reduction ** len(rungs) / (len(rungs) + 1) for rungs in self.brackets]
        self.shares = [size / sum(sizes) for size in sizes]
        """Of the trials that each bracket gets."""
        self._bounds = list(accumulate(self.shares[:-1]))
        levels: dict[int, list[Rung]] = {}
        for rung in (rung for rungs in self.brackets for rung in rungs):
            levels.setdefault(rung.epochs, []).append(rung)
        self._levels = [levels[epochs] for epochs in sorted(levels, reverse=True)]

    def bracket(self, number: int) -> int:
        """The bracket of trial `number`."""
        return bisect_right(self._bounds, number * GOLDEN % 1)

    def is_rung(self, number: int, epoch: int) -> bool:
        return any(rung.epochs == epoch for rung in self._rungs_of(number))

    def record(self, number: int, epoch: int, values: Values) -> None:
        for rung in self._rungs_of(number):
            if rung.epochs == epoch:
                rung.add(number, values)
            elif rung.epochs < epoch:
                rung.leave(number)

    def promote(self, number: int) -> None:
        rung = self._reached(number)
        if rung is not None:
            rung.leave(number)

    def drop(self, number: int) -> None:
        for rung in self._rungs_of(number):
            rung.remove(number)

    def _rungs_of(self, number: int) -> list[Rung]:
        return self.brackets[self.bracket(number)]

    def _reached(self, number: int) -> Rung | None:
        return next((rung for rung in reversed(self._rungs_of(number)) if number in rung.values), None)


def _rungs(epochs: int, first: int, reduction: int) -> list[Rung]:
    rungs: list[Rung] = []
    while first < epochs:
        rungs.append(Rung(first))
        first *= reduction
    return rungs


class Halving(_Brackets):
    """Asynchronous successive halving (Li et al. 2020, algorithm 2): a trial waits at its rung and may go on later.

    It goes on when it is among the best there. While new designs still come a rung promotes ⌊n / reduction⌋ of its n
    trials; once `closing`, at least one, so that some trial ends at full length.

    >>> halving = Halving(epochs=9, first=1, reduction=3)
    >>> for number, accuracy in enumerate([0.5, 0.8, 0.7]): halving.record(number, 1, (accuracy,))
    >>> halving.next()
    1
    """

    keeps_stopped = False  # it would take the place of one that can still go on

    def verdict(self, number: int) -> Decision:
        if self.next() != number:
            return Decision.PAUSE
        self.promote(number)  # it has earned it at once: no need to wait
        return Decision.CONTINUE

    def next(self, *, closing: bool = False) -> int | None:
        """From the highest rung that has one; where brackets share its epochs, the best of theirs."""
        for level in self._levels:
            found: dict[int, Values] = {}
            for rung in level:
                best = rung.best()
                if best is not None and rung.rank(best) < max(len(rung.values) // self.reduction, int(closing)):
                    found[best] = rung.values[best]
            if found:
                return ordered(found)[0]
        return None

    def unsettled(self) -> Sequence[int]:
        return ()


class Stopping(_Brackets):
    """Successive halving that stops (Tune's `ASHAScheduler`, Optuna's `SuccessiveHalvingPruner`): nobody waits.

    A trial goes on at once when it is among the best max(1, ⌊n / reduction⌋) of the n that reached its rung so far,
    else it ends. The first at a rung always goes on, so some trial ends at full length, unless it fails on its way.

    >>> stopping = Stopping(epochs=9, first=1, reduction=3)
    >>> def judged(number, accuracy):
    ...     stopping.record(number, 1, (accuracy,))
    ...     return stopping.verdict(number).name
    >>> [judged(number, accuracy) for number, accuracy in enumerate([0.5, 0.8, 0.7])]
    ['CONTINUE', 'CONTINUE', 'STOP']
    """

    keeps_stopped = True

    def verdict(self, number: int) -> Decision:
        rung = self._reached(number)
        assert rung is not None, f"trial {number} is at no rung"
        rung.leave(number)
        best = rung.rank(number) < max(1, len(rung.values) // self.reduction)
        return Decision.CONTINUE if best else Decision.STOP

    def next(self, *, closing: bool = False) -> int | None:  # noqa: ARG002 - nobody waits
        return None

    def unsettled(self) -> Sequence[int]:
        return sorted(number for level in self._levels for rung in level for number in rung.waiting)


def promotion_of(search: SearchConfig) -> Promotion:
    """The promotion that `search` names; "none" is one without rungs."""
    if search.promotion == "none":
        return Halving(epochs=0)
    kind = Halving if search.promotion == "halving" else Stopping
    return kind(search.epochs, search.first_rung, search.reduction, search.brackets)
