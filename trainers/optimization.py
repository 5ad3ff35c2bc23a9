"""The optimiser that a recipe names, and the learning rate at each step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from .network import WEIGHT_LAYERS

if TYPE_CHECKING:
    from torch import nn

    from .recipe import Recipe


UNMIXED = 0.15
"""Share of the epochs, the last of them, in which images are not mixed: the network ends on images as they are."""
NEARLY = 0.01
"""Part of the highest learning rate by which two cosines may differ and still count as the same."""
DECAY = 0.3
"""Share of the epochs, the last of them, over which the schedule "wsd" takes the rate down to zero."""


def learning_rate(recipe: Recipe, epoch: float, epochs: int, steps_per_epoch: int) -> float:
    """The learning rate at a point of training: warm-up in a straight line, then the recipe's schedule.

    Args:
        recipe: rate, warm-up and schedule.
        epoch: a count from 0.0 that grows with every step.
        epochs: how many the schedule is made for.
        steps_per_epoch: steps in an epoch; the warm-up counts the step itself, so that the first rate is above 0.

    >>> from convscape.trainers.recipe import Recipe
    >>> cosine = Recipe(learning_rate=1.0, warmup=1, schedule="cosine")
    >>> [round(learning_rate(cosine, epoch, 5, 100), 3) for epoch in (0, 0.5, 1, 3, 5)]
    [0.01, 0.51, 1.0, 0.5, 0.0]
    >>> stable = Recipe(learning_rate=1.0, warmup=1, schedule="wsd")
    >>> [round(learning_rate(stable, epoch, 10, 100), 3) for epoch in (0, 1, 7, 8.5, 10)]
    [0.01, 1.0, 1.0, 0.5, 0.0]
    """
    if epoch < recipe.warmup:
        return recipe.learning_rate * min(1.0, (epoch + 1 / steps_per_epoch) / recipe.warmup)
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if recipe.schedule == "wsd":
        return recipe.learning_rate * min(1.0, max(0.0, epochs - epoch) / (DECAY * epochs))
    done = min(1.0, (epoch - recipe.warmup) / max(epochs - recipe.warmup, 1e-9))
    return recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2


def mixes(recipe: Recipe, epoch: int, epochs: int) -> bool:
    """Whether a training of `epochs` epochs mixes images after `epoch` of them: not in its last UNMIXED.

    >>> from convscape.trainers.recipe import Recipe
    >>> [mixes(Recipe(mixup=0.2), epoch, 20) for epoch in (0, 16, 17)]
    [True, True, False]
    """
    return (recipe.mixup > 0 or recipe.cutmix > 0) and epoch < (1 - UNMIXED) * epochs - 1e-9


def same_so_far(recipe: Recipe, epoch: int, one: int, other: int) -> bool:
    """Whether trainings of `one` and of `other` epochs are alike in learning rates and mixing up to `epoch` epochs.

    For a cosine, whose rates never quite agree, that is to within NEARLY of the highest.

    >>> from convscape.trainers.recipe import Recipe
    >>> [same_so_far(Recipe(schedule="wsd"), epoch, 10, 20) for epoch in (7, 8)]
    [True, False]
    >>> [same_so_far(Recipe(cutmix=1.0), epoch, 20, 40) for epoch in (17, 18)]
    [True, False]
    >>> [same_so_far(Recipe(schedule="cosine"), 1, 10**6, epochs) for epochs in (8, 9)]
    [False, True]
    """
    if one == other:
        return True
    if epoch and (recipe.mixup or recipe.cutmix) and not mixes(recipe, epoch - 1, min(one, other)):
        return False
    if recipe.schedule == "wsd":
        return epoch <= (1 - DECAY) * min(one, other) + 1e-9
    last = [learning_rate(recipe, epoch, epochs, 1) for epochs in (one, other)]
    grows = recipe.schedule == "constant" or epoch - recipe.warmup <= (min(one, other) - recipe.warmup) / 2
    return grows and abs(last[0] - last[1]) <= NEARLY * recipe.learning_rate  # which is the most so far


def optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser of all weights that learn; biases and normalisations have no weight decay.

    Args:
        network: on its device; weights that do not ask for a gradient are left out.
        recipe: optimiser, learning rate, momentum and weight decay.
    """
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    of_layers = {module.weight for module in network.modules() if isinstance(module, WEIGHT_LAYERS)}
    groups = [
        {"params": [weight for weight in learning if weight in of_layers], "weight_decay": recipe.weight_decay},
        {"params": [weight for weight in learning if weight not in of_layers], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(recipe.momentum, 0.999), fused=True)
    return torch.optim.SGD(
        groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
    )
