"""How much memory a network takes: what backward keeps, what a forward pass holds, what training adds up to.

Counts follow PyTorch's own operators on contiguous tensors as `trainers.network.build_network` strings them together:
a tensor that two layers keep counts once, ReLU overwrites a convolution's output, max pooling keeps int64 indices.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal

from .errors import ArchitectureError, nearest
from .geometry import span
from .layers import (
    Activation,
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .layers import Window
    from .tracing import Step, Traced

Precision = Literal["float64", "float32", "float16", "bfloat16"]
BYTES: dict[Precision, int] = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
"""Bytes of one value of each precision."""
INDEX_BYTES = 8
"""Bytes of one of max pooling's indices, whatever the precision."""


_CELL_BY_CELL = (Activation, Dropout, LocalResponseNorm)
"""Layers whose output is laid out in memory as their input is."""


@dataclass(frozen=True, slots=True)
class SavedForBackward:
    """What one layer adds to the memory the backward pass needs."""

    values: int = 0
    """Cells an image, each as large as the precision says."""
    indices: int = 0
    """int64 cells an image."""
    flags: int = 0
    """One-byte cells an image."""
    constant: int = 0
    """Cells of any batch, however many images: batch norm's means and deviations."""

    def bytes(self, batch: int = 1, precision: Precision = "float32") -> int:
        """Bytes that the layer keeps for the backward pass of `batch` images.

        Args:
            batch: images of the pass.
            precision: of the cells that are neither indices nor flags.

        Raises:
            ArchitectureError: an unknown precision.
        """
        size = bytes_of(precision)
        return batch * (self.values * size + self.indices * INDEX_BYTES + self.flags) + self.constant * size


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes a network takes, by what they are for. `gradients` are those of the weights."""

    parameters: int
    """Weights and biases, and the running means and variances of batch norm."""
    gradients: int
    optimizer: int
    """Momentum and whatever else the optimiser remembers a weight."""
    activations: int
    """Training: what backward keeps. Inference: the most that is held at once."""
    working: int
    """Training: the gradients of the largest layer's input and output, the only ones held at once."""

    @property
    def total(self) -> int:
        """The sum of all parts, in bytes."""
        return self.parameters + self.gradients + self.optimizer + self.activations + self.working


def bytes_of(precision: Precision) -> int:
    """Bytes of one value of a precision.

    Raises:
        ArchitectureError: an unknown precision.
    """
    if precision not in BYTES:
        raise ArchitectureError(f"`precision` (={precision!r:.60}) is not known", nearest(str(precision), BYTES))
    return BYTES[precision]


def saved_for_backward(architecture: Traced) -> tuple[SavedForBackward, ...]:
    """What each layer of a network adds to the memory the backward pass needs, in the order of `architecture.steps`.

    A tensor counts where it is first kept. The sum equals what `torch.autograd.graph.saved_tensors_hooks` sees,
    parameters and buffers left out.
    """
    kept: list[SavedForBackward] = []
    image = _Map(prod(architecture.input), differentiable=False)
    _keep_sequence(architecture.layers, image, iter(architecture.steps), kept)
    return tuple(kept)


def held_by_forward(architecture: Traced, precision: Precision = "float32") -> int:
    """Bytes an image that a forward pass without gradients holds at once, at most, the image included.

    Raises:
        ArchitectureError: an unknown precision.
    """
    size = bytes_of(precision)
    image = prod(architecture.input) * size
    return image + _hold_sequence(architecture.layers, iter(architecture.steps), size)[0]


def buffers(architecture: Traced) -> int:
    """Cells of all batch norms' running means and variances."""
    return sum(2 * step.input[0] for step in architecture.steps if isinstance(step.layer, BatchNorm))


class _Map:
    """A tensor of one image: its cells, and what is known of it while the layers are walked."""

    __slots__ = ("cells", "differentiable", "kept", "scattered")

    def __init__(self, cells: int, *, differentiable: bool = True, scattered: bool = False) -> None:
        self.cells = cells
        self.differentiable = differentiable
        self.scattered = scattered
        """Laid out in another order than (C, H, W), so that flattening copies."""
        self.kept = False

    def keep(self) -> int:
        """Cells that keeping this tensor adds."""
        if self.kept:
            return 0
        self.kept = True
        return self.cells


