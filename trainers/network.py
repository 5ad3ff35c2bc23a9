"""Builds the nn.Module of an architecture, with module names equal to the paths of the architecture's steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from ..spaces import (
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
    overwrites,
    pads_apart,
    sees_padding_only,
)
from . import modules
from .modules import Network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..spaces import Architecture, Sides, Step

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}
"""PyTorch's module of each nonlinearity."""
WEIGHT_LAYERS = (nn.Conv2d, nn.Linear, modules.LocallyConnected2d)
"""Modules whose weights are drawn by fan-in and have weight decay."""


def build_network(architecture: Architecture, seed: int = 0, *, inplace: bool = True) -> Network:
    """The network of `architecture`, initialised: (N, C, H, W) -> scores (N, classes).

    `network.get_submodule(step.path)` is the module of each of `architecture.steps`. Torch's global random state
    is left alone. Under `with torch.device("meta")` nothing is allocated or initialised.

    Args:
        architecture: what to build.
        seed: for the weights, drawn by `initialise`.
        inplace: let ReLU overwrite its input where nobody else reads it; False for hooks that look at layers.
    """
    device = torch.get_default_device()
    steps = {step.path: step for step in architecture.steps}
    with torch.device("meta"):
        network = Network(*_sequence(architecture.layers, "", steps, inplace=inplace))
    if device.type != "meta":
        network.to_empty(device=device)
        initialise(network, seed)
    return network


@torch.no_grad()
def initialise(network: nn.Module, seed: int) -> None:
    """Draws weights from N(0, 2 / fan-in) (He et al. 2015, eq. 10); biases are 0, batch norms at identity.

    The last weight layer, which no ReLU follows, draws from N(0, 1 / fan-in). Equal seeds give equal weights on every
    device, and torch's global random state is left alone.

    Args:
        network: is changed in place.
        seed: of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = [module for module in network.modules() if isinstance(module, WEIGHT_LAYERS)]
    for module in layers:
        gain = 1.0 if module is layers[-1] else 2.0
        weight = torch.empty(module.weight.shape, device="cpu")
        weight.normal_(0.0, math.sqrt(gain / modules.fan_in(module)), generator=generator)
        module.weight.copy_(weight)
        if module.bias is not None:
            module.bias.zero_()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_parameters()


def _sequence(layers: Sequence[Layer], prefix: str, steps: dict[str, Step], *, inplace: bool) -> list[nn.Module]:
    return [
        _module(layer, f"{prefix}{index}", steps, inplace=inplace, overwrite=inplace and overwrites(layer, before))
        for index, (layer, before) in enumerate(zip(layers, (None, *layers), strict=False))
    ]


def _module(layer: Layer, path: str, steps: dict[str, Step], *, inplace: bool, overwrite: bool) -> nn.Module:
    def block(layers: Sequence[Layer], name: str) -> nn.Sequential:
        return nn.Sequential(*_sequence(layers, f"{path}.{name}.", steps, inplace=inplace))

    step = steps[path]
    flat = len(step.input) == 1
    match layer:
        case Conv():
            return _conv(layer, step)
        case LocallyConnected():
            rows, columns = step.output[1:]
            return modules.LocallyConnected2d(
                step.input[0], layer.filters, (rows, columns), layer.kernel, layer.stride, _sides(step), layer.dilation,
                bias=layer.bias,
            )  # fmt: skip
        case Pool():
            return _pool(layer, step)
        case BatchNorm():
            return nn.BatchNorm1d(step.input[0]) if flat else nn.BatchNorm2d(step.input[0])
        case LocalResponseNorm():
            return modules.LocalResponseNorm(layer.size, layer.alpha, layer.beta, layer.k)
        case Activation():
            return nn.ReLU(inplace=overwrite) if layer.name == "relu" else ACTIVATIONS[layer.name]()
        case Dropout():
            return nn.Dropout2d(layer.rate) if layer.spatial and not flat else nn.Dropout(layer.rate)
        case GlobalPool():
            return nn.AdaptiveAvgPool2d(1) if layer.mode == "average" else nn.AdaptiveMaxPool2d(1)
        case Flatten():
            return nn.Flatten()
        case Linear():
            return nn.Linear(step.input[0], layer.units, bias=layer.bias)
        case Residual():
            return modules.Residual(block(layer.body, "body"), block(layer.shortcut, "shortcut"))
        case Parallel():
            return modules.Parallel(*(block(each, f"branches.{n}") for n, each in enumerate(layer.branches)))


def _sides(step: Step) -> Sides:
    return cast("Sides", step.padding)


def _conv(layer: Conv, step: Step) -> nn.Conv2d:
    top, _, left, _ = _sides(step)
    options = {"stride": layer.stride, "dilation": layer.dilation, "groups": layer.groups, "bias": layer.bias}
    strided = layer.stride != (1, 1)
    picks_cells = strided and layer.kernel == (1, 1) and step.input[0] // layer.groups < modules.REGISTER
    if pads_apart(layer, step):
        padded = modules.PaddedPointwise if picks_cells else modules.PaddedConv2d
        return padded(step.input[0], layer.filters, layer.kernel, _sides(step), **options)
    if picks_cells and not (top or left):
        made = modules.Pointwise
    else:
        made = modules.OneCellConv2d if strided and step.input[1:] == (1, 1) else nn.Conv2d
    return made(step.input[0], layer.filters, layer.kernel, padding=(top, left), **options)


def _pool(layer: Pool, step: Step) -> nn.Module:
    sides = top, _, left, _ = _sides(step)
    match layer.mode, pads_apart(layer, step):
        case "l2", _:
            return modules.L2Pool2d(layer.kernel, layer.stride, sides)
        case "average", True:
            return modules.PaddedAvgPool2d(layer.kernel, layer.stride, sides)
        case "average", _:
            return nn.AvgPool2d(layer.kernel, layer.stride, (top, left))
        case _, True:
            some_empty = sees_padding_only(layer, step)
            return modules.PaddedMaxPool2d(layer.kernel, layer.stride, sides, layer.dilation, some_empty=some_empty)
        case _:
            return nn.MaxPool2d(layer.kernel, layer.stride, (top, left), layer.dilation)
