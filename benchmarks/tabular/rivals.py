"""Other ways to search, in the simulator's world: each asks for designs, hears of every epoch, and says who goes on.

All sample the same space with the same workers and clock. Those of other libraries are in libraries.py.
"""

from __future__ import annotations

import heapq
import random
from typing import TYPE_CHECKING, Any, Protocol

import optuna
from convscape.search.records import Design
from simulator import Hand, Moment
from world import LONG

if TYPE_CHECKING:
    from convscape.search.proposals import DesignSpace
    from world import World


class Rival(Protocol):
    """A way to search, as `race` drives it."""

    def ask(self) -> tuple[int, Design, int, int] | None:
        """A run to begin or to go on with: its number, design, epochs that it has, epochs of its schedule."""
        ...

    def tell(self, number: int, epoch: int, value: float) -> bool:
        """Takes in the validation accuracy of a run after an epoch; whether it goes on at once."""
        ...


def race(world: World, rival: Rival, *, workers: int, seconds: float, seed: int) -> list[Moment]:
    """The networks in hand while a rival searches, each from when on.

    Args:
        world: what designs reach, and what they take.
        rival: says what is trained.
        workers: runs at a time.
        seconds: after which nothing counts any more.
        seed: of all runs.
    """
    hand, now, idle = Hand(world), 0.0, workers
    events: list[tuple[float, int, int, Design, int]] = []
    while True:
        while idle and (asked := rival.ask()) is not None:
            number, design, epoch, length = asked
            heapq.heappush(events, (now + world.seconds(design), number, epoch + 1, design, length))
            idle -= 1
        if not events or events[0][0] > seconds:
            return hand.moments
        now, number, epoch, design, length = heapq.heappop(events)
        value = hand.saw(now, design, seed * 1_000_003 + number, epoch, length)
        if rival.tell(number, epoch, value) and epoch < length:
            heapq.heappush(events, (now + world.seconds(design), number, epoch + 1, design, length))
        else:
            idle += 1


class Textbook:
    """The textbook's designs, one after the other to the end, and then no more."""

    def __init__(self, designs: DesignSpace, seed: int) -> None:  # noqa: ARG002 - nothing is drawn
        from convscape.search.proposals.textbook import textbook_designs

        self._left = list(enumerate(each.design for each in textbook_designs(designs, 100)))

    def ask(self) -> tuple[int, Design, int, int] | None:
        if not self._left:
            return None
        number, design = self._left.pop(0)
        return number, design, 0, LONG

    def tell(self, number: int, epoch: int, value: float) -> bool:  # noqa: ARG002
        return True


class Hyperband:
    """Optuna as its documentation has it: TPE with its defaults and the Hyperband pruner."""

    def __init__(self, designs: DesignSpace, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=LONG, reduction_factor=3)
        sampler = optuna.samplers.TPESampler(seed=seed)
        self._study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
        self._designs, self._trials = designs, dict[int, optuna.Trial]()

    def ask(self) -> tuple[int, Design, int, int] | None:
        trial = self._study.ask()
        self._trials[trial.number] = trial
        return trial.number, Design.of(*self._designs.choose(trial)), 0, LONG

    def tell(self, number: int, epoch: int, value: float) -> bool:
        trial = self._trials[number]
        trial.report(value, epoch)
        if epoch == LONG:
            self._study.tell(trial, value)
            return False
        if trial.should_prune():
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return False
        return True


class OneEpochEach:
    """Random designs for one epoch each, and the best tenth of them to the end."""

    def __init__(self, designs: DesignSpace, seed: int, count: int = 60) -> None:
        self._new = list(enumerate(designs.draw(count, seed)))
        self._designs, self._first = dict(self._new), dict[int, float]()
        self._best: list[int] | None = None
        self._count = count

    def ask(self) -> tuple[int, Design, int, int] | None:
        if self._new:
            number, design = self._new.pop(0)
            return number, design, 0, LONG
        if len(self._first) < self._count:
            return None
        if self._best is None:
            self._best = sorted(self._first, key=self._first.__getitem__, reverse=True)[: max(1, self._count // 10)]
        if not self._best:
            return None
        number = self._best.pop(0)
        return number, self._designs[number], 1, LONG

    def tell(self, number: int, epoch: int, value: float) -> bool:
        if epoch == 1:
            self._first[number] = value
        return epoch > 1


class RandomHalving:
    """Random search with asynchronous successive halving that stops (Tune's ASHAScheduler with its defaults)."""

    def __init__(self, designs: DesignSpace, seed: int) -> None:
        self._chance, self._designs, self._count = random.Random(seed), designs, 0  # noqa: S311
        self._rungs: dict[int, list[float]] = {1: [], 3: [], 9: []}

    def ask(self) -> tuple[int, Design, int, int] | None:
        self._count += 1
        (design,) = self._designs.draw(1, self._chance.randrange(2**31))
        return self._count, design, 0, LONG

    def tell(self, number: int, epoch: int, value: float) -> bool:  # noqa: ARG002
        rung: Any = self._rungs.get(epoch)
        if rung is None:
            return True
        rung.append(value)
        return sorted(rung, reverse=True).index(value) < max(1, len(rung) // 3)


RIVALS = {
    "textbook": Textbook, "hyperband": Hyperband, "one epoch each": OneEpochEach, "random asha": RandomHalving,
}  # fmt: skip
"""Ways to search by name."""
