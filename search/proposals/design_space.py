"""DesignSpace: what a sweep may try, as one value of networks, recipes, the budget and the images they are for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import optuna

from ...spaces import SHRINKING_STEPS, ConvscapeError, narrowed
from ..records import Design
from ..study import quiet_optuna

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...spaces import Architecture, Space, Trial
    from ...trainers import Recipe
    from ...trainers.data import Dataset
    from ..config import BudgetConfig, RecipeSpace, SweepConfig

DRAWN = 15
"""Designs of which the one in the middle is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignSpace:
    """The designs of a sweep: a network and a recipe each, the network narrowed to the budget where the sweep says so.

    >>> from convscape.search.config import DataConfig, SweepConfig
    >>> config = SweepConfig(name="try", data=DataConfig(name="digits"))
    >>> designs = DesignSpace.of(config, input=(1, 8, 8), classes=10)
    >>> [design.architecture.classes for design in designs.draw(2, seed=0)]
    [10, 10]
    """

    networks: Space
    """The networks that may be sampled."""
    recipes: RecipeSpace
    """The training recipes that may be sampled."""
    budget: BudgetConfig
    """The most that a network may cost, and what becomes of one that costs more."""
    input: tuple[int, int, int]
    """(C, H, W) of the images."""
    classes: int
    """How many classes the images have."""
    images: int = 0
    """How many images are trained on; 0 where that is not known."""

    @staticmethod
    def of(config: SweepConfig, input: tuple[int, int, int], classes: int) -> DesignSpace:
        """The designs of a sweep file, for images of one shape.

        Args:
            config: the sweep file.
            input: (C, H, W) of the images.
            classes: how many classes the images have.

        Raises:
            SpaceError: a setting of the space or the recipe that cannot be; names its key.
        """
        return DesignSpace(
            networks=config.network_space(),
            recipes=config.recipe_space().for_images(input),
            budget=config.budget,
            input=input,
            classes=classes,
        )

    @staticmethod
    def for_images(config: SweepConfig, dataset: Dataset) -> DesignSpace:
        """The designs of a sweep file for the images of `dataset`.

        Raises:
            SpaceError: a setting of the space or the recipe that cannot be; names its key.
        """
        designs, images = DesignSpace.of(config, dataset.input, len(dataset.classes)), len(dataset.train)
        return replace(designs, recipes=config.recipe_space().for_images(dataset.input, images), images=images)

    def check(self) -> None:
        """Refuses a space that does not suit the images.

        Raises:
            SpaceError: no network of the space fits the images, or a crop or cutout is too large for them.
        """
        self.networks.check(self.input)
        self.recipes.check(self.input)

    def sample(self, trial: Trial) -> Design:
        """The design that the trial's answers lead to; over the budget where narrowing is of no use or not wanted.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.

        Raises:
            ConvscapeError: the space raises it, as a space of somebody's own may.
        """
        return self.fitted(*self.choose(trial))

    def choose(self, trial: Trial) -> tuple[Architecture, Recipe]:
        """The network and the recipe that the trial's answers lead to, neither narrowed nor counted, which takes time.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.

        Raises:
            ConvscapeError: the space raises it, as a space of somebody's own may.
        """
        return self.networks.sample(trial, self.input, self.classes), self.recipes.sample(trial)

    def choose_narrowest(self, trial: Trial) -> tuple[Architecture, Recipe]:
        """What the trial's answers lead to, the network narrowed as far as that goes where the budget allows it.

        Networks are not narrowed where `over_budget` is "reject", or where they start from pretrained weights.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.

        Raises:
            ConvscapeError: the space raises it, as a space of somebody's own may.
        """
        network, recipe = self.choose(trial)
        narrows = self.budget.over_budget == "shrink" and recipe.weights is None
        return (narrowed(network, 1 / SHRINKING_STEPS) if narrows else None) or network, recipe

    def fitted(self, network: Architecture, recipe: Recipe) -> Design:
        """The design of a network and a recipe, the network narrowed to the budget where the sweep says so."""
        return Design.of(self.budget.fitted(network, recipe), recipe)

    def over_budget(self, design: Design) -> str:
        """What of the budget the design exceeds, as a sentence about the first limit; "" when nothing."""
        return self.budget.exceeded(design.architecture, design.recipe)

    def in_the_middle(self, seed: int) -> Design:
        """Of some designs drawn at random, those within the budget if any, the one with the median of MACs.

        Args:
            seed: decides which.

        Raises:
            ConvscapeError: the space, one of somebody's own, failed at the first.
        """
        drawn: list[Design] = []
        try:
            drawn.extend(self.draw(DRAWN, seed))
        except ConvscapeError:  # a space of one's own may be at fault now and then
            if not drawn:
                raise
        within = [design for design in drawn if not self.over_budget(design)] or drawn
        return sorted(within, key=lambda design: design.macs)[len(within) // 2]

    def draw(self, count: int, seed: int) -> Iterator[Design]:
        """Gives `count` designs drawn at random, as `seed` decides; some may be equal. None is trained.

        Raises:
            ConvscapeError: the space raises it, as a space of somebody's own may.
        """
        quiet_optuna()
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        for _ in range(count):
            yield self.sample(study.ask())
