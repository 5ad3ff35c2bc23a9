"""Budget: the most a network may cost, decided by arithmetic before anything is trained."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .architecture import Architecture
from .cost import cost_table
from .errors import ArchitectureError
from .layers import Conv, Layer, Linear, LocallyConnected, Parallel, Residual

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

UNITS = {"": 1, "B": 1, **{f"{p}B": 1000**n for n, p in enumerate("KMGT", 1)}}
"""Bytes of each unit that `bytes_from` knows."""
UNITS |= {f"{p}IB": 1024**n for n, p in enumerate("KMGT", 1)}
SHRINKING_STEPS = 1_024
"""A network over budget has its widths scaled by a whole multiple of one part in so many."""


def bytes_from(text: str) -> int:
    """The bytes that a text such as "2 GB" means; GB are 1000^3, GiB 1024^3.

    Raises:
        ValueError: no such text.

    >>> bytes_from("500 MB"), bytes_from("1.5 GiB")
    (500000000, 1610612736)
    """
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z]{0,3})\s*", text)
    if not found or found[2].upper() not in UNITS:
        raise ValueError("write bytes as a number, or as 500 MB, 2 GB or 1.5 GiB")
    return round(float(found[1]) * UNITS[found[2].upper()])


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a network may cost; None for no limit.

    Args:
        parameters: number of weights and biases.
        macs: multiply-accumulates of one image's forward pass.
        inference_memory: bytes of classifying one image, as `spaces.cost` counts them, in float32.
        training_memory: bytes of a training step, as `spaces.cost` counts them, in float32.
    """

    parameters: int | None = None
    macs: int | None = None
    inference_memory: int | None = None
    training_memory: int | None = None

    def exceeded(self, architecture: Architecture, *, batch_size: int, optimizer: str) -> str:
        """What of the budget a network exceeds, as a sentence about the first limit; "" when nothing.

        Args:
            architecture: the network.
            batch_size: images of a training step.
            optimizer: one of `cost.OPTIMIZER_STATES`.

        Raises:
            ArchitectureError: an unknown optimizer, where training memory is limited.
        """
        for limit, unit, cost in self._limits(architecture, batch_size, optimizer):
            if (found := cost()) > limit:
                return f"{found:,} {unit} are over the budget of {limit:,}"
        return ""

    def shares(self, architecture: Architecture, *, batch_size: int, optimizer: str) -> list[float]:
        """How much of each limit a network takes, 1 for all of it: a number for each limit that is set, in field order.

        Args:
            architecture: the network.
            batch_size: images of a training step.
            optimizer: one of `cost.OPTIMIZER_STATES`.

        Raises:
            ArchitectureError: an unknown optimizer, where training memory is limited.
        """
        return [cost() / limit for limit, _, cost in self._limits(architecture, batch_size, optimizer)]

    def _limits(
        self, architecture: Architecture, batch_size: int, optimizer: str
    ) -> Iterator[tuple[int, str, Callable[[], int]]]:
        """Each limit there is, its unit, and what gives the network's cost against it."""
        costs = cost_table(architecture)
        for limit, unit, cost in (
            (self.parameters, "parameters", lambda: costs.totals.parameters),
            (self.macs, "MACs", lambda: costs.totals.macs),
            (self.inference_memory, "bytes of inference memory", lambda: costs.inference_memory().total),
            (
                self.training_memory,
                f"bytes of training memory at {batch_size} images a step",
                lambda: costs.training_memory(batch_size, optimizer=optimizer).total,
            ),
        ):
            if limit is not None:
                yield limit, unit, cost

    def shrunk(self, architecture: Architecture, *, batch_size: int, optimizer: str) -> Architecture:
        """The network with all widths but the last layer's scaled by one factor, the largest that meets the budget.

        It is given back as it is where it meets the budget, or where no factor helps. The factor is found by bisection:
        where groups have to change with the widths, costs do not rise with every step and a larger one may do too.

        Args:
            architecture: the network.
            batch_size: images of a training step.
            optimizer: one of `cost.OPTIMIZER_STATES`.

        Raises:
            ArchitectureError: an unknown optimizer, where training memory is limited.
        """

        def meets(candidate: Architecture) -> bool:
            return not self.exceeded(candidate, batch_size=batch_size, optimizer=optimizer)

        if meets(architecture):
            return architecture
        low, high = 0, SHRINKING_STEPS
        best = architecture
        while high - low > 1:
            middle = (low + high) // 2
            candidate = narrowed(architecture, middle / SHRINKING_STEPS)
            if candidate is not None and meets(candidate):
                best, low = candidate, middle
            else:
                high = middle
        return best


