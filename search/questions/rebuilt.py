"""Variants of a network that no setting of a space makes: without shortcuts, or with filters that are not shared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...spaces import Conv, LocallyConnected, Parallel, Residual

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...spaces import Architecture, Layer


def without_shortcuts(network: Architecture) -> Architecture:
    """The network with the body of each residual block in its place, without what goes beside it."""
    return replace(network, layers=_without(network.layers))


def _without(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    found: list[Layer] = []
    for layer in layers:
        found += _without(layer.body) if isinstance(layer, Residual) else (layer,)
    return tuple(found)


def with_local_filters(network: Architecture) -> Architecture:
    """The network with its last convolution that looks at more than one cell unshared: one bank of filters a place.

    A network without such a convolution, or with blocks behind it, which then are what comes last, is given back as it
    is; so is one whose convolution is in groups.
    """
    found = [
        index
        for index, layer in enumerate(network.layers)
        if isinstance(layer, Conv) and layer.kernel != (1, 1) and layer.groups == 1
    ]
    if not found or any(isinstance(layer, Residual | Parallel) for layer in network.layers[found[-1] :]):
        return network
    at, shared = found[-1], network.layers[found[-1]]
    assert isinstance(shared, Conv)
    local = LocallyConnected(
        shared.filters,
        shared.kernel,
        shared.stride,
        shared.padding,
        dilation=shared.dilation,
        bias=shared.bias,
        fit=shared.fit,
    )
    return replace(network, layers=(*network.layers[:at], local, *network.layers[at + 1 :]))