def _keep_sequence(layers: Sequence[Layer], current: _Map, steps: Iterator[Step], kept: list[SavedForBackward]) -> _Map:
    before: Layer | None = None
    for layer in layers:
        if isinstance(layer, Residual | Parallel):
            branches = (layer.body, layer.shortcut) if isinstance(layer, Residual) else layer.branches
            ends = [_keep_sequence(branch, current, steps, kept) for branch in branches]
            step = next(steps)
            kept.append(SavedForBackward())
            current = _Map(prod(step.output), differentiable=any(end.differentiable for end in ends))
        else:
            current, cost = _keep(layer, current, next(steps), in_place=overwrites(layer, before))
            kept.append(cost)
        before = layer
    return current


def overwrites(layer: Layer, before: Layer | None) -> bool:
    """Whether `layer` is a ReLU written over the output of the layer `before` it, whose own gradient does not need that
    output. `before` is None for the first layer of a network, body or branch.
    """
    if layer != Activation("relu"):
        return False
    return isinstance(before, Conv | Linear | BatchNorm | Residual | Parallel) or (
        isinstance(before, Pool) and before.mode != "l2"
    )


def _keep(layer: Layer, source: _Map, step: Step, *, in_place: bool) -> tuple[_Map, SavedForBackward]:
    """The output of `layer`, and what it keeps."""
    cells = prod(step.output)
    match layer:
        case Conv():
            source = _Map(padded_cells(step)) if pads_apart(layer, step) else source
            return _Map(cells), SavedForBackward(source.keep())
        case LocallyConnected():
            return _Map(cells, scattered=_is_scattered(step)), SavedForBackward(_unfolded_cells(layer, step))
        case Linear():
            return _Map(cells), SavedForBackward(source.keep())
        case BatchNorm():
            return _Map(cells), SavedForBackward(source.keep(), constant=2 * step.input[0])
        case Flatten():
            return (
                _Map(cells, differentiable=source.differentiable) if source.scattered else source
            ), SavedForBackward()
        case Dropout(rate=0):
            return source, SavedForBackward()
        case _ if not source.differentiable:
            return _Map(
                cells, differentiable=False, scattered=source.scattered and len(step.output) == 3
            ), SavedForBackward()
        case Activation(name):
            output = source if in_place else _Map(cells, scattered=source.scattered)
            return output, SavedForBackward((output if name in ("relu", "sigmoid", "tanh") else source).keep())
        case Dropout():
            noise = step.input[0] if layer.spatial and len(step.input) == 3 else cells
            return _Map(cells, scattered=source.scattered), SavedForBackward(noise)
        case GlobalPool(mode):
            return _Map(cells), SavedForBackward(source.keep(), indices=cells) if mode == "max" else SavedForBackward()
        case LocalResponseNorm():
            widened = (step.input[0] + layer.size - 1) * prod(step.input[1:])
            return _Map(cells, scattered=source.scattered), SavedForBackward(source.keep() + widened + 2 * cells)
        case Pool():
            return _keep_pool(layer, source, step)
    raise AssertionError(layer)


def _is_scattered(step: Step) -> bool:
    """Whether the output lies in memory place by place, as unshared filters make it, and not channel by channel."""
    return isinstance(step.layer, LocallyConnected) and step.output[0] > 1 and prod(step.output[1:]) > 1


def _keep_pool(layer: Pool, source: _Map, step: Step) -> tuple[_Map, SavedForBackward]:
    output = _Map(prod(step.output))
    if layer.mode == "l2":
        squares = padded_cells(step)
        return output, SavedForBackward(source.keep() + squares + output.cells + output.keep())
    source = _Map(padded_cells(step)) if pads_apart(layer, step) else source
    if layer.mode == "average":
        return output, SavedForBackward(source.keep())
    flags = output.cells if sees_padding_only(layer, step) else 0
    return output, SavedForBackward(source.keep(), indices=output.cells, flags=flags)


