"""What the engine and MLflow take of an epoch's result: its metrics, and whether a trial can be judged by them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...trainers import EpochResult


def invalid_metric(result: EpochResult) -> str:
    """Why a trial cannot be judged by the `result` of an epoch, as a sentence; "" where it can.

    Every metric must be a number, and the accuracy a finite one.
    """
    for name, value in epoch_metrics(result).items():
        if not isinstance(value, (int, float)) or (name == "accuracy" and not math.isfinite(value)):
            return f"{name.replace('_', ' ')} after epoch {result.epoch} is {value!r:.80}, which is no number"
    return ""


def epoch_metrics(result: EpochResult) -> dict[str, float]:
    """The metrics of an epoch that MLflow is sent, by name.

    Accuracies are from 0 to 1, `epoch_seconds` are seconds of the whole epoch, `images_per_second` is the speed of
    training without validation.
    """
    return {
        "accuracy": result.validation_accuracy,
        "balanced_accuracy": result.balanced_accuracy,
        "validation_loss": result.validation_loss,
        "train_loss": result.train_loss,
        "epoch_seconds": result.seconds,
        "images_per_second": result.images_per_second,
    }
