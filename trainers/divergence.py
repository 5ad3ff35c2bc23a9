"""Finds networks that will not learn any more early, and says why their training ends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..spaces import DivergenceError

if TYPE_CHECKING:
    from torch import Tensor

    from .recipe import Recipe

EXPLODED = 10.0
"""An epoch's mean loss may be this many times the loss of guessing, ln(classes)."""
ALIKE = 1e-4
"""Scores of different images that lie closer than this in every class count as equal: the network is dead."""


def check_number(loss: float, where: str, recipe: Recipe) -> None:
    """Refuses a loss that is not a finite number.

    Args:
        loss: what was computed.
        where: in training, for the error, as in "at step 3 of epoch 1".
        recipe: of the training, for the error's advice.

    Raises:
        DivergenceError: `loss` is infinite or not a number.
    """
    if not math.isfinite(loss):
        kind = "not a number" if math.isnan(loss) else "infinite"
        raise DivergenceError(f"the loss is {kind} {where}", _calmer(recipe))


def check_explosion(loss: float, classes: int, epoch: int, recipe: Recipe) -> None:
    """Refuses an epoch's mean training loss that is more than EXPLODED times that of guessing.

    Args:
        loss: the mean over the epoch.
        classes: how many there are; guessing has the loss ln(classes).
        epoch: from 1, for the error.
        recipe: of the training, for the error's advice.

    Raises:
        DivergenceError: the loss is above that bound.
    """
    guessing = math.log(max(classes, 2))
    if loss > EXPLODED * guessing:
        raise DivergenceError(
            f"the loss exploded: {loss:.3g} in epoch {epoch}, {loss / guessing:.0f} times that of guessing",
            _calmer(recipe),
        )


def identical(lowest: Tensor, highest: Tensor) -> bool:
    """Whether all images got equal scores, to within ALIKE in each class.

    Args:
        lowest: the lowest score of each class over all images, (classes,).
        highest: the highest score of each class over all images, (classes,).
    """
    return (highest - lowest).max().item() < ALIKE


def collapsed(epoch: int, recipe: Recipe) -> DivergenceError:
    """The error for a network whose scores no longer depend on the images.

    Args:
        epoch: after which this was seen, from 1.
        recipe: of the training, for the error's advice.
    """
    return DivergenceError(
        f"the network is dead: after epoch {epoch} every image gets the same scores", _calmer(recipe)
    )


def _calmer(recipe: Recipe) -> str:
    return (
        f"Lower recipe.learning_rate (={recipe.learning_rate:g}), lengthen recipe.warmup (={recipe.warmup:g}) "
        "or set recipe.gradient_clip."
    )
