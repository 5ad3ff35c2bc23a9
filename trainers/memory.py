"""How many bytes a training takes on its device, and the largest batch that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..spaces.cost import table
from ..spaces.errors import TrainingError

if TYPE_CHECKING:
    from ..spaces.architecture import Architecture
    from .training import Precision

USABLE = 0.9
"""Share of a device's free memory to plan with: allocators leave gaps."""


def training_bytes(
    architecture: Architecture, batch: int, *, precision: Precision = "float32", optimizer: str = "sgd"
) -> int:
    """Bytes that `training.Training` takes for steps of `batch` images, the data set's own pixels left out.

    Weights, gradients, the optimiser's state and the averaged weights are float32; in bfloat16 there is a copy of the
    weights in that precision besides, and the activations are half as large. The batch is float32 and normalised.
    """
    costs = table(architecture)
    stored = costs.training_memory(batch, "float32", optimizer)
    at_work = costs.training_memory(batch, precision, optimizer)
    averaged = stored.parameters
    cast = stored.parameters // 2 if precision == "bfloat16" else 0
    images = batch * 4 * costs.rows[0].activations
    return (
        stored.parameters + stored.gradients + stored.optimizer + averaged + cast
        + at_work.activations + at_work.working + images
    )  # fmt: skip


def largest_batch(
    architecture: Architecture, bytes: int, *, precision: Precision = "float32", optimizer: str = "sgd"
) -> int:
    """The most images whose training step fits into `bytes` of free memory.

    Raises:
        TrainingError: not even two images fit.
    """

    def needed(batch: int) -> int:
        return training_bytes(architecture, batch, precision=precision, optimizer=optimizer)

    each = needed(3) - needed(2)
    fixed = needed(2) - 2 * each
    batch = int(bytes * USABLE - fixed) // each
    if batch < 2:
        raise TrainingError(
            f"training this network on 2 images takes {needed(2) / 2**20:,.0f} MB and {bytes * USABLE / 2**20:,.0f} MB "
            f"({USABLE:.0%} of what is free) can be used",
            "Choose a smaller network, a smaller image (data.size) or a larger device.",
        )
    return batch
