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
STEP, STEPS = 1.015, 8
"""The first variant's widths are tried in so many such steps up and down: widths are whole, so that the others may not
come near where it is."""
HALVINGS, OF_THE_BUDGET = 12, 8
"""Bisections of the factor that widths are multiplied by: for a cost to be met, and for the budget."""


def matched(designs: Mapping[str, Design], cost: str, budget: BudgetConfig) -> dict[str, Design]:
    """The designs with other widths, so that the cost of each is within 2 % of every other's and all are in the budget.

    The first variant stays as it is if that can be, else it is made wider or narrower by a little, and the others
    follow. Where the budget has networks shrunk, all variants are, by as much as it takes.

    Args:
        designs: the base in every variant.
        cost: one of `verdicts.COSTS`, or "none": then all have their widths, or the same part of them.
        budget: the most that a network may cost.

    Raises:
        SpaceError: no widths do that; says how near they come.
    """
    found = _at(designs, cost, 1.0)
    apart, over = _apart(found, cost), _over(found, budget)
    if not (apart or over):
        return found
    fixed = any(design.recipe.weights is not None for design in designs.values())  # weights have the widths they have
    if fixed or (over and budget.over_budget == "reject"):
        raise SpaceError(over or apart)
    if over and (still := _over(_at(designs, cost, 1 / MOST), budget)):
        raise SpaceError(still)
    for factor in _factors(_largest(designs, cost, budget) if over else 1.0, cost, shrinks=bool(over)):
        found = _at(designs, cost, factor)
        if not (_apart(found, cost) or _over(found, budget)):
            return found
    raise SpaceError(apart or over)


def _factors(largest: float, cost: str, *, shrinks: bool) -> Iterator[float]:
    """What the first variant's widths are multiplied by, the nearest first; no more than `largest` where all shrink."""
    yield largest
    for step in range(1, STEPS + 1) if cost != "none" or shrinks else ():
        yield largest / STEP**step
        if not shrinks:
            yield largest * STEP**step


def _largest(designs: Mapping[str, Design], cost: str, budget: BudgetConfig) -> float:
    """The largest factor, of those that bisection looks at, with which every variant is in the budget."""
    low, high = 1 / MOST, 1.0
    for _ in range(OF_THE_BUDGET):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if _over(_at(designs, cost, middle), budget) else (middle, high)
    return low


def _at(designs: Mapping[str, Design], cost: str, factor: float) -> dict[str, Design]:
    """The base with the first variant's widths times `factor`; the others as near to its cost as they come."""
    first, *others = designs
    found = {first: _scaled(designs[first], factor)}
    target = 0 if cost == "none" else cost_of(found[first], cost)
    for name in others:
        found[name] = _scaled(designs[name], factor) if cost == "none" else _nearest(designs[name], target, cost)
    return found


def _nearest(design: Design, target: int, cost: str) -> Design:
    """The design with the widths whose cost is nearest to the target: it rises with them, so they are bisected."""
    here = cost_of(design, cost)
    if max(here, target) <= (1 + WITHIN / 4) * min(here, target) or design.recipe.weights is not None:
        return design
    best, low, high = design, 1 / MOST, MOST
    for _ in range(HALVINGS):
        factor = (low * high) ** 0.5
        candidate = _scaled(design, factor)
        found = cost_of(candidate, cost)
        if abs(found - target) < abs(cost_of(best, cost) - target):
            best = candidate
        if found == target:
            break
        low, high = (factor, high) if found < target else (low, factor)
    return best


def _scaled(design: Design, factor: float) -> Design:
    """The design with its widths times `factor`; as it is where it has none to choose."""
    network = design.architecture if factor == 1 else narrowed(design.architecture, factor)
    return design if network is None or factor == 1 else Design.of(network, design.recipe)


def _apart(designs: Mapping[str, Design], cost: str) -> str:
    """Which variants do not cost alike, as a sentence; "" where all do."""
    if cost == "none":
        return ""
    costs = {name: cost_of(design, cost) for name, design in designs.items()}
    low, high = min(costs, key=costs.__getitem__), max(costs, key=costs.__getitem__)
    alike = costs[high] <= (1 + WITHIN) * costs[low]
    return "" if alike else f"{cost} of {low} and {high} come to {costs[low]:,} and {costs[high]:,} at best"


def _over(designs: Mapping[str, Design], budget: BudgetConfig) -> str:
    """What of the budget a variant exceeds, as a sentence about the first that does; "" where none does."""
    exceeded = ((name, budget.exceeded(design.architecture, design.recipe)) for name, design in designs.items())
    return next((f"{name}: {what}" for name, what in exceeded if what), "")
