"""Checks, before anything trains, that some design of a sweep is within its budget; finds the smallest one."""

from __future__ import annotations

import random
from itertools import combinations, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from ...spaces import Budget, SpaceError
from ..records import Design
from .scripted_trials import AnsweredTrial

if TYPE_CHECKING:
    from collections.abc import Callable

    from .design_space import DesignSpace

LOOKED_AT = 200
"""Designs that are sampled first, in search of one within the budget; as many as the engine tries."""
BEGINNINGS = 30
"""Random designs from each of which a smaller one is looked for."""
EVERY = 1_000
"""Combinations of answers that are all tried, where a space has no more than these."""
MOST_PAIRS = 4_000
"""Pairs of changes tried once single ones no longer save."""

BudgetUse: TypeAlias = tuple[float, float]
"""The largest share of a limit that a design takes, and the sum of its shares of all limits; 1 is the whole limit."""


def check_budget(designs: DesignSpace, seed: int) -> None:
    """Refuses a budget that no design meets.

    Args:
        designs: the designs the sweep may try, and the budget.
        seed: decides which designs are looked at.

    Raises:
        SpaceError: no design was found that meets the budget; names the smallest design, and what it exceeds.
    """
    if designs.budget.limits == Budget():
        return
    if not all(map(designs.over_budget, designs.draw(LOOKED_AT, seed))):
        return
    found = smallest(designs, seed)
    if over := designs.over_budget(found):
        raise SpaceError(
            f"budget: no design of the space is within it; the smallest found, {found.notation}, has "
            f"{found.parameters:,} parameters and takes {found.macs:,} MACs: {over}",
            "Allow more, or a space with smaller networks.",
            key="budget",
        )


def smallest(designs: DesignSpace, seed: int) -> Design:
    """The design that takes the least of the budget, which must have a limit.

    A space of few designs is looked through. In others costs of layers add up, so it is looked for by changing one
    choice at a time for as long as that saves, from many beginnings, and then two at a time. No proof: one that only
    three changes at once lead to may be missed. Where widths may be shrunk, designs count as shrunk as far as it goes.

    Args:
        designs: the designs the sweep may try, and the budget.
        seed: decides where the search for smaller designs begins.
    """

    def budget_use(answers: AnsweredTrial) -> BudgetUse:
        network, recipe = designs.choose_narrowest(answers)
        shares = designs.budget.limits.shares(network, batch_size=recipe.batch_size, optimizer=recipe.optimizer)
        return max(shares), sum(shares)

    if (found := _of_all(budget_use)) is not None:
        return Design.of(*designs.choose_narrowest(found))
    chance = random.Random(seed)  # noqa: S311
    beginnings = [AnsweredTrial({}), *(AnsweredTrial({}, chance.choice) for _ in range(BEGINNINGS))]
    ends = [_descended(budget_use(answers), answers, budget_use, 1) for answers in beginnings]
    best, answers = min(ends, key=itemgetter(0))
    _, least = _descended(best, answers, budget_use, 2)
    return Design.of(*designs.choose_narrowest(AnsweredTrial(least.given)))


def _of_all(budget_use: Callable[[AnsweredTrial], BudgetUse]) -> AnsweredTrial | None:
    """The answers that take the least; None where there are more than EVERY."""
    values: dict[str, Any] = {}
    tried: list[tuple[BudgetUse, dict[str, Any]]] = []
    while len(tried) < EVERY:
        answers = AnsweredTrial(values)
        tried.append((budget_use(answers), answers.given))
        names = list(answers.offered)
        for name in reversed(names):
            others = [value for value in answers.offered[name] if value != answers.given[name]]
            later = others[answers.offered[name].index(answers.given[name]) :]
            if later:  # the next answer to this question, the same to those before it, the first to those after
                values = {before: answers.given[before] for before in names[: names.index(name)]} | {name: later[0]}
                break
        else:
            return AnsweredTrial(min(tried, key=itemgetter(0))[1])
    return None


def _descended(
    best: BudgetUse, answers: AnsweredTrial, budget_use: Callable[[AnsweredTrial], BudgetUse], at_once: int
) -> tuple[BudgetUse, AnsweredTrial]:
    """Where changing so many answers at once no longer saves anything."""
    saved = True
    while saved:
        saved = False
        single = [(name, other) for name, offered in answers.offered.items() for other in offered]
        for changes in islice(combinations(single, at_once), MOST_PAIRS):
            changed = AnsweredTrial(answers.given | dict(changes))
            if (less := budget_use(changed)) < best:
                best, answers, saved = less, changed, True
    return best, answers