def _hold_sequence(layers: Sequence[Layer], steps: Iterator[Step], size: int) -> tuple[int, int]:
    """The most bytes held at once beyond the input, which the caller holds throughout, and those of the output.

    An output that is the input, as that of dropout is without training, holds nothing of its own.
    """
    most = own = 0
    scattered = False
    before: Layer | None = None
    for layer in layers:
        if isinstance(layer, Residual | Parallel):
            branches = (layer.body, layer.shortcut) if isinstance(layer, Residual) else layer.branches
            ends = 0
            for branch in branches:
                peak, end = _hold_sequence(branch, steps, size)
                most = max(most, own + ends + peak)
                ends += end
            joined = prod(next(steps).output) * size
            most = max(most, own + ends + joined)
            own = joined
        else:
            step = next(steps)
            in_place = isinstance(layer, Dropout) or (isinstance(layer, Flatten) and not scattered)
            if not (in_place or overwrites(layer, before)):
                output = prod(step.output) * size
                most = max(most, own + max(_temporary(layer, step, size), output))
                own = output
            scattered = _is_scattered(step) or (scattered and isinstance(layer, _CELL_BY_CELL))
        before = layer
    return most, own


def _temporary(layer: Layer, step: Step, size: int) -> int:
    """Bytes a layer holds while it works, its output included."""
    cells, inputs = prod(step.output), prod(step.input)
    match layer:
        case Pool(mode="l2"):
            squares = padded_cells(step)
            return size * max(squares + inputs if any(step.padding or ()) else 0, squares + 3 * cells)
        case Conv() | Pool():
            copy = padded_cells(step) if pads_apart(layer, step) else 0
            indices = INDEX_BYTES * cells if isinstance(layer, Pool) and layer.mode == "max" else 0
            return size * (copy + cells) + indices
        case LocallyConnected():
            copy = padded_cells(step) if any(step.padding or ()) else 0
            return size * (_unfolded_cells(layer, step) + max(copy, cells))
        case GlobalPool(mode="max"):
            return (size + INDEX_BYTES) * cells
        case LocalResponseNorm():
            widened = (step.input[0] + layer.size - 1) * prod(step.input[1:])
            return size * max(widened + cells, 3 * cells)
        case _:
            return size * cells


def padded_cells(step: Step) -> int:
    """Cells of a window's input with its padding, for one image.

    Args:
        step: of a convolution, locally connected layer or pooling, on an input of (C, H, W).
    """
    top, bottom, left, right = step.padding or (0, 0, 0, 0)
    return step.input[0] * (step.input[1] + top + bottom) * (step.input[2] + left + right)


def _unfolded_cells(layer: LocallyConnected, step: Step) -> int:
    """Cells of all windows side by side; PyTorch lays them out in no less room than their input takes."""
    window = step.input[0] * layer.kernel[0] * layer.kernel[1]
    return max(window * step.output[1] * step.output[2], padded_cells(step))


def pads_apart(layer: Conv | Pool, step: Step) -> bool:
    """Whether padding makes a copy of the input, because PyTorch's own layer cannot pad so.

    PyTorch's layers pad both sides alike; its pooling by at most half a window, so that each has a cell of the map.

    Args:
        layer: the convolution or pooling.
        step: that layer at work on its input.
    """
    top, bottom, left, right = step.padding or (0, 0, 0, 0)
    if isinstance(layer, Conv):
        return (top, left) != (bottom, right)
    even = (top, left) == (bottom, right) and 2 * top <= layer.kernel[0] and 2 * left <= layer.kernel[1]
    return any((top, bottom, left, right)) and (not even or sees_padding_only(layer, step))


def sees_padding_only(layer: Window, step: Step) -> bool:
    """Whether `layer` is a pooling of which some window holds no cell of the map, only padding.

    Args:
        layer: a convolution, locally connected layer or pooling.
        step: that layer at work on its input.
    """
    return layer.kind == "pool" and any(_has_empty_window(layer, step, axis) for axis in (0, 1))


def _has_empty_window(layer: Window, step: Step, axis: int) -> bool:
    padding = step.padding or (0, 0, 0, 0)
    size, before, after = step.input[1 + axis], padding[2 * axis], padding[2 * axis + 1]
    kernel, stride, dilation = layer.kernel[axis], layer.stride[axis], layer.dilation[axis]
    if max(before, after) < span(kernel, dilation) and dilation == 1:
        return False
    starts = range(-before, -before + step.output[1 + axis] * stride, stride)
    return any(not any(0 <= start + cell * dilation < size for cell in range(kernel)) for start in starts)
