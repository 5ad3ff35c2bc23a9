"""A trial that answers alike in every variant, so that a base differs between them in what is asked alone."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Any

from ...spaces import SpaceError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class PairedTrial:
    """A trial (`spaces.choices.Trial`) that gives the answers of another variant, and draws those it was not asked.

    What is drawn goes by the setting's name, so that all variants draw alike.

    Args:
        seed: with `base` it decides what is drawn.
        base: the number of the base.
        known: the answers of another variant, by setting.
        varied: settings in which variants may differ: "kernel" in all stages, "stage1.kernel" in the first alone.

    Raises:
        SpaceError: from the methods: an answer of the other variant is not possible in this one.
    """

    def __init__(
        self, seed: int, base: int, known: Mapping[str, Any] | None = None, varied: Collection[str] = ()
    ) -> None:
        self._seed, self._base, self._known, self._varied = seed, base, known or {}, varied
        self.answers: dict[str, Any] = {}
        """The answers so far, by setting; those for which there was no choice are among them."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """The other variant's answer, or one of `choices` that is drawn."""
        plain = _plain(name)
        if self._is_known(plain):
            self._check(plain, self._known[plain], choices)
            return self._kept(plain, self._known[plain])
        return self._kept(plain, self._random(plain).choice(choices))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """The other variant's answer, or a whole number of the range that is drawn."""
        return round(self._number(name, low, high, step=step, log=log))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """The other variant's answer, or a number of the range that is drawn."""
        return self._number(name, low, high, step=step, log=log)

    def only(self, name: str, value: Any) -> None:
        """Takes in that `value` is the only one of several options that is possible here.

        Raises:
            SpaceError: the other variant had another one.
        """
        plain = _plain(name)
        if self._is_known(plain):
            self._check(plain, self._known[plain], [value])
        self._kept(plain, value)

    def _number(self, name: str, low: float, high: float, *, step: float | None, log: bool) -> float:
        plain = _plain(name)
        if self._is_known(plain):
            return self._kept(plain, self._known[plain])
        random = self._random(plain)
        if step is not None and not log:
            return self._kept(plain, low + step * random.randrange(int((high - low) / step + 1e-9) + 1))
        drawn = math.exp(random.uniform(math.log(low), math.log(high))) if log else random.uniform(low, high)
        return self._kept(plain, drawn)

    def _is_known(self, plain: str) -> bool:
        varies = plain in self._varied or plain.rpartition(".")[2] in self._varied
        return plain in self._known and not varies

    def _check(self, plain: str, value: Any, choices: Sequence[Any]) -> None:
        if value not in choices:
            offered = ", ".join(map(str, choices))
            raise SpaceError(f"{plain} is {value} in another variant, and here it can only be {offered}")

    def _kept(self, plain: str, value: Any) -> Any:
        self.answers[plain] = value
        return value

    def _random(self, plain: str) -> Random:
        return Random(f"{self._seed} {self._base} {plain}")  # noqa: S311 - for drawing designs


def _plain(name: str) -> str:
    """The setting's own name: a narrowed choice goes by a longer one."""
    return name.partition(" in ")[0]
