"""How many bytes a training takes on its device, how many it has, and the largest batch that fits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..spaces.cost import table
from ..spaces.errors import TrainingError

if TYPE_CHECKING:
    from ..spaces.architecture import Architecture
    from .arithmetic import Precision

USABLE = 0.9
"""Share of the memory a training may take to plan with: allocators leave gaps."""
ON_THE_CPU = 0.6
"""Share of a machine's memory for trials on its CPUs: Ray's object store has up to a third, the system the rest."""
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def cpus_here() -> int:
    """CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine_memory() -> int:
    """Bytes of memory of this machine, or of the container where that has less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in map(Path, CGROUP_LIMITS):
        text = file.read_text().strip() if file.is_file() else ""
        if text.isdecimal():
            limits.append(int(text))
    return min(limits)


def device_memory(device: torch.device) -> int:
    """Bytes of `device` for trainings, all together. It does not depend on what is free now: curves can be repeated."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return int(machine_memory() * ON_THE_CPU)


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
    """The most images whose training step fits into `bytes` of memory.

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
            f"({USABLE:.0%} of what it may take) can be used",
            "Choose a smaller network, a smaller image (data.size) or a larger device.",
        )
    return batch


def parts_that_fit(
    architecture: Architecture, batch: int, bytes: int, *, precision: Precision = "float32", optimizer: str = "sgd"
) -> tuple[int, int]:
    """In how many parts, 1 or another power of two, a step on `batch` images fits into `bytes`; what it takes in one.

    Raises:
        TrainingError: not even two images fit.
    """
    needed = training_bytes(architecture, batch, precision=precision, optimizer=optimizer)
    if needed <= bytes * USABLE:
        return 1, needed
    most = largest_batch(architecture, bytes, precision=precision, optimizer=optimizer)
    parts = 1
    while -(-batch // parts) > most:
        parts *= 2
    return min(parts, batch // 2), needed
