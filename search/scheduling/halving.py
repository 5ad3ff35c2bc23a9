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
    from .length import Length

GOLDEN = (5**0.5 - 1) / 2
"""The golden ratio's fraction, 0.618…"""


class Promotion(Protocol):
    """What the engine needs of a promotion: which trials are judged when, and which go on.

    A class of one's own that has these methods can take the place of `Halving` and `Stopping`. It must go by nothing
    but the calls of its methods, and calls with equal results in another order must leave it in an equal state: when a
    sweep is resumed the trials on disk are recorded one by one, and it must decide as it would have without the break.
    """

    keeps_stopped: bool
    """Whether a trial that a time budget cut off keeps its places in rungs. Where not, a resume does not record it."""

    def is_rung(self, number: int, epoch: int) -> bool:
        """Whether trial `number` is judged after `epoch` epochs."""
        ...

    def record(self, number: int, epoch: int, values: Values) -> None:
        """Takes in the `values` of trial `number`, higher is better, after `epoch` epochs and all rungs before."""
        ...

    def verdict(self, number: int) -> Decision:
        """Decides on trial `number`, just recorded at a rung: CONTINUE marks it as gone on, STOP is for good."""
        ...

    def next(self, *, closing: bool = False) -> int | None:
        """The paused trial to go on with, None while none has earned it.

        Args:
            closing: nothing runs, nothing new comes and no trial has reached the end, so that one must be promoted.
        """
        ...

    def promote(self, number: int) -> None:
        """Marks trial `number` as gone on from the highest rung it has reached, or as waiting there no more."""
        ...

    def drop(self, number: int) -> None:
        """Takes trial `number`, which failed, out of all rungs."""
        ...

    def unsettled(self) -> Sequence[int]:
        """Trials that were killed right after a result: a resumed sweep first asks for a verdict on each of them."""
        ...


class Rung:
    """One rung of a bracket: the trials that reached `epochs`, what they had then, and which of them still wait there.

    With one objective a result costs O(log n) comparisons. With several, fronts are kept up, and made anew after a
    failure.

    Args:
        epochs: epochs after which trials are judged here.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.values: dict[int, Values] = {}
        """Values of each objective, higher is better, of every trial that reached the rung, by trial number."""
        self._left: set[int] = set()
        self._line: list[tuple[float, int]] = []
        self._waiting: list[tuple[float, int]] = []
        self._fronts: Fronts | None = None

    def add(self, number: int, values: Values) -> None:
        """Takes in trial `number` with its `values`, higher is better, in place of values it had here before."""
        self.remove(number)
        self.values[number] = values
        insort(self._line, self._key(number))
        if number not in self._left:
            insort(self._waiting, self._key(number))
        if self._fronts is not None:
            self._fronts.add(number, values)

    def remove(self, number: int) -> None:
        """Takes trial `number` out of the rung, if it is here."""
        if number in self.values:
            _take_out(self._line, self._key(number))
            _take_out(self._waiting, self._key(number))
            del self.values[number]
            self._fronts = None

    def leave(self, number: int) -> None:
        """Has trial `number` wait here no more, now or once it is added; it keeps its place in the ranking."""
        self._left.add(number)
        if number in self.values:
            _take_out(self._waiting, self._key(number))

    @property
    def waiting(self) -> list[int]:
        """Numbers of the trials that wait here, ordered by their first objective, the best first."""
        return [number for _, number in self._waiting]

    def best(self) -> int | None:
        """The best of the trials that wait here; None where none does."""
        if not self._waiting or len(self.values[self._waiting[0][1]]) == 1:
            return self._waiting[0][1] if self._waiting else None
        front = next(front for front in self._ranked() if not self._left.issuperset(front))
        return next(number for number in least_crowded_first(self.values, front) if number not in self._left)

    def rank(self, number: int) -> int:
        """How many trials that reached this rung are better than trial `number`, ranked as by `pareto.ordered`."""
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
        """Whether trial `number` is judged after `epoch` epochs, by the rungs of its bracket."""
        return any(rung.epochs == epoch for rung in self._rungs_of(number))

    def record(self, number: int, epoch: int, values: Values) -> None:
        """Takes in the `values` of trial `number`, higher is better, after `epoch` epochs and all rungs before."""
        for rung in self._rungs_of(number):
            if rung.epochs == epoch:
                rung.add(number, values)
            elif rung.epochs < epoch:
                rung.leave(number)

    def promote(self, number: int) -> None:
        """Marks trial `number` as gone on from the highest rung it has reached, or as waiting there no more."""
        rung = self._reached(number)
        if rung is not None:
            rung.leave(number)

    def drop(self, number: int) -> None:
        """Takes trial `number`, which failed, out of all rungs."""
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

    A trial goes on when it is among the best of its rung. While new designs still come a rung promotes ⌊n / reduction⌋
    of its n trials; once `next` is called with `closing`, at least one, so that some trial ends at full length. Rungs
    are at `first`, `first`·`reduction`, … epochs below `epochs`, the full length; each of `brackets` groups of trials
    begins a rung later.

    >>> halving = Halving(epochs=9, first=1, reduction=3)
    >>> for number, accuracy in enumerate([0.5, 0.8, 0.7]): halving.record(number, 1, (accuracy,))
    >>> halving.next()
    1
    """

    keeps_stopped = False  # it would take the place of one that can still go on

    def verdict(self, number: int) -> Decision:
        """CONTINUE where trial `number` is the next to be promoted, which is done here, else PAUSE."""
        if self.next() != number:
            return Decision.PAUSE
        self.promote(number)  # it has earned it at once: no need to wait
        return Decision.CONTINUE

    def next(self, *, closing: bool = False) -> int | None:
        """The best trial that may go on from the highest rung with one, of all brackets with a rung there."""
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
        """None: a trial that was killed right after a result waits at its rung."""
        return ()


