"""A fully convolutional network at work on an image larger than its own: the map of scores, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..architecture import Architecture, image_shape
from ..errors import ArchitectureError
from ..layers import Pool
from ..memory import sees_padding_only
from ..tracing import Shape, Step, Traced, trace
from .fully_convolutional import fully_convolutional
from .strides import total_stride

if TYPE_CHECKING:
    from ..geometry import Fit
    from ..layers import Layer, Pair


@dataclass(frozen=True)
class SlidingNetwork(Traced):
    """A network that slides over an image: one pass gives the scores of many places, (classes, H', W').

    A place at row i and column j of the map has the scores of the crop of the network's own size whose corner is at
    (i, j) times `stride`; equal ones where no layer pads. `cost_table` and `format_layer_table` take it as they take an
    `Architecture`.

    Args:
        native: the network at its own size; kept as `fully_convolutional` makes it.
        input: (C, H, W) of the image, at least of the network's own size. A network whose head is a global pooling
            takes smaller ones, too, as far as its windows fit.

    Raises:
        ArchitectureError: the network cannot slide, or not over an image of this size.
        GeometryError: a window does not fit.

    >>> from convscape.spaces.classics.catalog import classic
    >>> vgg = SlidingNetwork(classic("vgg16"), (3, 384, 384))
    >>> vgg.output, vgg.stride
    ((1000, 6, 6), (32, 32))
    """

    native: Architecture
    input: tuple[int, int, int]
    layers: tuple[Layer, ...] = field(init=False, repr=False, compare=False)
    fit: Fit = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        native = fully_convolutional(self.native)
        for name, value in (("native", native), ("layers", native.layers), ("fit", native.fit)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "input", image_shape(self.input))
        self._check_size()
        self._check_pooling()

    @cached_property
    def stride(self) -> Pair | None:
        """Cells of the image (rows, columns) between neighbouring places; None where the head is a global pooling."""
        return total_stride(self.native)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """One `Step` for each layer at work on this image, in order; a block's own comes after its parts'."""
        try:
            return trace(self.layers, self.input, self.fit)
        except ArchitectureError as error:
            remedy = self._nearest_sizes() or error.remedy
            raise type(error)(f"sliding over {_size(self.input)}: {error.message}", remedy) from None

    @property
    def output(self) -> Shape:
        """(classes, H', W') of the scores of one image."""
        return self.steps[-1].output if self.steps else self.input

    @property
    def places(self) -> int:
        """Vectors of scores that one pass over the image gives: H' times W'."""
        return self.output[1] * self.output[2]

    @property
    def pads(self) -> bool:
        """Whether a layer pads, so that scores differ from those of crops, around which there are zeros, too."""
        return any(any(step.padding or ()) for step in self.steps)

    def _check_size(self) -> None:
        own = self.native.input
        if self.input[0] != own[0]:
            raise ArchitectureError(
                f"the image has {self.input[0]} channels, and the network takes {own[0]}",
                f"Give (C, H, W) with C = {own[0]}.",
            )
        if self.stride and (self.input[1] < own[1] or self.input[2] < own[2]):
            raise ArchitectureError(
                f"an image of {_size(self.input)} is smaller than {_size(own)}, the network's own size",
                f"Slide over at least {_size(own)}, or enlarge the image.",
            )

    def _check_pooling(self) -> None:
        """Refuses windows of padding alone where there are none at the network's own size: they have no maximum."""
        for step, own in zip(self.steps, self.native.steps, strict=True):
            pool = step.layer
            if isinstance(pool, Pool) and pool.mode == "max" and sees_padding_only(pool, step):
                if sees_padding_only(pool, own):
                    continue  # its module is built to give zeros there
                raise ArchitectureError(
                    f"sliding over {_size(self.input)}: layer {step.path} (Pool) has windows that see only padding",
                    self._nearest_sizes() or "Use a larger image.",
                )

    def _nearest_sizes(self) -> str:
        """Sizes that work if any does: the network's own and whole strides. No layer has a rest there."""
        if not self.stride:
            return ""
        whole = [
            own + (size - own) // stride * stride
            for size, own, stride in zip(self.input[1:], self.native.input[1:], self.stride, strict=True)
        ]
        more = [size + stride for size, stride in zip(whole, self.stride, strict=True)]
        return f"Use {whole[0]}x{whole[1]} or {more[0]}x{more[1]}."


def _size(image: tuple[int, int, int]) -> str:
    return f"{image[1]}x{image[2]}"
