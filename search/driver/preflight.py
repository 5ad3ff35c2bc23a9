"""What is refused before anything trains: a space, a budget or a named design that cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..proposals import check_budget, check_conditional, initial_designs, sample

if TYPE_CHECKING:
    from ...trainers.data import Dataset
    from ..config import SweepConfig


def preflight(config: SweepConfig, dataset: Dataset) -> None:
    """Refuses what cannot be searched on these images, before anything trains.

    Raises:
        SpaceError: no network fits the images or the budget, or a crop or cutout is too large for them.
        ConfigError: a start or baseline is not there, or cannot be built for them; or the sampler needs another space.
    """
    config.design_space().check(dataset.input)
    config.recipe_space().check(dataset.input)
    next(sample(config, dataset.input, len(dataset.classes), 1))  # a space of one's own may be at fault: it shows here
    check_conditional(config, dataset.input, len(dataset.classes))
    check_budget(config, dataset.input, len(dataset.classes))
    initial_designs(config, dataset.input, len(dataset.classes))
