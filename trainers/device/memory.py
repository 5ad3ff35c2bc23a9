"""How many bytes a training takes on its device, and how many images fit at a time."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from ...spaces import MemoryFullError, cost_table

if TYPE_CHECKING:
    from ...spaces import Architecture
    from .arithmetic import Precision

USABLE = 0.9
"""Share of a training's memory to plan with: allocators leave gaps."""
VALIDATED = 500
"""Images that are validated or tested at a time, at most."""
WORKSPACE = 160 * 2**20
"""Bytes of a GPU that cuBLAS and cuDNN take however small the network is, which its own cost does not know."""


def training_bytes(
    architecture: Architecture, batch: int, *, precision: Precision = "float32", optimizer: str = "sgd"
) -> int:
    """Bytes that `training.Training` takes for steps of `batch` images, the data set's own pixels left out.

    Weights, gradients, the optimiser's state and the averaged weights are float32; in bfloat16 there is a copy of the
    weights in that precision besides, and the activations are half as large. The batch is float32 and normalised.

    Args:
        architecture: the network.
        batch: images a step.
        precision: of the layers' arithmetic.
        optimizer: "sgd" or "adamw".
    """
    costs = cost_table(architecture)
    stored = costs.training_memory(batch, "float32", optimizer)
    at_work = costs.training_memory(batch, precision, optimizer)
    averaged = stored.parameters
    cast = stored.parameters // 2 if precision == "bfloat16" else 0
    images = batch_bytes(architecture, batch)
    return (
        stored.parameters + stored.gradients + stored.optimizer + averaged + cast
        + at_work.activations + at_work.working + images
    )  # fmt: skip


def batch_bytes(architecture: Architecture, batch: int) -> int:
    """Bytes of `batch` normalised images, float32, as they go into the network.

    Args:
        architecture: the network.
        batch: images.
    """
    return 4 * batch * prod(architecture.input)


def largest_batch(
    architecture: Architecture, bytes: int, *, precision: Precision = "float32", optimizer: str = "sgd"
) -> int:
    """The most images whose training step fits into `bytes` of memory, of which a share of USABLE is planned with.

    Args:
        architecture: the network.
        bytes: that the training may take.
        precision: of the layers' arithmetic.
        optimizer: "sgd" or "adamw".

    Raises:
        MemoryFullError: not even two images fit.
    """

    def needed(batch: int) -> int:
        return training_bytes(architecture, batch, precision=precision, optimizer=optimizer)

    each = needed(3) - needed(2)
    fixed = needed(2) - 2 * each
    batch = int(bytes * USABLE - fixed) // each
    if batch < 2:
        raise MemoryFullError(
            f"training this network on 2 images takes {needed(2) / 2**20:,.0f} MB and {bytes * USABLE / 2**20:,.0f} MB "
            f"({USABLE:.0%} of what it may take) can be used",
            "Choose a smaller network, a smaller image (data.size) or a larger device.",
        )
    return batch


def parts_that_fit(
    architecture: Architecture, batch: int, bytes: int, *, precision: Precision = "float32", optimizer: str = "sgd"
) -> tuple[int, int]:
    """In how many parts a training step on `batch` images fits into `bytes`, and the bytes it takes in one.

    A part has two images at least, since one has no spread for a batch norm to measure; so there are 1, 2, 4, 8, …
    parts, or half as many as images.

    Args:
        architecture: the network.
        batch: images a step.
        bytes: that the training may take, of which a share of USABLE is planned with.
        precision: of the layers' arithmetic.
        optimizer: "sgd" or "adamw".

    Raises:
        MemoryFullError: not even the smallest parts fit.
    """
    needed = training_bytes(architecture, batch, precision=precision, optimizer=optimizer)
    if needed <= bytes * USABLE:
        return 1, needed
    most = largest_batch(architecture, bytes, precision=precision, optimizer=optimizer)
    parts = 1
    while -(-batch // parts) > most:
        parts *= 2
    parts = min(parts, batch // 2)
    if (largest := -(-batch // parts)) > most:  # two images fit, but an odd one is left over
        raise MemoryFullError(
            f"batches of {batch} have parts of at least {largest} images, and {most} fit",
            "Choose an even batch_size, a smaller network, a smaller image (data.size) or a larger device.",
        )
    return parts, needed


def validated_at_once(
    architecture: Architecture, bytes: int, *, precision: Precision = "float32", optimizer: str = "sgd", kept: int = 0
) -> int:
    """Images that can be classified at a time, 1 to VALIDATED, while `bytes` also hold all that a training keeps.

    Args:
        architecture: the network.
        bytes: that the training may take, of which a share of USABLE is planned with.
        precision: of the layers' arithmetic.
        optimizer: "sgd" or "adamw".
        kept: images whose activations stay where they are after a training step, as those of a recorded one do.
    """
    held = training_bytes(architecture, kept, precision=precision, optimizer=optimizer)
    one = cost_table(architecture).inference_memory(1, precision).activations + batch_bytes(architecture, 1)
    return max(1, min(VALIDATED, int(bytes * USABLE - held) // one))
