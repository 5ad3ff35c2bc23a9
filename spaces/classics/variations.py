"""What can be changed about a network as a whole: its width, head, pooling, norms, activations and dropout.

Each takes a network and gives one that can be built. They are made for the classics; blocks are changed with all that
is inside.
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
NORMS = ("batch", "none")
HEADS = ("global_average",)


def with_width(network: Architecture, factor: float) -> Architecture:
    """All widths but the scores' times `factor`, at least 1 each; as it is where `narrowed` has none: no classic."""
    return network if factor == 1 else narrowed(network, factor) or network


def has_flat_head(network: Architecture) -> bool:
    """Whether the maps are flattened as they are, not averaged first."""
    return not any(isinstance(layer, GlobalPool) for layer in network.layers)


def with_head(network: Architecture, head: Literal["global_average"]) -> Architecture:
    """One value a channel, the last dropout and the scores in place of everything from the flattening on."""
    assert head in HEADS
    if not has_flat_head(network):
        return network
    at = next(index for index, layer in enumerate(network.layers) if isinstance(layer, Flatten))
    dropout = [layer for layer in network.layers[at:] if isinstance(layer, Dropout)][-1:]
    return _changed(network, (*network.layers[:at], GlobalPool(), Flatten(), *dropout, Linear(network.classes)))


def with_pooling(network: Architecture, pooling: PoolMode | Literal["convolution"]) -> Architecture:
    """Pooling of another mode; or a convolution of the same window in place of each that makes the map smaller.

    The convolution keeps the channels and is followed by what follows the network's others: its first activation, and
    batch norm where there is any (Springenberg et al. 2014, section 2).
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
    """Batch norm after every convolution but the one that gives the scores, or none; local response norm goes.

    A convolution has a bias where no batch norm follows it.
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
    """Another nonlinearity wherever there is one."""
    return _changed(
        network,
        _mapped(network.layers, lambda layer: (Activation(name),) if isinstance(layer, Activation) else (layer,)),
    )


def with_dropout(network: Architecture, rate: float) -> Architecture:
    """Another rate, to three digits, in all dropout there is; 0 leaves it out."""
    rate = round(rate, 3)

    def changed(layer: Layer) -> Layers:
        if not isinstance(layer, Dropout):
            return (layer,)
        return (replace(layer, rate=rate),) if rate else ()

    return _changed(network, _mapped(network.layers, changed))


def of_kind(layers: Sequence[Layer], kind: type[Layer]) -> Iterator[Layer]:
    """The layers of one kind, those within blocks included."""
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
