"""Whole trainings as numbers: curves, and how far two of them lie apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from convscape.trainers import Recipe, Training
from gpu.images import dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convscape.spaces import Architecture
    from convscape.trainers import Dataset

SGD = Recipe(batch_size=32, crop=2, flip=True, cutout=4)
ADAMW = replace(SGD, optimizer="adamw", learning_rate=0.003, mixup=0.2, schedule="cosine")
EPOCHS = 4


def start(
    architecture: Architecture, recipe: Recipe, device: str, images: Dataset | None = None, **more: Any
) -> Training:
    """A training of EPOCHS epochs that has not begun, on images made for the network."""
    images = images or dataset(architecture.input, architecture.classes)
    return Training(architecture, recipe, images, **{"seed": 0, "epochs": EPOCHS, "device": device, **more})


def curve(training: Training, epochs: int = EPOCHS) -> list[tuple[float, float, float]]:
    """Training loss, validation loss and validation accuracy of each epoch."""
    results = [training.run_epoch() for _ in range(epochs)]
    return [(each.train_loss, each.validation_loss, each.validation_accuracy) for each in results]


def apart(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float:
    """The largest difference of two curves' losses, as a part of the loss."""
    return max(
        abs(first - second) / abs(first)
        for mine, theirs in zip(one, other, strict=True)
        for first, second in zip(mine[:2], theirs[:2], strict=True)
    )
