"""An epoch's result as the engine takes it: whether a trial can be judged by it, and what MLflow has of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...trainers import EpochResult


def invalid_metric(result: EpochResult) -> str:
    """Why a trial cannot be judged by its `result`, "" where it can."""
    for name, value in epoch_metrics(result).items():
        if not isinstance(value, (int, float)) or (name == "accuracy" and not math.isfinite(value)):
            return f"{name.replace('_', ' ')} after epoch {result.epoch} is {value!r:.80}, which is no number"
    return ""


def epoch_metrics(result: EpochResult) -> dict[str, float]:
    """What MLflow has of each epoch."""
    return {
        "accuracy": result.validation_accuracy,
        "balanced_accuracy": result.balanced_accuracy,
        "validation_loss": result.validation_loss,
        "train_loss": result.train_loss,
        "epoch_seconds": result.seconds,
        "images_per_second": result.images_per_second,
    }
