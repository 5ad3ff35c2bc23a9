"""The classics without branches (LeNet-5, AlexNet, ZFNet, VGG, All-CNN), as layers for any number of classes."""

from __future__ import annotations

from ..layers import PAPER_LRN, Activation, Conv, Dropout, Flatten, GlobalPool, Layer, Linear, Pool

VGG_STAGES = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
"""3x3 convolutions a stage: configurations A, B, D and E of Simonyan & Zisserman 2014, table 1."""
ALL_CNN_MODELS = ("a", "b", "c")
"""The three base models of Springenberg et al. 2014."""
ALL_CNN_FORMS = ("base", "strided", "convpool", "all")
"""Ways to make the map smaller, in which each of the three models comes (Springenberg et al. 2014)."""


def lenet5(classes: int) -> tuple[Layer, ...]:
    """Layers of LeNet-5 as it is taught (LeCun et al. 1998, figure 2).

    C3 has full connections, pooling is a plain average, and C5 is fully connected.

    Args:
        classes: scores of the last layer.
    """
    return (
        Conv(6, 5, padding="valid"), Activation("tanh"), Pool("average", 2),
        Conv(16, 5, padding="valid"), Activation("tanh"), Pool("average", 2),
        Flatten(), Linear(120), Activation("tanh"), Linear(84), Activation("tanh"), Linear(classes),
    )  # fmt: skip


def alexnet(classes: int) -> tuple[Layer, ...]:
    """Layers of AlexNet for images of 227x227, which the paper prints as 224 (Krizhevsky et al. 2012, section 3.5).

    The second, fourth and fifth convolutions have two groups, one for each of the paper's GPUs.

    Args:
        classes: scores of the last layer.
    """
    relu = Activation()
    return (
        Conv(96, 11, stride=4, padding="valid"), relu, PAPER_LRN, Pool("max", 3, stride=2),
        Conv(256, 5, groups=2), relu, PAPER_LRN, Pool("max", 3, stride=2),
        Conv(384, 3), relu,
        Conv(384, 3, groups=2), relu,
        Conv(256, 3, groups=2), relu, Pool("max", 3, stride=2),
        Flatten(), Linear(4096), relu, Dropout(0.5), Linear(4096), relu, Dropout(0.5), Linear(classes),
    )  # fmt: skip


def alexnet_torchvision(classes: int) -> tuple[Layer, ...]:
    """Layers of torchvision's `alexnet`: Krizhevsky 2014 (arXiv 1404.5997), one tower, 224x224 with padding 2.

    Args:
        classes: scores of the last layer.
    """
    relu = Activation()
    return (
        Conv(64, 11, stride=4, padding=2), relu, Pool("max", 3, stride=2),
        Conv(192, 5, padding=2), relu, Pool("max", 3, stride=2),
        Conv(384, 3, padding=1), relu, Conv(256, 3, padding=1), relu, Conv(256, 3, padding=1), relu,
        Pool("max", 3, stride=2),
        Flatten(), Dropout(0.5), Linear(4096), relu, Dropout(0.5), Linear(4096), relu, Linear(classes),
    )  # fmt: skip


def zfnet(classes: int) -> tuple[Layer, ...]:
    """Layers of ZFNet: 7x7 stride 2 where AlexNet has 11x11 stride 4 (Zeiler & Fergus 2013, figure 3).

    All pooling but the last rounds up.

    Args:
        classes: scores of the last layer.
    """
    relu = Activation()
    return (
        Conv(96, 7, stride=2, padding=1), relu, Pool("max", 3, stride=2, fit="pad"), PAPER_LRN,
        Conv(256, 5, stride=2, padding="valid"), relu, Pool("max", 3, stride=2, fit="pad"), PAPER_LRN,
        Conv(384, 3), relu, Conv(384, 3), relu, Conv(256, 3), relu, Pool("max", 3, stride=2),
        Flatten(), Linear(4096), relu, Dropout(0.5), Linear(4096), relu, Dropout(0.5), Linear(classes),
    )  # fmt: skip


def vgg(name: str, classes: int) -> tuple[Layer, ...]:
    """Layers of a VGG network (Simonyan & Zisserman 2014, table 1), with dropout after the first two FC layers (3.1).

    Args:
        name: one of VGG_STAGES.
        classes: scores of the last layer.
    """
    layers: list[Layer] = []
    for stage, convolutions in enumerate(VGG_STAGES[name]):
        filters = min(64 * 2**stage, 512)
        layers += [Conv(filters, 3), Activation()] * convolutions
        layers.append(Pool("max", 2))
    hidden = (Linear(4096), Activation(), Dropout(0.5))
    return (*layers, Flatten(), *hidden, *hidden, Linear(classes))


def all_cnn(model: str, form: str, classes: int) -> tuple[Layer, ...]:
    """Layers of an All-CNN network (Springenberg et al. 2014, arXiv 1412.6806, tables 1 and 2; dropout of section 3.1).

    Args:
        model: "a" (one 5x5 a stage), "b" (5x5 then 1x1) or "c" (two 3x3).
        form: "base" pools 3x3 stride 2; "strided" drops the pooling and gives the convolution before it stride 2;
            "convpool" adds a 3x3 convolution before the pooling; "all" gives that one stride 2 in place of the pooling.
        classes: feature maps of the last convolution.
    """
    layers: list[Layer] = [Dropout(0.2)]
    for filters in (96, 192):
        kernels = {"a": (5,), "b": (5, 1), "c": (3, 3)}[model]
        strides = [1] * (len(kernels) - 1) + [2 if form == "strided" else 1]
        windows = list(zip(kernels, strides, strict=True))
        if form in ("convpool", "all"):
            windows.append((3, 2 if form == "all" else 1))
        for kernel, stride in windows:
            layers += [Conv(filters, kernel, stride=stride), Activation()]
        if form in ("base", "convpool"):
            layers.append(Pool("max", 3, stride=2, fit="pad"))
        layers.append(Dropout(0.5))
    return (
        *layers,
        Conv(192, 3, padding="valid"), Activation(), Conv(192, 1), Activation(), Conv(classes, 1), Activation(),
        GlobalPool(),
    )  # fmt: skip
