"""Which trials go on: asynchronous successive halving that pauses and promotes (Li et al. 2020, algorithm 2)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Rung:
    """The trials that reached `epochs`, what they had then, and which of them went on."""

    epochs: int
    values: dict[int, float] = field(default_factory=dict)
    promoted: set[int] = field(default_factory=set)

    def candidates(self, quota: int) -> list[int]:
        """Trials among the best `quota` that still wait here, best first; ties go to the earlier trial."""
        ranked = sorted(self.values, key=lambda number: (-self.values[number], number))
        return [number for number in ranked[:quota] if number not in self.promoted]


class Promotion:
    """Rungs of `first`, `first`·`reduction`, … epochs up to `epochs`; each lets one in `reduction` trials go on.

    A trial waits at its rung and goes on when it is among the best there. While new designs still come a rung
    promotes ⌊n / reduction⌋ of its n trials; once `closing`, at least one, so that some trial ends at full length.

    >>> halving = Promotion(epochs=9, first=1, reduction=3)
    >>> [rung.epochs for rung in halving.rungs]
    [1, 3]
    >>> for number, accuracy in enumerate([0.5, 0.8, 0.7]): halving.record(number, 1, accuracy)
    >>> halving.next()
    1
    """

    def __init__(self, epochs: int, first: int = 1, reduction: int = 3) -> None:
        self.reduction = reduction
        self.rungs: list[Rung] = []
        while first < epochs:
            self.rungs.append(Rung(first))
            first *= reduction

    def record(self, number: int, epoch: int, value: float) -> None:
        """Trial `number` had `value`, higher is better, after `epoch` epochs. Only rungs matter."""
        for rung in self.rungs:
            if rung.epochs == epoch:
                rung.values[number] = value
            elif rung.epochs < epoch:
                rung.promoted.add(number)

    def is_rung(self, epoch: int) -> bool:
        return any(rung.epochs == epoch for rung in self.rungs)

    def next(self, *, closing: bool = False) -> int | None:
        """The paused trial to go on with, from the highest rung that has one; None while none has earned it."""
        for rung in reversed(self.rungs):
            quota = len(rung.values) // self.reduction
            waiting = rung.candidates(max(1, quota) if closing and rung.values else quota)
            if waiting:
                return waiting[0]
        return None

    def promote(self, number: int) -> None:
        """Marks trial `number` as gone on from the highest rung it has reached."""
        for rung in reversed(self.rungs):
            if number in rung.values:
                rung.promoted.add(number)
                return

    def drop(self, number: int) -> None:
        """Trial `number` failed: it takes no place in any rung it waits in."""
        for rung in self.rungs:
            if number not in rung.promoted:
                rung.values.pop(number, None)
