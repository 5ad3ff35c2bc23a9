"""Sends an input shape through layers: what each one receives, pads, produces and sees."""

from __future__ import annotations

from functools import cached_property, lru_cache
from math import prod
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from .errors import ArchitectureError, GeometryError
from .geometry import Fit, ReceptiveField, far_padding, output_size, same_padding
from .layers import (
    Activation,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    LocalResponseNorm,
    Pair,
    Parallel,
    Pool,
    Residual,
    Sides,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Shape: TypeAlias = tuple[int, ...]
"""Of one image: (C, H, W) of feature maps, (D,) once flattened."""
Fields: TypeAlias = tuple[ReceptiveField, ReceptiveField]
"""The receptive field down the rows and along the columns."""

DEEPEST_NESTING = 32
"""Blocks inside each other: a design with more is refused."""
LARGEST_NETWORK = 10_000
"""Layers of a network, those inside blocks included: a design with more is refused."""
LARGEST_TENSOR = 2**40
"""Cells of one layer's output for one image: a design with more is refused, not computed."""

_NO_PADDING: Sides = (0, 0, 0, 0)
_BLOCKS = (Residual, Parallel)
_CELL_BY_CELL = frozenset({BatchNorm, LocalResponseNorm, Activation, Dropout})
"""Layers that give what shape they get."""


class Step(NamedTuple):
    """One layer at work: what it receives, pads, produces and sees.

    `input` and `output` are shapes of one image, (C, H, W), or (D,) once flattened. `fields` are the receptive fields
    of an output cell, down the rows and along the columns. A block's step stands for the sum or concatenation that ends
    it, and follows the steps of the layers inside.
    """

    path: str
    """Where the layer stands, as in the built network's `named_modules`: "3", "5.body.0", "6.branches.1.2"."""
    layer: Layer
    input: Shape
    output: Shape
    padding: Sides | None
    """Cells (top, bottom, left, right) that a window adds, the fit rule's included; None where nothing slides."""
    fields: Fields


class Traced:
    """Layers at work on an input: what an `Architecture` is, and a network that slides over a larger image."""

    input: tuple[int, int, int]
    """(C, H, W) of one image."""
    layers: tuple[Layer, ...]
    """What the image passes through, in order."""
    fit: Fit
    """What windows do where they do not tile their input."""

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """One `Step` for each layer at work on this input, in order; a block's own comes after its parts'."""
        return trace(self.layers, self.input, self.fit)


def trace(layers: Sequence[Layer], input: Shape, fit: Fit) -> tuple[Step, ...]:
    """One step for each layer, from an input of shape (C, H, W); a block's own step comes after those of its parts.

    Args:
        layers: in order.
        input: (C, H, W) of one image, or (D,) once flattened.
        fit: the fit rule of layers that have none of their own.

    Raises:
        GeometryError: a window does not fit; names the layer and the settings nearby that do.
        ArchitectureError: layers that cannot follow each other, more than LARGEST_NETWORK of them, blocks nested deeper
            than DEEPEST_NESTING, or an output of more than LARGEST_TENSOR cells.
    """
    steps: list[Step] = []
    field = ReceptiveField()
    _walk(layers, input, (field, field), fit, "", 0, steps)
    return tuple(steps)


@lru_cache(maxsize=4096)
def _same_sides(kernel: Pair, dilation: Pair) -> Sides:
    return same_padding(kernel[0], dilation[0]) + same_padding(kernel[1], dilation[1])


def resolve_padding(layer: Window, shape: Shape, fit: Fit) -> Sides:
    """Cells (top, bottom, left, right) that a window adds to its input, the fit rule's included.

    Args:
        layer: a convolution, locally connected layer or pooling.
        shape: (C, H, W) of the input.
        fit: the fit rule where the layer has none of its own.
    """
    padding = layer.padding
    if padding == "same":
        sides = _same_sides(layer.kernel, layer.dilation)
    elif padding == "valid":
        sides = _NO_PADDING
    else:
        sides = padding
    if (layer.fit or fit) != "pad":
        return sides
    (kernel, kernel2), (stride, stride2), (dilation, dilation2) = layer.kernel, layer.stride, layer.dilation
    top, bottom, left, right = sides
    bottom += far_padding(shape[1], kernel, stride, (top, bottom), dilation)
    right += far_padding(shape[2], kernel2, stride2, (left, right), dilation2)
    return top, bottom, left, right


def _walk(
    layers: Sequence[Layer], shape: Shape, fields: Fields, fit: Fit, prefix: str, nesting: int, steps: list[Step]
) -> tuple[Shape, Fields]:
    """Adds the steps of `layers` to `steps`; the shape and fields they end with."""
    if nesting > DEEPEST_NESTING:
        raise ArchitectureError(f"blocks nested deeper than {DEEPEST_NESTING} (DEEPEST_NESTING)")
    if len(steps) + len(layers) > LARGEST_NETWORK:
        raise ArchitectureError(f"more than {LARGEST_NETWORK:,} layers (LARGEST_NETWORK)")
    for index, layer in enumerate(layers):
        path = f"{prefix}{index}"
        if type(layer) in _CELL_BY_CELL:
            steps.append(Step(path=path, layer=layer, input=shape, output=shape, padding=None, fields=fields))
            continue
        if isinstance(layer, _BLOCKS):
            branches = (
                {"body": layer.body, "shortcut": layer.shortcut}
                if isinstance(layer, Residual)
                else {f"branches.{number}": branch for number, branch in enumerate(layer.branches)}
            )
            ends = [
                _walk(branch, shape, fields, fit, f"{path}.{name}.", nesting + 1, steps)
                for name, branch in branches.items()
            ]
            step = _join(path, layer, shape, ends)
        else:
            step = _step(path, layer, shape, fields, fit)
        steps.append(step)
        if prod(step.output) > LARGEST_TENSOR:
            raise ArchitectureError(f"layer {path}: an output of {step.output} is beyond 2^40 cells (LARGEST_TENSOR)")
        shape, fields = step.output, step.fields
    return shape, fields


def _step(path: str, layer: Layer, shape: Shape, fields: Fields, fit: Fit) -> Step:
    if isinstance(layer, Linear):
        if len(shape) != 1:
            raise ArchitectureError(
                f"layer {path}: Linear needs a flat input and gets {shape}", "Put a Flatten before it."
            )
        return Step(path=path, layer=layer, input=shape, output=(layer.units,), padding=None, fields=fields)
    if isinstance(layer, Flatten):
        rows, columns = (
            ReceptiveField(field.size + (size - 1) * field.stride, field.stride, field.offset)
            for field, size in zip(fields, shape[1:] or (1, 1), strict=True)
        )
        return Step(path=path, layer=layer, input=shape, output=(prod(shape),), padding=None, fields=(rows, columns))
    if len(shape) != 3:
        raise ArchitectureError(
            f"layer {path}: {type(layer).__name__} needs (C, H, W) and gets the flat {shape}",
            "Put it before the Flatten.",
        )
    if isinstance(layer, GlobalPool):
        rows, columns = (field.through(size, size, 0) for field, size in zip(fields, shape[1:], strict=True))
        output = (shape[0], 1, 1)
        return Step(path=path, layer=layer, input=shape, output=output, padding=None, fields=(rows, columns))
    return _window(path, cast("Window", layer), shape, fields, fit)


def _window(path: str, layer: Window, shape: Shape, fields: Fields, fit: Fit) -> Step:
    if isinstance(layer, Conv) and shape[0] % layer.groups:
        raise ArchitectureError(
            f"layer {path}: input channels (={shape[0]}) must be divisible by `groups` (={layer.groups})"
        )
    sides = resolve_padding(layer, shape, fit)
    channels = shape[0] if isinstance(layer, Pool) else layer.filters
    height, rows = _axis(path, layer, 0, shape[1], sides[:2], fields[0], fit)
    if _is_square(layer, shape, sides) and fields[0] is fields[1]:
        width, columns = height, rows
    else:
        width, columns = _axis(path, layer, 1, shape[2], sides[2:], fields[1], fit)
    output = (channels, height, width)
    return Step(path=path, layer=layer, input=shape, output=output, padding=sides, fields=(rows, columns))


def _is_square(layer: Window, shape: Shape, sides: Sides) -> bool:
    """Whether both axes are alike, so that one need not be computed."""
    (kernel, kernel2), (stride, stride2), (dilation, dilation2) = layer.kernel, layer.stride, layer.dilation
    return (
        shape[1] == shape[2]
        and kernel == kernel2
        and stride == stride2
        and dilation == dilation2
        and sides[:2] == sides[2:]
    )


def _axis(
    path: str, layer: Window, axis: int, size: int, padding: tuple[int, int], field: ReceptiveField, fit: Fit
) -> tuple[int, ReceptiveField]:
    """The output's length and field along `axis` (0 height, 1 width)."""
    kernel, stride, dilation = layer.kernel[axis], layer.stride[axis], layer.dilation[axis]
    try:
        length = output_size(size, kernel, stride, padding, dilation, layer.fit or fit)
    except GeometryError as error:
        what = f"{type(layer).__name__} {layer.kernel[0]}x{layer.kernel[1]} stride {stride}"
        raise GeometryError(
            f"layer {path} ({what}) on {('height', 'width')[axis]} {size}: {error.message}", error.remedy
        ) from None
    return length, field.through(kernel, stride, padding[0], dilation)


def _join(path: str, layer: Residual | Parallel, shape: Shape, ends: list[tuple[Shape, Fields]]) -> Step:
    shapes = [end for end, _ in ends]
    if isinstance(layer, Residual) and shapes[0] != shapes[1]:
        raise ArchitectureError(
            f"layer {path}: Residual adds {shapes[0]} from its body to {shapes[1]} from its shortcut",
            "Equal shapes are needed: project the shortcut with a 1x1 convolution of the same stride and filters.",
        )
    if isinstance(layer, Parallel) and len({end[1:] for end in shapes}) > 1:
        raise ArchitectureError(
            f"layer {path}: Parallel cannot concatenate {', '.join(map(str, shapes))}",
            "All branches must end at the same height and width.",
        )
    output = shapes[0] if isinstance(layer, Residual) else (sum(end[0] for end in shapes), *shapes[0][1:])
    rows, columns = ends[0][1]
    for _, (other_rows, other_columns) in ends[1:]:
        alike = rows is columns and other_rows is other_columns
        rows = rows.merged(other_rows)
        columns = rows if alike else columns.merged(other_columns)
    return Step(path=path, layer=layer, input=shape, output=output, padding=None, fields=(rows, columns))
