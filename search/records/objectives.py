"""What a sweep optimises: validation accuracy, and beside it what a network costs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from ...spaces import cost_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...spaces import Architecture
    from .trial import TrialRecord

Objective = Literal["accuracy", "parameters", "macs", "memory", "latency"]
"""Validation accuracy, which is to be high, or a cost of the network, which is to be small."""


def directions(objectives: Sequence[Objective]) -> list[Literal["maximize", "minimize"]]:
    """The direction that Optuna is given for each objective: "maximize" for accuracy, "minimize" for every cost."""
    return ["maximize" if name == "accuracy" else "minimize" for name in objectives]


def reported_values(record: TrialRecord, objectives: Sequence[Objective], accuracy: float) -> tuple[float, ...]:
    """The trial's value of each objective, as it is reported to Optuna.

    Units: accuracy 0 to 1; parameters and MACs of one image as counts; memory: bytes that classifying one image takes
    in float32; latency: seconds that classifying one image takes, measured, infinite while not known.

    Args:
        record: the trial.
        objectives: what the sweep optimises; the values come in this order.
        accuracy: taken as the trial's accuracy, such as the one at a rung.
    """
    return tuple(accuracy if name == "accuracy" else _cost(record, name) for name in objectives)


def objective_values(record: TrialRecord, objectives: Sequence[Objective], accuracy: float) -> tuple[float, ...]:
    """The trial's value of each objective with costs negated, so that higher is better in every place.

    Units: accuracy 0 to 1; parameters and MACs of one image as counts; memory: bytes that classifying one image takes
    in float32; latency: seconds that classifying one image takes, measured, minus infinity while not known.

    Args:
        record: the trial.
        objectives: what the sweep optimises; the values come in this order.
        accuracy: taken as the trial's accuracy, such as the one at a rung.
    """
    found = reported_values(record, objectives, accuracy)
    return tuple(value if name == "accuracy" else -value for name, value in zip(objectives, found, strict=True))


def _cost(record: TrialRecord, name: Objective) -> float:
    match name:
        case "parameters":
            return record.design.parameters
        case "macs":
            return record.design.macs
        case "memory":
            return inference_memory(record.design.architecture)
        case _:
            return float("inf") if record.latency is None else record.latency


@lru_cache(maxsize=4096)
def inference_memory(architecture: Architecture) -> int:
    """Bytes that classifying one image with this network takes, in float32."""
    return cost_table(architecture).inference_memory().total
