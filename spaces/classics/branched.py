"""The classics with branches, GoogLeNet and the ResNets, as layers for any number of classes."""

from __future__ import annotations

from ..layers import (
    PAPER_LRN,
    Activation,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Parallel,
    Pool,
    Residual,
)

INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Filters of each inception block: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection (Szegedy et al. 2014,
table 1).
"""

RESNET_STAGES = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}
"""Residual blocks of each of the four stages (He et al. 2015, table 1)."""
BOTTLENECKS = ("resnet50", "resnet101", "resnet152")
"""ResNets whose blocks are bottlenecks."""


def googlenet(classes: int) -> tuple[Layer, ...]:
    """Layers of GoogLeNet (Szegedy et al. 2014, table 1), without the two auxiliary classifiers; pooling rounds up.

    Args:
        classes: scores of the last layer.
    """
    pool = Pool("max", 3, stride=2, fit="pad")
    return (
        Conv(64, 7, stride=2, padding=3), Activation(), pool, PAPER_LRN,
        Conv(64, 1), Activation(), Conv(192, 3), Activation(), PAPER_LRN, pool,
        *_inceptions(pool, wide=5, norm=False),
        GlobalPool(), Dropout(0.4), Flatten(), Linear(classes),
    )  # fmt: skip


def googlenet_torchvision(classes: int) -> tuple[Layer, ...]:
    """Layers of torchvision's `googlenet` without auxiliary classifiers.

    Its convolutions have batch norm and no bias, and are 3x3 where the paper's are 5x5.

    Args:
        classes: scores of the last layer.
    """
    pool = Pool("max", 3, stride=2, fit="pad")
    return (
        *_convolution(64, 7, stride=2, norm=True), pool,
        *_convolution(64, 1, norm=True), *_convolution(192, 3, norm=True), pool,
        *_inceptions(Pool("max", 2, fit="pad"), wide=3, norm=True),
        GlobalPool(), Flatten(), Dropout(0.2), Linear(classes),
    )  # fmt: skip


def _inceptions(last_pool: Pool, *, wide: int, norm: bool) -> list[Layer]:
    layers: list[Layer] = []
    for name, (single, reduce3, three, reduce5, five, projection) in INCEPTIONS.items():
        if name == "4a":
            layers.append(Pool("max", 3, stride=2, fit="pad"))
        if name == "5a":
            layers.append(last_pool)
        layers.append(
            Parallel(
                (
                    _convolution(single, 1, norm=norm),
                    _convolution(reduce3, 1, norm=norm) + _convolution(three, 3, norm=norm),
                    _convolution(reduce5, 1, norm=norm) + _convolution(five, wide, norm=norm),
                    (Pool("max", 3, stride=1, padding="same"), *_convolution(projection, 1, norm=norm)),
                )
            )
        )
    return layers


def _convolution(filters: int, kernel: int, *, norm: bool, stride: int = 1) -> tuple[Layer, ...]:
    conv = Conv(filters, kernel, stride=stride, bias=not norm)
    return (conv, BatchNorm(), Activation()) if norm else (conv, Activation())


def resnet(name: str, classes: int) -> tuple[Layer, ...]:
    """Layers of a ResNet (He et al. 2015, table 1) in torchvision's form.

    Bottlenecks stride in their 3x3 convolution, and shortcuts project by 1x1 convolutions.

    Args:
        name: one of RESNET_STAGES.
        classes: scores of the last layer.
    """
    expansion = 4 if name in BOTTLENECKS else 1
    layers: list[Layer] = [Conv(64, 7, stride=2, bias=False), BatchNorm(), Activation(), Pool("max", 3, 2, padding=1)]
    channels = 64
    for stage, blocks in enumerate(RESNET_STAGES[name]):
        width = 64 * 2**stage
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            body = _bottleneck(width, stride) if expansion == 4 else _basic(width, stride)
            project = stride > 1 or channels != width * expansion
            shortcut = (Conv(width * expansion, 1, stride=stride, bias=False), BatchNorm()) if project else ()
            layers += [Residual(body, shortcut), Activation()]
            channels = width * expansion
    return (*layers, GlobalPool(), Flatten(), Linear(classes))


def _basic(width: int, stride: int) -> tuple[Layer, ...]:
    return (
        Conv(width, 3, stride=stride, bias=False), BatchNorm(), Activation(),
        Conv(width, 3, bias=False), BatchNorm(),
    )  # fmt: skip


def _bottleneck(width: int, stride: int) -> tuple[Layer, ...]:
    return (
        Conv(width, 1, bias=False), BatchNorm(), Activation(),
        Conv(width, 3, stride=stride, bias=False), BatchNorm(), Activation(),
        Conv(4 * width, 1, bias=False), BatchNorm(),
    )  # fmt: skip