def narrowed(architecture: Architecture, factor: float) -> Architecture | None:
    """The network with its widths times `factor`, at least 1 each; groups go on dividing what they divide.

    The number of scores stays, and a block's body ends as wide as its shortcut. None where no width is left to choose:
    an identity beside a body that ends in branches, a block or groups; scores that come from a block or from groups; a
    network past the bounds. None of these is among the classics and the networks of `conv_space.ConvSpace`.
    """
    last = max((i for i, layer in enumerate(architecture.layers) if isinstance(layer, _WIDE)), default=-1)
    channels = architecture.input[0]
    try:
        inner = _narrowed(architecture.layers[: max(last, 0)], channels, channels, factor)[0]
        rest = architecture.layers[max(last, 0) :]
        return Architecture(architecture.input, (*inner, *rest), architecture.classes, architecture.fit)
    except ArchitectureError:
        return None


_WIDE = (Conv, LocallyConnected, Linear, Residual, Parallel)


def _narrowed(layers: Sequence[Layer], old: int, new: int, factor: float) -> tuple[tuple[Layer, ...], int, int]:
    """The layers with their widths scaled, and the channels they give: now, and before."""
    result: list[Layer] = []
    for layer in layers:
        changed: Layer = layer
        if isinstance(layer, Conv):
            groups = layer.groups
            if groups == old:  # depthwise stays depthwise
                groups, filters = new, new * (layer.filters // old)
            else:
                groups = next(g for g in range(groups, 0, -1) if layer.groups % g == 0 and new % g == 0)
                filters = groups * max(1, round(layer.filters * factor / groups))
            if layer.groups == 1:
                groups, filters = 1, max(1, round(layer.filters * factor))
            changed = replace(layer, filters=filters, groups=groups)
            old, new = layer.filters, filters
        elif isinstance(layer, LocallyConnected):
            changed = replace(layer, filters=max(1, round(layer.filters * factor)))
            old, new = layer.filters, changed.filters
        elif isinstance(layer, Linear):
            changed = Linear(max(1, round(layer.units * factor)), layer.bias)
            old, new = layer.units, changed.units
        elif isinstance(layer, Residual):
            body, wide, before = _narrowed(layer.body, old, new, factor)
            shortcut, aside, _ = _narrowed(layer.shortcut, old, new, factor)
            if wide != aside:  # what precedes an identity need not be rounded as the body is: the sum of branches
                body = _ending_in(body, aside)
            changed = Residual(body, shortcut)
            old, new = before, aside
        elif isinstance(layer, Parallel):
            branches = [_narrowed(branch, old, new, factor) for branch in layer.branches]
            changed = Parallel(tuple(branch[0] for branch in branches))
            new, old = sum(branch[1] for branch in branches), sum(branch[2] for branch in branches)
        result.append(changed)
    return tuple(result), new, old


def _ending_in(layers: Sequence[Layer], width: int) -> tuple[Layer, ...]:
    """The layers with `width` channels at their end; as they are where no plain convolution gives these."""
    at = max((i for i, layer in enumerate(layers) if isinstance(layer, _WIDE)), default=-1)
    last = layers[at] if at >= 0 else None
    if not isinstance(last, Conv) or last.groups > 1:
        return tuple(layers)
    return (*layers[:at], replace(last, filters=width), *layers[at + 1 :])
