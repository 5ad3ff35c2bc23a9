"""The contract of a search space: it says whether it fits an image, and samples networks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .architecture import Architecture
    from .choices import Trial


class Space(Protocol):
    """A search space: the networks a sweep may try.

    `convscape.testing.SpaceContract` tests what a space has to keep to.
    """

    def check(self, input: tuple[int, int, int]) -> None:
        """Raises SpaceError where not one network of the space fits an image of (C, H, W)."""

    def sample(self, trial: Trial, input: tuple[int, int, int], classes: int) -> Architecture:
        """One network for images of (C, H, W) that can be built, every choice asked of `trial`.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.
            input: (C, H, W) of one image.
            classes: how many scores come out.

        Raises:
            SpaceError: no network of the space fits the image.
        """
        ...

    def size(self, input: tuple[int, int, int]) -> object | None:
        """How many networks the space has for images of (C, H, W), as something to print; None where nobody counts."""
