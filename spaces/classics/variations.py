"""Changes a network as a whole: its width, head, pooling, norms, activations or dropout.

Each change takes a network and gives one that can be built. They are made for the classics; blocks are changed with
all that is inside.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..budget import narrowed
from ..layers import (
    Activation,
    ActivationName,
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
    PoolMode,
    Residual,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..architecture import Architecture

Layers: TypeAlias = tuple[Layer, ...]

POOLINGS = ("max", "average", "l2", "convolution")
"""What `with_pooling` may put in place of a network's pooling."""
NORMS = ("batch", "none")
"""Which normalisation `with_norm` may give a network."""
HEADS = ("global_average",)
"""Which head `with_head` may give a network."""


def with_width(network: Architecture, factor: float) -> Architecture:
    """The network with all widths but the scores' times `factor`, at least 1 each.

    It is given back as it is where `budget.narrowed` finds no narrower one; that is the case for no classic.
    """
    return network if factor == 1 else narrowed(network, factor) or network


def has_flat_head(network: Architecture) -> bool:
    """Whether a network flattens its maps as they are, without global pooling before."""
    return not any(isinstance(layer, GlobalPool) for layer in network.layers)


def with_head(network: Architecture, head: Literal["global_average"]) -> Architecture:
    """The network with global average pooling in place of the flattened maps.

    One value a channel, the last dropout and the scores stand in place of everything from the flattening on. A network
    that has global pooling is given back as it is.
    """
    assert head in HEADS
    if not has_flat_head(network):
        return network
    at = next(index for index, layer in enumerate(network.layers) if isinstance(layer, Flatten))
    dropout = [layer for layer in network.layers[at:] if isinstance(layer, Dropout)][-1:]
    return _changed(network, (*network.layers[:at], GlobalPool(), Flatten(), *dropout, Linear(network.classes)))


def with_pooling(network: Architecture, pooling: PoolMode | Literal["convolution"]) -> Architecture:
    """The network with pooling of another mode, or with convolutions in place of pooling.

    A convolution of the same window replaces each pooling that makes the map smaller. It keeps the channels and is
    followed by what follows the network's other convolutions: its first activation, and batch norm where there is any
    (Springenberg et al. 2014, section 2).

    Args:
        network: what to change.
        pooling: "max", "average" or "l2"; or "convolution".
    """
    normed = bool(list(of_kind(network.layers, BatchNorm)))
    activation = next(of_kind(network.layers, Activation), Activation())
    followers: Layers = (BatchNorm(), activation) if normed else (activation,)

    def changed(pool: Pool, channels: int) -> Layers:
        if pooling != "convolution":
            return (replace(pool, mode=pooling),)
        if pool.stride == (1, 1):
            return (pool,)
        return (
            Conv(channels, pool.kernel, pool.stride, pool.padding, fit=pool.fit, bias=not normed),
            *followers,
        )

    return _changed(network, _repooled(network.layers, network.input[0], changed)[0])


def with_norm(network: Architecture, norm: Literal["batch", "none"]) -> Architecture:
    """The network with batch norm after every convolution but the one that gives the scores, or with no norm at all.

    Local response norm is left out either way. A convolution has a bias where no batch norm follows it.

    Args:
        network: what to change.
        norm: "batch" or "none".
    """
    scores = max(i for i, layer in enumerate(network.layers) if isinstance(layer, Conv | Linear))

    def changed(layer: Layer) -> Layers:
        if isinstance(layer, BatchNorm | LocalResponseNorm):
            return ()
        if not isinstance(layer, Conv):
            return (layer,)
        return (replace(layer, bias=False), BatchNorm()) if norm == "batch" else (replace(layer, bias=True),)

    return _changed(network, (*_mapped(network.layers[:scores], changed), *network.layers[scores:]))


def with_activation(network: Architecture, name: ActivationName) -> Architecture:
    """The network with the nonlinearity `name` wherever it has one."""
    return _changed(
        network,
        _mapped(network.layers, lambda layer: (Activation(name),) if isinstance(layer, Activation) else (layer,)),
    )


def with_dropout(network: Architecture, rate: float) -> Architecture:
    """The network with another rate in all the dropout it has.

    Args:
        network: what to change.
        rate: 0 to below 1, rounded to three digits; 0 leaves dropout out.
    """
    rate = round(rate, 3)

    def changed(layer: Layer) -> Layers:
        if not isinstance(layer, Dropout):
            return (layer,)
        return (replace(layer, rate=rate),) if rate else ()

    return _changed(network, _mapped(network.layers, changed))


def of_kind(layers: Sequence[Layer], kind: type[Layer]) -> Iterator[Layer]:
    """Yields the layers that are of class `kind`, those within blocks included."""
    for layer in layers:
        if isinstance(layer, kind):
            yield layer
        for part in _parts(layer):
            yield from of_kind(part, kind)


def _parts(layer: Layer) -> tuple[Layers, ...]:
    if isinstance(layer, Residual):
        return (layer.body, layer.shortcut)
    return layer.branches if isinstance(layer, Parallel) else ()


def _changed(network: Architecture, layers: Layers) -> Architecture:
    return replace(network, layers=layers)


def _mapped(layers: Sequence[Layer], change: Callable[[Layer], Layers]) -> Layers:
    """Each layer as what `change` makes of it, blocks with their parts changed."""
    result: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Residual):
            result.append(Residual(_mapped(layer.body, change), _mapped(layer.shortcut, change)))
        elif isinstance(layer, Parallel):
            result.append(Parallel(tuple(_mapped(branch, change) for branch in layer.branches)))
        else:
            result += change(layer)
    return tuple(result)


def _repooled(layers: Sequence[Layer], channels: int, change: Callable[[Pool, int], Layers]) -> tuple[Layers, int]:
    """Each pooling as what `change` makes of it and of its channels; and the channels the layers give."""
    result: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Residual):
            body, wide = _repooled(layer.body, channels, change)
            result.append(Residual(body, _repooled(layer.shortcut, channels, change)[0]))
            channels = wide
        elif isinstance(layer, Parallel):
            branches = [_repooled(branch, channels, change) for branch in layer.branches]
            result.append(Parallel(tuple(branch for branch, _ in branches)))
            channels = sum(wide for _, wide in branches)
        elif isinstance(layer, Pool):
            result += change(layer, channels)
        else:
            channels = layer.filters if isinstance(layer, Conv | LocallyConnected) else channels
            result.append(layer)
    return tuple(result), channels
