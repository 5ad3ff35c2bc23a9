"""What a sampler looks back on in a long sweep: the trials that tell most, kept up as trials end."""

from __future__ import annotations

import math
from bisect import insort
from heapq import nsmallest
from typing import TYPE_CHECKING, TypeAlias

from optuna.trial import FrozenTrial, TrialState

if TYPE_CHECKING:
    from collections.abc import Container

RECALLED = 200
"""Trials a sampler looks back on at most, running ones aside."""
Place: TypeAlias = tuple[float, float, int]
"""Where a trial stands among those of its kind, the best lowest, and where it lies among all."""


class Recall:
    """Of a study's trials the best complete ones, the best stopped ones, those that run, and the latest of the rest.

    TPE models at most 25 trials as good ones, however many there are (Optuna's `gamma`), and the others only as what
    they are better than. A trial that has ended is looked at once; those that have not are looked at again each time.

    Args:
        most: trials to tell of, running ones aside. A quarter each is for the best complete and the best stopped ones.
    """

    def __init__(self, most: int = RECALLED) -> None:
        self._most = most
        self._seen = 0
        self._open: list[int] = []
        self._best: dict[TrialState, list[Place]] = {TrialState.COMPLETE: [], TrialState.PRUNED: []}

    def telling(self, trials: list[FrozenTrial], waiting: Container[int] = ()) -> list[FrozenTrial]:
        """Those that tell most, in their order.

        Args:
            trials: of one study; each call gives those of the call before it at the same places, and more.
            waiting: numbers of those that are shown as ended and may go on.
        """
        self._take_in(trials, waiting)
        if len(trials) <= self._most:
            return trials
        kept: set[int] = set()
        for state, best in self._best.items():
            may_go_on = (_place(trials[at], at) for at in self._open if trials[at].state == state)
            kept.update(at for _, _, at in nsmallest(self._most // 4, [*best, *may_go_on]))
        room = self._most - len(kept)
        kept.update(at for at in self._open if not trials[at].state.is_finished())
        for at in reversed(range(len(trials))):
            if room <= 0:
                break
            if at not in kept:
                kept.add(at)
                room -= 1
        return [trials[at] for at in sorted(kept)]

    def _take_in(self, trials: list[FrozenTrial], waiting: Container[int]) -> None:
        """Keeps the places of what has ended since the last time."""
        candidates = [*self._open, *range(self._seen, len(trials))]
        self._open, self._seen = [], len(trials)
        for at in candidates:
            trial = trials[at]
            if trial.number in waiting or not trial.state.is_finished():
                self._open.append(at)
            elif trial.state in self._best:
                insort(self._best[trial.state], _place(trial, at))
                del self._best[trial.state][self._most // 4 :]


def _place(trial: FrozenTrial, at: int) -> Place:
    """A complete trial by its value; a stopped one as TPE ranks it, by its rung and its accuracy there."""
    if trial.state == TrialState.COMPLETE:
        return 0.0, -trial.values[0] if trial.values else math.inf, at
    step = max(trial.intermediate_values, default=-1)
    return -step, -trial.intermediate_values.get(step, -math.inf), at
