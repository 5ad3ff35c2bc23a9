"""Gives the variants of a base widths with which they cost alike, so that none wins by being larger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...spaces import SpaceError, narrowed
from ..records import Design
from ..verdicts import cost_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..config import BudgetConfig

WITHIN = 0.02
"""Matched costs differ by at most so much of the smaller."""
MOST = 8.0
"""Widths are multiplied or divided by so much, at most."""
STEP = 1.015
"""The first variant's widths are tried in such steps, where widths have to be whole and the others do not come near."""
STEPS, SHRINKING = 8, 140
"""How many such steps up and down; and down, where networks over the budget are made narrower."""
HALVINGS = 14
"""Bisections of the factor that another variant's widths are multiplied by."""


def matched(designs: Mapping[str, Design], cost: str, budget: BudgetConfig) -> dict[str, Design]:
    """The designs with other widths, so that the cost of each is within 2 % of every other's and all are in the budget.

    The first variant stays as it is if that can be, else it is made wider or narrower by a little; where the budget
    has networks shrunk, by as much as it takes. The others follow.

    Args:
        designs: the base in every variant.
        cost: one of `verdicts.COSTS`, or "none".
        budget: the most that a network may cost.

    Raises:
        SpaceError: no widths do that; says how near they come.
    """
    first, *others = designs
    reason = ""
    for reference in _first(designs[first], budget):
        found = {first: reference}
        target = cost_of(reference, cost) if cost != "none" else 0
        for name in others:
            found[name] = designs[name] if cost == "none" else _nearest(designs[name], target, cost)
        over = [f"{name}: {why}" for name, design in found.items() if (why := _exceeded(design, budget))]
        costs = {name: cost_of(design, cost) for name, design in found.items()} if cost != "none" else {first: 1}
        low, high = min(costs, key=costs.__getitem__), max(costs, key=costs.__getitem__)
        if costs[high] > (1 + WITHIN) * costs[low]:
            reason = reason or f"{cost} of {low} and {high} come to {costs[low]:,} and {costs[high]:,} at best"
        elif over:
            reason = over[0]
        else:
            return found
    raise SpaceError(reason)


def _first(design: Design, budget: BudgetConfig) -> Iterator[Design]:
    """The first variant's design, then with other widths, the nearest first."""
    yield design
    shrinks = budget.over_budget == "shrink" and design.recipe.weights is None
    for step in range(1, SHRINKING if shrinks else STEPS):
        for factor in (1 / STEP**step, STEP**step)[: 1 if step > STEPS else 2]:
            other = _scaled(design, factor)
            if other is not None:
                yield other


def _nearest(design: Design, target: int, cost: str) -> Design:
    """The design with the widths whose cost is nearest to the target: it rises with them, so they are bisected."""
    here = cost_of(design, cost)
    if max(here, target) <= (1 + WITHIN / 4) * min(here, target):
        return design
    best, low, high = design, 1 / MOST, MOST
    for _ in range(HALVINGS):
        factor = (low * high) ** 0.5
        candidate = _scaled(design, factor)
        if candidate is None:
            return best
        found = cost_of(candidate, cost)
        if abs(found - target) < abs(cost_of(best, cost) - target):
            best = candidate
        if found == target:
            break
        low, high = (factor, high) if found < target else (low, factor)
    return best


def _scaled(design: Design, factor: float) -> Design | None:
    network = narrowed(design.architecture, factor)
    return None if network is None else Design.of(network, design.recipe)


def _exceeded(design: Design, budget: BudgetConfig) -> str:
    return budget.exceeded(design.architecture, design.recipe)
