"""Designs of a space, without training any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna

from ..records import Design

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config import SweepConfig


def sample(config: SweepConfig, input: tuple[int, int, int], classes: int, count: int) -> Iterator[Design]:
    """`count` designs as the sweep's space gives them at random, the same for the same `search.seed`."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space, recipes = config.design_space(), config.recipe_space()
    sampler = optuna.samplers.RandomSampler(seed=config.search.seed)
    study = optuna.create_study(sampler=sampler)
    for _ in range(count):
        trial = study.ask()
        architecture, recipe = space.sample(trial, input, classes), recipes.sample(trial)
        yield Design.of(config.budget.fitted(architecture, recipe), recipe)
