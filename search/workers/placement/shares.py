"""Shares of a GPU: the values that placement deals with, and what a share has of memory and CPUs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ....trainers.device import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

EIGHTHS = (1, 2, 4, 8)
"""The shares that a trial may get, in eighths of a GPU. They are few: a worker stays warm for equal ones alone."""
WHOLE = EIGHTHS[-1]
"""Eighths of a whole GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuNode:
    """A node of a cluster that has GPUs."""

    id: str
    """Ray's id of the node."""
    host: str
    """Host name of the node."""
    gpus: int
    """GPUs that Ray counts there."""
    cpus: float
    """CPUs that Ray counts there."""
    memory: int
    """Bytes of memory of its smallest GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where a job is trained, and what it gets there."""

    node: str
    """Ray's id of the node."""
    eighths: int
    """The share of a GPU, one of EIGHTHS."""
    cpus: float
    """CPUs that it gets, as Ray counts them."""

    @property
    def gpus(self) -> float:
        """The share of a GPU, 0 to 1."""
        return self.eighths / WHOLE

    @property
    def threads(self) -> int:
        """Threads it computes with, at least one."""
        return max(1, math.floor(self.cpus))

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold, from which `Slot.from_json` makes an equal slot."""
        return asdict(self)

    @staticmethod
    def from_json(values: dict[str, Any]) -> Slot:
        """The slot from which `Slot.to_json` made `values`."""
        return Slot(node=values["node"], eighths=values["eighths"], cpus=values["cpus"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a worker says of its GPU, beside what it reports of its job."""

    gpu: str = ""
    """Ray's id of the GPU; "" where Ray gave the worker none."""
    peak: int | None = None
    """Bytes of the GPU that the job's training has held at once, at most; None where that is not counted."""

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold, to be added to a report's: Ray Tune flattens dictionaries within results."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Usage:
        """The value that `Usage.to_json` has added to `values`; what it cannot be is passed over."""
        gpu, peak = values.get("gpu", ""), values.get("peak")
        known = isinstance(peak, int) and not isinstance(peak, bool) and peak > 0
        return Usage(gpu=gpu if isinstance(gpu, str) else "", peak=peak if known else None)


def memory_of(node: GpuNode, eighths: int) -> int:
    """Bytes that a training may take in a share of a node's GPU: its part of the memory, less CUDA's own.

    Args:
        node: that has the GPU.
        eighths: the share, one of EIGHTHS.
    """
    return max(0, node.memory * eighths // WHOLE - CONTEXT)


def slot_on(node: GpuNode, eighths: int) -> Slot:
    """A share of a GPU on a node, with as much of the CPUs that there are for each GPU.

    An eighth's CPUs are rounded down to a thousandth, so that the shares of all GPUs come to no more than the node has.

    Args:
        node: that has the GPU.
        eighths: the share, one of EIGHTHS.
    """
    for_an_eighth = math.floor(1000 * node.cpus / (WHOLE * node.gpus))
    return Slot(node=node.id, eighths=eighths, cpus=for_an_eighth * eighths / 1000)
