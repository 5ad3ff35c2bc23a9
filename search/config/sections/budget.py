"""The `budget` section of a sweep file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ....spaces import Budget
from .section import Bytes, Section

if TYPE_CHECKING:
    from ....spaces import Architecture
    from ....trainers import Recipe


class BudgetConfig(Section):
    """The `budget` section of a sweep file: the most that a network may cost to be trained."""

    parameters: int | None = Field(default=None, ge=1)
    """Most parameters a network may have."""
    macs: int | None = Field(default=None, ge=1)
    """Most multiply-accumulates that one image's forward pass may take."""
    inference_memory: Bytes | None = None
    """Most memory that classifying one image may take, in bytes or as "2 GB"; counted in float32."""
    training_memory: Bytes | None = None
    """Most memory that a training step may take with the recipe's batch size and optimizer, in bytes or as "2 GB";
    counted in float32."""
    over_budget: Literal["reject", "shrink"] = "reject"
    """What becomes of a network over budget: "reject" does not train it, "shrink" scales its widths down to fit."""

    def exceeded(self, architecture: Architecture, recipe: Recipe) -> str:
        """What of the budget a network exceeds, as a sentence about the first limit; "" when nothing.

        Args:
            architecture: the network.
            recipe: how it is trained; batch size and optimizer decide the memory of a training step.
        """
        return self.limits.exceeded(architecture, batch_size=recipe.batch_size, optimizer=recipe.optimizer)

    def fitted(self, architecture: Architecture, recipe: Recipe) -> Architecture:
        """The network as it is to be trained: made narrower where it is over budget and `over_budget` is "shrink".

        A network that starts from pretrained weights stays as it is, since the weights have the widths they have. So
        does one that no narrowing brings within the budget.

        Args:
            architecture: the network as the space gave it.
            recipe: how it is trained; batch size and optimizer decide the memory of a training step.
        """
        if self.over_budget == "reject" or recipe.weights is not None:  # weights have the widths they have
            return architecture
        return self.limits.shrunk(architecture, batch_size=recipe.batch_size, optimizer=recipe.optimizer)

    @property
    def limits(self) -> Budget:
        """The limits alone, without what becomes of a network over budget."""
        return Budget(self.parameters, self.macs, self.inference_memory, self.training_memory)
