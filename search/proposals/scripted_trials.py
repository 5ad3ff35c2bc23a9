"""Trials whose answers are not a sampler's: as they are told, or what is nearest to a wish. No study is behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class AnsweredTrial:
    """A trial that answers as it is told, otherwise by `pick`, and keeps what else was offered.

    Of a range the bounds are offered.
    """

    def __init__(self, told: dict[str, Any], pick: Callable[[Sequence[Any]], Any] = lambda offered: offered[0]) -> None:
        self._told, self._pick = told, pick
        self.given: dict[str, Any] = {}
        self.offered: dict[str, Sequence[Any]] = {}

    def _answer(self, name: str, offered: Sequence[Any]) -> Any:
        name = name.partition(" in ")[0]  # a narrowed choice goes by a longer name
        if self.given.get(name, offered) in offered:
            return self.given[name]  # asked for again: by the recipe, after the network
        told = name in self._told and self._told[name] in offered
        self.offered[name] = offered
        self.given[name] = self._told[name] if told else self._pick(offered)
        return self.given[name]

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._answer(name, choices)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:  # noqa: ARG002
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
        return self._answer(name, (low, high))


class NearestTrial:
    """A trial (`spaces.choices.Trial`) that takes from each choice what is nearest to a wish."""

    def __init__(self, wishes: Mapping[str, Any]) -> None:
        self._wishes = wishes

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
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
        wish = self._wishes[name]
        value = min(max(wish if _is_number(wish) else low, low), high)
        if step is None:
            return value
        last = int((high - low) / step + 1e-9)  # a range need not end with a step
        return min(low + min(round((value - low) / step), last) * step, high)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return round(self.suggest_float(name, low, high, step=step, log=log))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
