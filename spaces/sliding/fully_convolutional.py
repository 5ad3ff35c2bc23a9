"""Writes the fully connected layers of a network as convolutions, so that it can slide over larger images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from ..architecture import Architecture
from ..errors import ArchitectureError
from ..layers import (
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    LocallyConnected,
    LocalResponseNorm,
    Parallel,
    Pool,
    Residual,
)
from ..tracing import resolve_padding
from .strides import total_stride

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..tracing import Step

Map: TypeAlias = tuple[int, int, int]
"""(C, H, W) of what a layer gets or gives, also where the network itself has it flattened."""
ONE_CELL = (1, 1)


def fully_convolutional(architecture: Architecture) -> Architecture:
    """`architecture` with convolutions in place of its fully connected layers: it runs on larger images as well.

    A Linear on a flattened map of (C, H, W) becomes a convolution whose window is that map, HxW, with stride 1 and no
    padding; a Linear behind it becomes one of 1x1, and Flatten goes (CS231n ConvNet notes, "Converting FC layers to
    CONV layers"; Long et al. 2015, section 3.1). There are as many parameters, and on an image of the network's own
    size the scores are equal, (classes, 1, 1). Zeros that a fit rule adds at that size are written as padding, so that
    the layers pad as much on any larger image; what remains there at the far side is cropped.

    A network whose head is a global pooling takes images of any size and gives one vector of scores.

    Args:
        architecture: any network; one that is fully convolutional already comes back as an equal one.

    Raises:
        ArchitectureError: the network cannot slide: it has locally connected layers, whose filters belong to places; it
            normalises a flattened map or gives it as scores, cell by cell; or branches of a block differ in stride.

    >>> from convscape.spaces.layers import Conv, Flatten, Linear, Pool
    >>> small = Architecture((1, 8, 8), (Conv(4), Pool(), Flatten(), Linear(32), Linear(10)), classes=10)
    >>> fully_convolutional(small)
    Architecture('INPUT[8x8x1] -> CONV3-4 -> POOL2 -> CONV4-32 valid -> CONV1-10')
    """
    layers, last = _Conversion(architecture).sequence(architecture.layers, architecture.input)
    if last[1:] != ONE_CELL:
        raise ArchitectureError(
            f"the scores are the cells of a flattened {_size(last)} map: the network cannot slide over a larger one",
            f"End with Linear({architecture.classes}), or with {architecture.classes} channels and a GlobalPool.",
        )
    result = Architecture(architecture.input, layers, architecture.classes)
    total_stride(result)  # branches that differ in stride are refused
    return result


def sliding_paths(architecture: Architecture) -> Mapping[str, str]:
    """Where each layer of a network stands in its fully convolutional form, by its path in the network.

    Paths are those of `Architecture.steps` and of the built network's modules. They move where a Flatten before them
    goes; a Flatten has none.

    Args:
        architecture: a network that `fully_convolutional` takes.

    Raises:
        ArchitectureError: the network cannot slide.

    >>> from convscape.spaces.layers import Conv, Flatten, Linear
    >>> dict(sliding_paths(Architecture((1, 8, 8), (Conv(4), Flatten(), Linear(10)), classes=10)))
    {'0': '0', '2': '1'}
    """
    conversion = _Conversion(architecture)
    conversion.sequence(architecture.layers, architecture.input)
    return conversion.paths


class _Conversion:
    """One walk through a network, which notes where its layers go."""

    def __init__(self, architecture: Architecture) -> None:
        self.steps = {step.path: step for step in architecture.steps}
        self.paths: dict[str, str] = {}

    def sequence(
        self, layers: Sequence[Layer], shape: Map, prefix: str = "", new_prefix: str = ""
    ) -> tuple[tuple[Layer, ...], Map]:
        """`layers` as they slide, and the map that they end with on the network's own input."""
        made: list[Layer] = []
        for index, layer in enumerate(layers):
            path, new_path = f"{prefix}{index}", f"{new_prefix}{len(made)}"
            if isinstance(layer, Flatten):
                continue
            if isinstance(layer, Residual | Parallel):
                layer, shape = self.block(layer, shape, path, new_path)
            else:
                layer, shape = _converted(layer, shape, self.steps[path])
            made.append(layer)
            self.paths[path] = new_path
        return tuple(made), shape

    def block(self, layer: Residual | Parallel, shape: Map, path: str, new_path: str) -> tuple[Layer, Map]:
        def branch(layers: Sequence[Layer], name: str) -> tuple[tuple[Layer, ...], Map]:
            return self.sequence(layers, shape, f"{path}.{name}.", f"{new_path}.{name}.")

        if isinstance(layer, Residual):
            ends = [branch(layer.body, "body"), branch(layer.shortcut, "shortcut")]
            (body, end), (shortcut, other) = ends
            made = Residual(body or (Dropout(0.0),), shortcut)  # a body that only flattens does nothing now
            alike = end == other
        else:
            ends = [branch(each, f"branches.{number}") for number, each in enumerate(layer.branches)]
            made, end = Parallel(tuple(layers for layers, _ in ends)), ends[0][1]
            alike = all(other[1:] == end[1:] for _, other in ends)
            end = (sum(other[0] for _, other in ends), *end[1:])
        if not alike:
            told = ", ".join(_size(other) for _, other in ends)
            raise ArchitectureError(
                f"layer {path}: its branches end with maps of {told}, flattened, and cannot slide as maps",
                "End all of them with a Linear, or flatten behind the block.",
            )
        return made, end


def _converted(layer: Layer, shape: Map, step: Step) -> tuple[Layer, Map]:
    """A layer that is no block as it slides, and the map that it gives."""
    flattened = len(step.input) == 1
    match layer:
        case Linear():
            return _convolution(layer, shape, step.path), (layer.units, 1, 1)
        case Conv() | Pool():
            plain = replace(layer, fit=None)
            if resolve_padding(plain, step.input, "crop") != step.padding:
                plain = replace(plain, padding=step.padding)
            return plain, _map(step)
        case LocallyConnected():
            raise ArchitectureError(
                f"layer {step.path}: LocallyConnected has filters for each place of its {_size(shape)} map, and none "
                "for the places of a larger one",
                "Use a Conv, whose filters all places share.",
            )
        case BatchNorm() | LocalResponseNorm() if flattened and shape[1:] != ONE_CELL:
            raise ArchitectureError(
                f"layer {step.path}: {type(layer).__name__} takes each cell of a flattened {_size(shape)} map for a "
                "channel, and cannot slide over a larger one",
                "Put it before the Flatten, or behind the Linear.",
            )
        case Dropout() if flattened:  # a flat input has no feature maps to drop as a whole
            return Dropout(layer.rate), shape
        case GlobalPool():
            return layer, _map(step)
        case _:
            return layer, shape


def _convolution(linear: Linear, shape: Map, path: str) -> Conv:
    window = shape[1:]
    try:
        return Conv(linear.units, window, padding="same" if window == ONE_CELL else "valid", bias=linear.bias)
    except ArchitectureError as error:
        raise ArchitectureError(f"layer {path}, as a convolution: {error.message}", error.remedy) from None


def _map(step: Step) -> Map:
    channels, height, width = step.output
    return channels, height, width


def _size(shape: Map) -> str:
    return "x".join(str(cells) for cells in (*shape[1:], shape[0]))
