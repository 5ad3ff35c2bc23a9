"""The stages of a network: where its maps shrink. Exported code and its weights are named by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ..spaces import Conv, Flatten, GlobalPool, Linear, LocallyConnected, Parallel, Pool, Residual

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..spaces import Architecture, Step

HEAD, WHOLE = "head", "layers"
"""Names of the part that turns the last maps into scores, and of the only part of a network that has one."""
SHRINKS = 2 / 3
"""A layer begins or ends a stage where it leaves so much of its input's height or width, or less."""
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class NamedStage:
    """Neighbouring layers of a network that work on maps of about one size; or its head."""

    name: str
    """As in "stage1" or "head"."""
    first: int
    """Index of its first layer among the architecture's."""
    last: int
    """Index of its last layer."""


def stages(architecture: Architecture) -> tuple[NamedStage, ...]:
    """The stages of a network, in order: all its layers, each in one of them.

    A pooling that shrinks the maps ends a stage, a strided convolution or block begins one. The head begins with the
    first layer that gives up the map's places (flattening, global pooling, a linear layer), or with the last layer that
    has weights, whichever comes first.

    >>> from convscape.spaces.parsing import parse_notation
    >>> small = parse_notation("INPUT[8x8x1] -> CONV3-4 -> RELU -> POOL2 -> CONV3-8 -> RELU -> GAP -> FC-10")
    >>> [(stage.name, stage.first, stage.last) for stage in stages(small)]
    [('stage1', 0, 2), ('stage2', 3, 4), ('head', 5, 6)]
    """
    steps = [step for step in architecture.steps if "." not in step.path]
    head = _head(steps)
    begins = _begins(steps[:head])
    ends = [begin - 1 for begin in [*begins, head][1:]]
    found = [NamedStage(f"stage{number}", *pair) for number, pair in enumerate(zip(begins, ends, strict=True), start=1)]
    return (*found, NamedStage(HEAD if found else WHOLE, head, len(steps) - 1))


def _head(steps: list[Step]) -> int:
    """Index of the head's first layer."""
    placeless = (i for i, step in enumerate(steps) if isinstance(step.layer, Flatten | GlobalPool | Linear))
    weighted = [i for i, step in enumerate(steps) if isinstance(step.layer, Conv | LocallyConnected | Linear)]
    last = len(steps) - 1
    return min(next(placeless, last), weighted[-1] if weighted else last)


def _begins(steps: list[Step]) -> list[int]:
    """Indices of the layers that begin a stage before the head; each stage has a layer with weights."""
    begins, weighted = [0] if steps else [], False
    for index, step in enumerate(steps):
        begin = index + 1 if isinstance(step.layer, Pool) else index
        if _shrinks(step) and weighted and any(map(_has_weights, steps[begin:])):
            begins.append(begin)
            weighted = False
        weighted = weighted or _has_weights(step)
    return begins


def _has_weights(step: Step) -> bool:
    return isinstance(step.layer, Conv | LocallyConnected | Linear | Residual | Parallel)


def _shrinks(step: Step) -> bool:
    sizes = zip(step.input[1:], step.output[1:], strict=False)
    return any(after <= SHRINKS * before for before, after in sizes)


def by_stages(architecture: Architecture, tensors: Mapping[str, Value]) -> dict[str, Value]:
    """Tensors of a network named by its stages, as in "stage1.0.weight", by those named by its paths, as in "0.weight".

    Args:
        architecture: of the network.
        tensors: by name, as `build_network(architecture).state_dict()` names them.
    """
    return _renamed(tensors, _places(architecture))


def by_paths(architecture: Architecture, tensors: Mapping[str, Value]) -> dict[str, Value]:
    """Tensors of a network as `build_network(architecture).state_dict()` names them, by those named by its stages.

    Names of other kinds, which exports of earlier versions have, stay as they are.

    Args:
        architecture: of the network.
        tensors: by name.
    """
    return _renamed(tensors, {place: path for path, place in _places(architecture).items()})


def _places(architecture: Architecture) -> dict[str, str]:
    """The name of each layer of the network by its index, as text, each with a dot at its end."""
    return {
        f"{index}.": f"{stage.name}.{index - stage.first}."
        for stage in stages(architecture)
        for index in range(stage.first, stage.last + 1)
    }


def _renamed(tensors: Mapping[str, Value], places: Mapping[str, str]) -> dict[str, Value]:
    """Tensors with the longest known beginning of each name replaced."""
    found: dict[str, Value] = {}
    for name, value in tensors.items():
        parts = name.split(".")
        begins = (".".join(parts[:count]) + "." for count in (2, 1))
        begin = next((begin for begin in begins if begin in places), "")
        found[places.get(begin, "") + name[len(begin) :]] = value
    return found
