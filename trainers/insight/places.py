"""Where in a network it is worth looking: its first and last weights, its nonlinearities, its stages."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, TypeVar

from ...spaces import Activation, Conv, Dropout, Layer, Linear, LocallyConnected, Parallel, Pool, Residual
from ..stages import HEAD, stages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...spaces import Architecture, Step

Value = TypeVar("Value")
WEIGHTED = Conv | LocallyConnected | Linear
"""Layers that have weights of their own."""


def first_weights(architecture: Architecture) -> Step | None:
    """The layer that meets the image first, of several in branches the one with the largest window.

    None where no layer has weights.
    """
    firsts = _firsts(architecture.layers, "")[0]
    steps = [step for step in architecture.steps if step.path in firsts]
    return max(steps, key=_window, default=None)


def _window(step: Step) -> int:
    layer = step.layer
    return layer.kernel[0] * layer.kernel[1] if isinstance(layer, Conv | LocallyConnected) else 0


def _firsts(layers: Sequence[Layer], prefix: str) -> tuple[set[str], bool]:
    """Paths of the weights that nothing learned comes before, and whether every way through `layers` meets some."""
    found: set[str] = set()
    for index, layer in enumerate(layers):
        path = f"{prefix}{index}"
        if isinstance(layer, WEIGHTED):
            return found | {path}, True
        if isinstance(layer, Residual | Parallel):
            inside = [_firsts(branch, f"{path}.{name}.") for name, branch in _branches(layer)]
            found |= {each for paths, _ in inside for each in paths}
            if all(blocked for _, blocked in inside):
                return found, True
    return found, False


def _branches(layer: Residual | Parallel) -> list[tuple[str, tuple[Layer, ...]]]:
    if isinstance(layer, Residual):
        return [("body", layer.body), ("shortcut", layer.shortcut)]
    return [(f"branches.{number}", branch) for number, branch in enumerate(layer.branches)]


def weighted(architecture: Architecture) -> list[Step]:
    """Every layer with weights of its own, in the order in which they work."""
    return [step for step in architecture.steps if isinstance(step.layer, WEIGHTED)]


def head_index(architecture: Architecture) -> int | None:
    """Index of the layer or block that makes the scores: the last one, outside of blocks, that has weights.

    What goes into it is the network's last hidden layer. None where nothing has weights, or nothing with weights comes
    before it, so that what goes in is the image itself.
    """
    tops = sorted({int(step.path.partition(".")[0]) for step in weighted(architecture)})
    return tops[-1] if len(tops) > 1 else None


def nonlinearities(architecture: Architecture) -> list[Step]:
    """Every activation function, in the order in which they work."""
    return [step for step in architecture.steps if isinstance(step.layer, Activation)]


def stage_ends(architecture: Architecture) -> list[tuple[str, Step]]:
    """The last nonlinearity of each of a network's stages, by the stage's name: those of an export's model.py.

    Of a stage without any it is the last layer that is no pooling. Only maps of more than one cell count, behind the
    first weights; the head has none.
    """
    found: list[tuple[str, Step]] = []
    steps = architecture.steps
    learnt = next((at for at, step in enumerate(steps) if isinstance(step.layer, WEIGHTED)), len(steps))
    for stage in stages(architecture):
        inside = [
            step
            for step in steps[learnt:]
            if stage.first <= int(step.path.partition(".")[0]) <= stage.last
            and not isinstance(step.layer, Pool | Dropout)
            and prod(step.output[1:]) > 1
        ]
        ends = [step for step in inside if isinstance(step.layer, Activation)] or inside
        if ends and stage.name != HEAD:
            found.append((stage.name, ends[-1]))
    return found


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers below `count`, evenly spread, the first and last among them.

    >>> spread(10, 4), spread(3, 4)
    ([0, 3, 6, 9], [0, 1, 2])
    """
    if count <= most:
        return list(range(count))
    return [0] if most == 1 else [round(each * (count - 1) / (most - 1)) for each in range(most)]


def some_of(values: Sequence[Value], most: int) -> list[Value]:
    """At most `most` of several values, evenly spread."""
    return [values[at] for at in spread(len(values), most)]


def called(step: Step) -> str:
    """What a person calls a layer, with its place and the shape that it gives.

    >>> from convscape.spaces import parse_notation
    >>> called(parse_notation("INPUT[8x8x1] -> CONV3-4 -> RELU -> FC-10").steps[1])
    'layer 1 (ReLU, 8x8x4)'
    """
    kinds = {"relu": "ReLU", "gelu": "GELU", "elu": "ELU", "silu": "SiLU", "leaky_relu": "leaky ReLU"}
    layer = step.layer
    if isinstance(layer, Activation):
        kind = kinds.get(layer.name, layer.name)
    elif isinstance(layer, Conv | LocallyConnected):
        kind = f"{layer.kind.replace('_', ' ')} {layer.kernel[0]}x{layer.kernel[1]}"
    else:
        kind = layer.kind.replace("_", " ")
    channels, *size = step.output
    return f"layer {step.path} ({kind}, {'x'.join(map(str, (*size, channels)))})"
