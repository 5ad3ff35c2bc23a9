"""Whether any design of a sweep is within its budget, and which is the smallest, before anything trains."""

from __future__ import annotations

import random
from itertools import combinations, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from ...spaces import SHRINKING_STEPS, Budget, SpaceError, narrowed
from ..records import Design
from .design_space import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...spaces import Architecture
    from ...trainers import Recipe
    from ..config import SweepConfig

LOOKED_AT = 200
"""Sampled designs looked at first, as many as the engine tries."""
BEGINNINGS = 30
"""Random designs that are made smaller."""
EVERY = 1_000
"""Ways to answer that are all tried, where a space has no more."""
MOST_PAIRS = 4_000
"""Pairs of changes tried once single ones no longer save."""

Strain: TypeAlias = tuple[float, float]
"""The largest share of a limit that a design takes, and the sum over all limits."""


class Answers:
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


def check_budget(config: SweepConfig, input: tuple[int, int, int], classes: int) -> None:
    """Refuses a budget that no design meets.

    Raises:
        SpaceError: names the smallest design, and what it exceeds.
    """
    budget = config.budget
    if budget.limits == Budget():
        return
    sampled = sample(config, input, classes, LOOKED_AT)
    if not all(budget.exceeded(design.architecture, design.recipe) for design in sampled):
        return
    found = smallest(config, input, classes)
    if over := budget.exceeded(found.architecture, found.recipe):
        raise SpaceError(
            f"budget: no design of the space is within it; the smallest found, {found.notation}, has "
            f"{found.parameters:,} parameters and takes {found.macs:,} MACs: {over}",
            "Allow more, or a space with smaller networks.",
            key="budget",
        )


def smallest(config: SweepConfig, input: tuple[int, int, int], classes: int) -> Design:
    """The design that takes the least of the budget, which must have a limit.

    A space of few designs is looked through. In others costs of layers add up, so it is looked for by changing one
    choice at a time for as long as that saves, from many beginnings, and then two at a time. No proof: one that only
    three changes at once lead to may be missed. Where widths may be shrunk, designs count as shrunk as far as it goes.
    """
    space, recipes, budget = config.design_space(), config.recipe_space(), config.budget

    def built(answers: Answers) -> tuple[Architecture, Recipe]:
        architecture, recipe = space.sample(answers, input, classes), recipes.sample(answers)
        shrinks = budget.over_budget == "shrink" and recipe.weights is None
        shrunk = narrowed(architecture, 1 / SHRINKING_STEPS) if shrinks else None
        return shrunk or architecture, recipe

    def strain(answers: Answers) -> Strain:
        architecture, recipe = built(answers)
        shares = budget.limits.shares(architecture, batch_size=recipe.batch_size, optimizer=recipe.optimizer)
        return max(shares), sum(shares)

    if (found := _of_all(strain)) is not None:
        return Design.of(*built(found))
    chance = random.Random(config.search.seed)  # noqa: S311
    beginnings = [Answers({}), *(Answers({}, chance.choice) for _ in range(BEGINNINGS))]
    ends = [_descended(strain(answers), answers, strain, 1) for answers in beginnings]
    best, answers = min(ends, key=itemgetter(0))
    return Design.of(*built(Answers(_descended(best, answers, strain, 2)[1].given)))


def _of_all(strain: Callable[[Answers], Strain]) -> Answers | None:
    """The answers that take the least; None where there are more than EVERY."""
    told: dict[str, Any] = {}
    tried: list[tuple[Strain, dict[str, Any]]] = []
    while len(tried) < EVERY:
        answers = Answers(told)
        tried.append((strain(answers), answers.given))
        names = list(answers.offered)
        for name in reversed(names):
            others = [value for value in answers.offered[name] if value != answers.given[name]]
            later = others[answers.offered[name].index(answers.given[name]) :]
            if later:  # the next answer to this question, the same to those before it, the first to those after
                told = {before: answers.given[before] for before in names[: names.index(name)]} | {name: later[0]}
                break
        else:
            return Answers(min(tried, key=itemgetter(0))[1])
    return None


def _descended(
    best: Strain, answers: Answers, strain: Callable[[Answers], Strain], at_once: int
) -> tuple[Strain, Answers]:
    """Where changing so many answers at once no longer saves anything."""
    saved = True
    while saved:
        saved = False
        single = [(name, other) for name, offered in answers.offered.items() for other in offered]
        for changes in islice(combinations(single, at_once), MOST_PAIRS):
            changed = Answers(answers.given | dict(changes))
            if (less := strain(changed)) < best:
                best, answers, saved = less, changed, True
    return best, answers
