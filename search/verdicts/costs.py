"""What networks of a variant cost, beside what they reach."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...spaces import cost_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records import Design, TrialRecord

COSTS = ("parameters", "macs", "memory")
"""Costs that can be counted before anything trains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Costs of a network, or their means over several."""

    parameters: float
    """Weights and biases."""
    macs: float
    """Multiply-accumulates of one image's forward pass."""
    memory: float
    """Bytes of a training step, in float32."""
    seconds: float = 0.0
    """Seconds of an epoch, the mean; 0 where no epoch came to its end."""


def cost_of(design: Design, cost: str) -> int:
    """One of a design's COSTS: parameters, MACs of an image, or bytes of a training step with the recipe's batches."""
    if cost == "memory":
        recipe = design.recipe
        return cost_table(design.architecture).training_memory(recipe.batch_size, optimizer=recipe.optimizer).total
    return {"parameters": design.parameters, "macs": design.macs}[cost]


def mean_costs(records: Sequence[TrialRecord]) -> Costs:
    """The mean costs of trials, seconds an epoch as they were measured."""
    if not records:
        return Costs(parameters=0.0, macs=0.0, memory=0.0)
    counted = {cost: statistics.fmean(cost_of(each.design, cost) for each in records) for cost in COSTS}
    seconds = [each.seconds / each.epochs for each in records if each.epochs]
    return Costs(**counted, seconds=statistics.fmean(seconds) if seconds else 0.0)