class Stopping(_Brackets):
    """Successive halving that stops (Tune's `ASHAScheduler`, Optuna's `SuccessiveHalvingPruner`): no trial waits.

    A trial goes on at once when it is among the best max(1, ⌊n / reduction⌋) of the n that reached its rung so far,
    else it ends. The first at a rung always goes on, so some trial ends at full length, unless it fails on its way.
    Rungs are at `first`, `first`·`reduction`, … epochs below `epochs`, the full length; each of `brackets` groups of
    trials begins a rung later.

    >>> stopping = Stopping(epochs=9, first=1, reduction=3)
    >>> def judged(number, accuracy):
    ...     stopping.record(number, 1, (accuracy,))
    ...     return stopping.verdict(number).name
    >>> [judged(number, accuracy) for number, accuracy in enumerate([0.5, 0.8, 0.7])]
    ['CONTINUE', 'CONTINUE', 'STOP']
    """

    keeps_stopped = True

    def verdict(self, number: int) -> Decision:
        """CONTINUE where trial `number` is among the best of its rung so far, else STOP; both are final."""
        rung = self._reached(number)
        assert rung is not None, f"trial {number} is at no rung"
        rung.leave(number)
        best = rung.rank(number) < max(1, len(rung.values) // self.reduction)
        return Decision.CONTINUE if best else Decision.STOP

    def next(self, *, closing: bool = False) -> int | None:  # noqa: ARG002 - nobody waits
        """None: no trial ever waits."""
        return None

    def unsettled(self) -> Sequence[int]:
        """Trials that are recorded at a rung without a verdict, since they were killed right after their result."""
        return sorted(number for level in self._levels for rung in level for number in rung.waiting)


def promotion_of(search: SearchConfig, length: Length) -> Promotion:
    """The promotion that `search` names; for "none" one without rungs, which never judges a trial.

    Args:
        search: the settings of the sweep file.
        length: epochs of a trial of full length, and after how many it is first judged.
    """
    if search.promotion == "none":
        return Halving(epochs=0)
    kind = Halving if search.promotion == "halving" else Stopping
    return kind(length.epochs, length.first_rung, search.reduction, search.brackets)
