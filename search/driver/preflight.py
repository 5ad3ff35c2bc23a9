"""What is refused before anything trains: a space, a budget or a named design that cannot be used on the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..proposals import check_budget, check_conditional, initial_designs

if TYPE_CHECKING:
    from ..config import SweepConfig
    from ..proposals import DesignSpace


def preflight(config: SweepConfig, designs: DesignSpace) -> None:
    """Refuses what cannot be searched on the images, before anything trains: space, budget, sampler and named designs.

    Args:
        config: the sweep file.
        designs: the designs the sweep may try, for the images.

    Raises:
        SpaceError: no network fits the images or the budget, or a crop or cutout is too large for the images.
        ConfigError: a start or baseline is not there or cannot be built for the images, or the sampler needs another
            space.
    """
    designs.check()
    next(designs.draw(1, config.search.seed))  # a space of one's own may be at fault: it shows here
    check_conditional(config, designs)
    check_budget(designs, config.search.seed)
    initial_designs(config, designs)
