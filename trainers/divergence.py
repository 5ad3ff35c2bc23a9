"""Networks that will not learn any more: found early, ended with a reason."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..spaces import TrainingError

if TYPE_CHECKING:
    from torch import Tensor

    from .recipe import Recipe

EXPLODED = 10.0
"""How many times the loss of guessing, ln(classes), an epoch's mean loss may be."""
ALIKE = 1e-4
"""Scores of different images that lie closer than this in every class are the same: the network is dead."""


def check_number(loss: float, where: str, recipe: Recipe) -> None:
    """Raises TrainingError if `loss` is not a finite number."""
    if not math.isfinite(loss):
        kind = "not a number" if math.isnan(loss) else "infinite"
        raise TrainingError(f"the loss is {kind} {where}", _calmer(recipe))


def check_explosion(loss: float, classes: int, epoch: int, recipe: Recipe) -> None:
    """Raises TrainingError if an epoch's mean training loss is far above that of guessing."""
    guessing = math.log(max(classes, 2))
    if loss > EXPLODED * guessing:
        raise TrainingError(
            f"the loss exploded: {loss:.3g} in epoch {epoch}, {loss / guessing:.0f} times that of guessing",
            _calmer(recipe),
        )


def identical(lowest: Tensor, highest: Tensor) -> bool:
    """Whether the scores of different images, `lowest` and `highest` in each class, are all the same."""
    return (highest - lowest).max().item() < ALIKE


def collapsed(epoch: int, recipe: Recipe) -> TrainingError:
    """The error for a network whose scores no longer depend on the images."""
    return TrainingError(f"the network is dead: after epoch {epoch} every image gets the same scores", _calmer(recipe))


def _calmer(recipe: Recipe) -> str:
    return (
        f"Lower recipe.learning_rate (={recipe.learning_rate:g}), lengthen recipe.warmup (={recipe.warmup:g}) "
        "or set recipe.gradient_clip."
    )
