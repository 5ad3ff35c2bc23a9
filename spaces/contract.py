"""What a space is: anything that can say whether it fits an image, and sample a network for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .architecture import Architecture
    from .choices import Trial


class Space(Protocol):
    """The networks a sweep may try. `tests/spaces/test_space_contract.py` says what one has to keep to."""

    def check(self, input: tuple[int, int, int]) -> None:
        """Raises SpaceError where not one network of the space fits an image of (C, H, W)."""

    def sample(self, trial: Trial, input: tuple[int, int, int], classes: int) -> Architecture:
        """One network for images of (C, H, W) that can be built, every choice asked of `trial`."""
        ...

    def size(self, input: tuple[int, int, int]) -> object | None:
        """How many networks it holds for images of (C, H, W), as something to print; None where nobody counts."""
