"""The nodes of the joined Ray cluster that have GPUs, and how large these are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import ray
from ray.tune import PlacementGroupFactory

from ...spaces import SweepError
from .nodes import alive_nodes, ask_each_node
from .placement import GpuNode, Slot, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

LABEL = "ray.io/node-id"
"""The label by which Ray places something on one node."""
LATE_SECONDS = 20.0
"""Seconds that nodes have to answer which come while the sweep runs: the driver waits for them."""

logger = logging.getLogger(__name__)


def smallest_gpu() -> int:
    """Bytes of memory of the smallest GPU of this machine; 0 where PyTorch finds none. For a process of its own."""
    import os

    os.environ.pop("CUDA_VISIBLE_DEVICES", None)  # Ray hides GPUs from what asked for none
    import torch

    return min(
        (torch.cuda.get_device_properties(index).total_memory for index in range(torch.cuda.device_count())), default=0
    )


def gpu_nodes() -> list[GpuNode]:
    """The nodes that have GPUs by Ray's count, each asked for their memory.

    Raises:
        SweepError: one of them does not say how large its GPUs are, or PyTorch finds none there.
    """
    found, problems = _ask()
    if problems:
        raise SweepError(
            "resources.gpus: auto needs to know how much memory the GPUs have: " + "; ".join(problems[:3]),
            "Mend that, or say what each trial gets, as `--set resources.gpus=0.5`.",
        )
    return found


def look_again(known: Sequence[GpuNode]) -> list[GpuNode]:
    """The nodes that have GPUs now. Where one has come they are asked; one that does not answer is left out for now.

    Args:
        known: those that were there the last time.
    """
    now = {node.id for node in alive_nodes() if node.resources.get("GPU", 0) >= 1}
    kept = [node for node in known if node.id in now]
    if not now - {node.id for node in kept}:
        return kept
    found, problems = _ask(LATE_SECONDS)
    for problem in problems:
        logger.warning("No trial is placed on it: %s", problem)
    answered = {node.id for node in found}
    return [*(node for node in kept if node.id not in answered), *found]


def request_of(slot: Slot) -> PlacementGroupFactory:
    """What Ray is asked for, for a job: a share of a GPU and CPUs, on one node.

    Args:
        slot: the job's place.
    """
    return PlacementGroupFactory([{"CPU": slot.cpus, "GPU": slot.gpus}], bundle_label_selector=[{LABEL: slot.node}])


def usage_here(device: str, *, peak: bool) -> Usage:
    """What this worker says of its GPU.

    Args:
        device: that it trains on, as torch names it.
        peak: whether to say how much memory was held at once, at most.
    """
    import torch

    ids = ray.get_gpu_ids() if ray.is_initialized() else []
    held = torch.cuda.max_memory_allocated() if peak and device != "cpu" else None
    return Usage(gpu=str(ids[0]) if ids else "", peak=held)


def _ask(seconds: float | None = None) -> tuple[list[GpuNode], list[str]]:
    limit = {} if seconds is None else {"seconds": seconds}
    found: list[GpuNode] = []
    problems: list[str] = []
    for answer in ask_each_node(smallest_gpu, **limit):
        node = answer.node
        if (gpus := int(node.resources.get("GPU", 0))) < 1:
            continue
        if problem := answer.problem or ("" if answer.value else "PyTorch finds no GPU there"):
            problems.append(f"{node.host} ({node.address}): {problem}")
            continue
        found.append(
            GpuNode(id=node.id, host=node.host, gpus=gpus, cpus=node.resources.get("CPU", 0.0), memory=answer.value)
        )
    return found, problems
