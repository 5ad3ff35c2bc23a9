"""Trials that answer without a sampler and a study: with answers given to them, or with what is nearest to a wish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


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

    Args:
        wishes: the value wished for, by setting; every setting that is asked for must be there.
    """

    def __init__(self, wishes: Mapping[str, Any]) -> None:
        self._wishes = wishes

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """The wish if it is one of `choices`; else the nearest number, or the first choice where none is a number."""
        wish = self._wishes[name]
        if wish in choices or not _is_number(wish):
            return wish if wish in choices else choices[0]
        numbers = [choice for choice in choices if _is_number(choice)]
        return min(numbers, key=lambda choice: abs(choice - wish)) if numbers else choices[0]

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        step: float | None = None,
        log: bool = False,  # noqa: ARG002 - the bounds are the same
    ) -> float:
        """The number of the range that is nearest to the wish; `low` where the wish is no number."""
        wish = self._wishes[name]
        value = min(max(wish if _is_number(wish) else low, low), high)
        if step is None:
            return value
        last = int((high - low) / step + 1e-9)  # a range need not end with a step
        return min(low + min(round((value - low) / step), last) * step, high)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """The whole number of the range that is nearest to the wish; `low` where the wish is no number."""
        return round(self.suggest_float(name, low, high, step=step, log=log))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
