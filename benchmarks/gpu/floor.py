"""What a card can do, measured: its matrix rate and its bandwidth; and how fast a training step could be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from convscape.spaces import cost_table

from .timing import Measured, repeated

if TYPE_CHECKING:
    from convscape.spaces import Architecture
    from convscape.trainers.device import Precision

MATRIX = {"cuda": 8192, "cpu": 512}
"""Rows and columns of the matrices that are multiplied."""
COPIED = {"cuda": 2**30, "cpu": 2**24}
"""Bytes that are copied from one place of the device's memory to another."""
KINDS = {
    "float32": (torch.float32, "highest"),
    "TF32": (torch.float32, "high"),
    "bfloat16": (torch.bfloat16, "highest"),
}
"""Type of the matrices, and PyTorch's `float32_matmul_precision`, of each rate that is measured."""
PASSES = 3
"""A training step has so many times the arithmetic of its forward pass: the backward pass makes two gradients."""


def matrix_rate(device: torch.device, kind: str) -> Measured:
    """Floating point operations a second of a large matrix product, 2 N^3 each.

    Args:
        device: that multiplies.
        kind: one of KINDS.
    """
    dtype, precision = KINDS[kind]
    size = MATRIX[device.type]
    left, right = torch.randn(2, size, size, device=device).to(dtype)
    result = torch.empty_like(left)
    former = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        times = repeated(lambda: torch.mm(left, right, out=result), device)
    finally:
        torch.set_float32_matmul_precision(former)
    return Measured(tuple(2 * size**3 / seconds for seconds in times.values))


def bandwidth(device: torch.device) -> Measured:
    """Bytes a second that the device's memory moves, a large copy's reading and writing both counted."""
    source = torch.zeros(COPIED[device.type], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    times = repeated(lambda: target.copy_(source), device)
    return Measured(tuple(2 * len(source) / seconds for seconds in times.values))


@dataclass(frozen=True)
class Card:
    """What a device was measured to do."""

    rates: dict[str, float]
    """Floating point operations a second of each of KINDS."""
    bandwidth: float
    """Bytes a second."""

    def rate(self, precision: Precision) -> float:
        """Floating point operations a second that layers in a precision could have.

        PyTorch lets cuDNN use TF32 in float32's convolutions, so float32 has the faster of the two rates.
        """
        return self.rates["bfloat16"] if precision == "bfloat16" else max(self.rates["float32"], self.rates["TF32"])


@dataclass(frozen=True)
class Floor:
    """The least that a training step takes."""

    arithmetic: float
    """Seconds of its floating point operations."""
    memory: float
    """Seconds of its reading and writing."""

    @property
    def seconds(self) -> float:
        """The larger of the two: a card does both at a time."""
        return max(self.arithmetic, self.memory)

    @property
    def bound(self) -> str:
        """Which of the two it is."""
        return "arithmetic" if self.arithmetic >= self.memory else "memory"


def step_flops(architecture: Architecture, batch: int) -> int:
    """Floating point operations of a training step's matrix products.

    Two a multiply-accumulate (MAC); forward pass, gradient of the inputs and gradient of the weights have as many
    each: 3 x 2 x MACs x images, less what nobody asks for, the gradient of the images in the first layer.

    Args:
        architecture: the network.
        batch: images a step.
    """
    cost = cost_table(architecture)
    first = next((row.macs for row in cost.rows if row.macs), 0)
    return 2 * batch * (PASSES * cost.totals.macs - first)


def step_bytes(architecture: Architecture, batch: int, precision: Precision) -> int:
    """Bytes that a training step reads and writes, at least.

    2 x (maps kept + weights + gradients + momentum): each is written once and read once. Maps are those the backward
    pass needs, in the layers' precision; weights, their gradients and SGD's momentum are float32. A lower bound: what
    lives shortly, such as the gradients of maps, is taken never to leave the caches, and no layer reads a map twice.

    Args:
        architecture: the network.
        batch: images a step.
        precision: of the layers' arithmetic.
    """
    cost = cost_table(architecture)
    stored = cost.training_memory(batch, "float32", "sgd")
    return 2 * (cost.kept_bytes(batch, precision) + stored.parameters + stored.gradients + stored.optimizer)


def floor_of(architecture: Architecture, batch: int, precision: Precision, card: Card) -> Floor:
    """The least that a training step takes on a card.

    Args:
        architecture: the network.
        batch: images a step.
        precision: of the layers' arithmetic.
        card: what the device was measured to do.
    """
    return Floor(
        step_flops(architecture, batch) / card.rate(precision),
        step_bytes(architecture, batch, precision) / card.bandwidth,
    )
