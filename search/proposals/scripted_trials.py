"""Trials that answer without a sampler and a study: with answers given to them, or with what is nearest to a wish."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

SPREAD = 0.15
"""Standard deviation of a number around the wish for it, as a share of its range."""


class AnsweredTrial:
    """A trial that answers with given values, and keeps what it was asked: for trying every design of a space.

    Of a range only the two bounds are offered. A setting without a given value, or whose given value is not offered, is
    answered by `pick`.

    Args:
        values: the given values, by setting.
        pick: chooses one of the values offered.
    """

    def __init__(
        self, values: dict[str, Any], pick: Callable[[Sequence[Any]], Any] = lambda offered: offered[0]
    ) -> None:
        self._values, self._pick = values, pick
        self.given: dict[str, Any] = {}
        """The answers so far, by setting."""
        self.offered: dict[str, Sequence[Any]] = {}
        """The values each answer was chosen from, by setting."""

    def _answer(self, name: str, offered: Sequence[Any]) -> Any:
        name = name.partition(" in ")[0]  # a narrowed choice goes by a longer name
        if self.given.get(name, offered) in offered:
            return self.given[name]  # asked for again: by the recipe, after the network
        is_given = name in self._values and self._values[name] in offered
        self.offered[name] = offered
        self.given[name] = self._values[name] if is_given else self._pick(offered)
        return self.given[name]

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """The given value if it is one of `choices`, else what `pick` chooses of them."""
        return self._answer(name, choices)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:  # noqa: ARG002
        """The given value if it is the lowest or highest of the range, else what `pick` chooses of these two."""
        return self._answer(name, (low, low + (high - low) // step * step))

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        step: float | None = None,  # noqa: ARG002
        log: bool = False,  # noqa: ARG002
    ) -> float:
        """The given value if it is `low` or `high`, else what `pick` chooses of these two."""
        return self._answer(name, (low, high))


class NearestTrial:
    """A trial (`spaces.choices.Trial`) that takes from each choice what is nearest to a wish.

    A narrowed choice such as "stage1.kernel in 3|5" is wished for as "stage1.kernel", and where there is no such wish
    as "kernel". Where there is none at all the first choice is taken, or the low end of a range.

    Args:
        wishes: the value wished for, by setting.
    """

    def __init__(self, wishes: Mapping[str, Any]) -> None:
        self._wishes = wishes
        self.given: dict[str, Any] = {}
        """The answers so far by the names that Optuna keeps them under."""

    def wish(self, name: str) -> Any:
        """The value wished for where `name` is asked, None where there is none."""
        plain = name.partition(" in ")[0]
        return self._wishes.get(plain, self._wishes.get(plain.rpartition(".")[2]))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """The wish if it is one of `choices`; else the nearest number, or the first choice where none is a number."""
        self.given[name] = self._option(self.wish(name), choices)
        return self.given[name]

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """The number of the range that is nearest to the wish; `low` where the wish is no number."""
        self.given[name] = self._number(self.wish(name), low, high, step=step, log=log)
        return self.given[name]

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """The whole number of the range that is nearest to the wish; `low` where the wish is no number."""
        self.given[name] = round(self._number(self.wish(name), low, high, step=step, log=log))
        return self.given[name]

    def _option(self, wish: Any, choices: Sequence[Any]) -> Any:
        if wish in choices or not _is_number(wish):
            return wish if wish in choices else choices[0]
        numbers = [choice for choice in choices if _is_number(choice)]
        return min(numbers, key=lambda choice: abs(choice - wish)) if numbers else choices[0]

    def _number(self, wish: Any, low: float, high: float, *, step: float | None, log: bool) -> float:  # noqa: ARG002
        value = min(max(wish if _is_number(wish) else low, low), high)
        if step is None:
            return value
        last = int((high - low) / step + 1e-9)  # a range need not end with a step
        return min(low + min(round((value - low) / step), last) * step, high)


class LeaningTrial(NearestTrial):
    """A trial that leans to its wishes: it takes what is nearest to a wish, or now and then any other value.

    Args:
        wishes: the value wished for, by setting, as `NearestTrial` has them.
        chance: decides which values are not as wished, and what they are.
        keep: the probability, 0 to 1, with which an answer is the wish.
    """

    def __init__(self, wishes: Mapping[str, Any], chance: Random, keep: float) -> None:
        super().__init__(wishes)
        self._chance, self._keep = chance, keep

    def _option(self, wish: Any, choices: Sequence[Any]) -> Any:
        return super()._option(wish, choices) if self._keeps(wish) else self._chance.choice(choices)

    def _number(self, wish: Any, low: float, high: float, *, step: float | None, log: bool) -> float:
        """Of a range, a number near the wish: off by a normal deviate of SPREAD of the range, or of its logarithm."""
        bottom, top = (math.log(low), math.log(high)) if log else (low, high)
        place = self._chance.uniform(bottom, top)
        if self._keeps(wish):
            centre = super()._number(wish, low, high, step=None, log=log)
            place = self._chance.gauss(math.log(centre) if log else centre, SPREAD * (top - bottom))
        return super()._number(math.exp(place) if log else place, low, high, step=step, log=log)

    def _keeps(self, wish: Any) -> bool:
        return self._chance.random() < self._keep and wish is not None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
