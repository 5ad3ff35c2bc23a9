"""Trials that answer without a sampler: at random, or with every answer there is, one after the other."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Chance:
    """A trial that picks at random, and refuses a choice that changed under its name, as Optuna does."""

    def __init__(self, seed: int, known: dict[str, tuple[Any, ...]] | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self.asked: dict[str, tuple[Any, ...]] = {} if known is None else known

    def _see(self, name: str, choice: tuple[Any, ...]) -> None:
        assert self.asked.setdefault(name, choice) == choice, f"{name} changed"

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self._see(name, tuple(choices))
        return self._random.choice(list(choices))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        self._see(name, (low, high, step, log))
        return self._random.randrange(low, high + 1, step)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self._see(name, (low, high, step, log))
        return (
            low + step * self._random.randrange(round((high - low) / step) + 1)
            if step
            else self._random.uniform(low, high)
        )


class Script:
    """A trial that answers by a script, the first choice past its end, and keeps how many choices there were."""

    def __init__(self, answers: Sequence[int]) -> None:
        self.answers = answers
        self.counts: list[int] = []

    def _answer(self, values: Sequence[Any]) -> Any:
        place = len(self.counts)
        self.counts.append(len(values))
        return values[self.answers[place] if place < len(self.answers) else 0]

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:  # noqa: ARG002
        return self._answer(choices)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, **_: Any) -> int:  # noqa: ARG002
        return self._answer(range(low, high + 1, step))

    def suggest_float(
        self,
        name: str,  # noqa: ARG002
        low: float,
        high: float,
        *,
        step: float | None = None,
        **_: Any,
    ) -> float:
        if step:
            return self._answer([low + step * number for number in range(round((high - low) / step) + 1)])
        return self._answer([high])  # no growth by it makes two stages equally wide


def every_answer(most: int) -> Iterator[Script]:
    """A trial for each way to answer; each must be asked before the next is taken.

    Raises:
        TimeoutError: there are more than `most`.
    """
    answers: list[int] = []
    for _ in range(most):
        trial = Script(answers)
        yield trial
        answers += [0] * (len(trial.counts) - len(answers))
        while answers and answers[-1] + 1 == trial.counts[len(answers) - 1]:
            answers.pop()
        if not answers:
            return
        answers[-1] += 1
    raise TimeoutError


def some(*values: Any, most: int = 2) -> st.SearchStrategy[Any]:
    """One or more of the values, as a list."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique_by=repr)
