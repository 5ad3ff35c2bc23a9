"""The networks that the checks are made on: every layer, every block, sampled ones, the classics."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, get_args

from convscape.spaces import (
    Activation,
    Architecture,
    BatchNorm,
    Conv,
    ConvSpace,
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
    classic,
)
from convscape.spaces.conv_space.blocks import BLOCKS, NORMS
from convscape.spaces.conv_space.stages import DOWNSAMPLING
from convscape.spaces.layers import ActivationName

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGE = (3, 16, 16)
SAMPLED = 30
"""Networks that are sampled for the checks of memory."""
ACTIVATIONS: tuple[ActivationName, ...] = get_args(ActivationName)


class RandomTrial:
    """Suggests values by chance, as an Optuna trial does; equal seeds suggest equal values."""

    # ruff: noqa: ARG002 - the names of Optuna's arguments

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._random.choice(list(choices))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return self._random.randrange(low, high + 1, step)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return low if step else self._random.uniform(low, high)


def between(*layers: Layer) -> Architecture:
    """A small network with these layers in its middle."""
    return Architecture(IMAGE, (Conv(8), *layers, GlobalPool(), Flatten(), Linear(10)), 10)


def on_flat(*layers: Layer) -> Architecture:
    """A small network with these layers behind its convolutions, on flat values."""
    return Architecture(IMAGE, (Conv(8, 3, 2), Activation(), Flatten(), Linear(32), *layers, Linear(10)), 10)


PLAIN = between(Activation(), Pool(), Conv(16), Activation(), Pool(), Conv(16), Activation())
"""Convolutions and max pooling, nothing else: every sum of gradients is a plain one."""
STRIDED = between(BatchNorm(), Activation(), Conv(16, 3, 2), BatchNorm(), Activation(), Conv(16, 3, 2), Activation())
"""Without max pooling, of whose gradient a GPU may have no deterministic form."""
CHANCY = between(BatchNorm(), Activation(), Conv(16, 3, 2), Activation(), Dropout(0.2), Conv(16), Activation())
"""With dropout, which draws its own random numbers."""
WIDE = Architecture(
    (3, 32, 32),
    (Conv(64), Activation(), Conv(64), Activation(), Conv(64, 3, 2), Activation(), GlobalPool(), Flatten(), Linear(10)),
    10,
)
"""Without batch norm, which would see the parts of a batch; of a batch of a thousand it keeps half a gigabyte."""

LAYERS: dict[str, Architecture] = {
    "1x1 convolution": between(Conv(8, 1), Activation()),
    "5x5 convolution without padding": between(Conv(8, 5, padding="valid"), Activation()),
    "strided convolution": between(Conv(8, 3, 2), Activation()),
    "convolution of an even kernel": between(Conv(8, 4, 1), Activation()),
    "convolution padded unevenly": between(Conv(8, 3, 2, (0, 2, 1, 0)), Activation()),
    "dilated convolution": between(Conv(8, 3, dilation=2), Activation()),
    "grouped convolution": between(Conv(16, 3, groups=4), Activation()),
    "depthwise convolution": between(Conv(8, 3, groups=8, bias=False), Activation()),
    "convolution of one cell": between(GlobalPool(), Conv(8, 3, 2), Activation()),
    "unshared filters": between(LocallyConnected(8, 3, 2), Activation()),
    "unshared filters without bias": between(LocallyConnected(4, (3, 5), (2, 1), "same", bias=False)),
    "max pooling": between(Pool()),
    "overlapping max pooling": between(Pool("max", 3, 2)),
    "max pooling padded unevenly": between(Pool("max", 3, 2, (0, 1, 0, 1))),
    "max pooling of padding alone": between(Pool("max", 1, 1, 1)),
    "dilated max pooling": between(Pool("max", 3, 1, "same", dilation=2)),
    "average pooling": between(Pool("average", 3, 2)),
    "average pooling padded unevenly": between(Pool("average", 3, 2, (0, 1, 0, 1))),
    "l2 pooling": between(Pool("l2", 3, 2, 1)),
    "batch norm": between(BatchNorm(), Activation()),
    "batch norm of flat values": on_flat(BatchNorm(), Activation()),
    "local response norm": between(Activation(), LocalResponseNorm()),
    "local response norm of flat values": on_flat(Activation(), LocalResponseNorm(3)),
    **{f"activation {name}": between(Activation(name), Conv(8), BatchNorm(), Activation(name)) for name in ACTIVATIONS},
    **{f"activation {name} of flat values": on_flat(Activation(name)) for name in ACTIVATIONS},
    "dropout": on_flat(Activation(), Dropout(0.5)),
    "spatial dropout": between(Activation(), Dropout(0.5, spatial=True), Conv(8)),
    "global max pooling": Architecture(IMAGE, (Conv(8), GlobalPool("max"), Flatten(), Linear(10)), 10),
    "linear layer without bias": on_flat(Linear(16, bias=False), Activation()),
    "residual block": between(Residual((Conv(8), BatchNorm(), Activation(), Conv(8), BatchNorm())), Activation()),
    "residual block with a shortcut": between(
        Residual((Conv(16, 3, 2), BatchNorm()), (Conv(16, 1, 2, bias=False), BatchNorm())), Activation()
    ),
    "parallel branches": between(Parallel(((Conv(4, 1),), (Conv(4), Activation()), (Pool("max", 3, 1, "same"),), ()))),
}
"""A network for every kind of layer and each of its forms."""


def block_network(block: str, norm: str, downsampling: str) -> Architecture:
    """A small network of the project's space, of one kind of block."""
    space = ConvSpace(
        stages=2, convolutions=2, block=block, filters=8, growth=2, kernel=3, norm=norm, downsampling=downsampling,
        dropout=0, head="global_average",
    )  # fmt: skip
    return space.sample(RandomTrial(0), IMAGE, 10)


BLOCK_CASES = [(block, norm, "max") for block in BLOCKS for norm in NORMS] + [
    ("plain", "batch", downsampling) for downsampling in DOWNSAMPLING if downsampling != "max"
]
"""Block, norm and downsampling: each block with each norm, and each downsampling once."""


def sampled(number: int) -> Architecture:
    """One of the SAMPLED networks of the project's own space, on images of 32x32 or 64x64; each block comes in turn."""
    space = ConvSpace(
        block=BLOCKS[number % len(BLOCKS)], filters=[16, 32, 64, 96], norm=["batch", "batch", "none"][number % 3],
        activation=["relu", "gelu", "silu"], stages=[2, 3, 4], dropout=0,
    )  # fmt: skip
    size = 64 if number % 4 == 3 else 32
    return space.sample(RandomTrial(number), (3, size, size), 10)


def small_classic(name: str) -> Architecture:
    """A classic on images of 32x32."""
    return classic(name, (1 if name == "lenet5" else 3, 32, 32), 10)
