"""What a sampler is shown of a long sweep: the most informative trials, kept up as trials change."""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import compress, count
from operator import is_not
from typing import TYPE_CHECKING, TypeAlias

from optuna.trial import FrozenTrial, TrialState

from ..records import Fronts, Values, comparable, least_crowded_first

if TYPE_CHECKING:
    from collections.abc import Sequence

REMEMBERED = 200
"""Most trials that a sampler is shown, running ones aside."""
RUNNING = 200
"""Most running trials that a sampler is shown, the latest: TPE looks at each some ten times for each proposal."""
Place: TypeAlias = tuple[float, float, float, int]
"""Sorts a trial among those of its kind, the best lowest: its violation of constraints, minus its epoch, minus what it
reached, and its index among all trials."""


class TrialHistory:
    """Of a study's trials the best complete ones, the best stopped ones, those that run, and the latest of the rest.

    TPE models at most 25 trials as good ones, however many there are (Optuna's `gamma`), and the others only as what
    they are better than. Trials rank as TPE ranks them: by how much they violate constraints, then by what they
    reached; of several objectives by fronts. Only a trial that has changed is looked at again. Of those that run the
    sampler is only to keep away, for which the latest will do.

    Args:
        most: trials to give, running ones aside. A quarter each is for the best complete and the best stopped ones.
        running: running trials to give.
    """

    def __init__(self, most: int = REMEMBERED, running: int = RUNNING) -> None:
        self._most, self._most_running = most, running
        self._known: list[FrozenTrial] = []
        self._running: set[int] = set()
        self._lines: dict[int, _Line | _Layers] = {}
        self._complete, self._complete_of_several, self._stopped = _Line(), _Layers(), _Line()

    def select(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """The most informative trials, in the order of `trials`; all of them where they are few.

        Args:
            trials: of one study; each call gives those of the call before it at equal places, and more. A trial that
                has changed is another object.
        """
        self._take_in(trials)
        if len(trials) <= self._most:
            return list(trials)
        best = (line.best(self._most // 4) for line in (self._complete, self._complete_of_several, self._stopped))
        kept = {at for places in best for at in places}
        room = self._most - len(kept)
        kept.update(sorted(self._running)[-self._most_running :])
        for at in reversed(range(len(trials))):
            if room <= 0:
                break
            if at not in kept and at not in self._running:
                kept.add(at)
                room -= 1
        return [trials[at] for at in sorted(kept)]

    def _take_in(self, trials: Sequence[FrozenTrial]) -> None:
        for at in list(compress(count(), map(is_not, trials, self._known))):
            self._running.discard(at)
            if line := self._lines.pop(at, None):
                line.remove(at)  # from where it was put: Optuna changes attributes of trials in place
            self._known[at] = trials[at]
            self._add(at)
        for at in range(len(self._known), len(trials)):
            self._known.append(trials[at])
            self._add(at)

    def _add(self, at: int) -> None:
        trial = self._known[at]
        if not trial.state.is_finished():
            self._running.add(at)
        if line := self._line(trial):
            self._lines[at] = line
            line.add(at, trial)

    def _line(self, trial: FrozenTrial) -> _Line | _Layers | None:
        match trial.state:
            case TrialState.COMPLETE:
                return self._complete_of_several if len(trial.values or ()) > 1 else self._complete
            case TrialState.PRUNED:
                return self._stopped
            case _:
                return None


def violation(trial: FrozenTrial) -> float:
    """By how much the trial's constraints are violated, summed over them; 0 where they are met."""
    return sum(value for value in trial.constraints.values() if value > 0)


class _Line:
    """Trials that are ranked by numbers of their own."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._place: dict[int, Place] = {}

    def add(self, at: int, trial: FrozenTrial) -> None:
        self._place[at] = _place(trial, at)
        insort(self._places, self._place[at])

    def remove(self, at: int) -> None:
        del self._places[bisect_left(self._places, self._place.pop(at))]

    def best(self, most: int) -> list[int]:
        return [at for _, _, _, at in self._places[:most]]


class _Layers:
    """Trials of several objectives: those that violate constraints alike, as those at one rung do, in fronts."""

    def __init__(self) -> None:
        self._values: dict[float, dict[int, Values]] = {}
        self._alike: dict[int, float] = {}
        self._fronts: dict[float, Fronts] = {}
        """Made when they are needed, and again after one was removed."""

    def add(self, at: int, trial: FrozenTrial) -> None:
        alike = self._alike[at] = violation(trial)
        values = self._values.setdefault(alike, {})[at] = _objective_values(trial)
        if alike in self._fronts:
            self._fronts[alike].add(at, values)

    def remove(self, at: int) -> None:
        alike = self._alike.pop(at)
        del self._values[alike][at]
        self._fronts.pop(alike, None)

    def best(self, most: int) -> list[int]:
        found: list[int] = []
        for alike, values in sorted(self._values.items()):
            if len(found) >= most:
                break
            if alike not in self._fronts:
                self._fronts[alike] = Fronts(values)
            for layer in self._fronts[alike].layers:
                if len(found) >= most:
                    break
                found += least_crowded_first(values, layer)[: most - len(found)]
        return found


def _place(trial: FrozenTrial, at: int) -> Place:
    """A complete trial by its value; a stopped one by its rung and its accuracy there."""
    if trial.state == TrialState.COMPLETE:
        step, reached = 0, trial.values[0]
    else:
        step = max(trial.intermediate_values, default=-1)
        reached = trial.intermediate_values.get(step, float("-inf"))
    return violation(trial), -step, -comparable((reached,))[0], at


def _objective_values(trial: FrozenTrial) -> Values:
    """What the trial has of each objective, higher is better: accuracy comes first, and then what is to be small."""
    accuracy, *costs = trial.values
    return accuracy, *(-cost for cost in costs)
